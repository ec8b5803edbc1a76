"""What the emulator and whoever runs its databases tell each other, in files beside the emulator's state.

The emulator's RDS keeps records; nothing runs on them. It notes what happens to an instance. A rehearsal that attends
to the account (`emulator_instances`) runs a PostgreSQL for it, and notes until when each can be restored: an instance
that is being restored is available from then on. Where nobody attends, every instance is available at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from generator.rehearsal import emulator_journal

JOURNAL = "databases.jsonl"
"""What has happened to instances, a line each."""

RESTORABLE = "restorable.json"
"""Until when each running instance can be restored, by its resource id."""


@dataclass(frozen=True)
class Gone:
    """An instance is not reached by its name any more: it was renamed, or is lost with its disk."""

    account_id: str
    resource_id: str
    is_lost: bool


@dataclass(frozen=True)
class Restored:
    """An instance is made from the backups of another one, as that was at a moment (seconds since 1970)."""

    account_id: str
    region: str
    resource_id: str
    source_id: str
    until: float


def announce(directory: Path, event: Gone | Restored) -> None:
    """Note what happened to an instance."""
    emulator_journal.append(directory / JOURNAL, event)


def announced(directory: Path, after: int) -> Iterator[tuple[Gone | Restored, int]]:
    """Yield what happened after a position in the journal, each with the position behind it."""
    for event, position in emulator_journal.read(directory / JOURNAL, after):
        yield Restored(**event) if "source_id" in event else Gone(**event), position


def write_restorable(directory: Path, moments: Mapping[str, datetime | None]) -> None:
    """Tell the emulator which instances run, and until when each can be restored; that may be not at all yet."""
    file = directory / RESTORABLE
    aside = file.with_suffix(".new")
    content = {resource_id: moment.timestamp() if moment else None for resource_id, moment in moments.items()}
    aside.write_text(json.dumps(content), encoding="utf-8")
    aside.replace(file)


def read_restorable(directory: Path) -> dict[str, float | None]:
    """Return the instances that run, each with the moment until which it can be restored."""
    file = directory / RESTORABLE
    found: dict[str, float | None] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found
