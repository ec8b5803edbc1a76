"""Which files are source: in a working copy, in a build without a repository, and under odd names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from generator.errors import UserError
from generator.source_files import source_files


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=trial", "-c", "user.email=trial@example.com"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def working_copy(folder: Path) -> Path:
    for name in ("kept.txt", "sub/kept.txt", "gone.txt", "ignored.txt", "new file ä.txt", ".hidden", "dist/built"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".gitignore").write_text("ignored.txt\ndist/\n")
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in source_files(folder)}


def test_source_is_what_git_knows_or_would_add(tmp_path: Path) -> None:
    folder = working_copy(tmp_path)
    git(folder, "init", "-q")
    git(folder, "add", "kept.txt", "sub/kept.txt", "gone.txt")
    git(folder, "commit", "-q", "-m", "trial")
    (folder / "gone.txt").unlink()
    assert names(folder) == {"kept.txt", "sub/kept.txt", "new file ä.txt", ".hidden", ".gitignore"}


def test_git_s_odd_names_are_source_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    odd = {"new\nline", "tab\t", '"quoted"', " blank ", "back\\slash", "-n", os.fsdecode(b"caf\xe9")}
    for name in odd:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    assert names(tmp_path) == odd


def test_without_a_repository_it_is_what_git_would_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build works on an unpacked archive."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    folder = working_copy(tmp_path)
    assert names(folder) == {"kept.txt", "sub/kept.txt", "gone.txt", "new file ä.txt", ".hidden", ".gitignore"}
    assert not (folder / ".git").exists()


def test_without_git_the_error_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"git cannot be run: .* it is needed to list the sources"):
        source_files(tmp_path)
