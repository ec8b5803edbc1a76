"""Asks the AWS price list for every figure of the price table, and writes the table anew.

The price list is public, but its API asks for credentials with `pricing:GetProducts`. This has been tried against
answers of the documented shape only, never against AWS: look at the difference before you commit it. A figure that AWS
does not answer with exactly one price stays as it was, and is named. Rates of savings plans and reservations are not
refreshed.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from generator.cost.prices import Item, Price, PriceTable, Sureness

PRICE_LIST_REGION = "us-east-1"
"""Where the API answers for all regions.
https://docs.aws.amazon.com/general/latest/gr/billing.html"""

SOURCE = "API"
SOURCE_OF_FIGURES = {
    "what": "answers of the AWS price list API",
    "where": "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html",
}

BY_CONTINENT = ("AmazonCloudFront",)
"""Services whose prices hold for a continent, which their usage types begin with: `US-`, `EU-`."""

HEADER = """\
# List prices of AWS in US dollars, on demand, before tax and before what is free: a dated table.
# Units are in items.yaml.
#
# sure:   high    seen in a copy of AWS's price list, or on a real bill
#         medium  commonly quoted, or the known multiple of a price that is high
#         low     check it before you rely on it
# date:   when the source was last looked at or published
#
# `python -m generator cost --refresh` asks the AWS price list for every figure and writes this file anew.
"""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh found."""

    table: PriceTable
    changed: Mapping[str, tuple[Decimal, Decimal]]
    """By `item in region`: the former figure and the new one."""
    unanswered: Mapping[str, str]
    """By `item in region`: why the former figure stays."""


def refresh(pricing: Any, table: PriceTable, today: date) -> Refreshed:
    """Return the table with the figures that AWS answers; `pricing` is boto3's client of the price list."""
    prices: dict[str, dict[str, Price]] = {}
    changed: dict[str, tuple[Decimal, Decimal]] = {}
    unanswered: dict[str, str] = {}
    for item_id, figures in table.prices.items():
        item = table.item(item_id)
        prices[item_id] = {}
        for region, former in figures.items():
            found = sorted(set(_answers(pricing, item, region)))
            where = f"{item_id} in {region}"
            if len(found) == 1:
                prices[item_id][region] = Price(found[0], Sureness.HIGH, SOURCE, today)
                if found[0] != former.usd:
                    changed[where] = (former.usd, found[0])
            else:
                prices[item_id][region] = former
                unanswered[where] = f"{len(found)} prices" if found else "no price"
    sources = {**table.sources, SOURCE: SOURCE_OF_FIGURES}
    return Refreshed(PriceTable(table.items, prices, sources, table.commitments, table.path), changed, unanswered)


def to_yaml(table: PriceTable) -> str:
    """Return the text of a price table's file, with the sources that some figure still has."""
    used = {price.source for figures in table.prices.values() for price in figures.values()}
    used |= {commitment.source for commitment in table.commitments.values()}
    content = {
        "sources": {name: dict(source) for name, source in table.sources.items() if name in used},
        "commitments": {
            name: {
                "name": one.name,
                "saves": str(one.saves),
                "sure": one.sure.word,
                "source": one.source,
                "date": str(one.date),
                "note": one.note,
            }
            for name, one in table.commitments.items()
        },
        "prices": {
            name: {
                region: {"usd": f"{one.usd:f}", "sure": one.sure.word, "source": one.source, "date": str(one.date)}
                for region, one in figures.items()
            }
            for name, figures in table.prices.items()
        },
    }
    return HEADER + yaml.safe_dump(content, default_flow_style=None, width=120, allow_unicode=True)


def _answers(pricing: Any, item: Item, region: str) -> Iterator[Decimal]:
    """Yield the prices of one unit of an item on demand; of several steps the first that is not free."""
    filters = [{"Type": "CONTAINS", "Field": "usagetype", "Value": item.usage}]
    filters += [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in item.where.items()]
    if item.service not in BY_CONTINENT:
        filters.append({"Type": "TERM_MATCH", "Field": "regionCode", "Value": region})
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode=item.service, Filters=filters, FormatVersion="aws_v1"
    )
    for page in pages:
        for text in page["PriceList"]:
            product = json.loads(text)
            if _is_usage(product["product"]["attributes"]["usagetype"], item, region):
                steps = sorted(_steps(product["terms"].get("OnDemand", {})))
                first = next((usd for _, usd in steps if usd), None)
                if first is not None:
                    yield first * item.per


def _is_usage(usage_type: str, item: Item, region: str) -> bool:
    """Return whether a usage type is the item's, with any region's prefix or none."""
    prefix, found, after = usage_type.rpartition(item.usage)
    if not found or after or (prefix and not prefix.endswith("-")):
        return False
    return item.service not in BY_CONTINENT or prefix == f"{region[:2].upper()}-"


def _steps(on_demand: Mapping[str, Any]) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield where each step of a price begins, and its dollars."""
    for term in on_demand.values():
        for dimension in term["priceDimensions"].values():
            if "USD" in dimension["pricePerUnit"]:
                yield Decimal(dimension["beginRange"]), Decimal(dimension["pricePerUnit"]["USD"]).normalize()
