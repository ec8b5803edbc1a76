"""What an account costs in a month: every resource's quantities at list prices, less what is free for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from generator.cost.accounts import Account
from generator.cost.billing import bill
from generator.cost.charges import Charge, NoCharge, Surroundings
from generator.cost.prices import OLD_AFTER_DAYS, Price, PriceTable, Sureness
from generator.cost.usage import Usage
from generator.errors import UserError
from generator.naming import PLATFORM
from generator.resolver import Resource

SMALLEST = Decimal("1e-9")
"""Every line is rounded to a billionth of a dollar, so that sums are exact in whatever order they are taken."""


@dataclass(frozen=True)
class Line:
    """One line of the bill: what one resource costs of one item."""

    stack: str
    """The stack nested in the platform, such as `Network`, or another root, such as `global_edge`."""
    address: str
    type: str
    charge: Charge
    price: Price
    free: Decimal
    """How much of the quantity is free in every account for ever."""
    list_price: Decimal
    """US dollars without what is free."""
    cost: Decimal
    """US dollars a month."""


@dataclass(frozen=True)
class FreeResource:
    """A resource that costs nothing, and why."""

    stack: str
    address: str
    type: str
    why: str


@dataclass(frozen=True)
class Estimate:
    """The bill of one account for a month."""

    account: str
    budget: int | None
    lines: tuple[Line, ...]
    free_resources: tuple[FreeResource, ...]

    @property
    def total(self) -> Decimal:
        """US dollars a month."""
        return _sum(line.cost for line in self.lines)

    @property
    def allowance(self) -> Decimal:
        """US dollars that the bill is lower by what is free for ever."""
        return _sum(line.list_price - line.cost for line in self.lines)

    @property
    def over_budget(self) -> bool:
        """Whether the bill is higher than the budget."""
        return self.budget is not None and self.total > self.budget

    def by_stack(self) -> dict[str, Decimal]:
        """Return US dollars a month by stack, the dearest first."""
        return _by((line.stack, line.cost) for line in self.lines)

    def by_item(self) -> dict[str, Decimal]:
        """Return US dollars a month by item, the dearest first."""
        return _by((line.charge.item, line.cost) for line in self.lines)

    def by_sureness(self) -> dict[Sureness, Decimal]:
        """Return how many dollars come of figures of each sureness."""
        return {sure: _sum(line.cost for line in self.lines if line.price.sure is sure) for sure in Sureness}

    @property
    def lowest_sureness(self) -> Sureness:
        """The sureness of the least sure figure that the bill depends on."""
        return min((line.price.sure for line in self.lines if line.cost), default=Sureness.HIGH)

    @property
    def oldest_figure(self) -> date | None:
        """The date of the oldest figure that the bill depends on; none for an empty bill."""
        return min((line.price.date for line in self.lines if line.cost), default=None)


def estimate(account: Account, usages: Mapping[str, Usage], table: PriceTable) -> Estimate:
    """Return the bill of an account.

    Raises `UserError` where the usage says nothing of the account, a price is missing, or a type is not known.
    """
    if account.name not in usages:
        raise UserError(f"params/usage.yaml: {account.name} is missing; say what it uses in a month")
    neighbours = [root.resolution for root in account.roots]
    lines: list[Line] = []
    free_resources: list[FreeResource] = []
    allowances: dict[str, Decimal] = {}
    for root in account.roots:
        around = Surroundings(root.resolution, usages[account.name], neighbours)
        for resource in root.resolution.resources.values():
            stack, address = _place(root.name, resource)
            for entry in bill(resource, around):
                if isinstance(entry, NoCharge):
                    free_resources.append(FreeResource(stack, address, resource.type, entry.why))
                else:
                    region = entry.region or root.resolution.region
                    lines.append(_line(stack, address, resource.type, entry, region, table, allowances))
    return Estimate(account.name, account.budget, tuple(lines), tuple(free_resources))


def warnings(estimates: Sequence[Estimate], today: date) -> list[str]:
    """Return what a reader must be warned of: budgets that do not hold, and figures that are too old."""
    found = [
        f"{one.account}: {one.total:.0f} dollars a month are more than its budget of {one.budget} (MonthlyBudget)"
        for one in estimates
        if one.over_budget
    ]
    dates = [one.oldest_figure for one in estimates if one.oldest_figure]
    oldest = min(dates, default=today)
    if (today - oldest).days > OLD_AFTER_DAYS:
        found.append(
            f"the oldest price is of {oldest}, more than {OLD_AFTER_DAYS} days ago; "
            "ask AWS with python -m generator cost --refresh"
        )
    return found


def _line(
    stack: str,
    address: str,
    resource_type: str,
    charge: Charge,
    region: str,
    table: PriceTable,
    allowances: dict[str, Decimal],
) -> Line:
    """Return a line; it takes what is left of the account's allowance of the item."""
    full = table.cost(charge.item, charge.quantity, charge.unit, region).quantize(SMALLEST)
    left = allowances.get(charge.item, table.item(charge.item).free)
    free = min(left, charge.quantity)
    allowances[charge.item] = left - free
    price = table.price(charge.item, region)
    cost = ((charge.quantity - free) * price.usd).quantize(SMALLEST)
    return Line(stack, address, resource_type, charge, price, free, full, cost)


def _place(root: str, resource: Resource) -> tuple[str, str]:
    """Return the stack and the address of a resource, with the root's name where that is not the platform."""
    if root != PLATFORM:
        return root, f"{root}/{resource.address}"
    return resource.stack.partition("/")[0] or PLATFORM, resource.address


def _by(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for name, cost in amounts:
        sums[name] = sums.get(name, Decimal(0)) + cost
    return dict(sorted(sums.items(), key=lambda entry: (-entry[1], entry[0])))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
