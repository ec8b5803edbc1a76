"""The price list: every figure has a unit, a date, a source and a sureness; wrong files say where they are wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.cost.prices import ITEMS, PRICES, PriceTable, Sureness, UnitError, load_prices, read_mapping
from generator.errors import UserError

ENVIRONMENT_REGIONS = ("eu-west-1", "us-east-1")


def written(folder: Path, **changes: Any) -> Path:
    content = {**read_mapping(PRICES), **changes}
    path = folder / "prices.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def one_price(**changes: Any) -> dict[str, Any]:
    figure = {"usd": "1", "sure": "high", "source": "PL", "date": "2026-11-21", **changes}
    return {"prices": {"kms.key": {"eu-west-1": figure}}}


@pytest.mark.parametrize("region", ENVIRONMENT_REGIONS)
def test_every_item_has_a_price_where_environments_are(table: PriceTable, region: str) -> None:
    assert [item for item in table.items if region not in table.prices[item]] == []


def test_every_figure_belongs_to_an_item_with_a_unit(table: PriceTable) -> None:
    for item_id in table.prices:
        assert table.item(item_id).unit


def test_every_source_is_used_and_says_where_it_is(table: PriceTable) -> None:
    used = {price.source for figures in table.prices.values() for price in figures.values()}
    used |= {commitment.source for commitment in table.commitments.values()}
    assert used == set(table.sources)
    assert all(source["where"].startswith("https://") for source in table.sources.values())


def test_what_is_free_says_where_that_is_written(table: PriceTable) -> None:
    assert all(item.free_source.startswith("https://") for item in table.items.values() if item.free)


def test_sizes_of_a_family_follow_from_one(table: PriceTable) -> None:
    assert table.price("ec2.t3.micro", "us-east-1").usd == Decimal("0.0104")
    assert table.price("ec2.t3.2xlarge", "us-east-1").usd == 4 * table.price("ec2.t3.large", "us-east-1").usd
    assert table.price("rds.postgresql.single.db.r6g.xlarge", "us-east-1").usd == Decimal("0.45")


@pytest.mark.parametrize("family", ["t3", "t4g"])
@pytest.mark.parametrize("region", ENVIRONMENT_REGIONS)
def test_listed_sizes_agree_with_what_follows_from_the_family(table: PriceTable, family: str, region: str) -> None:
    """A slip of the pen in one of the two would show here."""
    for item_id, figures in table.prices.items():
        if item_id.startswith(f"ec2.{family}."):
            size = item_id.rpartition(".")[2]
            from_large = {"micro": 8, "small": 4, "medium": 2, "large": 1}[size]
            assert figures[region].usd * from_large == table.prices[f"ec2.{family}.large"][region].usd


@pytest.mark.parametrize("region", ENVIRONMENT_REGIONS)
def test_two_zones_cost_about_twice_as_much(table: PriceTable, region: str) -> None:
    for item_id in table.prices:
        if item_id.startswith(("rds.postgresql.single", "rds.gp3.single")):
            single = table.price(item_id, region).usd
            double = table.price(item_id.replace("single", "multi"), region).usd
            assert Decimal("1.9") < double / single < Decimal("2.1")


def test_sizes_of_small_databases_do_not_follow(table: PriceTable) -> None:
    with pytest.raises(UserError, match=r"no price of rds.postgresql.single.db.t3.2xlarge in us-east-1"):
        table.price("rds.postgresql.single.db.t3.2xlarge", "us-east-1")


@pytest.mark.parametrize(("item", "region"), [("ec2.u7i.large", "eu-west-1"), ("nat.hour", "ap-south-1")])
def test_an_unknown_price_says_what_to_do(table: PriceTable, item: str, region: str) -> None:
    with pytest.raises(UserError, match=rf"prices.yaml: no price of {item} in {region}; the table knows .*--refresh"):
        table.price(item, region)


def test_files_are_named_from_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PRICES.parents[2])
    with pytest.raises(UserError, match=r"^generator/cost/prices\.yaml: no price of nat\.hour in ap-south-1"):
        load_prices().price("nat.hour", "ap-south-1")
    monkeypatch.chdir(PRICES.parent)
    with pytest.raises(UserError, match=r"^prices\.yaml: "):
        load_prices().price("nat.hour", "ap-south-1")


def test_quantities_in_another_unit_are_refused(table: PriceTable) -> None:
    assert table.cost("nat.hour", Decimal(10), "hour", "eu-west-1") == Decimal("0.480")
    with pytest.raises(UnitError, match=r"nat\.hour is billed by hour, not by GB"):
        table.cost("nat.hour", Decimal(10), "GB", "eu-west-1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (one_price(usd="-1"), r"prices/kms.key/eu-west-1/usd: '-1' is not allowed"),
        (one_price(usd="much"), r"prices/kms.key/eu-west-1/usd: 'much' is not allowed"),
        (one_price(usd="NaN"), r"prices/kms.key/eu-west-1/usd: 'NaN' is not allowed"),
        (one_price(sure="quite"), r"prices/kms.key/eu-west-1: must have usd, sure"),
        (one_price(date="yesterday"), r"prices/kms.key/eu-west-1: must have usd, sure"),
        (one_price(source="HEARSAY"), r"prices/kms.key/eu-west-1: source 'HEARSAY' is not among the sources"),
        ({"commitments": {"plan": {"saves": "0.3"}}}, r"commitments/plan: must have name"),
    ],
)
def test_a_wrong_figure_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_prices(written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "must hold a mapping"),
        ("a: [", "is not YAML"),
        ("nat.hour: {name: NAT}", "nat.hour: must have name, unit"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    items = tmp_path / "items.yaml"
    items.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_prices(items=items)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.yaml: cannot be read"):
        load_prices(tmp_path / "nowhere.yaml", ITEMS)


def test_sureness_is_ordered() -> None:
    assert Sureness.LOW < Sureness.MEDIUM < Sureness.HIGH
    assert Sureness.LOW.word == "low"
