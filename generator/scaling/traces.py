"""The loads that a release is tried with, and what breaks meanwhile.

A load is a multiple of what one server can do, for each second. Loads follow from the group's numbers of servers, so
that each trace means the same in every environment; they follow from none of its thresholds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from generator.scaling.design import Design
from generator.scaling.facts import HOUR, MINUTE

QUIET, USUAL, BUSY = 0.1, 0.55, 0.9
"""Loads for each server of the minimum, in multiples of what it can do."""

RISE, AFTERWARDS = 30, 45 * MINUTE
"""Seconds in which a load rises and falls, and for which a run goes on when it is over."""

LARGE_MEAN = 30.0
"""Arrivals a second from which on the normal distribution is as good as Poisson's."""


class Damage(Enum):
    """What may break."""

    NONE = "nothing"
    SILENT_SERVER = "a server stops answering"
    FAILING_SERVER = "a server answers everything with an error"
    DEAD_ZONE = "all servers of a zone stop answering"


@dataclass(frozen=True)
class Trace:
    """One load over time. Times are seconds since the beginning."""

    name: str
    title: str
    loads: Sequence[float]
    """By second."""
    begins: int | None = None
    """When the load rises, or something breaks."""
    ends: int | None = None
    """When the load is over."""
    damage: Damage = Damage.NONE

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return len(self.loads)


def all_traces(design: Design) -> list[Trace]:
    """Return every trace, fitted to a design."""
    makers: tuple[Callable[[Design], Trace], ...] = (
        steady,
        daily_wave,
        sustained_load,
        flash_crowd,
        sustained_overload,
        dead_server,
        failing_server,
        dead_zone,
    )
    return [make(design) for make in makers]


def steady(design: Design) -> Trace:
    """Servers that are neither busy nor idle: nothing must happen."""
    return constant(USUAL * design.minimum, 2 * HOUR)


def constant(level: float, seconds: int) -> Trace:
    """The same load all the time."""
    return Trace("steady", "Steady load", [level] * seconds)


def daily_wave(design: Design) -> Trace:
    """A day: quiet at four in the morning, at sixteen as busy as the maximum of servers can be without haste."""
    low, high = QUIET * design.minimum, 0.6 * design.maximum
    middle, half = (high + low) / 2, (high - low) / 2
    loads = [middle - half * math.cos(2 * math.pi * (second / HOUR - 4) / 24) for second in range(24 * HOUR)]
    return Trace("daily-wave", "Daily wave", loads)


def sustained_load(design: Design) -> Trace:
    """What W8 speaks of: the minimum of servers is busy for an hour."""
    return _plateau(design, "sustained-load", "Sustained load", BUSY * design.minimum, HOUR)


def burst(design: Design, seconds: int) -> Trace:
    """The minimum of servers is busy, but not for long."""
    begins = 20 * MINUTE
    usual, busy = ([share * design.minimum] for share in (USUAL, BUSY))
    return Trace("burst", "Short burst", usual * begins + busy * seconds + usual * begins, begins, begins + seconds)


def flash_crowd(design: Design) -> Trace:
    """From quiet to what only the maximum of servers can bear, within half a minute, for half an hour."""
    return _plateau(design, "flash-crowd", "Flash crowd", 0.85 * design.maximum, 30 * MINUTE)


def sustained_overload(design: Design) -> Trace:
    """A fifth more than the maximum of servers can bear, for an hour."""
    return _plateau(design, "sustained-overload", "Sustained overload", 1.2 * design.maximum, HOUR)


def dead_server(design: Design) -> Trace:
    """In usual times, a server stops answering."""
    return _damaged(design, "dead-server", "Dead server", Damage.SILENT_SERVER)


def failing_server(design: Design) -> Trace:
    """In usual times, a server begins to answer everything with an error."""
    return _damaged(design, "failing-server", "Failing server", Damage.FAILING_SERVER)


def dead_zone(design: Design) -> Trace:
    """In usual times, a zone is lost; new servers start in the others."""
    return _damaged(design, "dead-zone", "Dead zone", Damage.DEAD_ZONE)


def arrivals(trace: Trace, design: Design, seed: int) -> list[int]:
    """Return how many requests come in each second: as many as chance has it, on average the load."""
    chance = random.Random(f"{seed} {trace.name}")
    return [_poisson(chance, load * design.capacity) for load in trace.loads]


def _plateau(design: Design, name: str, title: str, busy: float, lasts: int) -> Trace:
    """Rise within half a minute, not at the full minute; stay; fall; leave time for what follows."""
    begins = 20 * MINUTE + 20
    quiet = QUIET * design.minimum
    rise = [quiet + (busy - quiet) * second / RISE for second in range(RISE)]
    loads = [quiet] * begins + rise + [busy] * (lasts - 2 * RISE) + rise[::-1] + [quiet] * AFTERWARDS
    return Trace(name, title, loads, begins, begins + lasts)


def _damaged(design: Design, name: str, title: str, damage: Damage) -> Trace:
    # Right after a health check, when it takes longest until the next ones fail.
    begins = 10 * MINUTE + 1
    return Trace(name, title, [USUAL * design.minimum] * 45 * MINUTE, begins, damage=damage)


def _poisson(chance: random.Random, mean: float) -> int:
    """Return a Poisson number: Knuth's product of uniform numbers, or where it is large, its normal likeness."""
    if mean > LARGE_MEAN:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
