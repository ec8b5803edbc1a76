"""The cost report on the terminal: the bill of each account, its details, differences, and what would cost less."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from generator.cost.advice import Advice
from generator.cost.comparison import AccountComparison
from generator.cost.estimate import Estimate
from generator.cost.prices import PriceTable
from generator.reports import cost_words as words


def print_estimates(console: Console, estimates: Sequence[Estimate]) -> None:
    """Print the bills side by side, by stack."""
    table = Table(title=words.TITLE, title_justify="left", header_style="bold")
    table.add_column("stack", style="bold")
    for estimate in estimates:
        table.add_column(estimate.account, justify="right")
    bills = [estimate.by_stack() for estimate in estimates]
    for stack in words.stacks(estimates):
        table.add_row(stack, *(words.money(bill.get(stack, Decimal(0))) for bill in bills))
    table.add_section()
    table.add_row(words.TOTAL, *(_total(estimate) for estimate in estimates), style="bold")
    table.add_row(words.BUDGET, *(_budget(estimate) for estimate in estimates))
    table.add_row(words.YEAR, *(words.money(12 * estimate.total) for estimate in estimates))
    table.add_row(words.FREE, *(words.money(estimate.allowance) for estimate in estimates), style="dim")
    console.print(table)


def print_details(console: Console, estimate: Estimate, prices: PriceTable) -> None:
    """Print every line of one bill, the dearest first, and how many resources cost nothing."""
    title = f"{estimate.account}: {words.money(estimate.total)} US dollars a month, by resource"
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("resource", "item", "quantity", "free", "price", "a month", "sure", "why"):
        is_number = name in ("quantity", "free", "price", "a month")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for line in sorted(estimate.lines, key=lambda one: (-one.cost, one.address, one.charge.item)):
        item = prices.item(line.charge.item)
        table.add_row(
            line.address,
            item.name,
            words.quantity(line.charge.quantity, item),
            f"{line.free.normalize():,f}" if line.free else "",
            f"{line.price.usd.normalize():f}",
            words.money(line.cost),
            line.price.sure.word,
            line.charge.why,
        )
    console.print(table)
    console.print(f"{len(estimate.free_resources)} resources are free or counted elsewhere", style="dim")


def print_items(console: Console, estimates: Sequence[Estimate], prices: PriceTable) -> None:
    """Print the bills side by side, by what AWS bills."""
    table = Table(title=f"{words.TITLE}, by item", title_justify="left", header_style="bold")
    table.add_column("item", style="bold")
    for estimate in estimates:
        table.add_column(estimate.account, justify="right")
    bills = [estimate.by_item() for estimate in estimates]
    items = {item for bill in bills for item, cost in bill.items() if cost}
    for item in sorted(items, key=lambda name: (-max(bill.get(name, Decimal(0)) for bill in bills), name)):
        table.add_row(prices.item(item).name, *(words.money(bill.get(item, Decimal(0))) for bill in bills))
    table.add_section()
    table.add_row(words.TOTAL, *(_total(estimate) for estimate in estimates), style="bold")
    console.print(table)


def print_comparison(console: Console, title: str, accounts: Sequence[AccountComparison]) -> None:
    """Print what each account costs more or less, by stack; accounts in which nothing changes share one line."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("account", "stack"):
        table.add_column(name, style="bold")
    for name in ("before", "after", "difference"):
        table.add_column(name, justify="right")
    for account in accounts:
        for one in account.differences:
            row = (words.money(one.before), words.money(one.after), words.change(one.more))
            table.add_row(account.account, one.stack, *row)
        table.add_row(
            account.account,
            words.TOTAL,
            words.money(account.before),
            words.money(account.after),
            words.change(account.more),
            style="bold red" if account.more > 0 else "bold green" if account.more < 0 else "bold",
            end_section=True,
        )
    console.print(table)


def print_advice(console: Console, advice: Sequence[Advice]) -> None:
    """Print what would cost less, with the arithmetic and the catch."""
    if not advice:
        return
    table = Table(title=words.ADVICE_TITLE, title_justify="left", header_style="bold")
    for name in ("account", "what", "saves a month", "arithmetic", "the catch"):
        table.add_column(name, justify="right" if name == "saves a month" else "left", overflow="fold")
    for one in advice:
        table.add_row(one.account, one.what, words.money(one.saves), one.arithmetic, one.catch)
    console.print(table)


def _total(estimate: Estimate) -> str:
    text = words.money(estimate.total)
    return f"[red]{text}[/]" if estimate.over_budget else text


def _budget(estimate: Estimate) -> str:
    return f"{estimate.budget:,}" if estimate.budget is not None else words.NONE
