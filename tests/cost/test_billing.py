"""Every billable resource is tied to a price or to the reason why it is free, in every setting."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from generator.checks.rule_sets.subjects import EXAMPLES, of_other_roots
from generator.checks.settings import Setting, all_settings, resolved
from generator.cost.accounts import IN_ENVIRONMENTS, IN_TOOLS, Account, Root, environment_account
from generator.cost.billing import RULES, bill
from generator.cost.charges import Charge, NoCharge, Surroundings
from generator.cost.no_charge import NO_CHARGE
from generator.cost.prices import HOURS_A_MONTH, PriceTable
from generator.cost.usage import Usage
from generator.environment import load_all
from generator.errors import UserError
from generator.naming import PLATFORM
from generator.release import read_manifest
from generator.resolver import Resource

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prod(accounts: dict[str, Account], usages: dict[str, Usage]) -> Surroundings:
    platform = accounts["prod"].platform
    assert platform is not None
    return Surroundings(platform, usages["prod"], [platform])


def charges(around: Surroundings, address: str, **properties: Any) -> dict[str, Charge]:
    """Return what a resource is billed for, by item, with some of its properties changed; None takes one away."""
    found = around.resolution.resources[address]
    merged = {**found.properties, **properties}
    changed = replace(found, properties={name: value for name, value in merged.items() if value is not None})
    return {entry.item: entry for entry in bill(changed, around) if isinstance(entry, Charge)}


def changed(around: Surroundings, address: str, **properties: Any) -> Surroundings:
    """Return the surroundings with another resource changed."""
    resources = dict(around.resolution.resources)
    resources[address] = replace(resources[address], properties={**resources[address].properties, **properties})
    resolution = replace(around.resolution, resources=resources)
    return Surroundings(resolution, around.usage, [resolution])


def test_no_type_has_both_a_price_and_a_reason() -> None:
    assert RULES.keys() & NO_CHARGE.keys() == set()


@pytest.fixture(scope="module")
def every_account(release: Path, accounts: dict[str, Account]) -> list[Account]:
    """Every account, and the platform in every setting."""
    resolutions = [resolved(release, setting) for setting in all_settings(load_all(ROOT / "params"))]
    return [*accounts.values(), *(Account("dev", [Root(PLATFORM, each)], None) for each in resolutions)]


def test_every_resource_in_every_setting_has_a_price_or_a_reason(
    every_account: list[Account], usages: dict[str, Usage], table: PriceTable
) -> None:
    seen = set()
    for account in every_account:
        usage = usages[account.name]
        for root in account.roots:
            around = Surroundings(root.resolution, usage, [each.resolution for each in account.roots])
            for resource in root.resolution.resources.values():
                seen.add(resource.type)
                entries = bill(resource, around)
                assert entries, resource.address
                for entry in entries:
                    if isinstance(entry, Charge):
                        region = entry.region or root.resolution.region
                        assert table.cost(entry.item, entry.quantity, entry.unit, region) >= 0
                    else:
                        assert entry.why
    assert {"AWS::EC2::VPNConnection", "AWS::Shield::Protection", "AWS::CodePipeline::Pipeline"} <= seen


def test_every_variant_of_the_other_roots_has_a_price_or_a_reason(release: Path) -> None:
    types = {
        resource["Type"]
        for subject in of_other_roots(release)
        for resource in subject.folded.template["Resources"].values()
    }
    assert types <= RULES.keys() | NO_CHARGE.keys()


def test_every_root_belongs_to_an_account(release: Path) -> None:
    roots = {Path(name).stem for name, entry in read_manifest(release)["templates"].items() if entry["root"]}
    assert roots <= {*IN_ENVIRONMENTS, *IN_TOOLS}


def test_a_type_that_nobody_priced_is_refused(prod: Surroundings) -> None:
    unknown = Resource("Cache", "Cache", "AWS::ElastiCache::ReplicationGroup", {}, {}, None, "cache.yaml", ())
    with pytest.raises(UserError, match=r"cache.yaml: Cache: nothing is known of what AWS::ElastiCache"):
        bill(unknown, prod)


def test_a_root_that_nobody_placed_is_refused(release: Path, tmp_path: Path, settings: dict[str, Setting]) -> None:
    copy = tmp_path / release.name
    copy.mkdir()
    for path in release.iterdir():
        (copy / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["templates"]["search.yaml"] = {"root": True, "sha256": ""}
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UserError, match=r"search.yaml: which account has this root"):
        environment_account(copy, settings["dev"])


def test_roots_are_resolved_with_values_for_all_their_parameters(accounts: dict[str, Account]) -> None:
    assert EXAMPLES["EnvironmentName"] == "prod"
    edge = {root.name: root for root in accounts["dev"].roots}["global_edge"]
    assert edge.resolution.parameters[""]["EnvironmentName"] == "dev"
    assert edge.resolution.region == "us-east-1"


# What each rule reads in the template


def test_servers_count_the_minimum_and_the_hours_under_load(prod: Surroundings) -> None:
    address = "WebTier/WebServerGroup"
    extra = prod.usage.extra_server_hours
    assert charges(prod, address)["ec2.t3.micro"].quantity == 2 * HOURS_A_MONTH + extra
    assert charges(prod, address, MaxSize="2")["ec2.t3.micro"].quantity == 2 * HOURS_A_MONTH
    assert charges(prod, address, MinSize="1")["ec2.t3.micro"].quantity == HOURS_A_MONTH + extra
    assert charges(prod, address)["ebs.gp3"].quantity == 10 * (2 + extra / HOURS_A_MONTH)


def test_load_cannot_be_more_than_the_maximum_allows(prod: Surroundings) -> None:
    busy = replace(prod, usage=replace(prod.usage, extra_server_hours=Decimal(100_000)))
    assert charges(busy, "WebTier/WebServerGroup")["ec2.t3.micro"].quantity == 3 * HOURS_A_MONTH


def test_credits_are_billed_where_they_are_unlimited(prod: Surroundings) -> None:
    template = "WebTier/LaunchTemplate"
    data = dict(prod.resolution.resources[template].properties["LaunchTemplateData"])
    standard = changed(prod, template, LaunchTemplateData={**data, "CreditSpecification": {"CpuCredits": "standard"}})
    large = changed(prod, template, LaunchTemplateData={**data, "InstanceType": "m5.large"})
    address = "WebTier/WebServerGroup"
    assert charges(prod, address)["ec2.surplus_credits"].quantity == prod.usage.surplus_credit_hours
    assert "ec2.surplus_credits" not in charges(standard, address)
    assert "ec2.surplus_credits" not in charges(large, address)
    assert "ec2.m5.large" in charges(large, address)


def test_the_database_is_billed_by_class_zones_and_storage(prod: Surroundings) -> None:
    found = charges(prod, "Database/Database", AllocatedStorage="20")
    assert found["rds.postgresql.multi.db.t3.micro"].quantity == HOURS_A_MONTH
    assert found["rds.gp3.multi"].quantity == 20
    single = charges(prod, "Database/Database", MultiAZ="false", DBInstanceClass="db.t4g.small")
    assert "rds.postgresql.single.db.t4g.small" in single


def test_a_replica_has_the_storage_of_its_source_and_no_backups(prod: Surroundings) -> None:
    bigger = changed(prod, "Database/Database", AllocatedStorage="100")
    found = charges(bigger, "Database/ReadReplica")
    assert found["rds.gp3.single"].quantity == 100
    assert "rds.backup" not in found


def test_backups_are_free_up_to_the_size_of_the_database(prod: Surroundings) -> None:
    assert charges(prod, "Database/Database")["rds.backup"].quantity == 0
    full = replace(prod, usage=replace(prod.usage, database_data=Decimal(20), daily_change=Decimal("0.1")))
    assert charges(full, "Database/Database", BackupRetentionPeriod="7")["rds.backup"].quantity == 14


@pytest.mark.parametrize(
    ("address", "properties", "message"),
    [
        ("Database/Database", {"StorageType": "io1"}, "only prices of allocated gp3 storage"),
        ("Database/Database", {"PerformanceInsightsRetentionPeriod": "31"}, "no price of Performance Insights"),
        ("Storage/SessionTable", {"BillingMode": "PROVISIONED"}, "only prices of tables on demand"),
        ("Database/EndpointParameter", {"Tier": "Advanced"}, "only standard parameters"),
        ("WebTier/SustainedLoad", {"Period": "10"}, "no price of alarms of high resolution"),
    ],
)
def test_what_has_no_price_is_refused(
    prod: Surroundings, address: str, properties: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        charges(prod, address, **properties)


def test_endpoints_are_billed_in_each_zone_and_gateway_endpoints_are_free(prod: Surroundings) -> None:
    assert charges(prod, "Egress/LogsEndpoint")["vpce.hour"].quantity == 3 * HOURS_A_MONTH
    one = charges(prod, "Egress/LogsEndpoint", SubnetIds=["⟨Network/PrivateSubnetA⟩"])
    assert one["vpce.hour"].quantity == HOURS_A_MONTH
    [entry] = bill(prod.resolution.resources["Network/S3Endpoint"], prod)
    assert entry == NoCharge("gateway endpoints are free")


def test_without_endpoints_the_calls_of_apis_pass_the_nat_gateways(
    accounts: dict[str, Account], usages: dict[str, Usage]
) -> None:
    usage = replace(usages["dev"], nat_data=Decimal(10), endpoint_data=Decimal(5))
    platform = accounts["dev"].platform
    assert platform is not None
    without = Surroundings(platform, usage, [platform])
    assert charges(without, "Egress/NatGatewayA")["nat.gb"].quantity == 15


def test_nat_gateways_share_what_passes(prod: Surroundings) -> None:
    assert charges(prod, "Egress/NatGatewayA")["nat.gb"].quantity == pytest.approx(prod.usage.nat_data / 3)


def test_a_load_balancer_has_an_address_in_each_zone(prod: Surroundings) -> None:
    address = "Ingress/LoadBalancer"
    assert charges(prod, address)["ipv4.public"].quantity == 3 * HOURS_A_MONTH
    assert "ipv4.public" not in charges(prod, address, Scheme="internal")


def test_capacity_units_are_the_larger_of_data_and_connections(prod: Surroundings) -> None:
    quiet = replace(prod, usage=replace(prod.usage, application_out=Decimal(500), application_requests=Decimal(1)))
    busy = replace(prod, usage=replace(prod.usage, application_out=Decimal(1), application_requests=Decimal(9)))
    assert charges(quiet, "Ingress/LoadBalancer")["alb.lcu"].quantity == 500
    assert charges(busy, "Ingress/LoadBalancer")["alb.lcu"].quantity == 100


def test_logs_are_kept_compressed_for_their_retention(prod: Surroundings) -> None:
    address = "WebTier/WebServerLogGroup"
    taken_in = prod.usage.logs["WebServerLogGroup"]
    found = charges(prod, address)
    assert found["logs.ingested"].quantity == taken_in
    assert found["logs.stored"].quantity == taken_in * prod.usage.log_compression * 7 / 30
    assert charges(prod, address, RetentionInDays=70)["logs.stored"].quantity == 10 * found["logs.stored"].quantity


@pytest.mark.parametrize("address", ["Network/FlowLogGroup", "Ingress/WebAclLogGroup"])
def test_flow_and_firewall_logs_are_vended(prod: Surroundings, address: str) -> None:
    assert "logs.vended" in charges(prod, address)


def test_an_alarm_is_billed_for_each_metric_that_it_reads(prod: Surroundings) -> None:
    stat = {"MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}
    math = [{"Id": "share", "Expression": "a / b"}, {"Id": "a", **stat}, {"Id": "b", **stat}]
    query = [{"Id": "q", "Expression": 'SELECT SUM(Requests) FROM SCHEMA("AWS/CloudFront", DistributionId)'}]
    address = "WebTier/SustainedLoad"
    assert charges(prod, address)["cloudwatch.alarm"].quantity == 1
    assert charges(prod, address, Metrics=math)["cloudwatch.alarm"].quantity == 2
    assert list(charges(prod, address, Metrics=query)) == ["cloudwatch.insights_alarm"]


@pytest.mark.parametrize(("rate", "runs"), [("rate(5 minutes)", 8760), ("rate(1 hour)", 730)])
def test_the_canary_is_billed_by_its_rate(prod: Surroundings, rate: str, runs: int) -> None:
    assert charges(prod, "Observability/Canary", Schedule={"Expression": rate})["canary.run"].quantity == runs


def test_a_canary_without_a_rate_is_refused(prod: Surroundings) -> None:
    with pytest.raises(UserError, match="is no rate of minutes or hours"):
        charges(prod, "Observability/Canary", Schedule={"Expression": "cron(0 * * * ? *)"})


def test_a_firewall_is_billed_by_its_rules(prod: Surroundings) -> None:
    rules = prod.resolution.resources["Ingress/WebAcl"].properties["Rules"]
    found = charges(prod, "Ingress/WebAcl")
    assert found["waf.rule"].quantity == len(rules)
    assert found["waf.requests"].quantity == prod.usage.application_requests
    assert charges(prod, "Ingress/WebAcl", Rules=rules[:1])["waf.rule"].quantity == 1


def selection(around: Surroundings, name: str = "BackupSelection") -> list[Charge]:
    found = bill(around.resolution.resources[f"Recovery/{name}"], around)
    return [entry for entry in found if isinstance(entry, Charge)]


def test_backups_are_those_of_the_plans_and_copies_lie_in_the_second_region(prod: Surroundings) -> None:
    usage = replace(prod.usage, session_data=Decimal(1), files=Decimal(100), daily_change=Decimal("0.001"))
    daily = selection(replace(prod, usage=usage))
    table = [entry for entry in daily if entry.item == "backup.dynamodb"]
    # The table's are whole, each of them.
    assert [entry.quantity for entry in table] == [7, 7]
    assert [entry.region for entry in table] == ["", "eu-central-1"]
    files = [entry for entry in daily if entry.item == "backup.efs"]
    # The whole once, and what changed in a day.
    assert files[0].quantity == 100 + 7 * Decimal("0.1")
    later = selection(replace(prod, usage=usage), "LongTermSelection")
    assert "backup.dynamodb" not in {entry.item for entry in later}
    # 5 weekly and 12 monthly ones (365 days, rounded up): what changed in that time, and no second whole.
    of_files = [entry for entry in later if entry.item == "backup.efs"]
    assert [entry.quantity for entry in of_files] == [5 * Decimal("0.7") + 13 * 3] * 2


def test_what_lacks_the_tag_is_not_backed_up(prod: Surroundings) -> None:
    without = changed(prod, "Storage/SessionTable", Tags=[{"Key": "Name", "Value": "sessions"}])
    assert "backup.dynamodb" not in {entry.item for entry in selection(without)}


def test_only_tagged_stores_are_restored_for_a_test(prod: Surroundings) -> None:
    tests = charges(prod, "Recovery/RestoreTestOfBuckets")
    every_bucket = prod.resolution.of_type("AWS::S3::Bucket")
    assert 0 < tests["backup.restore_test"].quantity < len(every_bucket)  # once a month
    database = charges(prod, "Recovery/RestoreTestOfDatabase")
    assert database["rds.postgresql.single.db.t3.micro"].quantity > 0


def test_replication_is_billed_by_what_changes_and_by_its_metrics(prod: Surroundings) -> None:
    address = "Storage/ReleaseBucket"
    found = charges(prod, address)
    assert found["transfer.between_regions"].quantity > 0
    assert found["cloudwatch.metric"].quantity == 4
    assert "transfer.between_regions" not in charges(prod, address, ReplicationConfiguration=None)
    [rule] = prod.resolution.resources[address].properties["ReplicationConfiguration"]["Rules"]
    unwatched = {**rule, "Destination": {"Bucket": "arn:aws:s3:::copies"}}
    assert charges(prod, address, ReplicationConfiguration={"Rules": [unwatched]})["cloudwatch.metric"].quantity == 0


def test_office_hours_shorten_the_bill_of_servers_and_database_alone(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    def hours(office_hours: str) -> dict[str, Decimal]:
        setting = settings["dev"]
        parameters = {**setting.parameters, "OfficeHoursOnly": office_hours}
        platform = environment_account(release, replace(setting, parameters=parameters)).platform
        assert platform is not None
        around = Surroundings(platform, replace(usages["dev"], extra_server_hours=Decimal(0)), [platform])
        return {
            "servers": charges(around, "WebTier/WebServerGroup")["ec2.t3.micro"].quantity,
            "database": charges(around, "Database/Database")["rds.postgresql.single.db.t3.micro"].quantity,
            "storage": charges(around, "Database/Database")["rds.gp3.single"].quantity,
        }

    always, by_day = hours("false"), hours("true")
    assert always["servers"] == always["database"] == HOURS_A_MONTH
    assert by_day["servers"] == HOURS_A_MONTH * 65 / 168
    assert by_day["servers"] < by_day["database"] < HOURS_A_MONTH / 2
    assert by_day["storage"] == always["storage"]
