"""Files of waivers: what every kind of them has in common, and what an optional one may leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.checks.waiver_files import read_entries
from generator.errors import UserError

NOTHING = ["", "# nothing\n", "{}", "waivers:"]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "some.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def accepting(entry: Any) -> list[str]:
    return []


def numbers_only(entry: Any) -> list[str]:
    return [] if isinstance(entry, int) else [f"{entry!r} is no number", "write another"]


@pytest.mark.parametrize("optional", [True, False])
def test_entries_are_read_as_they_stand(tmp_path: Path, optional: bool) -> None:
    assert read_entries(written(tmp_path, "waivers: [1, {a: b}]"), accepting, optional=optional) == [1, {"a": "b"}]
    assert read_entries(written(tmp_path, "waivers: []"), accepting, optional=optional) == []


def test_all_that_is_wrong_is_said_with_file_and_key(tmp_path: Path) -> None:
    path = written(tmp_path, "waivers: [1, a, 2, b]")
    with pytest.raises(UserError) as caught:
        read_entries(path, numbers_only)
    assert str(caught.value).splitlines() == [
        f"{path}: waivers[1]: 'a' is no number",
        f"{path}: waivers[1]: write another",
        f"{path}: waivers[3]: 'b' is no number",
        f"{path}: waivers[3]: write another",
    ]


@pytest.mark.parametrize("content", NOTHING)
def test_an_optional_file_may_hold_nothing_and_another_must_say_so(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    assert read_entries(path, accepting, optional=True) == []
    with pytest.raises(UserError, match=r"must hold one key, waivers, with a list; write \[\] for none"):
        read_entries(path, accepting)


def test_an_optional_file_may_be_absent_and_another_may_not(tmp_path: Path) -> None:
    assert read_entries(tmp_path / "absent.yaml", accepting, optional=True) == []
    with pytest.raises(UserError, match=r"absent\.yaml: cannot be read: No such file"):
        read_entries(tmp_path / "absent.yaml", accepting)


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        ("a: [", "is not YAML"),
        ("waivers: [{added: 2026-13-45}]", "is not YAML"),
        ("[1]", "must hold one key"),
        ("waivers: {}", "must hold one key"),
        ("waivers: 7", "must hold one key"),
        ("waiver: []", "must hold one key"),
        ("waivers: []\nother: 1", "must hold one key"),
    ],
)
def test_a_file_of_another_shape_is_refused(
    tmp_path: Path, content: str | bytes, complaint: str, optional: bool
) -> None:
    with pytest.raises(UserError, match=rf"some\.yaml: {complaint}"):
        read_entries(written(tmp_path, content), accepting, optional=optional)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_entries(tmp_path, accepting, optional=True)
