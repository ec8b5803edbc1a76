"""D11: the dashboard shows what exists: each metric of each resource, each alarm, each log of an environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.environment import load_all
from generator.naming import kebab_case
from generator.resolver import Resolution, resolve
from tests.intrinsics import Templates

ACCOUNT, REGION = "123456789012", "eu-west-1"
ENVIRONMENTS = ("dev", "staging", "prod")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web-platform/any@sha256:{'0' * 64}"
APPLICATION = Path(__file__).parents[2] / "application/shop/metrics.py"

NAME_OF_TYPE = {
    "AutoScalingGroupName": ("AWS::AutoScaling::AutoScalingGroup", ""),
    "CanaryName": ("AWS::Synthetics::Canary", ""),
    "ClusterName": ("AWS::ECS::Cluster", ""),
    "DBInstanceIdentifier": ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
    "DistributionId": ("AWS::CloudFront::Distribution", ""),
    "FileSystemId": ("AWS::EFS::FileSystem", ""),
    "LoadBalancer": ("AWS::ElasticLoadBalancingV2::LoadBalancer", ".LoadBalancerFullName"),
    "NatGatewayId": ("AWS::EC2::NatGateway", ""),
    "ServiceName": ("AWS::ECS::Service", ".Name"),
    "TableName": ("AWS::DynamoDB::Table", ""),
    "TargetGroup": ("AWS::ElasticLoadBalancingV2::TargetGroup", ".TargetGroupFullName"),
    "VpnId": ("AWS::EC2::VPNConnection", ""),
}
"""By dimension: of which type the resource is, and by which attribute (`.X`), property (`X`) or else id CloudWatch
knows it."""

OF_LOAD_BALANCER = frozenset({"LoadBalancer"})
OF_TARGETS = frozenset({"LoadBalancer", "TargetGroup"})
OF_SERVICE = frozenset({"ClusterName", "ServiceName"})
EXISTING: Mapping[str, Mapping[frozenset[str], set[str]]] = {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    "AWS/ApplicationELB": {
        OF_LOAD_BALANCER: {
            *("ActiveConnectionCount", "ClientTLSNegotiationErrorCount", "ConsumedLCUs", "HTTPCode_ELB_4XX_Count"),
            *("HTTPCode_ELB_5XX_Count", "NewConnectionCount", "ProcessedBytes", "RejectedConnectionCount"),
            *("HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"),
            *("RequestCount", "TargetConnectionErrorCount", "TargetResponseTime"),
        },
        OF_TARGETS: {
            *("HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"),
            *("HealthyHostCount", "RequestCount", "TargetResponseTime", "UnHealthyHostCount"),
        },
    },
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
    "AWS/AutoScaling": {
        frozenset({"AutoScalingGroupName"}): {"GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize"}
    },
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
    "AWS/CloudFront": {frozenset({"DistributionId", "Region"}): {"4xxErrorRate", "5xxErrorRate", "Requests"}},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": {
        frozenset({"TableName"}): {
            *("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"),
        }
    },
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
    "AWS/EC2": {frozenset({"AutoScalingGroupName"}): {"CPUCreditBalance", "CPUUtilization"}},
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    "AWS/ECS": {OF_SERVICE: {"CPUUtilization"}},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-metrics-ECS.html
    "ECS/ContainerInsights": {
        OF_SERVICE: {"DeploymentCount", "DesiredTaskCount", "PendingTaskCount", "RunningTaskCount"},
        OF_SERVICE | {"ContainerName"}: {"ContainerMemoryUtilization"},
    },
    # https://docs.aws.amazon.com/efs/latest/ug/efs-metrics.html
    "AWS/EFS": {frozenset({"FileSystemId"}): {"PercentIOLimit", "TotalIOBytes"}},
    # https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
    "AWS/NATGateway": {
        frozenset({"NatGatewayId"}): {"BytesOutToDestination", "ErrorPortAllocation", "PacketsDropCount"}
    },
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
    "AWS/RDS": {
        frozenset({"DBInstanceIdentifier"}): {
            *("CPUCreditBalance", "CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "FreeableMemory"),
            *("ReadLatency", "ReplicaLag", "WriteLatency"),
        }
    },
    # https://docs.aws.amazon.com/vpn/latest/s2svpn/monitoring-cloudwatch-vpn.html
    "AWS/VPN": {frozenset({"VpnId"}): {"TunnelState"}},
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
    "AWS/WAFV2": {frozenset({"Region", "Rule", "WebACL"}): {"AllowedRequests", "BlockedRequests"}},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html
    "CloudWatchSynthetics": {frozenset({"CanaryName"}): {"Duration", "SuccessPercent"}},
}
"""By namespace and dimensions, what AWS publishes of what we have."""

Metric = tuple[str, str, dict[str, str]]


@pytest.fixture(scope="module")
def release(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard") / "v9.9.9"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def resolution(release: Path, params_folder: Path, name: str, **changed: str) -> Resolution:
    [configuration] = [each for each in load_all(params_folder) if each.environment.environment_name.literal == name]
    release_knows = {
        "TemplateBucketName": "the-templates",
        "WebServerImageId": "ami-0123456789abcdef0",
        "ApplicationImage": IMAGE,
        "CollectorImage": IMAGE,
    }
    given = {**configuration.parameters(), **release_knows, **changed}
    return resolve(release, "platform", given, ACCOUNT, REGION)


def dashboard(found: Resolution) -> dict[str, Any]:
    [resource] = found.of_type("AWS::CloudWatch::Dashboard")
    content: dict[str, Any] = json.loads(resource.properties["DashboardBody"])
    return content


def widgets(found: Resolution, kind: str) -> list[dict[str, Any]]:
    return [each["properties"] for each in dashboard(found)["widgets"] if each["type"] == kind]


def metrics(found: Resolution) -> Iterator[Metric]:
    """Yield namespace, name and dimensions of every metric that is shown."""
    for widget in widgets(found, "metric"):
        for entry in widget["metrics"]:
            if isinstance(entry[0], str):
                namespace, name, *dimensions, _ = entry
                yield namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True))


def objections(found: Resolution) -> list[str]:
    """Return what is wrong with a dashboard: every metric that nothing publishes, of every thing that is not there."""
    return [
        f"{namespace} {name} {dimensions}"
        for namespace, name, dimensions in metrics(found)
        if not _exists(found, namespace, name, dimensions)
    ]


def _exists(found: Resolution, namespace: str, name: str, dimensions: dict[str, str]) -> bool:
    environment = found.parameters[""]["EnvironmentName"]
    if namespace == "web-platform":
        measured = {*counted_by_the_application(), "mem_used_percent", "disk_used_percent"}
        return dimensions == {"Environment": environment} and name in measured
    if namespace == f"web-platform/{environment}":
        return not dimensions and (namespace, name) in counted_in_logs(found)
    published = EXISTING.get(namespace, {}).get(frozenset(dimensions), set())
    return name in published and all(_names(found, *each) for each in dimensions.items())


def counted_by_the_application() -> set[str]:
    return set(re.findall(r'^    "(\w+)": "(?:Count|Milliseconds)",$', APPLICATION.read_text(), re.MULTILINE))


def counted_in_logs(found: Resolution) -> set[tuple[str, str]]:
    filters = [each.properties["MetricTransformations"] for each in found.of_type("AWS::Logs::MetricFilter")]
    return {(each["MetricNamespace"], each["MetricName"]) for [each] in filters}


def _names(found: Resolution, dimension: str, value: str) -> bool:
    """Return whether a dimension's value is that of a resource of the environment."""
    if dimension == "ContainerName":
        definitions = [each.properties["ContainerDefinitions"] for each in found.of_type("AWS::ECS::TaskDefinition")]
        return value in {container["Name"] for containers in definitions for container in containers}
    if dimension not in NAME_OF_TYPE:
        return value in {"ALL", "Global", REGION, "WebAcl"}
    kind, key = NAME_OF_TYPE[dimension]
    known = {
        each.properties[key] if key and not key.startswith(".") else f"⟨{each.address}{key}⟩"
        for each in found.of_type(kind)
    }
    return value in known


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_metric_is_published_by_something_that_is_there(release: Path, params_folder: Path, name: str) -> None:
    found = resolution(release, params_folder, name)
    assert len(list(metrics(found))) > 40
    assert objections(found) == []


