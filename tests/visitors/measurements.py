"""What a load run has measured, and what it says: rates, latencies and failures before, during and after a loss.

A request is what a visitor wants; it takes one attempt, or two where the first one fails. Latencies are those of
attempts, in seconds. Failures after the retry are what a visitor would see, and there must be none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Attempt:
    """One request on the wire: when it began (seconds since the epoch), how long it took, and how it ended.

    `status` is 0 where no answer came, `error` is empty where the answer was as expected, `number` is 2 for a retry.
    """

    at: float
    seconds: float
    what: str
    status: int
    error: str
    number: int

    @property
    def failed(self) -> bool:
        """Whether the answer was not the expected one."""
        return bool(self.error)


@dataclass(frozen=True)
class Events:
    """When what happened, in seconds since the epoch.

    `killed`: the web server was gone; `noticed`: the load balancer sent it nothing any more; `returned`: it was
    replaced, and the replacement in service.
    """

    begun: float
    killed: float
    noticed: float
    returned: float
    ended: float


@dataclass(frozen=True)
class Phase:
    """What a stretch of the run was like. `latencies` has one value for each of `PERCENTILES`, in seconds."""

    name: str
    seconds: float
    requests: int
    failed_first: int
    failed_after_retry: int
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def error_rate(self) -> float:
        """The share of requests whose first attempt failed."""
        return self.failed_first / self.requests if self.requests else 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that at least so many percent of them do not exceed; `nan` where none are."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def phases(attempts: Sequence[Attempt], events: Events) -> list[Phase]:
    """Return what was measured before the loss, during it and after it. An attempt counts where it ended."""
    bounds = {
        "before": (events.begun, events.killed),
        "during": (events.killed, events.returned),
        "after": (events.returned, events.ended),
    }
    return [_phase(name, attempts, *bound) for name, bound in bounds.items()]


def slices(attempts: Sequence[Attempt], events: Events, seconds: float) -> list[Phase]:
    """Return the run in slices of so many seconds, without the rests at both ends.

    One slice begins with the loss. Each is named by the seconds since then at which it begins.
    """
    first = -int((events.killed - events.begun) // seconds)
    end = int((events.ended - events.killed) // seconds)
    begins = [n * seconds for n in range(first, end)]
    return [_phase(f"{at:g}", attempts, events.killed + at, events.killed + at + seconds) for at in begins]


def lost(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the retries that failed: what a visitor would have seen."""
    return [attempt for attempt in attempts if attempt.failed and attempt.number > 1]


def never_retried(attempts: Sequence[Attempt]) -> int:
    """Return how many failures had no retry, so that nobody knows how they would have ended."""
    failed = sum(attempt.failed for attempt in attempts if attempt.number == 1)
    return failed - sum(attempt.number > 1 for attempt in attempts)


def markdown(measured: Sequence[Phase], machine: str) -> str:
    """Return the table for the documentation: latencies as multiples of the median before the loss."""
    unit = measured[0].latencies[0]
    rows = [
        f"| {phase.name} | {phase.requests} | {phase.rate / measured[0].rate:.2f} | "
        + " | ".join(f"{value / unit:.1f}" for value in phase.latencies)
        + f" | {phase.failed_first} ({phase.error_rate:.1%}) | {phase.failed_after_retry} |"
        for phase in measured
    ]
    heads = ["", "requests", "rate", *(f"p{each}" for each in PERCENTILES), "failed at first", "failed after one retry"]
    return "\n".join(
        [
            f"| {' | '.join(heads)} |",
            "|---|" + "---:|" * (len(heads) - 1),
            *rows,
            "",
            f"Rates are multiples of the {measured[0].rate:.0f} requests a second before the loss,",
            f"latencies of the median of {unit * 1000:.0f} ms before it, on {machine}. Only the ratios travel.",
        ]
    )


def _phase(name: str, attempts: Sequence[Attempt], begin: float, end: float) -> Phase:
    within = [attempt for attempt in attempts if begin <= attempt.at + attempt.seconds < end]
    first = [attempt for attempt in within if attempt.number == 1]
    return Phase(
        name=name,
        seconds=end - begin,
        requests=len(first),
        failed_first=sum(attempt.failed for attempt in first),
        failed_after_retry=len(lost(within)),
        latencies=tuple(percentile([attempt.seconds for attempt in within], each) for each in PERCENTILES),
    )
