"""A journal between the emulator and whoever attends to it: a file to which lines are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def append(journal: Path, event: DataclassInstance) -> None:
    """Note an event."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(event)) + "\n")


def size(journal: Path) -> int:
    """Return the position behind the last event."""
    return journal.stat().st_size if journal.exists() else 0


def read(journal: Path, after: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the events after a position, each with the position behind it."""
    if size(journal) == after:
        return
    with journal.open("rb") as file:
        file.seek(after)
        for line in file:
            if not line.endswith(b"\n"):
                return  # it is being written
            after += len(line)
            yield json.loads(line), after
