"""The current release, and the settings in which it is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.settings import Setting
from generator.cost.accounts import Account, environment_account, tools_account
from generator.diagram.drawing import draw
from generator.diagram.finished import FinishedPage
from generator.environment import load_all
from generator.release import folder_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def release() -> Path:
    """The folder of the current release."""
    return folder_of(ROOT / "templates_out")


@pytest.fixture(scope="session")
def settings() -> dict[str, Setting]:
    """The real settings, by environment."""
    return {c.source.stem: Setting(c.source.stem, c.parameters(), c.region) for c in load_all(ROOT / "params")}


@pytest.fixture(scope="session")
def accounts(release: Path, settings: dict[str, Setting]) -> list[Account]:
    """The real accounts, the pipeline's last."""
    tools = tools_account(release, settings["prod"].region)
    assert tools is not None
    return [*(environment_account(release, setting) for setting in settings.values()), tools]


@pytest.fixture(scope="session")
def pages(accounts: list[Account], release: Path) -> list[FinishedPage]:
    """The drawing of prod as it is."""
    return draw(accounts, "prod", release.name)
