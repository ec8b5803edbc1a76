"""An emulator for the procedures of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from generator.rehearsal.emulator import Emulator

REGION = "eu-west-1"
ACCOUNT = "900000000001"


@pytest.fixture(scope="session")
def client() -> Iterator[Callable[[str], Any]]:
    """What makes clients of an account's administrator."""
    with Emulator() as emulator:
        yield lambda service: emulator.client(service, ACCOUNT, REGION)
