"""A run is left out only where it could say nothing else: whatever byte is changed, it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator import unchanged
from generator.folders import TEMPLATES_OUT
from generator.release import digest

ROOT = Path(__file__).parents[1]
SAID = "templates_out/v1.0.0: nothing changed; 1 templates and 1 environments are valid"
OUTPUT = "templates_out/v1.0.0/network.yaml"
FILES = {
    "generator/__init__.py": b'__version__ = "1.0.0"\n',
    "generator/stacks/network.py": b"CIDR = 16\n",
    "generator/user_data/web_server.sh": b"#!/bin/sh\n",
    "params/dev.json": b"{}\n",
    "requirements.lock": b"troposphere==4\n",
    "templates_out/v0.9.0/network.yaml": b"Resources: {}\n",
    OUTPUT: b"Resources: {}\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project as the current folder."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def fill(folder: Path) -> None:
    for name in ("generator", "params", "templates_out", ".cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for added in folder.glob("new*"):
        added.unlink()
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def run() -> None:
    """Do as a run of `templates` does that ends well."""
    unchanged.remember(SAID, unchanged.begin(), {OUTPUT: digest(FILES[OUTPUT])})


def run_long_after_the_last_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as a run does whose stamp relies on what the file system says of every file."""
    with monkeypatch.context() as patch:
        patch.setattr(unchanged, "COARSEST_CLOCK", -(10**12))
        run()
    let_the_clock_tick()


def let_the_clock_tick() -> None:
    """Wait until the file system would give a changed file another time."""
    probe = Path(".cache/probe")
    probe.touch()
    before = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == before:
        probe.write_bytes(b"")


def test_without_a_stamp_nothing_is_known(project: Path) -> None:
    assert unchanged.verdict() is None


def test_after_a_run_nothing_has_changed(project: Path) -> None:
    run()
    assert [unchanged.verdict(), unchanged.verdict()] == [SAID, SAID]


