"""The cost report as Markdown: the tables of docs/cost.md, and a comment on a change that costs money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from generator.cost.advice import Advice
from generator.cost.comparison import AccountComparison
from generator.cost.computes import Choice
from generator.cost.estimate import Estimate
from generator.cost.prices import Price, PriceTable
from generator.cost.usage import Usage
from generator.reports import cost_words as words

ESTIMATES_SECTION, ADVICE_SECTION, COMPUTES_SECTION = "estimates", "advice", "computes"
USAGE_SECTION, PRICES_SECTION = "usage", "prices"


def sections(
    estimates: Sequence[Estimate],
    advice: Sequence[Advice],
    choices: Sequence[Choice],
    usages: Mapping[str, Usage],
    prices: PriceTable,
    note: str,
) -> dict[str, str]:
    """Return what stands in the generated sections of the page, by their names."""
    return {
        ESTIMATES_SECTION: estimates_table(estimates, note),
        ADVICE_SECTION: advice_table(advice),
        COMPUTES_SECTION: computes_table(choices),
        USAGE_SECTION: usage_table(usages),
        PRICES_SECTION: prices_table(prices, estimates),
    }


def estimates_table(estimates: Sequence[Estimate], note: str) -> str:
    """Return the bills side by side, by stack, with what they rest on."""
    bills = [estimate.by_stack() for estimate in estimates]
    rows = [[stack, *(words.money(bill.get(stack, Decimal(0))) for bill in bills)] for stack in words.stacks(estimates)]
    rows.append([f"**{words.TOTAL}**", *(f"**{words.money(estimate.total)}**" for estimate in estimates)])
    budgets = [f"{estimate.budget:,}" if estimate.budget is not None else words.NONE for estimate in estimates]
    rows.append([words.BUDGET, *budgets])
    rows.append([words.YEAR, *(words.money(12 * estimate.total) for estimate in estimates)])
    rows.append([words.FREE, *(words.money(estimate.allowance) for estimate in estimates)])
    header = ["stack", *(estimate.account for estimate in estimates)]
    return "\n".join([*_table(header, rows, numbers=len(estimates)), "", note])


def advice_table(advice: Sequence[Advice]) -> str:
    """Return what would cost less."""
    rows = [[one.account, one.what, words.money(one.saves), one.arithmetic, one.catch] for one in advice]
    return "\n".join(_table(["account", "what", "saves a month", "arithmetic", "the catch"], rows))


def computes_table(choices: Sequence[Choice]) -> str:
    """Return what environments cost with each way to run the application: by itself, and in all."""
    rows = [
        [
            choice.what,
            *(
                f"{words.money(choice.compute(number))} of {words.money(estimate.total)}"
                for number, estimate in enumerate(choice.estimates)
            ),
        ]
        for choice in choices
    ]
    header = ["the application on", *(estimate.account for estimate in choices[0].estimates)]
    return "\n".join(_table(header, rows, numbers=len(header) - 1))


def comparison_table(title: str, accounts: Sequence[AccountComparison]) -> str:
    """Return what each account costs more or less, by stack."""
    rows = []
    for account in accounts:
        rows += [
            [account.account, one.stack, words.money(one.before), words.money(one.after), words.change(one.more)]
            for one in account.differences
        ]
        totals = [words.money(account.before), words.money(account.after), words.change(account.more)]
        rows.append([account.account, f"**{words.TOTAL}**", *(f"**{text}**" for text in totals)])
    header = ["account", "stack", "before", "after", "difference"]
    return "\n".join([f"# {title}", "", *_table(header, rows, numbers=3)])


def usage_table(usages: Mapping[str, Usage]) -> str:
    """Return every assumption on usage, its unit, and its figure in each account."""
    rows = []
    for field in fields(Usage):
        figures = [_figure(getattr(usage, field.name)) for usage in usages.values()]
        rows.append([f"`{field.name}`", field.metadata["meaning"], field.metadata["unit"], *figures])
    return "\n".join(_table(["figure", "meaning", "unit", *usages], rows))


def prices_table(prices: PriceTable, estimates: Sequence[Estimate]) -> str:
    """Return every figure that the bills depend on, with its source and how sure it is; promises; the sources."""
    used: dict[tuple[str, Price], None] = {}
    for estimate in estimates:
        for line in estimate.lines:
            used[(line.charge.item, line.price)] = None
    rows = []
    for item_id, price in sorted(used, key=lambda entry: (entry[0], entry[1].usd)):
        item = prices.item(item_id)
        free = f"{item.free.normalize():,f}" if item.free else ""
        rows.append(
            [item.name, f"{price.usd.normalize():f}", item.unit, free, price.sure.word, price.source, str(price.date)]
        )
    header = ["item", "US dollars", "for one", "free a month", "sure", "source", "date"]
    names = sorted({price.source for _, price in used} | {one.source for one in prices.commitments.values()})
    sources = [f"- {name}: {prices.sources[name]['what']}: <{prices.sources[name]['where']}>" for name in names]
    promises = [
        f"- {one.name}: {one.saves:.1%} less ({one.note}); {one.sure.word}, {one.source}, {one.date}"
        for one in prices.commitments.values()
    ]
    return "\n".join(
        [*_table(header, rows), "", "What a promise for a year saves:", "", *promises, "", "Sources:", "", *sources]
    )


def _figure(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return ", ".join(f"{name} {amount:f}" for name, amount in value.items()) or "0"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> Iterator[str]:
    """Yield a table whose last columns are numbers."""
    marks = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    yield f"| {' | '.join(header)} |"
    yield f"|{'|'.join(marks)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
