"""What was measured, and the figures that are taken from it: medians, spreads and ratios.

Times of one machine say nothing about another, and on a shared machine little about the next minute. Ratios do: in
every round each subject runs once, so a ratio is taken within a round, and the median of the rounds is what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run of one subject: seconds on the clock, seconds of CPU of all its processes, bytes of the largest one."""

    seconds: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True)
class Spread:
    """A median and the extremes beside it."""

    median: float
    low: float
    high: float


Samples = Mapping[str, Sequence[Sample]]
"""The samples of each subject by its name, in the order of the rounds."""


def spread(values: Sequence[float]) -> Spread:
    """Return median and extremes. Raises `ValueError` where there is no value."""
    if not values:
        raise ValueError("no value, no median")
    return Spread(median(values), min(values), max(values))


def seconds(samples: Sequence[Sample]) -> Spread:
    """Return the spread of the seconds on the clock."""
    return spread([sample.seconds for sample in samples])


def ratio(samples: Samples, subject: str, baseline: str) -> Spread:
    """Return how many times as long the subject took as the baseline, round by round.

    A figure that is calculated and not measured has one sample, which counts for every round. Raises `KeyError` for
    a subject without samples, `ValueError` where the numbers of rounds differ.
    """
    return _ratio([one.seconds for one in samples[subject]], [one.seconds for one in samples[baseline]])


def cpu_ratio(samples: Samples, subject: str, baseline: str) -> Spread | None:
    """Return the same of CPU time, or nothing where that was not measured."""
    above = [one.cpu_seconds for one in samples[subject]]
    below = [one.cpu_seconds for one in samples[baseline]]
    return _ratio(above, below) if all(above) and all(below) else None


def _ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    rounds = max(len(above), len(below))
    if {len(above), len(below)} - {1, rounds}:
        raise ValueError(f"{len(above)} rounds cannot be compared with {len(below)}")
    above, below = [list(each) * rounds if len(each) == 1 else list(each) for each in (above, below)]
    return spread([one / other for one, other in zip(above, below, strict=True)])