def test_what_the_file_system_says_is_enough(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_long_after_the_last_change(monkeypatch)
    monkeypatch.setattr(unchanged, "_digest", None)
    assert unchanged.verdict() == SAID


def test_files_that_were_changed_lately_are_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    read = []
    original = unchanged._digest
    monkeypatch.setattr(unchanged, "_digest", lambda path: read.append(path) or original(path))
    assert unchanged.verdict() == SAID
    assert set(FILES) <= set(read)


def test_a_touched_file_is_read_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_long_after_the_last_change(monkeypatch)
    (project / "params/dev.json").touch()
    monkeypatch.setattr(unchanged, "COARSEST_CLOCK", -(10**12))
    assert unchanged.verdict() == SAID
    monkeypatch.setattr(unchanged, "_digest", None)
    assert unchanged.verdict() == SAID


def flip(path: Path, at: int, by: int) -> None:
    """Change one byte, and set the time back to what it was."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[at % len(content)] ^= by
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path, int, int], object]] = {
    "flip a byte": flip,
    "append": lambda path, at, by: path.write_bytes(path.read_bytes() + bytes([by])),
    "cut": lambda path, at, by: path.write_bytes(path.read_bytes()[: at % len(path.read_bytes())]),
    "remove": lambda path, at, by: path.unlink(),
    "add": lambda path, at, by: path.with_name(f"new{by}").write_bytes(b""),
    "add a folder": lambda path, at, by: (Path("generator/stacks") / f"new{by}").mkdir(),
    "remove a folder": lambda path, at, by: shutil.rmtree("generator/user_data"),
    "rename": lambda path, at, by: path.rename(path.with_name(f"new{by}")),
    "put another in its place": lambda path, at, by: Path("params/dev.json").rename(path),
}


@pytest.mark.parametrize("relying", [False, True], ids=["by content", "by status"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(FILES)),
    change=st.sampled_from(sorted(CHANGES)),
    at=st.integers(0, 1000),
    by=st.integers(1, 255),
)
def test_any_change_is_seen(
    project: Path, monkeypatch: pytest.MonkeyPatch, relying: bool, name: str, change: str, at: int, by: int
) -> None:
    fill(project)
    if relying:
        run_long_after_the_last_change(monkeypatch)
    else:
        run()
    CHANGES[change](project / name, at, by)
    in_its_own_place = change == "put another in its place" and name == "params/dev.json"
    assert unchanged.verdict() == (SAID if in_its_own_place else None)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), by=st.integers(1, 255))
def test_a_damaged_stamp_says_nothing_untrue(project: Path, at: int, by: int) -> None:
    run()
    flip(project / unchanged.STAMP, at, by)
    assert unchanged.verdict() in (None, SAID)


@pytest.mark.parametrize("content", [b"", b"\n", SAID.encode(), b"\xff\n\n\n", f"{SAID}\n\n{SAID}".encode()])
def test_a_stamp_that_is_none_says_nothing(project: Path, content: bytes) -> None:
    (project / ".cache").mkdir()
    (project / unchanged.STAMP).write_bytes(content)
    assert unchanged.verdict() is None


def test_the_stamp_of_another_project_says_nothing(project: Path) -> None:
    run()
    (project / "params/dev.json").write_bytes(b"{ }\n")
    copied = (project / unchanged.STAMP).read_bytes()
    fill(project)
    (project / "generator/stacks/network.py").write_bytes(b"CIDR = 20\n")
    (project / ".cache").mkdir()
    (project / unchanged.STAMP).write_bytes(copied)
    assert unchanged.verdict() is None


@pytest.mark.parametrize("name", sorted(set(FILES) - {OUTPUT}))
def test_what_is_changed_during_a_run_leaves_no_stamp(project: Path, name: str) -> None:
    before = unchanged.begin()
    let_the_clock_tick_in(project)
    content = (project / name).read_bytes()
    (project / name).write_bytes(b"# tried for a moment\n")
    (project / name).write_bytes(content)
    unchanged.remember(SAID, before, {OUTPUT: digest(FILES[OUTPUT])})
    assert unchanged.verdict() is None


def let_the_clock_tick_in(project: Path) -> None:
    (project / ".cache").mkdir()
    let_the_clock_tick()


def test_what_cannot_be_read_leaves_no_stamp(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refuse)
        run()
    assert not (project / unchanged.STAMP).exists()


@pytest.mark.parametrize("change", [b"Resources: {Edited: {}}\n", None])
def test_what_is_not_as_it_was_written_leaves_no_stamp(project: Path, change: bytes | None) -> None:
    if change is None:
        (project / OUTPUT).unlink()
    else:
        (project / OUTPUT).write_bytes(change)
    run()
    assert not (project / unchanged.STAMP).exists()


def test_a_stranger_in_the_release_is_seen(project: Path) -> None:
    run()
    (project / "templates_out/v1.0.0/stranger.yaml").touch()
    assert unchanged.verdict() is None


def test_what_only_reads_releases_does_not_count(project: Path) -> None:
    run()
    for folder in ("generator/rehearsal", "generator/__pycache__"):
        (project / folder).mkdir(parents=True)
        (project / folder / "new.py").touch()
    assert unchanged.verdict() == SAID


def test_a_run_beside_that_stages_a_release_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_long_after_the_last_change(monkeypatch)
    (project / "templates_out/.v1.0.0-staged").mkdir()
    assert unchanged.verdict() == SAID


def test_a_module_that_python_would_find_first_is_seen(project: Path) -> None:
    run()
    (project / "yaml.py").touch()
    assert unchanged.verdict() is None


@pytest.mark.parametrize("premise", ["executable", "version"])
def test_another_python_is_seen(project: Path, monkeypatch: pytest.MonkeyPatch, premise: str) -> None:
    run()
    monkeypatch.setattr(sys, premise, "another")
    assert unchanged.verdict() is None


def test_other_folders_of_modules_are_seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert unchanged.verdict() is None


def test_a_changed_library_is_seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = project / "site-packages/troposphere/__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text("x = 1\n")
    (package.parents[1] / "troposphere-4.11.1.dist-info").mkdir()
    let_the_clock_tick_in(project)
    monkeypatch.setattr(unchanged, "loaded_libraries", lambda: [str(package), str(package.parents[1])])
    run()
    assert unchanged.verdict() == SAID
    package.write_text("x = 2\n")
    assert unchanged.verdict() is None
    package.write_text("x = 1\n")
    assert unchanged.verdict() == SAID
    (package.parents[1] / "troposphere-4.11.1.dist-info").rename(package.parents[1] / "troposphere-4.12.0.dist-info")
    assert unchanged.verdict() is None


READ = """
import sys

read = set()
sys.addaudithook(lambda event, arguments: read.add(str(arguments[0])) if event == "open" else None)

from generator import unchanged
from generator.cli import cli

unchanged.remember = lambda said, before, written: print(*before.sources, sep="\\n", file=covered)
covered = open(sys.argv[1], "w")
cli(["templates"], standalone_mode=False)
covered.close()
modules = {module.__file__ for name, module in sys.modules.items() if name.startswith("generator.")}
open(sys.argv[2], "w").write("\\n".join(sorted(modules | read)))
"""


def test_everything_that_a_run_reads_is_covered(tmp_path: Path) -> None:
    """A stack that read a file of what reads releases, say, would not be built anew when that changes."""
    covered, read = tmp_path / "covered", tmp_path / "read"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", READ, str(covered), str(read)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
    names = {os.path.relpath(ROOT / name, ROOT) for name in read.read_text().splitlines() if name != "None"}
    own = {
        name
        for name in names
        if name.startswith(("generator/", "params/", f"{TEMPLATES_OUT}/v")) and "__pycache__" not in name
    }
    assert {"generator/stacks/network.py", "generator/checks/lint.py", "params/prod.json"} < own
    assert own - set(covered.read_text().splitlines()) == set()
