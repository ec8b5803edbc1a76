"""A file has its new content or its old one, whatever happens while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.errors import UserError
from generator.whole_files import write_whole


def test_it_says_whether_anything_changed_and_makes_the_folder(tmp_path: Path) -> None:
    target = tmp_path / "docs" / "page.md"
    assert write_whole(target, "new …")
    assert target.read_bytes() == "new …".encode()
    assert not write_whole(target, "new …".encode())
    assert [path.name for path in target.parent.iterdir()] == ["page.md"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_is_interrupted_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: BaseException
) -> None:
    target = tmp_path / "page.md"
    target.write_text("old")
    really = Path.write_bytes

    def halfway(path: Path, data: bytes) -> int:
        really(path, data[: len(data) // 2])
        raise interrupt

    monkeypatch.setattr(Path, "write_bytes", halfway)
    with pytest.raises((KeyboardInterrupt, UserError)):
        write_whole(target, "new and longer")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_a_place_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/page.md: cannot be written: .*; it is as it was"):
        write_whole(tmp_path / "file" / "page.md", "new")


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_whole(tmp_path / "page.md", "new")
    assert (tmp_path / "page.md").stat().st_mode == (tmp_path / "other").stat().st_mode
