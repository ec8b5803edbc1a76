"""Advice is arithmetic: what a setting would save is the difference of two estimates, and nothing else is promised."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from generator.checks.settings import Setting
from generator.cost.accounts import Account, environment_account
from generator.cost.advice import Advice, Situation, advise, endpoint_break_even
from generator.cost.estimate import estimate
from generator.cost.prices import PriceTable
from generator.cost.usage import Usage


def situation(release: Path, setting: Setting, usages: dict[str, Usage], table: PriceTable, **other: str) -> Situation:
    setting = replace(setting, parameters={**setting.parameters, **other})
    now = estimate(environment_account(release, setting), usages, table)
    return Situation(release, setting, now, usages, table)


@pytest.fixture(scope="module")
def prod(release: Path, settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable) -> Situation:
    return situation(release, settings["prod"], usages, table)


@pytest.fixture(scope="module")
def advice(prod: Situation) -> list[Advice]:
    return advise(prod)


def about(advice: list[Advice], words: str) -> Advice:
    return next(one for one in advice if words in one.what)


def test_the_best_comes_first_and_each_has_its_catch(advice: list[Advice]) -> None:
    assert [one.saves for one in advice] == sorted((one.saves for one in advice), reverse=True)
    assert all(one.saves > 0 and one.catch and one.arithmetic for one in advice)


@pytest.mark.parametrize(
    ("setting", "value"), [("NatGateways", "single"), ("InterfaceEndpoints", "false")], ids=lambda text: str(text)
)
def test_what_a_setting_saves_is_the_difference_of_two_estimates(
    prod: Situation, advice: list[Advice], setting: str, value: str
) -> None:
    saved = about(advice, f"{setting}={value}").saves
    assert saved == prod.now.total - prod.changed(**{setting: value}).total


def test_a_single_nat_gateway_saves_the_others(advice: list[Advice]) -> None:
    hours_and_addresses = 2 * 730 * (Decimal("0.048") + Decimal("0.005"))
    # Two alarms read a metric of each gateway.
    alarm_metrics = 2 * 2 * Decimal("0.10")
    assert about(advice, "NatGateways=single").saves == pytest.approx(hours_and_addresses + alarm_metrics)
    assert about(advice, "NatGateways=single").arithmetic.startswith("2 gateways less")


def test_endpoints_break_even_where_hours_are_paid_by_cheaper_data(prod: Situation, advice: list[Advice]) -> None:
    hours = 6 * 3 * 730 * Decimal("0.011")
    even = endpoint_break_even(prod)
    assert even == pytest.approx(hours / (Decimal("0.048") - Decimal("0.01")))
    assert f"{even:,.0f} GB a month" in about(advice, "InterfaceEndpoints").arithmetic


def test_above_break_even_endpoints_are_no_longer_advised_against(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable, prod: Situation
) -> None:
    even = endpoint_break_even(prod)
    assert even is not None
    busy = {**usages, "prod": replace(usages["prod"], endpoint_data=even + 1)}
    assert "InterfaceEndpoints" not in str(advise(situation(release, settings["prod"], busy, table)))
    quiet = {**usages, "prod": replace(usages["prod"], endpoint_data=even - 1)}
    assert "InterfaceEndpoints" in str(advise(situation(release, settings["prod"], quiet, table)))


def test_commitments_save_their_share_of_what_runs_steadily(
    prod: Situation, advice: list[Advice], table: PriceTable
) -> None:
    servers = prod.now.by_item()["ec2.t3.micro"]
    plan = about(advice, "Compute Savings Plan")
    assert plan.saves == table.commitments["ec2.compute_savings_plan"].saves * servers
    steady = sum(
        line.cost for line in prod.now.lines if "rds.postgresql" in line.charge.item and line.stack == "Database"
    )
    reserved = about(advice, "RDS reserved instance")
    assert reserved.saves == table.commitments["rds.reserved_instance"].saves * steady


def test_graviton_saves_the_difference_of_two_prices(prod: Situation, advice: list[Advice]) -> None:
    hours = sum(line.charge.quantity for line in prod.now.lines if line.charge.item == "ec2.t3.micro")
    expected = hours * (Decimal("0.0114") - Decimal("0.0092"))
    assert about(advice, "Graviton for the servers").saves == pytest.approx(expected)
    assert "E9 asks for db.t3.micro" in about(advice, "Graviton for the database").catch


def test_what_is_switched_already_is_not_advised(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage], table: PriceTable
) -> None:
    advice = advise(situation(release, settings["dev"], usages, table))
    text = str(advice)
    assert all(words not in text for words in ("NatGateways", "InterfaceEndpoints", "OfficeHoursOnly"))


@pytest.mark.parametrize(("environment", "advised"), [("staging", True), ("prod", False)])
def test_office_hours_are_never_advised_for_prod(
    release: Path,
    settings: dict[str, Setting],
    usages: dict[str, Usage],
    table: PriceTable,
    environment: str,
    advised: bool,
) -> None:
    one = situation(release, settings[environment], usages, table, DatabaseReadReplica="false", OfficeHoursOnly="false")
    assert ("OfficeHoursOnly" in str(advise(one))) is advised


def test_without_endpoints_there_is_no_break_even(
    release: Path,
    settings: dict[str, Setting],
    usages: dict[str, Usage],
    table: PriceTable,
    accounts: dict[str, Account],
) -> None:
    dev = Situation(release, settings["dev"], estimate(accounts["dev"], usages, table), usages, table)
    assert endpoint_break_even(dev) is None
