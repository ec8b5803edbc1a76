"""What a change costs: two estimates of the same accounts side by side, by stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from generator.cost.estimate import Estimate

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Difference:
    """US dollars a month of one stack of an account, before and after."""

    stack: str
    before: Decimal
    after: Decimal

    @property
    def more(self) -> Decimal:
        """How many dollars more it costs afterwards; negative for less."""
        return self.after - self.before


@dataclass(frozen=True)
class AccountComparison:
    """The stacks of one account that cost more or less than before, the largest difference first."""

    account: str
    before: Decimal
    after: Decimal
    differences: tuple[Difference, ...]

    @property
    def more(self) -> Decimal:
        """How many dollars more the account costs afterwards; negative for less."""
        return self.after - self.before


def compare(before: Sequence[Estimate], after: Sequence[Estimate]) -> list[AccountComparison]:
    """Return what each account of either side costs more or less, in the order of the newer side."""
    former = {estimate.account: estimate for estimate in before}
    latter = {estimate.account: estimate for estimate in after}
    names = [*latter, *(name for name in former if name not in latter)]
    return [_compared(name, former.get(name), latter.get(name)) for name in names]


def _compared(account: str, before: Estimate | None, after: Estimate | None) -> AccountComparison:
    old, new = (one.by_stack() if one else {} for one in (before, after))
    differences = [
        Difference(stack, old.get(stack, NOTHING), new.get(stack, NOTHING)) for stack in dict.fromkeys([*new, *old])
    ]
    changed = sorted((one for one in differences if one.more), key=lambda one: (-abs(one.more), one.stack))
    return AccountComparison(
        account, before.total if before else NOTHING, after.total if after else NOTHING, tuple(changed)
    )
