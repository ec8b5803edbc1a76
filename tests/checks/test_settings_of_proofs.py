"""The settings of the proofs: each environment as it is, and every pair of choices at least once."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

from generator.checks.settings import Choice, Setting, all_settings, resolved, switches
from generator.environment import ENVIRONMENTS, load_all
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
SETTINGS = all_settings(load_all(ROOT / "params"))


def has(setting: Setting, choice: Choice) -> bool:
    return all(setting.parameters[name] == value.format(region=setting.region) for name, value in choice.items())


def test_environments_come_first_as_they_are() -> None:
    configurations = load_all(ROOT / "params")
    assert [setting.name for setting in SETTINGS[:3]] == list(ENVIRONMENTS)
    assert [setting.parameters for setting in SETTINGS[:3]] == [c.parameters() for c in configurations]


def test_every_pair_of_choices_occurs() -> None:
    """A fault that needs two switches in a certain position is seen, whichever two they are."""
    pairs = [pair for one, other in combinations(switches(), 2) for pair in product(one, other)]
    assert len(pairs) > 150
    assert [pair for pair in pairs if not any(all(has(setting, c) for c in pair) for setting in SETTINGS)] == []


def test_settings_differ_and_are_named_by_what_differs() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    ssh = [setting for setting in SETTINGS if "AccessMode=ssh" in setting.name.split()]
    assert ssh
    assert all(setting.parameters["AccessMode"] == "ssh" for setting in ssh)


def test_every_setting_is_one_that_cloudformation_would_take() -> None:
    """The resolver holds parameters to the template's constraints and rules."""
    release = folder_of(ROOT / "templates_out")
    assert all(len(resolved(release, setting).resources) > 100 for setting in SETTINGS)
