"""`--from RELEASE`: what is no release is refused, and it is said which ones there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import former_release
from generator.errors import UserError


@pytest.fixture
def templates_out(tmp_path: Path) -> Path:
    for name in ("v1.2.0", "v1.1.0", ".before"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["v1.1.0", ".before"])
def test_a_release_is_found_by_its_name(templates_out: Path, name: str) -> None:
    assert former_release.find(templates_out, name) == templates_out / name


def test_what_is_no_release_is_refused_with_those_that_are(templates_out: Path) -> None:
    with pytest.raises(UserError) as refused:
        former_release.find(templates_out, "nonsense")
    assert str(refused.value) == "--from nonsense: is no release; allowed: v1.1.0, v1.2.0"
