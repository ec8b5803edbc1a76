"""A refresh takes what AWS answers with exactly one price, and leaves the rest as it was.

AWS is played by botocore's stubber, which holds requests and answers to the service's own model; the products have the
shape that the price list documents. https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import ANY, Stubber

from generator.cost.prices import Price, PriceTable, Sureness, load_prices
from generator.cost.refresh import SOURCE, refresh, to_yaml

TODAY = date(2026, 12, 24)
OLD = Price(Decimal("0.048"), Sureness.LOW, "LIST", date(2026, 1, 1))


def product(usage: str, *steps: tuple[str, str], **attributes: str) -> str:
    """One product of the price list; each step is where it begins, and its dollars."""
    dimensions = {
        f"SKU.JRTCKXETXF.{number}": {
            "unit": "Hrs",
            "endRange": "Inf",
            "description": "a price",
            "appliesTo": [],
            "beginRange": begin,
            "pricePerUnit": {"USD": usd},
        }
        for number, (begin, usd) in enumerate(steps)
    }
    term = {"SKU.JRTCKXETXF": {"priceDimensions": dimensions, "sku": "SKU", "offerTermCode": "JRTCKXETXF"}}
    body = {"productFamily": "family", "attributes": {"usagetype": usage, **attributes}, "sku": "SKU"}
    return json.dumps({"product": body, "serviceCode": "Service", "terms": {"OnDemand": term}})


@contextmanager
def aws(*pages: list[str], filters: Any = ANY) -> Iterator[Any]:
    """The price list's client, which answers one question with these pages."""
    client = boto3.client("pricing", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as stubber:
        for number, page in enumerate(pages):
            token = {"NextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
            asked = {"ServiceCode": ANY, "FormatVersion": "aws_v1", "Filters": filters}
            if number:
                asked["NextToken"] = f"page-{number}"
            stubber.add_response("get_products", {"PriceList": page, "FormatVersion": "aws_v1", **token}, asked)
        yield client
        stubber.assert_no_pending_responses()


def only(table: PriceTable, item: str, region: str = "eu-west-1") -> PriceTable:
    return replace(table, prices={item: {region: OLD}})


def test_a_price_is_taken_with_date_and_source(table: PriceTable) -> None:
    filters = [
        {"Type": "CONTAINS", "Field": "usagetype", "Value": "NatGateway-Hours"},
        {"Type": "TERM_MATCH", "Field": "operation", "Value": "NatGateway"},
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
    ]
    with aws([product("EU-NatGateway-Hours", ("0", "0.0500000000"))], filters=filters) as pricing:
        found = refresh(pricing, only(table, "nat.hour"), TODAY)
    assert found.table.price("nat.hour", "eu-west-1") == Price(Decimal("0.05"), Sureness.HIGH, SOURCE, TODAY)
    assert found.changed == {"nat.hour in eu-west-1": (Decimal("0.048"), Decimal("0.05"))}
    assert found.unanswered == {}


def test_the_same_price_is_confirmed(table: PriceTable) -> None:
    with aws([product("NatGateway-Hours", ("0", "0.048"))]) as pricing:
        found = refresh(pricing, only(table, "nat.hour", "us-east-1"), TODAY)
    assert found.changed == {}
    assert found.table.price("nat.hour", "us-east-1").date == TODAY


def test_usage_types_that_only_contain_ours_are_others(table: PriceTable) -> None:
    page = [
        product("EU-NatGateway-Hours", ("0", "0.048")),
        product("EU-RegionalNatGateway-Hours", ("0", "0.06")),
        product("EU-NatGateway-Hours-Reserved", ("0", "0.01")),
    ]
    with aws(page) as pricing:
        assert refresh(pricing, only(table, "nat.hour"), TODAY).unanswered == {}


def test_answers_of_all_pages_count(table: PriceTable) -> None:
    pages = ([product("EU-NatGateway-Hours", ("0", "0.048"))], [product("EU-NatGateway-Hours", ("0", "0.07"))])
    with aws(*pages) as pricing:
        found = refresh(pricing, only(table, "nat.hour"), TODAY)
    assert found.unanswered == {"nat.hour in eu-west-1": "2 prices"}
    assert found.table.price("nat.hour", "eu-west-1") == OLD


@pytest.mark.parametrize("page", [[], [product("EU-Other", ("0", "1"))], [product("EU-NatGateway-Hours", ("0", "0"))]])
def test_without_an_answer_the_former_figure_stays(table: PriceTable, page: list[str]) -> None:
    with aws(page) as pricing:
        found = refresh(pricing, only(table, "nat.hour"), TODAY)
    assert found.unanswered == {"nat.hour in eu-west-1": "no price"}
    assert found.table.price("nat.hour", "eu-west-1") == OLD


def test_of_several_steps_the_first_that_is_not_free_is_taken(table: PriceTable) -> None:
    """What is free for ever is in items.yaml; the larger steps are beyond a platform of this size."""
    steps = (("25", "0.283"), ("0", "0"), ("1000", "0.2"))
    with aws([product("EU-TimedStorage-ByteHrs", *steps)]) as pricing:
        found = refresh(pricing, only(table, "dynamodb.storage"), TODAY)
    assert found.table.price("dynamodb.storage", "eu-west-1").usd == Decimal("0.283")


def test_prices_of_one_are_told_of_the_unit(table: PriceTable) -> None:
    with aws([product("EU-WriteRequestUnits", ("0", "0.0000007050"))]) as pricing:
        found = refresh(pricing, only(table, "dynamodb.write"), TODAY)
    assert found.table.price("dynamodb.write", "eu-west-1").usd == Decimal("0.705")


@pytest.mark.parametrize(("region", "usd"), [("eu-west-1", "0.085"), ("us-east-1", "0.084")])
def test_prices_of_a_continent_are_told_by_its_prefix(table: PriceTable, region: str, usd: str) -> None:
    page = [
        product("EU-DataTransfer-Out-Bytes", ("0", "0.085")),
        product("US-DataTransfer-Out-Bytes", ("0", "0.084")),
    ]
    filters = [{"Type": "CONTAINS", "Field": "usagetype", "Value": "DataTransfer-Out-Bytes"}]
    with aws(page, filters=filters) as pricing:
        found = refresh(pricing, only(table, "cloudfront.out", region), TODAY)
    assert found.table.price("cloudfront.out", region).usd == Decimal(usd)


def test_instance_types_and_classes_are_asked_for_by_name(table: PriceTable) -> None:
    for item, usage in (
        ("ec2.t3.large", "EU-BoxUsage:t3.large"),
        ("rds.postgresql.multi.db.t3.micro", "EU-Multi-AZUsage:db.t3.micro"),
        ("rds.postgresql.single.db.t3.micro", "EU-InstanceUsage:db.t3.micro"),
    ):
        with aws([product(usage, ("0", "0.1"))]) as pricing:
            assert refresh(pricing, only(table, item), TODAY).unanswered == {}


def test_the_file_reads_back_as_it_was_written(table: PriceTable, tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(to_yaml(table), encoding="utf-8")
    assert load_prices(path) == replace(table, path=path)


def test_the_real_file_is_as_a_refresh_writes_it(table: PriceTable) -> None:
    assert table.path.read_text(encoding="utf-8") == to_yaml(table)


def test_sources_that_no_figure_has_any_more_are_left_out(table: PriceTable) -> None:
    with aws([product("EU-NatGateway-Hours", ("0", "0.05"))]) as pricing:
        found = refresh(pricing, only(table, "nat.hour"), TODAY)
    text = to_yaml(found.table)
    sources: Mapping[str, Any] = load_sources(text)
    assert set(sources) == {SOURCE, *(one.source for one in table.commitments.values())}


def load_sources(text: str) -> Mapping[str, Any]:
    sources: Mapping[str, Any] = yaml.safe_load(text)["sources"]
    return sources
