"""What an image is built from: a folder, less what `.dockerignore` leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.delivery.build_context import context_files
from generator.errors import UserError

APPLICATION = Path(__file__).parents[2] / "application"


def folder_with(folder: Path, ignored: str | None, *names: str) -> Path:
    for name in ("Dockerfile", *names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    if ignored is not None:
        (folder / ".dockerignore").write_text(ignored)
    return folder


def test_without_dockerignore_all_files_are_in(tmp_path: Path) -> None:
    found = context_files(folder_with(tmp_path, None, "a.py", "sub/b.py"))
    assert found == {
        "Dockerfile": tmp_path / "Dockerfile",
        "a.py": tmp_path / "a.py",
        "sub/b.py": tmp_path / "sub/b.py",
    }
    assert list(found) == sorted(found)


def test_what_is_ignored_is_out_and_what_is_let_in_again_is_in(tmp_path: Path) -> None:
    ignored = "# a comment\n\n*\n!sub\n**/*.pyc\n"
    folder = folder_with(tmp_path, ignored, "a.py", "sub/b.py", "sub/deep/c.pyc", "sub/deep/d.py")
    assert set(context_files(folder)) == {"Dockerfile", ".dockerignore", "sub/b.py", "sub/deep/d.py"}


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no Dockerfile"):
        context_files(tmp_path)


def test_the_applications_image_holds_no_test_no_cache_and_no_document() -> None:
    names = set(context_files(APPLICATION))
    assert {"Dockerfile", "requirements.lock", "serve", "shop/web.py", "site/index.html"} <= names
    assert not [name for name in names if "test" in name or "__pycache__" in name or name.endswith(".md")]
