"""What the same environment costs on web servers, on Fargate, on Fargate with spare capacity, and on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from generator.checks.settings import Setting
from generator.cost.accounts import environment_account
from generator.cost.estimate import Estimate, estimate
from generator.cost.prices import PriceTable
from generator.cost.usage import Usage

CHOICES: Mapping[str, Mapping[str, str]] = {
    "web servers": {"Compute": "ec2"},
    "containers": {"Compute": "fargate", "FargateSpotShare": "0"},
    "containers, three of four further ones on spare capacity": {"Compute": "fargate", "FargateSpotShare": "75"},
    "both, while moving": {"Compute": "both", "FargateSpotShare": "0"},
}
"""The ways to run the application, as settings."""

COMPUTE_STACKS = ("WebTier", "Containers")


@dataclass(frozen=True)
class Choice:
    """One way to run the application."""

    what: str
    estimates: Sequence[Estimate]
    """One of each environment."""

    def compute(self, number: int) -> Decimal:
        """Return what servers and tasks of an environment cost by themselves."""
        by_stack = self.estimates[number].by_stack()
        return sum((by_stack.get(stack, Decimal(0)) for stack in COMPUTE_STACKS), Decimal(0))


def choices(
    release: Path, settings: Sequence[Setting], usages: Mapping[str, Usage], prices: PriceTable
) -> list[Choice]:
    """Return what the environments cost with each choice."""
    return [
        Choice(what, [_estimate(release, setting, changed, usages, prices) for setting in settings])
        for what, changed in CHOICES.items()
    ]


def _estimate(
    release: Path, setting: Setting, changed: Mapping[str, str], usages: Mapping[str, Usage], prices: PriceTable
) -> Estimate:
    other = replace(setting, parameters={**setting.parameters, **changed})
    return estimate(environment_account(release, other), usages, prices)
