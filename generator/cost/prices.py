"""The price list: what AWS bills, in which unit, for how much, and how sure that figure is.

Two files say it. `items.yaml` names each item with its unit and its identity in AWS's price list; `prices.yaml` holds
the figures, each with its date, its source and how sure it is, and is what a refresh writes anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from pathlib import Path
from typing import Any

import yaml

from generator.errors import UserError

ITEMS = Path(__file__).with_name("items.yaml")
PRICES = Path(__file__).with_name("prices.yaml")

HOURS_A_MONTH = Decimal(730)
"""As AWS's own calculator counts. https://docs.aws.amazon.com/pricing-calculator/latest/userguide/faq.html"""

OLD_AFTER_DAYS = 180
"""Older figures are shown with a warning: AWS changes a handful of prices in half a year."""

SIZES: Mapping[str, Decimal] = {
    "nano": Decimal("0.0625"),
    "micro": Decimal("0.125"),
    "small": Decimal("0.25"),
    "medium": Decimal("0.5"),
    "large": Decimal(1),
    **{f"{number or ''}xlarge": Decimal(2 * (number or 1)) for number in (0, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24)},
}
"""How many `large` a size of the same family costs.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html#ri-instance-size-flexibility"""

EC2_TYPE = re.compile(r"ec2\.(?P<family>[a-z0-9-]+)\.(?P<size>[a-z0-9]+)")
RDS_CLASS = re.compile(r"(?P<kind>rds\.postgresql\.(?:single|multi))\.db\.(?P<family>[a-z0-9]+)\.(?P<size>[a-z0-9]+)")


class Sureness(IntEnum):
    """How sure a figure is; the lower, the less."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @property
    def word(self) -> str:
        """The word of the data file."""
        return self.name.lower()


class UnitError(Exception):
    """A quantity in another unit than its price: a defect of the model, never of the user's."""


@dataclass(frozen=True)
class Item:
    """Something that AWS bills."""

    id: str
    name: str
    """As a bill's reader calls it."""
    unit: str
    service: str
    """The service code of the price list."""
    usage: str
    """The usage type of the price list, without the region's prefix."""
    where: Mapping[str, str]
    """Attributes of the price list that tell this price from others of the same usage type."""
    per: Decimal
    """How many of the price list's units one unit is."""
    free: Decimal
    """What each account has free of charge every month, in units."""
    free_source: str
    note: str


@dataclass(frozen=True)
class Price:
    """A figure: US dollars for one unit in one region."""

    usd: Decimal
    sure: Sureness
    source: str
    """The key of the source."""
    date: date
    """When the source was published or looked at."""


@dataclass(frozen=True)
class Commitment:
    """What a promise to pay for a year saves of the list price."""

    name: str
    saves: Decimal
    """Share of the list price."""
    sure: Sureness
    source: str
    date: date
    note: str


@dataclass(frozen=True)
class PriceTable:
    """All items and their figures."""

    items: Mapping[str, Item]
    prices: Mapping[str, Mapping[str, Price]]
    """By item, then by region."""
    sources: Mapping[str, Mapping[str, str]]
    """By key: what it is, and where."""
    commitments: Mapping[str, Commitment]
    path: Path

    def item(self, item_id: str) -> Item:
        """Return an item by its id. Instance types and database classes are items of their own."""
        if item_id in self.items:
            return self.items[item_id]
        if match := EC2_TYPE.fullmatch(item_id):
            return _ec2_item(item_id, f"{match['family']}.{match['size']}")
        if match := RDS_CLASS.fullmatch(item_id):
            return _rds_item(item_id, f"db.{match['family']}.{match['size']}", zones=match["kind"].rpartition(".")[2])
        raise KeyError(item_id)

    def price(self, item_id: str, region: str) -> Price:
        """Return the figure of an item in a region. Raises `UserError` where the table has none."""
        figures = self.prices.get(item_id, {})
        if region in figures:
            return figures[region]
        match = EC2_TYPE.fullmatch(item_id)
        if match is None and (found := RDS_CLASS.fullmatch(item_id)) and not found["family"].startswith("t"):
            # RDS rounds its smallest classes, so that a size of theirs is no multiple of another.
            match = found
        if match and match["size"] in SIZES:
            large = self.prices.get(item_id.removesuffix(match["size"]) + "large", {}).get(region)
            if large:
                return Price(large.usd * SIZES[match["size"]], large.sure, large.source, large.date)
        known = sorted({region for figures in self.prices.values() for region in figures})
        raise UserError(
            f"{self.path}: no price of {item_id} in {region}; the table knows {', '.join(known)}. "
            "Add the figure with its source, or ask AWS with python -m generator cost --refresh"
        )

    def cost(self, item_id: str, quantity: Decimal, unit: str, region: str) -> Decimal:
        """Return what a quantity costs. Raises `UnitError` where it is counted in another unit than the price."""
        expected = self.item(item_id).unit
        if unit != expected:
            raise UnitError(f"{item_id} is billed by {expected}, not by {unit}")
        return quantity * self.price(item_id, region).usd


