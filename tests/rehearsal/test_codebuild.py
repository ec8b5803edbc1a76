"""A build specification is executed as CodeBuild would, and leaves nothing behind but its artifacts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.errors import UserError
from generator.rehearsal.codebuild import Build, BuildResult, run_build

SHELLS = ("sh", "bash")
PATIENCE_SECONDS = 30.0

Runner = Callable[..., BuildResult]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "folder").mkdir(parents=True)
    (folder / "folder" / "file.txt").write_text("content")
    return folder


@pytest.fixture
def run(tmp_path: Path, source: Path) -> Runner:
    def run(spec: str, **others: object) -> BuildResult:
        options: dict[str, Any] = {"timeout_minutes": 1.0, **others}
        build = Build(source, buildspec="version: 0.2\n" + spec, **options)
        return run_build(build, tmp_path / "workspace", lambda line: None)

    return run


def output(result: BuildResult) -> list[str]:
    return [line for line in result.log.splitlines() if not line.startswith("[Container] ")]


def statuses(result: BuildResult) -> dict[str, str]:
    return {phase.name: phase.status for phase in result.phases}


@pytest.mark.parametrize("shell", SHELLS)
def test_directory_variables_and_functions_last_for_the_whole_build(run: Runner, shell: str) -> None:
    result = run(
        f"env: {{shell: {shell}}}\n"
        "phases:\n"
        "  install: {commands: [cd folder, export A=1, B=2, 'f() { echo f $1; }']}\n"
        "  build: {commands: [cat file.txt, 'echo $A $B', f x]}\n"
    )
    assert result.succeeded
    assert output(result) == ["content", "1 2", "f x"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("end", ["exit 3", "set -e; false", "if then", "kill -9 $$", "exec false"])
def test_a_command_that_ends_the_shell_fails_its_phase_only(run: Runner, shell: str, end: str) -> None:
    result = run(
        f"env: {{shell: {shell}, exported-variables: [A]}}\n"
        "phases:\n"
        f"  build: {{commands: [cd folder, export A=1, '{end}', echo never], finally: [cat file.txt]}}\n"
        "  post_build: {commands: ['echo $A']}\n"
    )
    assert not result.succeeded
    assert output(result)[-2:] == ["content", "1"]
    assert "never" not in output(result)
    assert statuses(result) == {"BUILD": "FAILED", "POST_BUILD": "SUCCEEDED"}
    assert end in result.reason
    assert result.exported_variables == {"A": "1"}


def test_a_successful_exit_goes_on(run: Runner) -> None:
    result = run("phases: {build: {commands: [exit 0, echo next]}}")
    assert result.succeeded
    assert output(result) == ["next"]


def test_output_and_errors_come_in_order_and_line_by_line(source: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    spec = "version: 0.2\nphases: {build: {commands: [echo a; echo b >&2; printf c, echo d]}}"
    result = run_build(Build(source, buildspec=spec), tmp_path, lines.append)
    assert [line for line in lines if not line.startswith("[")] == ["a", "b", "c", "d"]
    assert result.log == "\n".join(lines)


def test_a_command_that_redirects_the_shells_output_is_no_deadlock(run: Runner) -> None:
    assert run("phases: {build: {commands: [exec >file, echo hidden, grep -q hidden file]}}").succeeded


def test_commands_find_an_empty_input(run: Runner) -> None:
    assert run("phases: {build: {commands: [cat, 'read x || true']}}").succeeded


@pytest.mark.parametrize(
    ("failing", "consequence", "phases_run", "uploads"),
    [
        ("install", "", ["INSTALL"], False),
        ("pre_build", "", ["INSTALL", "PRE_BUILD"], False),
        ("build", "", ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"], True),
        ("post_build", "", ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"], True),
        ("install", "CONTINUE", ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"], True),
        ("build", "ABORT", ["INSTALL", "PRE_BUILD", "BUILD"], False),
    ],
)
def test_the_way_from_a_failed_phase(
    run: Runner, failing: str, consequence: str, phases_run: list[str], uploads: bool
) -> None:
    phases = "".join(
        f"  {name}: {{commands: ['{'false' if name == failing else 'true'}']"
        + (f", on-failure: {consequence}" if consequence and name == failing else "")
        + "}\n"
        for name in ("install", "pre_build", "build", "post_build")
    )
    result = run(f"phases:\n{phases}artifacts: {{files: ['**/*']}}\n")
    assert not result.succeeded
    assert [phase.name for phase in result.phases] == phases_run + ["UPLOAD_ARTIFACTS"] * uploads
    assert statuses(result)[failing.upper()] == "FAILED"
    assert (result.artifacts is not None) == uploads
    assert failing.upper() in result.reason


def test_a_phase_stops_at_its_first_failure_and_fails_with_its_finally(run: Runner) -> None:
    result = run("phases: {build: {commands: ['true'], finally: [echo a, 'false', echo b]}}")
    assert output(result) == ["a"]
    assert statuses(result) == {"BUILD": "FAILED"}
    assert result.phases[0].commands == ("true", "echo a", "false")


def test_commands_see_whether_the_build_is_succeeding(run: Runner) -> None:
    result = run(
        "phases:\n"
        "  install: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}\n"
        "  build: {commands: ['false']}\n"
        "  post_build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}\n"
    )
    assert output(result) == ["1", "0"]


def test_a_build_is_retried_from_a_fresh_source_as_often_as_it_says(run: Runner, tmp_path: Path) -> None:
    count = tmp_path / "count"
    spec = (
        "phases:\n  build:\n    on-failure: {policy}\n    commands:\n      - test ! -e mark && touch mark\n"
        f"      - echo x >>{count}\n      - 'test $(wc -l <{count}) = 3 || {{ echo no connection; false; }}'\n"
    )
    assert run(spec.replace("{policy}", "RETRY-5-no connection")).succeeded
    assert len(count.read_text().split()) == 3
    count.unlink()
    assert not run(spec.replace("{policy}", "RETRY-1")).succeeded
    assert len(count.read_text().split()) == 2
    count.unlink()
    assert not run(spec.replace("{policy}", "RETRY-5-another error")).succeeded
    assert len(count.read_text().split()) == 1


def test_only_exported_variables_that_are_named_come_out(run: Runner) -> None:
    result = run(
        "env: {variables: {A: a}, exported-variables: [A, B, C]}\n"
        "phases: {build: {commands: ['export B=\"two\nlines\"', 'C=not exported', export D=d]}}"
    )
    assert result.exported_variables == {"A": "a", "B": "two lines"}
    assert "C not set" in result.log


def test_the_projects_variables_go_before_those_of_the_buildspec(run: Runner) -> None:
    result = run(
        "env: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A $B']}}",
        environment={"A": "project"},
    )
    assert output(result) == ["project spec"]


def test_a_build_sees_nothing_of_the_users_settings(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "HTTP_PROXY", "SECRET", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example")
    result = run(
        "phases: {build: {commands: [env, 'ls -A $HOME | wc -l']}}", environment={"AWS_ENDPOINT_URL": "http://x"}
    )
    assert "of the user" not in result.log
    assert f"HOME={os.environ['HOME']}" not in output(result)
    assert output(result)[-1] == "0"
    assert {"AWS_ENDPOINT_URL=http://x", "PIP_INDEX_URL=https://packages.example"} <= set(output(result))


def test_programs_of_a_build_are_found_before_this_machines(run: Runner, tmp_path: Path) -> None:
    program = tmp_path / "programs" / "docker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho stand-in $1\n")
    program.chmod(0o755)
    spec = "phases: {build: {commands: [docker build, sh -c 'echo the rest is there']}}\n"
    assert output(run(spec, programs=program.parent)) == ["stand-in build", "the rest is there"]


def test_secondary_sources_lie_where_their_variables_say(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text("{}\n")
    result = run(
        "phases: {build: {commands: "
        "['cat $CODEBUILD_SRC_DIR_Release/release.json', 'test $PWD = $CODEBUILD_SRC_DIR']}}",
        secondary_sources={"Release": tmp_path / "release"},
    )
    assert result.succeeded, result.log
    assert output(result) == ["{}"]


def test_the_source_stays_as_it_is(run: Runner, source: Path) -> None:
    assert run("phases: {build: {commands: [rm -r folder, touch new]}}").succeeded
    assert [path.name for path in source.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("files: ['**/*']", {"top", ".hidden", "dist/a.txt", "dist/sub/b.txt", "dist/sub/b.map"}),
        ("files: ['dist/*']", {"dist/a.txt"}),
        ("files: ['**/*'], base-directory: dist", {"a.txt", "sub/b.txt", "sub/b.map"}),
        ("files: ['**/*'], base-directory: 'di*', exclude-paths: ['**/*.map']", {"a.txt", "sub/b.txt"}),
        ("files: ['**/*'], base-directory: dist, discard-paths: yes", {"a.txt", "b.txt", "b.map"}),
        ("files: [a.txt, missing], base-directory: dist", {"a.txt"}),
    ],
)
def test_artifacts_are_the_files_that_match(run: Runner, spec: str, expected: set[str]) -> None:
    result = run(
        "phases: {build: {commands: [rm -r folder, mkdir -p dist/sub, "
        f"touch top .hidden dist/a.txt dist/sub/b.txt dist/sub/b.map]}}}}\nartifacts: {{{spec}}}"
    )
    assert result.succeeded, result.log
    assert result.artifacts is not None
    found = {str(path.relative_to(result.artifacts)) for path in result.artifacts.rglob("*") if path.is_file()}
    assert found == expected


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("files: [missing]", "no file matches missing"),
        ("files: ['**/*'], base-directory: dist", "base directory dist"),
        ("files: ['**/*'], discard-paths: yes", "two files would both be file.txt"),
    ],
)
def test_artifacts_that_are_not_there_fail_the_build(run: Runner, spec: str, reason: str) -> None:
    result = run(f"phases: {{build: {{commands: [cp -r folder other]}}}}\nartifacts: {{{spec}}}")
    assert not result.succeeded
    assert reason in result.reason
    assert result.artifacts is None
    assert statuses(result)["UPLOAD_ARTIFACTS"] == "FAILED"


def test_secondary_artifacts_are_collected_apart(run: Runner) -> None:
    result = run(
        "phases: {build: {commands: [touch a b]}}\nartifacts: {files: [a], secondary-artifacts: {report: {files: [b]}}}"
    )
    assert result.artifacts is not None
    assert [path.name for path in result.artifacts.iterdir()] == ["a"]
    assert [path.name for path in result.secondary_artifacts["report"].iterdir()] == ["b"]


def test_the_workspace_keeps_artifacts_only(run: Runner, tmp_path: Path) -> None:
    result = run("phases: {build: {commands: [touch a $HOME/b $TMPDIR/c]}}\nartifacts: {files: [a]}")
    assert result.artifacts is not None
    assert [path for path in (tmp_path / "workspace").rglob("*") if path.is_file()] == [result.artifacts / "a"]


CACHED = (
    "phases: {build: {commands: ['cat .cache/mark; echo new >.cache/written']}}\n"
    "cache: {key: 'k-$(codebuild-hash-files a.lock)', paths: ['.cache/**/*', '.other/**/*']}"
)


@pytest.fixture
def caches(tmp_path: Path, source: Path) -> Path:
    folder = tmp_path / "caches"
    (folder / ".cache").mkdir(parents=True)
    (folder / ".cache" / "mark").write_text("cached\n")
    for place in (folder, source):
        (place / "a.lock").write_text("lock")
    return folder


def test_a_cache_with_the_same_key_is_there_and_is_kept(run: Runner, caches: Path) -> None:
    result = run(CACHED, caches=caches)
    assert output(result) == ["cached"]
    assert (caches / ".cache" / "written").exists()
    assert (caches / ".cache" / "mark").exists()


def test_a_cache_with_another_key_is_not_there(run: Runner, caches: Path, source: Path) -> None:
    (source / "a.lock").write_text("another")
    result = run(CACHED, caches=caches)
    assert not result.succeeded
    assert "Cache not used" in result.log
    assert not (caches / ".cache" / "written").exists()


def test_make_takes_what_is_cached_for_newer_than_the_source(run: Runner, caches: Path, source: Path) -> None:
    an_hour_ago = time.time() - 3600
    os.utime(caches / ".cache" / "mark", (an_hour_ago, an_hour_ago))
    (source / "a.lock").write_text("lock")
    (source / "Makefile").write_text(".cache/mark: a.lock\n\t@echo rebuilt\n")
    result = run(CACHED.replace("cat", "make .cache/mark; cat"), caches=caches)
    assert "rebuilt" not in result.log


def test_the_buildspec_is_a_file_of_the_source_unless_it_is_given(source: Path, tmp_path: Path) -> None:
    text = "version: 0.2\nphases: {{build: {{commands: [echo {}]}}}}\n"
    (source / "buildspec.yml").write_text(text.format("default"))
    (source / "other.yml").write_text(text.format("other"))
    for given, expected in {"": "default", "other.yml": "other", text.format("inline"): "inline"}.items():
        assert output(run_build(Build(source, buildspec=given), tmp_path, lambda line: None)) == [expected]
    with pytest.raises(UserError, match=r"missing\.yml"):
        run_build(Build(source, buildspec="missing.yml"), tmp_path, lambda line: None)


def test_a_build_that_takes_too_long_is_ended(run: Runner) -> None:
    result = run("phases: {build: {commands: [sleep 600, echo never]}}", timeout_minutes=0.02)
    assert statuses(result) == {"BUILD": "TIMED_OUT"}
    assert "sleep 600" in result.reason


STUBBORN = "trap '' TERM; sh -c 'echo $$ >{pid}; trap \"\" TERM; sleep 600 & wait; sleep 600' & wait"

SCRIPT = """
import sys
from pathlib import Path
from generator.rehearsal.codebuild import Build, run_build
run_build(Build(Path(sys.argv[1]), buildspec=sys.argv[2]), Path(sys.argv[3]), print)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_process_behind(source: Path, tmp_path: Path, number: signal.Signals) -> None:
    pid_file, workspace = tmp_path / "pid", tmp_path / "workspace"
    command = STUBBORN.replace("{pid}", str(pid_file))
    spec = f"version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        {command}\n"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, source, spec, workspace], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert _becomes(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert _becomes(lambda: not _runs(int(pid_file.read_text())))
    if number == signal.SIGINT:
        assert not [path for path in workspace.rglob("*") if path.is_file()]


def test_what_a_build_leaves_in_the_background_ends_with_it(run: Runner, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    assert run(f"phases: {{build: {{commands: ['sleep 600 & echo $! >{pid_file}']}}}}").succeeded
    assert _becomes(lambda: not _runs(int(pid_file.read_text())))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _becomes(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
