"""What the measured ratios are held to, and whether they reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from generator.errors import UserError
from tests.bench.measurements import Samples, Spread, cpu_ratio, ratio

TARGETS = Path(__file__).with_name("targets.yaml")
KEYS = {"target", "subject", "baseline", "bound", "why"}


@dataclass(frozen=True)
class Target:
    """`subject` takes at most `bound` times as long as `baseline`."""

    target: str
    subject: str
    baseline: str
    bound: float
    why: str


@dataclass(frozen=True)
class Judgement:
    """A target and what was measured: the ratio on the clock, which is judged, and that of CPU time beside it."""

    target: Target
    found: Spread
    cpu: Spread | None

    @property
    def met(self) -> bool:
        """Whether the median is within the bound."""
        return self.found.median <= self.target.bound

    @property
    def verdict(self) -> str:
        """Met, or missed and by how much of the bound."""
        return "met" if self.met else f"missed by {self.found.median / self.target.bound - 1:.1%}"


def read_targets(path: Path = TARGETS) -> list[Target]:
    """Return the targets of a file, in its order. Raises `UserError` for one that is not whole."""
    targets = []
    for number, each in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")) or (), start=1):
        if not isinstance(each, dict) or set(each) != KEYS:
            raise UserError(f"{path}: target {number} must have exactly the keys {', '.join(sorted(KEYS))}")
        if not isinstance(each["bound"], (int, float)) or each["bound"] <= 0:
            raise UserError(f"{path}: target {number}: bound must be a number above 0, the most that the ratio may be")
        targets.append(Target(**each))
    return targets


def judged(targets: Sequence[Target], samples: Samples) -> list[Judgement]:
    """Return a judgement on each target whose subject and baseline were both measured."""
    return [
        Judgement(each, ratio(samples, each.subject, each.baseline), cpu_ratio(samples, each.subject, each.baseline))
        for each in targets
        if each.subject in samples and each.baseline in samples
    ]
