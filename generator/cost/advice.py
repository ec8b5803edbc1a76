"""What could be saved, with the arithmetic: other settings, promises for a year, processors of another kind.

Where a setting says it, the account is estimated again with that setting, so that the figure is the model's own.
Nothing here is a decision: each piece of advice names what it costs in other coin. What two of them save does not add
up: a promise is worth less where there is less to promise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from generator.checks.settings import Setting
from generator.cost.accounts import environment_account
from generator.cost.billing_network import VPC_ENDPOINT
from generator.cost.estimate import Estimate, Line, estimate
from generator.cost.prices import PriceTable
from generator.cost.usage import Usage

CENT = Decimal("0.01")

GRAVITON = {"t3": "t4g", "t3a": "t4g", "m5": "m6g", "m6i": "m6g", "m7i": "m7g"}
"""The family with AWS's own processors that does the work of another."""

EC2 = re.compile(r"ec2\.(?P<family>\w+)\.(?P<size>\w+)")
RDS = re.compile(r"(?P<kind>rds\.postgresql\.\w+\.db)\.(?P<family>\w+)\.(?P<size>\w+)")


@dataclass(frozen=True)
class Advice:
    """One way to pay less."""

    account: str
    what: str
    saves: Decimal
    """US dollars a month."""
    arithmetic: str
    catch: str
    """What it costs in other coin."""


@dataclass(frozen=True)
class Situation:
    """What advice is given about: an environment's account as it is, and all that is needed to estimate it anew."""

    release: Path
    setting: Setting
    now: Estimate
    usages: Mapping[str, Usage]
    table: PriceTable

    def changed(self, **settings: str) -> Estimate:
        """Return the estimate with other settings."""
        setting = replace(self.setting, parameters={**self.setting.parameters, **settings})
        return estimate(environment_account(self.release, setting), self.usages, self.table)


def advise(situation: Situation) -> list[Advice]:
    """Return every way to save at least a cent a month in one environment, the best first."""
    found = [
        *_single_nat(situation),
        *_no_endpoints(situation),
        *_office_hours(situation),
        *_commitments(situation),
        *_graviton(situation),
    ]
    return sorted((one for one in found if one.saves >= CENT), key=lambda one: (-one.saves, one.what))


def endpoint_break_even(situation: Situation) -> Decimal | None:
    """Return the GB a month above which interface endpoints cost less than NAT gateways; none where they always do."""
    hours = sum((line.cost for line in situation.now.lines if line.charge.item == "vpce.hour"), Decimal(0))
    region = situation.setting.region
    saved = situation.table.price("nat.gb", region).usd - situation.table.price("vpce.gb", region).usd
    return hours / saved if saved > 0 and hours else None


def _single_nat(situation: Situation) -> list[Advice]:
    if situation.setting.parameters["NatGateways"] != "per-zone":
        return []
    after = situation.changed(NatGateways="single")
    removed = _count(situation.now, "AWS::EC2::NatGateway") - _count(after, "AWS::EC2::NatGateway")
    return [
        Advice(
            situation.now.account,
            "One NAT gateway for all zones (NatGateways=single)",
            situation.now.total - after.total,
            f"{removed} gateways less, each with its hours and its public address",
            "when the gateway's zone is lost, no server reaches the internet; what crosses zones costs a little more",
        )
    ]


def _no_endpoints(situation: Situation) -> list[Advice]:
    if situation.setting.parameters["InterfaceEndpoints"] != "true":
        return []
    after = situation.changed(InterfaceEndpoints="false")
    number = _count(situation.now, VPC_ENDPOINT) - _count(after, VPC_ENDPOINT)
    even = endpoint_break_even(situation)
    data = situation.usages[situation.now.account].endpoint_data
    return [
        Advice(
            situation.now.account,
            "No interface endpoints (InterfaceEndpoints=false)",
            situation.now.total - after.total,
            f"{number} endpoints less; they pay above {even:,.0f} GB a month, and carry {data:f}" if even else "",
            "calls of AWS's APIs leave by NAT, and depend on it; endpoint policies no longer confine them",
        )
    ]


def _office_hours(situation: Situation) -> list[Advice]:
    parameters = situation.setting.parameters
    is_prod = situation.setting.parameters["EnvironmentName"] == "prod"
    if is_prod or parameters.get("OfficeHoursOnly") != "false" or parameters["DatabaseReadReplica"] == "true":
        return []
    return [
        Advice(
            situation.now.account,
            "Servers and database in office hours only (OfficeHoursOnly=true)",
            situation.now.total - situation.changed(OfficeHoursOnly="true").total,
            "the same bill with fewer hours of servers and database",
            "nobody tests or rehearses at night and at weekends",
        )
    ]


def _commitments(situation: Situation) -> list[Advice]:
    table, lines = situation.table, situation.now.lines
    steady = _cost_of(lines, EC2)
    database = _cost_of(lines, RDS)
    found = []
    for name, base, catch in (
        ("ec2.compute_savings_plan", steady, "a year of paying, also for hours that are not used"),
        ("ec2.instance_savings_plan", steady, "a year of paying, and of this family in this region"),
        ("rds.reserved_instance", database, "a year of paying, and of this class and region"),
    ):
        commitment = table.commitments[name]
        arithmetic = f"{commitment.saves:.1%} of {base:,.2f} dollars a month on demand"
        found.append(Advice(situation.now.account, commitment.name, commitment.saves * base, arithmetic, catch))
    return found


def _graviton(situation: Situation) -> list[Advice]:
    found = []
    for kind, pattern, catch in (
        ("servers", EC2, "an image for ARM, and programs built for it; E8 asks for t3.micro"),
        ("database", RDS, "a short outage; E9 asks for db.t3.micro"),
    ):
        saved = Decimal(0)
        examples: dict[str, None] = {}
        for line in situation.now.lines:
            match = pattern.fullmatch(line.charge.item)
            if match and match["family"] in GRAVITON and line.stack != "Recovery":
                other = line.charge.item.replace(f".{match['family']}.", f".{GRAVITON[match['family']]}.")
                region = situation.setting.region
                usd = situation.table.price(other, region).usd
                saved += (line.price.usd - usd) * line.charge.quantity
                examples[f"{line.price.usd.normalize():f} - {usd.normalize():f} dollars an hour"] = None
        what = f"Graviton for the {kind} ({'t4g' if kind == 'servers' else 'db.t4g'})"
        found.append(Advice(situation.now.account, what, saved, " and ".join(examples), catch))
    return found


def _cost_of(lines: tuple[Line, ...], pattern: re.Pattern[str]) -> Decimal:
    """Return what items cost that run steadily: not what a load or a test adds for a while."""
    return sum(
        (line.cost for line in lines if pattern.fullmatch(line.charge.item) and line.stack != "Recovery"), Decimal(0)
    )


def _count(account: Estimate, resource_type: str) -> int:
    """Return how many billed resources of a type there are."""
    return len({line.address for line in account.lines if line.type == resource_type})