EVERYTHING = {
    "AvailabilityZoneC": "eu-west-1c",
    "NatGateways": "per-zone",
    "VpnGatewayAddress": "198.51.100.10",
    "VpnCidr": "172.20.0.0/16",
    "SyntheticCanary": "true",
    "OfficeHoursOnly": "false",
    "DatabaseReadReplica": "true",
    "WebApplicationFirewall": "true",
    "Compute": "both",
    "GreenShare": "10",
}
NOTHING = {
    "AvailabilityZoneC": "",
    "NatGateways": "single",
    "VpnGatewayAddress": "",
    "VpnCidr": "",
    "SyntheticCanary": "false",
    "DatabaseReadReplica": "false",
    "WebApplicationFirewall": "false",
    "Compute": "ec2",
    "GreenShare": "0",
    "StandbyServers": "false",
}
FARGATE = NOTHING | {"Compute": "fargate"}
OF_SERVERS, OF_TASKS = {"AWS/AutoScaling", "AWS/EC2"}, {"AWS/ECS", "ECS/ContainerInsights"}


def test_where_everything_is_asked_for_everything_is_shown(release: Path, params_folder: Path) -> None:
    found = resolution(release, params_folder, "prod", **EVERYTHING)
    assert objections(found) == []
    shown = {namespace for namespace, _, _ in metrics(found)}
    assert shown >= EXISTING.keys()
    zones = {dimensions["NatGatewayId"] for namespace, _, dimensions in metrics(found) if namespace == "AWS/NATGateway"}
    assert len(zones) == 3


