"""A run in figures: what visitors met, and how long everything took. Times are seconds, shares are parts of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from generator.scaling.events import Event, What
from generator.scaling.facts import MINUTE
from generator.scaling.simulation import WAIT_RESOLUTION, Run

REVERSAL = 15 * MINUTE
"""One change of the group that takes back another sooner than this is flapping: W8 re-evaluates every 15 minutes."""


@dataclass(frozen=True)
class Outcome:
    """The figures of a run. None stands for what did not happen."""

    lost: float
    """Share of requests without an answer, or with an error."""
    late: float
    """Share of requests that waited for more than a second."""
    wait: float
    """Seconds that 95 of 100 answered requests waited at most, in steps of a tenth."""
    servers: int
    """Most servers in the group at a time."""
    instances: int
    """Most instances at a time, those that drain included."""
    helps: float | None
    """From the beginning of load or damage until one server more, or its successor, answers."""
    gone: float | None
    """From the end of the load until the group has its minimum again."""
    flapping: int
    replaced_alive: int
    """Servers that were replaced though they answered."""
    overdrawn: float
    """CPU credits that must be paid for, each a minute of one processor."""


def outcome(run: Run) -> Outcome:
    """Return a run in figures."""
    return Outcome(
        lost=run.lost / run.arrived,
        late=sum(minute.late for minute in run.minutes) / run.arrived,
        wait=_percentile(run, 0.95),
        servers=run.most_members,
        instances=run.most_running,
        helps=_helps(run),
        gone=_gone(run),
        flapping=len(reversals(run)),
        replaced_alive=len(run.all(What.REPLACED_ALIVE)),
        overdrawn=run.overdrawn,
    )


def reversals(run: Run) -> list[Event]:
    """Return the changes of the group that took back another at once."""
    changes = run.all(What.SCALE_OUT, What.SCALE_IN)
    return [
        after
        for before, after in pairwise(changes)
        if after.what is not before.what and after.at - before.at < REVERSAL
    ]


def noticed(run: Run) -> float | None:
    """Return how long the load balancer took to call a broken server unhealthy."""
    broken = next(iter(run.all(What.BROKEN)), None)
    found = broken and run.first(What.UNHEALTHY, broken.at, broken.name)
    return found.at - broken.at if broken and found else None


def _percentile(run: Run, share: float) -> float:
    left = share * sum(run.waits.values())
    for tenths in sorted(run.waits):
        left -= run.waits[tenths]
        if left <= 0.0:
            return tenths * WAIT_RESOLUTION
    return 0.0


def _helps(run: Run) -> float | None:
    """Return when the first server that was launched after the beginning came to be healthy."""
    begins = run.trace.begins
    if begins is None:
        return None
    newcomers = {event.name for event in run.all(What.LAUNCHED) if event.at >= begins}
    return next((e.at - begins for e in run.all(What.HEALTHY) if e.name in newcomers), None)


def _gone(run: Run) -> float | None:
    """Return when the last extra server was told to go, if the group came back to its minimum."""
    ends = run.trace.ends
    if ends is None or run.minutes[-1].desired != run.design.minimum:
        return None
    removals = [event.at - ends for event in run.all(What.SCALE_IN) if event.at >= ends]
    return removals[-1] if removals else None
