"""`make rehearse` as a user runs it: the real source and its `buildspec.yml`, exit codes, messages, nothing left."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from generator import __version__
from generator.rehearsal.codebuild import Build, BuildResult, run_build
from generator.release import folder_of
from tests.__main__ import VERDICTS, digest
from tests.documented_commands import documented, printed_as_shown, shown
from tests.working_copy import copy_source, copy_verdicts

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")


class Project:
    """A copy of this project, to be broken at will, and a place of its own for what a rehearsal writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        copy_source(self.folder)
        copy_verdicts(self.folder)

    def has_passed_its_tests(self) -> None:
        """Leave the verdict that `make test` leaves. The tests of a rehearsal cannot run inside themselves."""
        verdict = self.folder / VERDICTS / digest(self.folder)
        verdict.parent.mkdir(parents=True, exist_ok=True)
        verdict.write_text("a day in a test", encoding="utf-8")

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [".venv/bin/python", "-m", "generator", "rehearse", *arguments],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.scratch), "COLUMNS": "200"},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, stdin=stdin)
        try:
            output, errors = process.communicate(timeout=900)
        finally:
            process.kill()
        assert "Traceback" not in output + errors, output + errors
        self.assert_nothing_left()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def build(self) -> BuildResult:
        """Let the source's own buildspec build a copy of it, as a rehearsal does before anything is deployed."""
        source = self.scratch / "source"
        shutil.copytree(self.folder, source, symlinks=True, ignore=shutil.ignore_patterns(".cache", ".venv*"))
        # Of the verdict on the tests, only what stands in the folder of caches is believed.
        build = Build(source, environment={"TEST_VERDICTS": "reuse"}, caches=self.folder)
        return run_build(build, self.scratch / "build", lambda line: None)

    def emulators(self) -> list[int]:
        """Return the processes that work in our scratch folder: other tests have emulators of their own."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if b"generator.rehearsal.emulator_process" in command and str(self.scratch).encode() in variables:
                found.append(int(process.name))
        return found

    def assert_nothing_left(self) -> None:
        assert self.emulators() == []
        assert list(self.scratch.iterdir()) == []

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def summary(output: str) -> dict[str, list[str]]:
    """Return the last table: environment → the other cells."""
    rows = re.split(r"^Result ─+$", output, flags=re.MULTILINE)[-1].splitlines()
    cells = [re.split(r" {2,}", row.strip()) for row in rows if row.strip()]
    return {name: rest for name, *rest in cells if name in ENVIRONMENTS}


def test_the_source_is_built_by_its_buildspec_and_promoted_when_who_sits_at_the_terminal_approves(
    project: Project,
) -> None:
    project.has_passed_its_tests()
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"y\n")
        result = project.run(*documented("make rehearse")[1:], stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    # A terminal shows what is typed.
    on_the_terminal = result.stdout.replace("Approve? [y/N]: ", "Approve? [y/N]: y\n")
    assert printed_as_shown(shown("make rehearse"), on_the_terminal), result.stdout
    assert "prod: first deployment" in result.stdout
    found = summary(result.stdout)
    assert list(found) == list(ENVIRONMENTS)
    for name, (before, after, status, claims, ending) in found.items():
        assert (before, after, status) == ("none", __version__, "CREATE_COMPLETE"), name
        holding, _, all_claims = claims.partition(" of ")
        assert int(holding) == int(all_claims) > 60, name
        assert ending == "runs the new release"
    assert "What this does not show" in result.stdout
    assert "Web servers run nginx with the configuration of the user data" in result.stdout
    assert "Where the seconds went" in result.stdout
    visitors = re.search(r"^visitors: (\d+) of (\d+) answers are as expected$", result.stdout, re.MULTILINE)
    assert visitors is not None
    assert int(visitors[1]) == int(visitors[2]) > 90
    assert "NOT SO" not in result.stdout
    assert (project.folder / "dist").exists() is False


def test_an_upgrade_is_rehearsed_from_an_older_release(project: Project) -> None:
    project.has_passed_its_tests()
    result = project.run(*documented("make rehearse FROM=v1.1.0 TO=dev APPROVE=yes")[1:])
    assert result.returncode == 0, result.stdout + result.stderr
    assert summary(result.stdout)["dev"][:3] == ["1.1.0", __version__, "UPDATE_COMPLETE"]
    assert "dev: the upgrade did what `make impact` predicts" in result.stdout


def test_a_source_that_does_not_pass_its_tests_is_not_built(project: Project) -> None:
    project.has_passed_its_tests()
    project.change("generator/shield.py", "import", "import  ")
    result = project.build()
    assert (result.succeeded, result.artifacts) == (False, None)
    assert "BUILD: `make test` ended with exit status" in result.reason
    assert "shield.py" in result.log


def test_a_source_whose_templates_were_not_committed_is_not_built(project: Project) -> None:
    project.change("generator/buckets.py", "NONCURRENT_DAYS = 30", "NONCURRENT_DAYS = 31")
    project.has_passed_its_tests()
    result = project.build()
    assert (result.succeeded, result.artifacts) == (False, None)
    assert "run make templates and commit templates_out" in result.log


def test_somebody_must_approve(project: Project) -> None:
    result = project.run()
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: the pipeline asks for approval and nobody sits at a terminal")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fail-at", "nowhere"), "'nowhere' is no stage of web-platform-pipeline; its stages: Source, Build"),
        (("--variable", "Colour=blue"), "'Colour' is no variable of web-platform-pipeline; allowed: RegionalTest"),
        (("--variable", "Colour"), "--variable 'Colour': must be NAME=VALUE"),
        (("--from", "v0.0.1"), "--from v0.0.1: is no release; allowed: v1.1.0, v"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused(project: Project, arguments: tuple[str, ...], message: str) -> None:
    result = project.run("--approve", *arguments)
    assert result.returncode == 1, result.stdout
    assert f"error: {message}" in result.stderr


def test_a_template_changed_after_writing_is_refused(project: Project) -> None:
    release = folder_of(Path("templates_out"))
    project.change(str(release / "database.yaml"), "postgres17", "postgres16")
    result = project.run("--approve")
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.search(r"^error: .*database\.yaml: is not what v[\d.]+ was written with", result.stderr)
    assert "restore it from git" in result.stderr


def test_a_port_in_use_is_named(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = project.run("--approve", "--port", str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert f"error: Port {port} on 127.0.0.1 is in use" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "DomainName=shop.example.com", "--fail-at", "dev"), "--set deploys the release as it is: leave out"),
        (("--set", "Colour=blue"), "error: --set Colour: is no setting; allowed: EnvironmentName, VpcCidr"),
        (("--set", "Compute=lambda"), "error: --set Compute: 'lambda' is not allowed; allowed: "),
        (("--set", "LoadBalancerAccess=cloudfront"), "without a domain CloudFront forwards nothing"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(project: Project, arguments: tuple[str, ...], message: str) -> None:
    result = project.run("--approve", *arguments)
    assert result.returncode == 1, result.stdout
    assert message in result.stderr


@pytest.mark.parametrize(
    ("moment", "arguments"),
    [("CREATE_IN_PROGRESS", ()), ("stage Build", ()), ("the application is released", ("--as-is",))],
)
def test_an_interrupt_ends_everything(project: Project, moment: str, arguments: tuple[str, ...]) -> None:
    project.has_passed_its_tests()
    process = project.start("--approve", "--to", "dev", *arguments)
    assert process.stdout is not None
    try:
        assert any(moment in line for line in process.stdout)
        assert len(project.emulators()) == 1
        # To the whole group, as a terminal does on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, output + errors
    assert errors.strip() == "interrupted"
    assert "Traceback" not in output
    project.assert_nothing_left()
