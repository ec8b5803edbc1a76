"""The cost report as JSON: every line of every bill, for programs. docs/schemas/cost.json describes it.

Amounts are text, so that no digit is lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from generator.cost.advice import Advice
from generator.cost.comparison import AccountComparison
from generator.cost.estimate import Estimate, Line
from generator.cost.prices import PriceTable

SCHEMA = 1


def to_json(
    estimates: Sequence[Estimate],
    prices: PriceTable,
    advice: Sequence[Advice],
    warnings: Sequence[str],
    comparison: Sequence[AccountComparison] = (),
) -> str:
    """Return the report as JSON text."""
    content = {
        "schema": SCHEMA,
        "currency": "USD",
        "accounts": {estimate.account: _account(estimate, prices) for estimate in estimates},
        "advice": [
            {"account": one.account, "what": one.what, "saves": f"{one.saves:f}", "catch": one.catch} for one in advice
        ],
        "comparison": [
            {
                "account": one.account,
                "before": f"{one.before:f}",
                "after": f"{one.after:f}",
                "stacks": {each.stack: f"{each.more:f}" for each in one.differences},
            }
            for one in comparison
        ],
        "sources": prices.sources,
        "warnings": list(warnings),
    }
    return json.dumps(content, indent=2) + "\n"


def _account(estimate: Estimate, prices: PriceTable) -> dict[str, Any]:
    return {
        "total": f"{estimate.total:f}",
        "budget": estimate.budget,
        "free_for_ever": f"{estimate.allowance:f}",
        "lowest_sureness": estimate.lowest_sureness.word,
        "oldest_figure": str(estimate.oldest_figure),
        "lines": [_line(line, prices) for line in estimate.lines],
        "no_charge": [{"address": one.address, "type": one.type, "why": one.why} for one in estimate.free_resources],
    }


def _line(line: Line, prices: PriceTable) -> dict[str, str]:
    return {
        "stack": line.stack,
        "address": line.address,
        "type": line.type,
        "item": line.charge.item,
        "name": prices.item(line.charge.item).name,
        "quantity": f"{line.charge.quantity:f}",
        "free": f"{line.free:f}",
        "unit": line.charge.unit,
        "price": f"{line.price.usd:f}",
        "cost": f"{line.cost:f}",
        "sure": line.price.sure.word,
        "source": line.price.source,
        "date": str(line.price.date),
        "why": line.charge.why,
    }
