"""What happens in a run: when, what, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class What(Enum):
    """The kinds of events."""

    BROKEN = "broken"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    ALARM = "alarm"
    ALARM_OVER = "alarm over"
    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"
    LAUNCHED = "launched"
    REPLACED = "replaced"
    REPLACED_ALIVE = "replaced though it answered"
    ENDED = "ended"


@dataclass(frozen=True)
class Event:
    """Something that happened: seconds since the beginning, what, and the server's number or the alarm's name."""

    at: float
    what: What
    name: str


Note = Callable[[What, str], None]
"""Writes down what happens now, and to whom."""
