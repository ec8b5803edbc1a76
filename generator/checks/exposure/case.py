"""One setting under proof, and what is found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from generator.checks.exposure.network import Network, Place
from generator.checks.exposure.paths import Path, Paths, Spot


class Case:
    """A network with all paths between its spots, each computed when it is first asked for."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.paths = Paths(network)
        self._known: dict[tuple[Spot, Spot], Path] = {}

    @cached_property
    def sources(self) -> list[Spot]:
        """Everybody who may send."""
        return [*self.paths.strangers, *self.paths.components, *self.paths.elsewhere]

    @cached_property
    def targets(self) -> list[Spot]:
        """Everybody to whom something may be sent."""
        return [*self.paths.outside, *self.paths.components]

    def path(self, source: Spot, target: Spot) -> Path:
        """Return the path from one spot to another."""
        key = (source, target)
        if key not in self._known:
            self._known[key] = self.paths.path(source, target)
        return self._known[key]

    def between(self, sources: Iterable[Place], targets: Iterable[Place]) -> list[Path]:
        """Return the paths between places; outsiders among themselves are none of ours.

        A spot to itself is a path too: there may be two machines.
        """
        wanted, taken = frozenset(sources), frozenset(targets)
        return [
            self.path(source, target)
            for source in self.sources
            if source.place in wanted
            for target in self.targets
            if target.place in taken and (source.subnet or target.subnet)
        ]


@dataclass(frozen=True)
class Finding:
    """How much was looked at, and what breaks the claim."""

    looked_at: int
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """One claim and the function that examines it in one setting."""

    text: str
    requirements: tuple[str, ...]
    examine: Callable[[Case], Finding]


Looks = Iterator[str | None]
"""One item for each thing looked at: what is wrong with it, or None."""


def claim(text: str, requirements: tuple[str, ...], look: Callable[[Case], Looks]) -> Claim:
    """Return a claim that is examined by looking at one thing after the other."""

    def examine(case: Case) -> Finding:
        looks = list(look(case))
        return Finding(len(looks), tuple(one for one in looks if one))

    return Claim(text, requirements, examine)
