"""The bill adds up, and goes the way it must: more usage is never cheaper, what is switched on costs."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from generator.checks.settings import Setting, resolved
from generator.cost.accounts import Account, Root, environment_account, tools_account
from generator.cost.estimate import Estimate, estimate, warnings
from generator.cost.prices import OLD_AFTER_DAYS, PriceTable, Sureness
from generator.cost.usage import Usage
from generator.errors import UserError
from generator.naming import PLATFORM

ROOT = Path(__file__).parents[2]
CHEAPER_WHEN_MORE = {"files_infrequent"}
"""More files that are rarely read are fewer that are often read, which cost more."""

AMOUNTS = [
    f.name
    for f in fields(Usage)
    if f.metadata["environments"] and f.type == "Decimal" and f.name not in CHEAPER_WHEN_MORE
]
shared = hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def bills(accounts: dict[str, Account], usages: dict[str, Usage], table: PriceTable) -> dict[str, Estimate]:
    return {name: estimate(account, usages, table) for name, account in accounts.items()}


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "tools"])
def test_every_way_to_add_up_gives_the_total(bills: dict[str, Estimate], name: str) -> None:
    bill = bills[name]
    assert bill.total == sum(line.cost for line in bill.lines)
    assert bill.total == sum(bill.by_stack().values()) == sum(bill.by_item().values())
    assert bill.total == sum(bill.by_sureness().values())
    assert bill.total + bill.allowance == sum(line.list_price for line in bill.lines)


def test_every_resource_is_on_the_bill_or_free(bills: dict[str, Estimate], accounts: dict[str, Account]) -> None:
    for name, bill in bills.items():
        listed = {line.address for line in bill.lines} | {resource.address for resource in bill.free_resources}
        number = sum(len(root.resolution.resources) for root in accounts[name].roots)
        assert len(listed) == number, name


def test_allowances_are_given_once_for_each_account(bills: dict[str, Estimate], table: PriceTable) -> None:
    for bill in bills.values():
        for item_id in bill.by_item():
            lines = [line for line in bill.lines if line.charge.item == item_id]
            billed = sum(line.charge.quantity for line in lines)
            assert sum(line.free for line in lines) == min(billed, table.item(item_id).free)


def test_larger_environments_cost_more(bills: dict[str, Estimate]) -> None:
    assert bills["dev"].total < bills["staging"].total < bills["prod"].total


def test_what_is_known_of_prod_without_the_model(bills: dict[str, Estimate]) -> None:
    """Reckoned by hand, from the price list of Ireland: gateways, endpoints, the load balancer's hours."""
    items = bills["prod"].by_item()
    assert items["nat.hour"] == Decimal("0.048") * 3 * 730
    assert items["vpce.hour"] == Decimal("0.011") * 6 * 3 * 730
    assert items["alb.hour"] == Decimal("0.0252") * 730
    assert items["rds.postgresql.multi.db.t3.micro"] == Decimal("0.039") * 730


@shared
@given(st.sampled_from(AMOUNTS), st.decimals("0.1", "50", places=1))
def test_more_usage_is_never_cheaper(
    accounts: dict[str, Account], usages: dict[str, Usage], table: PriceTable, name: str, more: Decimal
) -> None:
    usage = usages["prod"]
    is_share = name in ("daily_change", "log_compression")
    raised = min(Decimal(1), getattr(usage, name) + more / 50) if is_share else getattr(usage, name) + more
    after = estimate(accounts["prod"], {"prod": replace(usage, **{name: raised})}, table)
    assert after.total >= estimate(accounts["prod"], usages, table).total


@shared
@given(st.sampled_from(["logs", "buckets", "bucket_writes", "bucket_reads"]), st.integers(0, 1000))
def test_more_data_is_never_cheaper(
    accounts: dict[str, Account], usages: dict[str, Usage], table: PriceTable, name: str, more: int
) -> None:
    usage = usages["staging"]
    raised = {key: value + more for key, value in getattr(usage, name).items()}
    after = estimate(accounts["staging"], {"staging": replace(usage, **{name: raised})}, table)
    assert after.total >= estimate(accounts["staging"], usages, table).total


def total(release: Path, setting: Setting, usages: dict[str, Usage], table: PriceTable, **other: str) -> Decimal:
    parameters = {**setting.parameters, "OfficeHoursOnly": "false", **other}
    platform = resolved(release, replace(setting, parameters=parameters))
    return estimate(Account(setting.name, [Root(PLATFORM, platform)], None), usages, table).total


