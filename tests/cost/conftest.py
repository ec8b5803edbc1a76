"""The price list, the usage and the accounts of the current release, made once: nobody changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.settings import Setting
from generator.cost.accounts import Account, all_accounts
from generator.cost.prices import PriceTable, load_prices
from generator.cost.usage import Usage, load_usage
from generator.environment import load_all
from generator.release import folder_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def release() -> Path:
    """The folder of the current release."""
    return folder_of(ROOT / "templates_out")


@pytest.fixture(scope="session")
def table() -> PriceTable:
    """The real price list."""
    return load_prices()


@pytest.fixture(scope="session")
def usages() -> dict[str, Usage]:
    """The real assumptions."""
    return load_usage(ROOT / "params" / "usage.yaml")


@pytest.fixture(scope="session")
def settings() -> dict[str, Setting]:
    """The real settings, by environment."""
    return {c.source.stem: Setting(c.source.stem, c.parameters(), c.region) for c in load_all(ROOT / "params")}


@pytest.fixture(scope="session")
def accounts(release: Path) -> dict[str, Account]:
    """All accounts of the current release."""
    return {account.name: account for account in all_accounts(release, load_all(ROOT / "params"))}