def test_where_nothing_is_asked_for_nothing_of_it_is_shown(release: Path, params_folder: Path) -> None:
    found = resolution(release, params_folder, "dev", **NOTHING)
    assert objections(found) == []
    shown = {namespace for namespace, _, _ in metrics(found)}
    assert EXISTING.keys() - shown == {"AWS/VPN", "AWS/WAFV2", "CloudWatchSynthetics", *OF_TASKS}


def test_where_containers_run_alone_nothing_of_servers_is_shown(release: Path, params_folder: Path) -> None:
    found = resolution(release, params_folder, "dev", **FARGATE)
    assert objections(found) == []
    shown = {namespace for namespace, _, _ in metrics(found)}
    assert EXISTING.keys() - shown == {"AWS/VPN", "AWS/WAFV2", "CloudWatchSynthetics", *OF_SERVERS}
    assert not [name for _, name, _ in metrics(found) if name in ("BootstrapFailures", "mem_used_percent")]


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        ({"Compute": "ec2", "GreenShare": "0"}, ["WebServers"]),
        ({"Compute": "ec2", "GreenShare": "50"}, ["WebServers", "GreenWebServers"]),
        ({"Compute": "ec2", "GreenShare": "100"}, ["GreenWebServers"]),
        ({"Compute": "ec2", "GreenShare": "0", "StandbyServers": "true"}, ["WebServers", "GreenWebServers"]),
        ({"Compute": "fargate"}, ["BlueContainers", "GreenContainers"]),
        ({"Compute": "both", "GreenShare": "0"}, ["WebServers", "BlueContainers", "GreenContainers"]),
    ],
)
def test_d15_requests_are_shown_by_whom_they_go_to(
    release: Path, params_folder: Path, settings: dict[str, str], groups: list[str]
) -> None:
    """So the weights of a switch between two versions can be watched."""
    found = resolution(release, params_folder, "prod", **{**NOTHING, **settings})
    asked = [
        dimensions["TargetGroup"]
        for _, name, dimensions in metrics(found)
        if name == "RequestCount" and "TargetGroup" in dimensions
    ]
    assert [each.removesuffix(".TargetGroupFullName⟩").rpartition("/")[2] for each in asked] == groups


@pytest.mark.parametrize("settings", [EVERYTHING, NOTHING, FARGATE])
def test_no_row_is_left_empty(release: Path, params_folder: Path, settings: dict[str, str]) -> None:
    found = dashboard(resolution(release, params_folder, "prod", **settings))["widgets"]
    taken = {y for each in found for y in range(each["y"], each["y"] + each["height"])}
    assert taken == set(range(max(taken) + 1))


