"""What a user sees: exit codes, one clear message for what they can mend, and nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from generator import __version__, terminal
from generator.rehearse_command import approver
from generator.release import folder_of
from generator.terminal import NoLine
from tests.documented_commands import documented
from tests.working_copy import NO_AWS, copy_of_templates

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_of_templates(tmp_path)


def run(project: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "generator", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120, **options)


def snapshot(project: Path) -> dict[str, bytes]:
    out = project / "templates_out"
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def set_parameter(project: Path, environment: str, key: str, value: object) -> None:
    edit(project / f"params/{environment}.json", lambda c: c["Parameters"].__setitem__(key, value))


def assert_refused(project: Path, result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    message = result.stderr.replace("\n", " ")
    for word in words:
        assert word in message
    assert snapshot(project) == snapshot(ROOT)


def test_a_second_run_says_that_nothing_changed(project: Path) -> None:
    result = run(project, "templates")
    assert (result.returncode, result.stderr) == (0, "")
    count = len(list(folder_of(project / "templates_out").glob("*.yaml")))
    assert f"nothing changed; {count} templates and 3 environments are valid" in result.stdout
    assert snapshot(project) == snapshot(ROOT)


def test_a_missing_release_is_written_and_reported(project: Path) -> None:
    shutil.rmtree(folder_of(project / "templates_out"))
    result = run(project, "templates")
    assert result.returncode == 0, result.stderr
    assert f"added  templates_out/v{__version__}/network.yaml" in result.stdout
    assert snapshot(project) == snapshot(ROOT)


@pytest.mark.parametrize(
    ("environment", "key", "value", "words"),
    [
        ("dev", "VpcCidr", "10.20.0.0/16", ["staging.json", "VpcCidr 10.20.0.0/16 overlaps", "dev.json"]),
        ("dev", "VpcCidr", "10.10.0.0/20", ["dev.json", "VpcCidr", "/16"]),
        ("prod", "WebServerMaximum", "4", ["prod.json", "WebServerMaximum", "never has more than 3"]),
        ("prod", "OperatorCidr", "0.0.0.0/0", ["prod.json", "OperatorCidr", "never the whole internet"]),
        ("staging", "DatabaseMultiAz", True, ["staging.json", "DatabaseMultiAz", 'write "true"']),
        ("staging", "Unknown", "x", ["staging.json", "Unknown is unknown", "allowed: EnvironmentName"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(
    project: Path, environment: str, key: str, value: object, words: list[str]
) -> None:
    set_parameter(project, environment, key, value)
    assert_refused(project, run(project, "templates"), *words)


def test_a_missing_setting_is_named(project: Path) -> None:
    edit(project / "params/dev.json", lambda content: content["Parameters"].pop("VpcCidr"))
    assert_refused(project, run(project, "templates"), "params/dev.json", "VpcCidr is missing")


def test_a_file_that_is_not_json_is_named_with_its_line(project: Path) -> None:
    (project / "params/dev.json").write_text('{\n  "Parameters": {,}\n}')
    assert_refused(project, run(project, "templates"), "params/dev.json", "is not JSON", "line 2")


def test_a_missing_environment_is_named(project: Path) -> None:
    (project / "params/staging.json").unlink()
    assert_refused(project, run(project, "templates"), "params/staging.json is missing")


def test_an_unknown_environment_is_wrong_use(project: Path) -> None:
    result = run(project, "rehearse", "--approve", "--to", "qa")
    assert result.returncode == 2
    assert "'qa' is not one of 'dev', 'staging', 'prod'" in result.stderr


def test_a_released_version_refuses_a_change(project: Path) -> None:
    assert run(project, "release").returncode == 0
    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text().replace("IDLE_TIMEOUT_SECONDS = 60", "IDLE_TIMEOUT_SECONDS = 61"))
    before = snapshot(project)
    result = run(project, "templates")
    assert result.returncode == 1
    assert f"v{__version__} is released and cannot change; raise __version__" in result.stderr.replace("\n", " ")
    assert snapshot(project) == before


def test_a_finding_of_cfn_lint_keeps_the_former_release(project: Path) -> None:
    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text().replace('Scheme="internet-facing"', 'Scheme="public"'))
    assert_refused(project, run(project, "templates"), "ingress.yaml", "W3030", "Scheme")


def test_a_template_beyond_a_quota_keeps_the_former_release(project: Path) -> None:
    source = project / "generator/stacks/encryption.py"
    many = "    template.add_mapping('Wide', {f'X{number}': {'A': 'B'} for number in range(201)})\n"
    source.write_text(source.read_text().replace("    return Outputs(", f"{many}    return Outputs("))
    assert_refused(project, run(project, "templates"), "encryption.yaml", "attributes", "200")


def test_a_full_disk_keeps_the_former_release(project: Path) -> None:
    def at_most_4_kib() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text().replace("IDLE_TIMEOUT_SECONDS = 60", "IDLE_TIMEOUT_SECONDS = 61"))
    result = run(project, "templates", preexec_fn=at_most_4_kib, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert_refused(project, result, f"templates_out/v{__version__}", "cannot be written", "untouched")


def test_a_folder_that_cannot_be_written_is_a_clear_error(project: Path) -> None:
    shutil.rmtree(project / "templates_out")
    (project / "templates_out").symlink_to("/proc/self")
    result = run(project, "templates")
    assert result.returncode == 1
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_leaves_nothing_behind(project: Path) -> None:
    shutil.rmtree(project / ".cache", ignore_errors=True)
    command = [sys.executable, "-m", "generator", "templates"]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((project / "templates_out").glob(".v*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, output + errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert snapshot(project) == snapshot(ROOT)


INTERRUPTED_AT_WORK = """
import click
import generator.cli

