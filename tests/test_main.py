"""A verdict of `python -m tests` holds for exactly the files that were tested, and is taken only when asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.__main__ import STEPS, digest, main

PASSES = (sys.executable, "-c", "open('ran', 'a').write('x')")
FAILS = (sys.executable, "-c", "raise SystemExit(3)")


ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_reuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_VERDICTS", raising=False)


@pytest.fixture
def working_copy(tmp_path: Path) -> Path:
    """A git repository with a file that is committed, one that is new, one that is ignored, and caches."""
    folder = tmp_path / "working copy"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "module.py").write_text("x = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / ".gitignore").write_text("/ran\n/.cache/\n/.venv/\n__pycache__/\n/.mypy_cache/\n")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    (folder / "package" / "new.py").write_text("y = 2\n")
    for cache in (".cache", ".venv", ".mypy_cache", "package/__pycache__"):
        (folder / cache).mkdir()
        (folder / cache / "file").write_text("cached")
    return folder


@pytest.fixture
def copy(working_copy: Path, tmp_path: Path) -> Path:
    """The same source elsewhere, of another time, without git, with links to the caches."""
    folder = tmp_path / "elsewhere" / "copy"
    shutil.copytree(
        working_copy, folder, ignore=shutil.ignore_patterns(".git", ".cache", ".venv", ".mypy_cache", "__pycache__")
    )
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    for cache in (".cache", ".venv"):
        (folder / cache).symlink_to(working_copy / cache)
    return folder


def runs(folder: Path) -> int:
    file = folder / "ran"
    return len(file.read_text()) if file.exists() else 0


def test_a_copy_has_the_same_digest(working_copy: Path, copy: Path) -> None:
    assert digest(copy) == digest(working_copy)


def test_what_tools_leave_does_not_count(copy: Path) -> None:
    shutil.copy2(ROOT / ".gitignore", copy)
    before = digest(copy)
    for name in (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "package/__pycache__", "dist"):
        (copy / name).mkdir()
        (copy / name / "file").write_text("left")
    assert digest(copy) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "package" / "module.py").write_text("x = 2\n"),
        lambda folder: (folder / "package" / "new.py").write_text("y = 3\n"),
        lambda folder: (folder / "package" / "module.py").unlink(),
        lambda folder: (folder / "package" / "module.py").rename(folder / "package" / "other.py"),
        lambda folder: (folder / "added.py").write_text(""),
        lambda folder: (folder / "run.sh").chmod(0o755),
    ],
    ids=["changed", "changed, untracked", "removed", "renamed", "added", "executable"],
)
def test_any_change_has_another_digest(working_copy: Path, copy: Path, change: Callable[[Path], object]) -> None:
    for folder in (working_copy, copy):
        before = digest(folder)
        change(folder)
        assert digest(folder) != before


def test_another_python_has_another_digest(working_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(working_copy)
    monkeypatch.setattr("platform.python_version", lambda: "9.9.9")
    assert digest(working_copy) != before


def test_a_copy_of_what_was_tested_is_not_tested_again_where_that_is_asked_for(
    working_copy: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(working_copy, [[[PASSES, PASSES]]]) == 0
    assert runs(working_copy) == 2
    monkeypatch.setenv("TEST_VERDICTS", "reuse")
    assert main(copy, [[[FAILS]]]) == 0
    assert "passed already for exactly these files on 2" in capsys.readouterr().out


def test_without_being_asked_everything_runs_again(working_copy: Path) -> None:
    assert main(working_copy, [[[PASSES]]]) == 0
    assert main(working_copy, [[[PASSES]]]) == 0
    assert runs(working_copy) == 2
    assert main(working_copy, [[[FAILS]]]) == 3


def test_a_changed_copy_is_tested(working_copy: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(working_copy, [[[PASSES]]]) == 0
    monkeypatch.setenv("TEST_VERDICTS", "reuse")
    (copy / "package" / "module.py").write_text("x = 2\n")
    assert main(copy, [[[FAILS]]]) == 3


def test_a_failure_stops_and_leaves_no_verdict(working_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(working_copy, [[[FAILS, PASSES]]]) == 3
    assert runs(working_copy) == 0
    monkeypatch.setenv("TEST_VERDICTS", "reuse")
    assert main(working_copy, [[[FAILS]]]) == 3


def test_files_that_change_during_the_tests_get_no_verdict(working_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = (sys.executable, "-c", "open('package/module.py', 'a').write('# later\\n')")
    assert main(working_copy, [[[edits]]]) == 0
    monkeypatch.setenv("TEST_VERDICTS", "reuse")
    assert main(working_copy, [[[FAILS]]]) == 3
    (working_copy / "package" / "module.py").write_text("x = 1\n")
    assert main(working_copy, [[[FAILS]]]) == 3


def test_style_format_types_tests_and_proofs_are_run() -> None:
    commands = [command[2] for rows in STEPS for row in rows for command in row]
    assert sorted(commands) == sorted(
        [*("ruff", "ruff", "mypy", "mypy"), *("pytest", "pytest", "generator", "tests.taskcat", "tests.site")]
    )
