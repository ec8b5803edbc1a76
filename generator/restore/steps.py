"""What all procedures share: how long they wait between two looks, and what they tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

PAUSE_SECONDS = 15.0
"""Between two looks at what AWS is at work on."""

MOST_LOOKS = 480
"""Two hours of `PAUSE_SECONDS`."""

Say = Callable[[str], None]
"""Told of each step before it is done."""


def stamp(moment: datetime) -> str:
    """Return a moment as it stands in names, such as `20261121-201530`."""
    return f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}"


def patience(pause_seconds: float) -> dict[str, float]:
    """Return how boto3's waiters are to wait."""
    return {"Delay": pause_seconds, "MaxAttempts": MOST_LOOKS}
