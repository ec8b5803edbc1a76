"""The emulator's clock, which can be put forward: nobody waits a quarter of an hour for an escalation.

It is told by a file beside the emulator's state. Only what is built to wait looks at it: alarms, their data and their
actions, and what locks for good after some days.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from generator.rehearsal.emulator_instances import emulator_directory

CLOCK = "clock.json"


@dataclass(frozen=True)
class _Clock:
    """By how many seconds the clock is ahead of this machine's, or of the moment at which it was stopped."""

    ahead: float = 0.0
    stopped_at: float | None = None

    def time(self) -> float:
        return (time.time() if self.stopped_at is None else self.stopped_at) + self.ahead


def put_forward(directory: Path, seconds: float) -> None:
    """Let the clock of the emulator with this folder be so much later than it was."""
    clock = _read(directory)
    _write(directory, replace(clock, ahead=clock.ahead + seconds))


@contextmanager
def stopped(directory: Path) -> Iterator[None]:
    """Let the clock move for the time of a `with` block only when it is put forward, however slow this machine is."""
    _write(directory, replace(_read(directory), stopped_at=time.time()))
    try:
        yield
    finally:
        _write(directory, replace(_read(directory), stopped_at=None))


def now() -> float:
    """Return the time in the emulator that runs in this process, in seconds since 1970."""
    return _read(emulator_directory()).time()


def _read(directory: Path) -> _Clock:
    file = directory / CLOCK
    return _Clock(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else _Clock()


def _write(directory: Path, clock: _Clock) -> None:
    aside = directory / f"{CLOCK}.new"
    aside.write_text(json.dumps(asdict(clock)), encoding="utf-8")
    aside.replace(directory / CLOCK)
