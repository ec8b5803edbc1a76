"""The cost report: the same amounts on the terminal, in Markdown, in JSON and in the picture."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from generator.cost.accounts import all_accounts
from generator.cost.advice import Advice
from generator.cost.comparison import compare
from generator.cost.estimate import Estimate, estimate
from generator.cost.prices import Item, load_prices
from generator.cost.usage import Usage, load_usage
from generator.environment import load_all
from generator.errors import UserError
from generator.release import folder_of
from generator.reports import cost, cost_json, cost_markdown, cost_words
from generator.reports.cost_picture import COLOURS, GROUPS, draw, group_of

ROOT = Path(__file__).parents[2]
PRICES = load_prices()
ADVICE = [Advice("prod", "One NAT gateway", Decimal("77.777"), "2 gateways less", "a zone's loss is everybody's")]


@cache
def usages() -> dict[str, Usage]:
    return load_usage(ROOT / "params" / "usage.yaml")


@cache
def bills() -> tuple[Estimate, ...]:
    accounts = all_accounts(folder_of(ROOT / "templates_out"), load_all(ROOT / "params"))
    return tuple(estimate(account, usages(), PRICES) for account in accounts)


def printed(width: int = 200) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=width, highlight=False), text


def test_the_table_has_every_total_budget_and_stack() -> None:
    console, text = printed()
    cost.print_estimates(console, bills())
    for bill in bills():
        assert cost_words.money(bill.total) in text.getvalue()
        assert cost_words.money(12 * bill.total) in text.getvalue()
        assert all(stack in text.getvalue() for stack, amount in bill.by_stack().items() if amount)


def test_the_dearest_stack_comes_first() -> None:
    order = cost_words.stacks(bills())
    dearest = max(bills(), key=lambda bill: max(bill.by_stack().values()))
    assert order[0] == next(iter(dearest.by_stack()))


def test_details_show_quantity_price_and_reason() -> None:
    console, text = printed(300)
    cost.print_details(console, bills()[-2], PRICES)
    line = next(line for line in text.getvalue().splitlines() if "Ingress/LoadBalancer" in line and "730 hours" in line)
    assert all(part in line for part in ("Application Load Balancer", "0.0252", "18.40", "high", "all month"))
    assert "resources are free or counted elsewhere" in text.getvalue()


def test_items_add_up_to_the_same_totals() -> None:
    console, text = printed()
    cost.print_items(console, bills(), PRICES)
    assert all(cost_words.money(bill.total) in text.getvalue() for bill in bills())


def test_a_comparison_shows_signs() -> None:
    dev, _, prod, _ = bills()
    changed = compare([replace(dev, account="prod")], [prod])
    console, text = printed()
    cost.print_comparison(console, "From dev to prod", changed)
    markdown = cost_markdown.comparison_table("From dev to prod", changed)
    for shown in (text.getvalue(), markdown):
        assert f"+{prod.total - dev.total:,.2f}" in shown
    same = compare([prod], [prod])
    assert same[0].differences == ()
    assert "| prod | **total** |" in cost_markdown.comparison_table("Nothing", same)


def test_advice_shows_the_arithmetic_and_the_catch() -> None:
    console, text = printed()
    cost.print_advice(console, ADVICE)
    for shown in (text.getvalue(), cost_markdown.advice_table(ADVICE)):
        assert all(part in shown for part in ("One NAT gateway", "77.78", "2 gateways less", "a zone's loss"))


def test_without_advice_nothing_is_printed() -> None:
    console, text = printed()
    cost.print_advice(console, [])
    assert text.getvalue() == ""


def test_json_has_every_line_and_loses_no_digit() -> None:
    content = json.loads(cost_json.to_json(bills(), PRICES, ADVICE, ["a warning"]))
    for bill in bills():
        account = content["accounts"][bill.account]
        assert Decimal(account["total"]) == bill.total == sum(Decimal(line["cost"]) for line in account["lines"])
        assert len(account["lines"]) == len(bill.lines)
        assert len(account["no_charge"]) == len(bill.free_resources)
        assert all(line["source"] in content["sources"] for line in account["lines"])
    assert content["warnings"] == ["a warning"]


def test_every_estimate_says_its_dates_and_how_sure_it_is() -> None:
    note = cost_words.assumptions(bills(), ["eu-west-1"])
    oldest = min(bill.oldest_figure for bill in bills() if bill.oldest_figure)
    lowest = min(bill.lowest_sureness for bill in bills())
    assert str(oldest) in note
    assert f"the least sure figure is {lowest.word}" in note
    assert "eu-west-1" in note


def test_every_assumption_and_every_price_is_in_the_tables() -> None:
    table = cost_markdown.usage_table(usages())
    assert all(f"`{name}`" in table for name in Usage.__dataclass_fields__)
    prices = cost_markdown.prices_table(PRICES, bills())
    used = {line.charge.item for bill in bills() for line in bill.lines}
    assert all(f"| {PRICES.item(item).name} |" in prices for item in used)
    assert all(one.name in prices and f"{one.saves:.1%}" in prices for one in PRICES.commitments.values())


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("13140", "hour", "13,140 hours"),
        ("1", "key", "1 key"),
        ("0.00001", "GB", "0 GB"),
        ("2.5", "GB-month", "2.5 GB-month"),
        ("3", "1,000 requests", "3 1,000 requests"),
        ("100", "million", "100 million"),
    ],
)
def test_quantities_read_as_words(amount: str, unit: str, text: str) -> None:
    item = Item("id", "name", unit, "Service", "usage", {}, Decimal(1), Decimal(0), "", "")
    assert cost_words.quantity(Decimal(amount), item) == text


@pytest.mark.parametrize(
    ("dollars", "text"), [("0", "·"), ("0.004", "0.00"), ("1234.567", "1,234.57"), ("-2", "-2.00")]
)
def test_money_has_cents(dollars: str, text: str) -> None:
    assert cost_words.money(Decimal(dollars)) == text


# The picture


def test_every_stack_has_a_place_in_the_picture() -> None:
    assert {group_of(stack) for bill in bills() for stack in bill.by_stack()} <= GROUPS.keys()
    with pytest.raises(UserError, match="stack Search is in no group of the picture"):
        group_of("Search")


def test_the_picture_is_the_same_each_time_and_shows_the_amounts() -> None:
    once, again = (draw(bills(), "prod", PRICES, "A note.") for _ in range(2))
    assert once == again
    assert once.startswith(b"<?xml")
    assert len(GROUPS) == len(COLOURS) == len(set(COLOURS))


def test_an_empty_bill_can_be_drawn() -> None:
    nothing = [Estimate("prod", None, (), ())]
    assert draw(nothing, "prod", PRICES, "Nothing.", form="png").startswith(b"\x89PNG")
