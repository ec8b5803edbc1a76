"""All traces against all environments, run once for the tests that look at the outcome."""

from __future__ import annotations

import pytest

from generator.environment import ENVIRONMENTS
from generator.scaling.claims import Rehearsed, rehearse
from tests.scaling.designs import released


@pytest.fixture(scope="session")
def rehearsals() -> list[Rehearsed]:
    """Every environment of the release, in the order of promotion."""
    return [rehearse(released(name)) for name in ENVIRONMENTS]
