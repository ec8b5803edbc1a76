"""Templates are the same objects, whichever of PyYAML's readers reads them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_template_reader import ENGINE, templates_read_by_libyaml
from generator.release import folder_of

TEMPLATES = sorted(folder_of(Path(__file__).parents[2] / "templates_out").glob("*.yaml"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine of ministack, with the reader that it brings along."""
    found: Any = import_module(ENGINE)
    known = {name: getattr(found.CfnLoader, name) for name in ("yaml_constructors", "yaml_multi_constructors")}
    monkeypatch.setattr(found, "CfnLoader", type("CfnLoader", (yaml.SafeLoader,), known))
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_are_read_as_before(engine: Any, template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    before = engine._parse_template(text)
    templates_read_by_libyaml()
    assert issubclass(engine.CfnLoader, yaml.CSafeLoader)
    assert engine._parse_template(text) == before


@pytest.mark.parametrize("gone", ["CfnLoader", "_parse_template"])
def test_a_reader_that_is_gone_is_named(engine: Any, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    monkeypatch.delattr(engine, gone)
    with pytest.raises(PatchError, match=f"{gone} is gone"):
        templates_read_by_libyaml()
