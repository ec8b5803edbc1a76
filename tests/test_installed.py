"""The version of an installed package is what the standard library says it is."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from generator.installed import version
from generator.rendering import LIBRARIES


@pytest.mark.parametrize("name", [*LIBRARIES, "PyYAML", "cloudformation_validate", "jsonschema.specifications"])
def test_it_is_what_the_standard_library_says(name: str) -> None:
    assert version(name) == metadata.version(name)


def test_the_first_place_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "troposphere-99.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert version("troposphere") == "99.0"


def test_what_is_not_installed_says_what_to_run() -> None:
    with pytest.raises(ModuleNotFoundError, match="run make templates"):
        version("no-such-package")
