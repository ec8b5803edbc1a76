"""Saying what is being done: work that takes long tells it to whom it was handed, and does not know who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

Say = Callable[[str], None]
"""Is told in a few words what is being done, whenever that changes."""


def silent(doing: str) -> None:
    """Tell nobody."""


def counted(items: Sequence[Item], doing: str, say: Say) -> Iterator[Item]:
    """Yield the items, and say before each how far one has come: `setting 12 of 30`."""
    for number, item in enumerate(items, 1):
        say(f"{doing} {number} of {len(items)}")
        yield item
