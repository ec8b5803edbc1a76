"""The words of the cost report, the same on the terminal, in Markdown and in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from generator.cost.estimate import Estimate
from generator.cost.prices import Item, Sureness

TITLE = "What a month costs, in US dollars"
ADVICE_TITLE = "What would cost less"
BUDGET, FREE, TOTAL, YEAR = "budget", "free for ever, taken off", "total", "a year"
NONE = "·"
"""What stands where nothing is billed."""

CENT = Decimal("0.01")


def money(dollars: Decimal) -> str:
    """Return an amount with cents, or the mark for nothing."""
    return f"{dollars.quantize(CENT):,.2f}" if dollars else NONE


def change(dollars: Decimal) -> str:
    """Return a difference with its sign."""
    rounded = dollars.quantize(CENT)
    return f"{rounded:+,.2f}" if rounded else "0.00"


def quantity(amount: Decimal, item: Item) -> str:
    """Return a quantity with its unit, in at most four significant digits behind the point."""
    rounded = amount.quantize(Decimal("0.0001")).normalize()
    return f"{rounded:,f} {units(rounded, item.unit)}"


def units(amount: Decimal, unit: str) -> str:
    """Return a unit in the number that an amount takes: `2 hours`, `1 hour`, `5 GB`."""
    unchanged = unit.endswith("s") or unit.startswith("GB") or unit == "million" or amount == 1
    return unit if unchanged else f"{unit}s"


def stacks(estimates: Sequence[Estimate]) -> list[str]:
    """Return the stacks that cost anything, the dearest of any account first."""
    dearest: dict[str, Decimal] = {}
    for estimate in estimates:
        for stack, cost in estimate.by_stack().items():
            dearest[stack] = max(dearest.get(stack, Decimal(0)), cost)
    return sorted((stack for stack, cost in dearest.items() if cost), key=lambda stack: (-dearest[stack], stack))


def assumptions(estimates: Sequence[Estimate], regions: Sequence[str]) -> str:
    """Return the sentence that goes with every estimate: what it rests on, from when, and how sure that is."""
    total = sum((estimate.total for estimate in estimates), Decimal(0))
    sums = {sure: sum((one.by_sureness()[sure] for one in estimates), Decimal(0)) for sure in Sureness}
    shares = (
        ", ".join(f"{sums[sure] / total:.0%} {sure.word}" for sure in sorted(Sureness, reverse=True)) if total else ""
    )
    lowest = min((estimate.lowest_sureness for estimate in estimates), default=Sureness.HIGH)
    dates = sorted(estimate.oldest_figure for estimate in estimates if estimate.oldest_figure)
    newest = max((line.price.date for estimate in estimates for line in estimate.lines if line.cost), default=None)
    return (
        f"List prices of {', '.join(regions)} on demand, before tax and credits, of {dates[0] if dates else 'no date'} "
        f"to {newest}; how sure, by money: {shares}; the least sure figure is {lowest.word}. "
        "Usage as params/usage.yaml assumes; 730 hours a month; everything in accounts of its own."
    )