def work(**_):
    exec("raise KeyboardInterrupt")

generator.cli.cli = {}
generator.cli.main()
"""


@pytest.mark.parametrize("command", ["work", "click.command()(work)"], ids=["outside click", "in a command"])
def test_an_interrupt_while_python_executes_a_string_is_one_like_any_other(tmp_path: Path, command: str) -> None:
    """Python executes strings to make dataclasses and namedtuples, so in the middle of an import."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_AT_WORK.format(command))
    # With -m, as the Makefile calls the generator: what -c calls ends otherwise.
    result = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 130, result.stderr
    assert result.stderr.strip() == "interrupted"


def test_impact_compares_with_the_newest_release_and_passes(project: Path) -> None:
    result = run(project, "impact")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"prod: v1.1.0 → v{__version__}" in result.stdout
    assert "WebServerProfile" in result.stdout
    assert run(project, "impact", "--from", "v1.1.0").stdout == result.stdout


def test_impact_takes_one_environment(project: Path) -> None:
    result = run(project, "impact", "--environment", "staging", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    [environment] = json.loads(result.stdout)["environments"]
    assert environment["environment"] == "staging"


def test_impact_in_markdown_is_markdown_alone(project: Path) -> None:
    result = run(project, "impact", "--format", "markdown")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("#")
    assert "\x1b[" not in result.stdout


def test_impact_fails_where_data_is_at_stake_until_it_is_waived(project: Path) -> None:
    """Another key replaces the table, and loses its items."""
    table = folder_of(project / "templates_out") / "storage.yaml"
    table.write_text(table.read_text().replace("AttributeName: session_id", "AttributeName: key"))
    result = run(project, "impact", "--environment", "dev")
    assert result.returncode == 1
    assert result.stderr == ""
    assert "Storage/SessionTable" in result.stdout
    today = datetime.now(UTC).date()
    waiver = f"""
waivers:
  - address: Storage/SessionTable
    environments: [dev]
    action: replace
    reason: Sessions of dev are worth nothing to anybody.
    added: {today}
    expires: {today + timedelta(days=30)}
"""
    (project / "params/waivers.yaml").write_text(waiver)
    assert run(project, "impact", "--environment", "dev").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("impact", "--from", "v9.9.9"), "--from v9.9.9: is no release; allowed: v1.1.0, v"),
        (("impact", "--environment", "qa"), "'qa' is no environment; allowed: dev, staging, prod"),
        (("bootstrap", "tools", "DevAccountId"), "'DevAccountId' is no parameter; write Name=value"),
        (("bootstrap", "target", "--environment", "qa"), "'qa' is no environment"),
        (("certificate", "--environment", "qa"), "'qa' is no environment; allowed: dev, staging, prod"),
        (("publish-application", "--environment", "qa"), "'qa' is no environment; allowed: dev, staging, prod"),
        (("publish", "--bucket", "nowhere"), "publishing v"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(project: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(project, *arguments, env={**os.environ, **NO_AWS})
    assert result.returncode == 1, result.stdout
    assert result.stderr.startswith(f"error: {message}"), result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (project / "dist").exists()


@pytest.mark.parametrize("printer", ["results", "messages"])
def test_what_stands_between_colons_is_printed_as_it_is(printer: str) -> None:
    """As in a fingerprint, which may contain the short name of an emoji."""
    chosen = getattr(terminal, printer)()
    with chosen.capture() as printed:
        chosen.print("0F:AB:CD arn:sa:x", soft_wrap=True, markup=False)
    assert printed.get() == "0F:AB:CD arn:sa:x\n"


def test_wrong_use_exits_with_2(project: Path) -> None:
    result = run(project, "template")
    assert result.returncode == 2
    assert "No such command" in result.stderr


def test_help_fits_a_screen(project: Path) -> None:
    result = run(project, "--help")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) <= 24


@pytest.mark.parametrize(("typed", "approved"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_who_sits_at_the_terminal_approves_by_saying_so(
    monkeypatch: pytest.MonkeyPatch, typed: str, approved: bool
) -> None:
    with CliRunner().isolation(input=typed):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        assert approver(None, NoLine())("prod: first deployment").approved is approved


@pytest.mark.parametrize(("option", "approved"), [("approve", True), ("reject", False)])
def test_an_option_answers_in_the_place_of_who_sits_at_the_terminal(option: str, approved: bool) -> None:
    answer = approver(option, NoLine())("prod: first deployment")
    assert (answer.approved, answer.comment) == (approved, f"by --{option}")


def test_check_without_its_tools_says_what_to_do(project: Path) -> None:
    result = run(project, "check")
    assert result.returncode == 1
    assert "error: .venv-checks" in result.stderr
    assert "run make check" in result.stderr
    assert "Traceback" not in result.stderr


def test_exposure_is_shown_and_written(project: Path) -> None:
    shutil.copytree(ROOT / "docs", project / "docs")
    page = project / "docs/exposure.md"
    page.write_text(page.read_text(encoding="utf-8").replace("tcp 5432", "tcp 5433"), encoding="utf-8")
    result = run(project, *documented("make exposure"))
    assert "Access by Session Manager" in result.stdout
    assert result.stdout.endswith("docs/exposure.md: written\n")
    assert page.read_bytes() == (ROOT / "docs/exposure.md").read_bytes()
