"""docs/upgrading.md says of the upgrade what both releases say, and what it calls safe is safe in every environment."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from generator.checks.changes import ChangeAction, Replacement
from generator.checks.environment_impact import EnvironmentImpact, impact_of
from generator.checks.settings import ANY_ACCOUNT
from generator.environment import load_all
from generator.release import folder_of, read_manifest
from generator.reports.generated_section import with_section
from generator.retention import RETENTION
from generator.template_yaml import load
from tests.generated_notes import FORMER, PARAMS, SECTIONS, TEMPLATES_OUT, UPGRADING

DOCUMENT = UPGRADING.read_text(encoding="utf-8")
NUMBERS = {"eight": 8, "fifteen": 15}


@pytest.fixture(scope="module")
def impacts() -> list[EnvironmentImpact]:
    return impact_of(TEMPLATES_OUT / FORMER, folder_of(TEMPLATES_OUT), load_all(PARAMS), ANY_ACCOUNT, [], date.min)


@pytest.mark.parametrize(("page", "section", "content"), [(*key, value) for key, value in SECTIONS.items()])
def test_d18_generated_sections_are_those_of_the_release(page: Path, section: str, content: Callable[[], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_section(text, section, content()), "write them: python -m tests.generated_notes"


def test_d18_the_former_release_is_the_newest_that_is_released() -> None:
    """Notes for a later one are due when it is released."""
    current = folder_of(TEMPLATES_OUT)
    released = [each.name for each in TEMPLATES_OUT.glob("v*") if each != current and read_manifest(each)["released"]]
    assert max(released, key=lambda name: [int(part) for part in name[1:].split(".")]) == FORMER
    assert f"## From {FORMER} to {current.name}" in DOCUMENT


def test_d18_no_data_is_replaced_or_removed_by_the_upgrade(impacts: list[EnvironmentImpact]) -> None:
    assert "**No data is replaced or removed.**" in DOCUMENT
    for each in impacts:
        assert each.impact.dangers == ()
        hurt = [
            change
            for change in each.impact.changes
            if change.action is ChangeAction.REMOVE or change.replacement is not Replacement.FALSE
        ]
        assert [change.address for change in hurt if change.type in RETENTION] == []


def test_d18_the_database_is_interrupted_in_dev_alone(impacts: list[EnvironmentImpact]) -> None:
    assert "**The database may be interrupted in dev**" in DOCUMENT
    windows = {
        each.environment
        for each in impacts
        for change in each.impact.changes
        for changed in change.properties
        if change.address == "Database/Database" and changed.path == "PreferredMaintenanceWindow"
    }
    assert windows == {"dev"}


def test_d18_every_new_setting_has_a_default() -> None:
    """So an environment is upgraded with the settings that it has."""
    before, after = (
        load((release / "platform.yaml").read_text(encoding="utf-8"))["Parameters"]
        for release in (TEMPLATES_OUT / FORMER, folder_of(TEMPLATES_OUT))
    )
    assert after.keys() - before.keys()
    assert [name for name in after.keys() - before.keys() if "Default" not in after[name]] == []


def test_d18_stacks_are_counted() -> None:
    found = re.search(rf"{FORMER} has (\w+) nested stacks .* v[\d.]+ has (\w+),", DOCUMENT)
    assert found
    for release, word in zip((TEMPLATES_OUT / FORMER, folder_of(TEMPLATES_OUT)), found.groups(), strict=True):
        children = [name for name, entry in read_manifest(release)["templates"].items() if not entry["root"]]
        assert len(children) == NUMBERS[word]