@pytest.mark.parametrize("settings", [EVERYTHING, NOTHING, FARGATE])
def test_widgets_fill_a_grid_of_24_columns_and_do_not_overlap(
    release: Path, params_folder: Path, settings: dict[str, str]
) -> None:
    taken = [
        (x, y)
        for each in dashboard(resolution(release, params_folder, "prod", **settings))["widgets"]
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(set(taken)) == len(taken)
    assert {x for x, _ in taken} == set(range(24))


def test_the_first_row_below_the_title_says_whether_it_is_healthy(release: Path, params_folder: Path) -> None:
    found = resolution(release, params_folder, "prod")
    title, healthy, *_ = dashboard(found)["widgets"]
    assert "web-platform prod" in title["properties"]["markdown"]
    assert healthy["type"] == "alarm"
    assert [each.removesuffix(".Arn⟩").rpartition("/")[2] for each in healthy["properties"]["alarms"]][:2] == [
        "Outage",
        "Degraded",
    ]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_alarm_of_the_stack_is_shown_once(release: Path, params_folder: Path, name: str) -> None:
    found = resolution(release, params_folder, name)
    shown = [arn for widget in widgets(found, "alarm") for arn in widget["alarms"]]
    types = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    there = [f"⟨{each.address}.Arn⟩" for each in found.of_stack("Observability") if each.type in types]
    assert sorted(shown) == sorted(there)
    assert all(len(widget["alarms"]) <= 100 for widget in widgets(found, "alarm"))


def test_pages_of_the_runbook_that_are_named_are_those_of_alarms(
    templates: Templates, release: Path, params_folder: Path
) -> None:
    types = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    pages = {
        kebab_case(title)
        for name in ("observability", "global_edge")
        for title, resource in templates[name]["Resources"].items()
        if resource["Type"] in types
    }
    words = [each["markdown"] for each in widgets(resolution(release, params_folder, "prod", **EVERYTHING), "text")]
    named = {page for text in words for page in re.findall(r"`#([a-z0-9-]+)`", text)}
    assert len(named) > 20
    assert named <= pages


@pytest.mark.parametrize(
    ("compute", "groups"),
    [
        ("ec2", ["WebTier/WebServerLogGroup"]),
        ("fargate", ["Containers/ContainerLogGroup"]),
        ("both", ["WebTier/WebServerLogGroup", "Containers/ContainerLogGroup"]),
    ],
)
def test_logs_are_those_of_all_who_answer(release: Path, params_folder: Path, compute: str, groups: list[str]) -> None:
    [widget] = widgets(resolution(release, params_folder, "prod", Compute=compute), "log")
    sources = "".join(f"SOURCE '⟨{group}⟩' | " for group in groups)
    assert widget["query"].startswith(f"{sources}fields @timestamp")


def test_what_the_application_counts_is_shown(release: Path, params_folder: Path) -> None:
    """A metric that nobody looks at is paid for all the same."""
    shown = {name for namespace, name, _ in metrics(resolution(release, params_folder, "prod"))}
    assert len(counted_by_the_application()) == 5
    assert counted_by_the_application() <= shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"RequestCount"', '"RequestsCount"'),
        ('"AWS/NATGateway"', '"AWS/NatGateway"'),
        ('"DBInstanceIdentifier"', '"DBInstance"'),
        ("⟨Storage/SessionTable⟩", "⟨Storage/OtherTable⟩"),
        ('"web-platform/prod"', '"web-platform/dev"'),
        ('"Environment","prod"', '"Environment","dev"'),
        ('"Faults"', '"Errors"'),
        ('"BootstrapFailures"', '"BootstrapErrors"'),
    ],
)
def test_a_metric_that_nothing_publishes_is_noticed(release: Path, params_folder: Path, old: str, new: str) -> None:
    found = resolution(release, params_folder, "prod")
    [resource] = found.of_type("AWS::CloudWatch::Dashboard")
    body = resource.properties["DashboardBody"]
    assert old in body
    damaged = replace(resource, properties={**resource.properties, "DashboardBody": body.replace(old, new)})
    others = {address: each for address, each in found.resources.items() if each is not resource}
    assert objections(replace(found, resources={**others, resource.address: damaged}))


def test_graphs_have_lines_that_can_be_told_apart(release: Path, params_folder: Path) -> None:
    for widget in widgets(resolution(release, params_folder, "prod", **EVERYTHING), "metric"):
        labels = [entry[-1]["label"] for entry in widget["metrics"]]
        assert len(set(labels)) == len(labels), widget["title"]
        assert len({json.dumps(entry) for entry in widget["metrics"]}) == len(labels), widget["title"]