def load_prices(prices: Path = PRICES, items: Path = ITEMS) -> PriceTable:
    """Return the price list. Raises `UserError` naming file and item where it is not well formed."""
    prices, items = _from_here(prices), _from_here(items)
    content = read_mapping(prices)
    table = PriceTable(
        items={name: _item(items, name, entry) for name, entry in read_mapping(items).items()},
        prices={
            name: {region: _price(prices, f"prices/{name}/{region}", entry) for region, entry in figures.items()}
            for name, figures in content.get("prices", {}).items()
        },
        sources=content.get("sources", {}),
        commitments={
            name: _commitment(prices, f"commitments/{name}", entry)
            for name, entry in content.get("commitments", {}).items()
        },
        path=prices,
    )
    for name, figures in table.prices.items():
        for region, price in figures.items():
            if price.source not in table.sources:
                raise UserError(f"{prices}: prices/{name}/{region}: source {price.source!r} is not among the sources")
    return table


def _from_here(path: Path) -> Path:
    """Return a path as errors name it: from the working directory, where it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file. Raises `UserError`."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold a mapping")
    return content


def number(path: Path, where: str, value: object) -> Decimal:
    """Return a figure of a file, which may not be negative. Raises `UserError`."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal(-1)
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        raise UserError(f"{path}: {where}: {value!r} is not allowed; allowed: a number that is not negative")
    return found


def _ec2_item(item_id: str, instance_type: str) -> Item:
    where = {
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    usage = f"BoxUsage:{instance_type}"
    return Item(item_id, f"{instance_type} servers", "hour", "AmazonEC2", usage, where, Decimal(1), Decimal(0), "", "")


def _rds_item(item_id: str, instance_class: str, zones: str) -> Item:
    usage = f"{'Multi-AZUsage' if zones == 'multi' else 'InstanceUsage'}:{instance_class}"
    name = f"{instance_class} database" + (", two zones" if zones == "multi" else "")
    where = {"databaseEngine": "PostgreSQL"}
    return Item(item_id, name, "hour", "AmazonRDS", usage, where, Decimal(1), Decimal(0), "", "")


def _item(path: Path, name: str, entry: Mapping[str, Any]) -> Item:
    try:
        free = entry.get("free", {"amount": 0, "source": ""})
        return Item(
            id=name,
            name=entry["name"],
            unit=entry["unit"],
            service=entry["service"],
            usage=entry["usage"],
            where=entry.get("where", {}),
            per=number(path, f"{name}/per", entry.get("per", 1)),
            free=number(path, f"{name}/free/amount", free["amount"]),
            free_source=free["source"],
            note=entry.get("note", ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: {name}: must have name, unit, service and usage: {error}") from error


def _price(path: Path, where: str, entry: Mapping[str, Any]) -> Price:
    try:
        usd = number(path, f"{where}/usd", entry["usd"])
        return Price(usd, Sureness[entry["sure"].upper()], entry["source"], _date(entry["date"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: {where}: must have usd, sure (low, medium or high), source and date: {error}"
        ) from error


def _commitment(path: Path, where: str, entry: Mapping[str, Any]) -> Commitment:
    try:
        saves = number(path, f"{where}/saves", entry["saves"])
        sure, day = Sureness[entry["sure"].upper()], _date(entry["date"])
        return Commitment(entry["name"], saves, sure, entry["source"], day, entry["note"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: {where}: must have name, saves, sure, source, date and note: {error}") from error


def _date(value: object) -> date:
    return date.fromisoformat(str(value))