COSTS = [
    ({"NatGateways": "single"}, {"NatGateways": "per-zone"}),
    ({"InterfaceEndpoints": "false"}, {"InterfaceEndpoints": "true"}),
    (
        {"AvailabilityZoneC": "", "InterfaceEndpoints": "true"},
        {"AvailabilityZoneC": "eu-west-1c", "InterfaceEndpoints": "true"},
    ),
    ({"AccessMode": "none"}, {"AccessMode": "ssm"}),
    ({"VpnGatewayAddress": "", "VpnCidr": ""}, {"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "172.20.0.0/16"}),
    ({"WebApplicationFirewall": "false"}, {"WebApplicationFirewall": "true"}),
    ({"ShieldAdvanced": "false"}, {"ShieldAdvanced": "true"}),
    ({"WebServerMinimum": "1"}, {"WebServerMinimum": "2", "WebServerMaximum": "3"}),
    ({"WebServerInstanceType": "t3.micro"}, {"WebServerInstanceType": "t3.small"}),
    ({"DatabaseInstanceClass": "db.t3.micro"}, {"DatabaseInstanceClass": "db.t3.medium"}),
    ({"DatabaseStorage": "20"}, {"DatabaseStorage": "21"}),
    ({"DatabaseMultiAz": "false"}, {"DatabaseMultiAz": "true"}),
    ({"DatabaseReadReplica": "false"}, {"DatabaseReadReplica": "true"}),
    ({"SyntheticCanary": "false"}, {"SyntheticCanary": "true"}),
    ({"LongTermBackups": "false"}, {"LongTermBackups": "true"}),
    ({"RecoveryRegion": ""}, {"RecoveryRegion": "eu-central-1"}),
    ({"RestoreTesting": "false"}, {"RestoreTesting": "true"}),
    ({"AuditRetentionDays": "90"}, {"AuditRetentionDays": "365"}),
    ({"OfficeHoursOnly": "true"}, {"OfficeHoursOnly": "false"}),
]
"""Settings that cost less, and what they become when they cost more."""


@pytest.mark.parametrize(
    ("without", "with_it"), COSTS, ids=lambda choice: ",".join(f"{k}={v}" for k, v in choice.items())
)
def test_what_is_switched_on_costs(
    release: Path,
    settings: dict[str, Setting],
    usages: dict[str, Usage],
    table: PriceTable,
    without: dict[str, str],
    with_it: dict[str, str],
) -> None:
    before = total(release, settings["dev"], usages, table, **without)
    assert total(release, settings["dev"], usages, table, **with_it) > before


@pytest.mark.parametrize(
    "choice",
    [
        {"BackupVaultLock": "compliance"},
        {"DeletionProtection": "true"},
        {"TimeZone": "America/New_York"},
        {"TargetProtocol": "HTTP"},
        {"ScaleOutCpuPercent": "60"},
    ],
    ids=str,
)
def test_what_is_free_changes_nothing(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable, choice: dict[str, str]
) -> None:
    assert total(release, settings["dev"], usages, table, **choice) == total(release, settings["dev"], usages, table)


def test_prices_are_those_of_the_region(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable
) -> None:
    setting = settings["dev"]
    zones = {"AvailabilityZoneA": "us-east-1a", "AvailabilityZoneB": "us-east-1b", "AvailabilityZoneC": ""}
    virginia = Setting("dev", {**setting.parameters, **zones}, "us-east-1")
    assert total(release, virginia, usages, table) < total(release, setting, usages, table)
    elsewhere = {name: value.replace("us-east", "ap-east") for name, value in zones.items()}
    with pytest.raises(UserError, match=r"no price of .* in ap-east-1"):
        total(release, Setting("dev", {**setting.parameters, **elsewhere}, "ap-east-1"), usages, table)


def test_an_account_without_usage_is_named(accounts: dict[str, Account], table: PriceTable) -> None:
    with pytest.raises(UserError, match=r"params/usage.yaml: dev is missing"):
        estimate(accounts["dev"], {}, table)


def test_an_older_release_has_what_it_has(
    settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable
) -> None:
    released = ROOT / "templates_out" / "v1.1.0"
    bill = estimate(environment_account(released, settings["prod"]), usages, table)
    assert "Edge" not in bill.by_stack()
    assert bill.by_stack()["Egress"] > 0
    assert tools_account(released, "eu-west-1") is None


def test_a_budget_that_does_not_hold_is_a_warning(bills: dict[str, Estimate]) -> None:
    today = date(2026, 11, 22)
    generous = replace(bills["prod"], budget=100_000)
    assert warnings([generous], today) == []
    [warning] = warnings([replace(generous, budget=10)], today)
    assert "are more than its budget of 10 (MonthlyBudget)" in warning
    assert warnings([replace(generous, budget=None)], today) == []


def test_old_prices_are_a_warning(bills: dict[str, Estimate]) -> None:
    bill = replace(bills["tools"], budget=None)
    assert bill.oldest_figure is not None
    last_day = bill.oldest_figure + timedelta(days=OLD_AFTER_DAYS)
    assert warnings([bill], last_day) == []
    [warning] = warnings([bill], last_day + timedelta(days=1))
    assert str(bill.oldest_figure) in warning
    assert "--refresh" in warning


def test_an_empty_bill_is_sure_and_has_no_date() -> None:
    nothing = Estimate("dev", 1, (), ())
    assert (nothing.total, nothing.lowest_sureness, nothing.oldest_figure) == (0, Sureness.HIGH, None)
    assert warnings([nothing], date(2026, 11, 22)) == []
