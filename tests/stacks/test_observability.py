"""D11, D12, E17: alarms on every resource that can hurt, told to the right people, once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from generator.alarms import Window
from generator.database_classes import MEMORY_GIB
from generator.rehearsal.emulator_metric_math import evaluate
from generator.stacks import web_tier_fleet, web_tier_scaling
from generator.stacks.observability_data import CONNECTIONS, FREE_MEMORY, database_classes
from generator.stacks.observability_servers import QUARTER_OF_AN_HOUR, REPLACED_BY_NOW_MINUTES
from tests import alarm_claims
from tests.alarm_claims import (
    ALARM,
    BOTH_FLEETS,
    COMPOSITE,
    CONTAINERS,
    CONTAINERS_ON_TRIAL,
    EVERYTHING,
    GREEN_ALONE,
    ONE_FLEET,
    RULE,
    alarms,
    observability,
)
from tests.intrinsics import Templates, of_type

ALWAYS = {
    *("ServerErrors", "LoadBalancerErrors", "SlowResponses"),
    *("RejectedConnections", "RequestSurge", "CertificateExpires"),
    "ApplicationErrors",
    *("DatabaseBusy", "DatabaseCpuCredits", "DatabaseErrors", "DatabaseTransactionIds", "DatabaseMemoryLow"),
    *("DatabaseConnectionsHigh", "DatabaseStorageLow"),
    *("SessionTableThrottled", "SessionTableErrors", "FileSystemThroughput", "FileSystemIoLimit"),
    *("NatPortsExhausted", "NatPacketsDropped"),
    *("Outage", "Degraded", "UnacknowledgedOutage", "PageAcknowledged", "PageNotDelivered"),
}
OF_SERVERS = {
    *("UnhealthyServers", "WebServersBusy", "ServersAtMaximum", "WebServerCpuCredits", "WebServerMemory"),
    *("WebServerDisk", "BootstrapFailed", "LogsMissing"),
}
OF_CONTAINERS = {"TasksMissing", "ContainersBusy", "TasksAtMaximum", "ContainerMemory", "ContainerLogsMissing"}
BY_COMPUTE = [
    (ONE_FLEET, {"NoHealthyServer"} | OF_SERVERS),
    (BOTH_FLEETS, {"NoHealthyServer", "NoHealthyGreenServer"} | OF_SERVERS),
    (GREEN_ALONE, {"NoHealthyGreenServer"} | OF_SERVERS),
    (CONTAINERS, {"NoHealthyTask"} | OF_CONTAINERS),
    (CONTAINERS_ON_TRIAL, {"NoHealthyServer"} | OF_SERVERS | OF_CONTAINERS),
    (EVERYTHING, {"NoHealthyServer", "NoHealthyGreenServer", "NoHealthyTask"} | OF_SERVERS | OF_CONTAINERS),
]
WHERE_ASKED_FOR = {
    "RequestsBlocked": ("WebApplicationFirewall", "true", "false"),
    "DdosDetected": ("ShieldAdvanced", "true", "false"),
    "CanaryFailed": ("SyntheticCanary", "true", "false"),
    "DatabaseReplicaLag": ("DatabaseReadReplica", "true", "false"),
    "ServersAsleep": ("OfficeHoursOnly", "true", "false"),
    "VpnTunnelDown": ("VpnGatewayAddress", "203.0.113.1", ""),
}

LOAD_BALANCER = {"Name": "LoadBalancer", "Value": {"Ref": "LoadBalancerFullName"}}


def queries(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the queries of an alarm by their ids."""
    return {query["Id"]: query for query in properties["Metrics"]}


@pytest.mark.parametrize(("compute", "of_it"), BY_COMPUTE)
def test_d12_catalogue_is_complete(templates: Templates, compute: dict[str, str], of_it: set[str]) -> None:
    nothing = {setting: absent for setting, _, absent in WHERE_ASKED_FOR.values()}
    assert alarms(observability(templates, **nothing, **compute)).keys() == ALWAYS | of_it


@pytest.mark.parametrize("name", WHERE_ASKED_FOR)
def test_d12_alarm_is_there_with_what_it_watches(templates: Templates, name: str) -> None:
    """An alarm on what is not there costs as much as any, and never tells anything."""
    setting, present, absent = WHERE_ASKED_FOR[name]
    assert name in alarms(observability(templates, **{setting: present}))
    assert name not in alarms(observability(templates, **{setting: absent}))


def test_d12_alarm_says_what_it_means_and_where_to_read_on(templates: Templates) -> None:
    alarm_claims.check_alarm_says_what_it_means_and_where_to_read_on(templates)


def test_d12_alarm_tells_the_right_people(templates: Templates) -> None:
    alarm_claims.check_alarm_tells_the_right_people(templates)


def test_d12_nobody_is_paged_twice(templates: Templates) -> None:
    alarm_claims.check_nobody_is_paged_twice(templates)


def test_d12_unacknowledged_page_is_escalated(templates: Templates) -> None:
    alarm_claims.check_unacknowledged_page_is_escalated(templates)


def test_e17_high_cpu_is_told_through_sns(templates: Templates) -> None:
    alarm_claims.check_e17_high_cpu_is_told_through_sns(templates)


def test_without_the_canary_the_outage_has_its_other_parts(templates: Templates) -> None:
    rule = alarms(observability(templates, SyntheticCanary="false"))["Outage"]["AlarmRule"]
    assert "CanaryFailed" not in str(rule)
    assert "NoHealthyServer" in str(rule)


def test_stack_waits_for_no_database(templates: Templates) -> None:
    """It is by far the slowest of all, and alarms on it need to know but its name."""
    given = templates["platform"]["Resources"]["Observability"]["Properties"]["Parameters"]
    assert "Database" not in {part.split(".")[0] for part in re.findall(r'"Fn::GetAtt": \["(\w+)"', json.dumps(given))}
    database = templates["database"]["Resources"]
    assert given["DatabaseId"] == database["Database"]["Properties"]["DBInstanceIdentifier"]
    assert given["DatabaseReplicaId"] == database["ReadReplica"]["Properties"]["DBInstanceIdentifier"]


# Thresholds


def test_share_of_errors_counts_where_there_are_some(templates: Templates) -> None:
    found = alarms(observability(templates))["ServerErrors"]
    assert queries(found)["result"]["Expression"] == "IF(FILL(errors, 0) >= 5, 100 * FILL(errors, 0) / requests, 0)"
    for metric, name in (("errors", "HTTPCode_Target_5XX_Count"), ("requests", "RequestCount")):
        asked = queries(found)[metric]["MetricStat"]
        assert (asked["Metric"]["MetricName"], asked["Stat"]) == (name, "Sum")
        assert asked["Metric"]["Dimensions"] == [LOAD_BALANCER], "of all who answer behind it"
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", 5)


def test_what_the_load_balancer_refuses_on_purpose_is_no_error(templates: Templates) -> None:
    """503 is its answer to whom the listener's rule does not let through, and to all where a rule leads to nobody."""
    found = queries(alarms(observability(templates))["LoadBalancerErrors"])
    ids = {query["MetricStat"]["Metric"]["MetricName"]: name for name, query in found.items() if "MetricStat" in query}
    assert ids.keys() == {
        *(f"HTTPCode_ELB_{status}_Count" for status in (500, 502, 503, 504)),
        "HTTP_Fixed_Response_Count",
    }
    expression = found["result"]["Expression"]
    for counted, alarming in (
        ({"HTTPCode_ELB_503_Count": 90, "HTTP_Fixed_Response_Count": 90}, 0),
        ({"HTTPCode_ELB_503_Count": 90}, 90),
        ({"HTTPCode_ELB_503_Count": 97, "HTTP_Fixed_Response_Count": 90}, 7),
        # Were they not among the 503, they would hide nothing all the same.
        ({"HTTPCode_ELB_502_Count": 8, "HTTP_Fixed_Response_Count": 90}, 8),
        ({"HTTPCode_ELB_500_Count": 1, "HTTPCode_ELB_502_Count": 2, "HTTPCode_ELB_504_Count": 4}, 7),
    ):
        series = {ids[name]: {0: float(counted[name])} if name in counted else {} for name in ids}
        assert evaluate(expression, series, [0]) == {0: alarming}, counted


def test_what_is_filled_in_for_the_latest_minute_never_decides(templates: Templates) -> None:
    """Its data is still on its way: more datapoints than those that are late must be bad."""
    for name, properties in alarms(observability(templates, **EVERYTHING)).items():
        if any("FILL(" in query.get("Expression", "") for query in properties.get("Metrics", [])):
            assert 1 < properties["DatapointsToAlarm"] < properties["EvaluationPeriods"], name


def test_server_that_installs_itself_is_not_called_unhealthy() -> None:
    assert REPLACED_BY_NOW_MINUTES > web_tier_fleet.BOOTSTRAP_TIMEOUT_MINUTES


def test_servers_are_called_busy_after_another_could_have_helped() -> None:
    window: Window = QUARTER_OF_AN_HOUR
    one_more = (
        web_tier_scaling.SCALE_OUT_PERIODS * web_tier_scaling.SCALE_OUT_PERIOD_SECONDS + web_tier_fleet.WARM_UP_SECONDS
    )
    assert window.periods * window.seconds > one_more


def test_w8_servers_at_maximum_compares_with_the_environments_own(templates: Templates) -> None:
    found = alarms(observability(templates))["ServersAtMaximum"]
    assert found["Threshold"] == {"Ref": "WebServerMaximum"}
    assert found["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert found["MetricName"] == "GroupInServiceInstances"


def test_storage_is_a_share_of_what_the_database_was_given(templates: Templates) -> None:
    found = queries(alarms(observability(templates, DatabaseStorage="20"))["DatabaseStorageLow"])
    assert found["result"]["Expression"] == "100 * free / (20 * 1073741824)"


@pytest.mark.parametrize("name", MEMORY_GIB)
def test_memory_and_connections_are_shares_of_what_the_class_has(name: str) -> None:
    """AWS allows memory / 9,531,392 connections, after the system took its part; at most 5,000."""
    row, memory = database_classes()[name], MEMORY_GIB[name] * 1024**3
    assert row[FREE_MEMORY] == memory // 20
    assert row[CONNECTIONS] / min(memory / 9_531_392, 5_000) == pytest.approx(0.6, abs=0.01)


def test_smallest_class_warns_before_it_refuses() -> None:
    """The smallest class lets about 80 in."""
    assert database_classes()["db.t3.micro"][CONNECTIONS] < 75


def test_thresholds_of_the_database_are_looked_up_by_its_class(templates: Templates) -> None:
    template = templates["observability"]
    assert template["Mappings"]["DatabaseClasses"] == database_classes()
    for name, key in (("DatabaseMemoryLow", FREE_MEMORY), ("DatabaseConnectionsHigh", CONNECTIONS)):
        threshold = template["Resources"][name]["Properties"]["Threshold"]
        assert threshold == {"Fn::FindInMap": ["DatabaseClasses", {"Ref": "DatabaseInstanceClass"}, key]}


@pytest.mark.parametrize(
    ("settings", "gateways"),
    [
        ({"NatGateways": "single", "ZoneCount": "3"}, 1),
        ({"NatGateways": "per-zone", "ZoneCount": "2"}, 2),
        ({"NatGateways": "per-zone", "ZoneCount": "3"}, 3),
    ],
)
def test_every_nat_gateway_is_watched(templates: Templates, settings: dict[str, str], gateways: int) -> None:
    for name in ("NatPortsExhausted", "NatPacketsDropped"):
        found = queries(alarms(observability(templates, **settings))[name])
        assert len(found) - 1 == gateways
        assert found["result"]["Expression"] == 'SUM(METRICS("zone"))'
        assert all(query_id.startswith("zone") for query_id in found.keys() - {"result"})


@pytest.mark.parametrize(
    ("domain", "certificate"),
    [
        ("", "{{resolve:ssm:/web-platform/dev/certificate-arn}}"),
        ("shop.example.com", {"Ref": "CertificateArn"}),
    ],
)
def test_w5_certificate_that_visitors_get_is_the_one_watched(
    templates: Templates, domain: str, certificate: object
) -> None:
    found = alarms(observability(templates, DomainName=domain))["CertificateExpires"]
    assert found["Dimensions"] == [{"Name": "CertificateArn", "Value": certificate}]
    assert found["Period"] * found["EvaluationPeriods"] <= 86_400, "CloudWatch looks back no further"


# Limits of CloudWatch


def test_alarm_looks_back_no_further_than_cloudwatch_lets_it(templates: Templates) -> None:
    """A day for periods of an hour or less, and a week for longer ones."""
    for name, properties in alarms(observability(templates, **EVERYTHING)).items():
        if "AlarmRule" in properties:
            continue
        period = properties.get("Period") or properties["Metrics"][0]["MetricStat"]["Period"]
        assert period * properties["EvaluationPeriods"] <= 86_400, name


def test_expression_uses_all_of_its_metrics_and_ten_at_most(templates: Templates) -> None:
    for name, properties in alarms(
        observability(templates, ZoneCount="3", NatGateways="per-zone", **EVERYTHING)
    ).items():
        if "Metrics" not in properties:
            continue
        found = queries(properties)
        expression = found.pop("result")["Expression"]
        assert len(found) <= 10, name
        parts = re.findall(r'METRICS\("(\w+)"\)', expression)
        named = {name for name in found if any(part in name for part in parts)}
        assert set(found) <= named | set(re.findall(r"\b[a-z]\w*\b", expression)), name


# Events


def test_d12_events_of_the_platform_reach_operations(templates: Templates) -> None:
    rules = of_type(templates["observability"], RULE)
    assert {name: rule["Properties"]["EventPattern"]["source"] for name, rule in rules.items()} == {
        "DatabaseEvent": ["aws.rds"],
        "ServerLaunchFailed": ["aws.autoscaling"],
        "ContainerDeploymentFailed": ["aws.ecs"],
        "ContainerDeploymentWaits": ["aws.ecs"],
        "ContainerServiceEvent": ["aws.ecs"],
        "TaskStopped": ["aws.ecs"],
        "SecretRotationFailed": ["aws.secretsmanager"],
        "HealthEvent": ["aws.health"],
    }
    for rule in rules.values():
        assert rule["Properties"]["State"] == "ENABLED"


def test_event_is_told_in_words_with_its_page(templates: Templates) -> None:
    for name, rule in of_type(templates["observability"], RULE).items():
        [target] = rule["Properties"]["Targets"]
        told = target["InputTransformer"]
        assert set(re.findall("<(.+?)>", told["InputTemplate"])) == told["InputPathsMap"].keys(), name
        assert "runbook.md#" in told["InputTemplate"], name
        assert isinstance(json.loads(told["InputTemplate"]), str), name


def test_stopping_the_database_at_night_is_no_event_to_tell(templates: Templates) -> None:
    """RDS calls that a notification."""
    told = of_type(templates["observability"], RULE)["DatabaseEvent"]["Properties"]["EventPattern"]["detail"]
    assert set(told["EventCategories"]) == {"failover", "failure", "low storage", "maintenance"}


# Outputs


def test_each_topic_is_given_out(templates: Templates) -> None:
    outputs = templates["observability"]["Outputs"]
    topics = of_type(templates["observability"], "AWS::SNS::Topic")
    assert {f"{topic}Arn" for topic in topics} <= outputs.keys()
    for topic in topics:
        assert outputs[f"{topic}Arn"]["Value"] == {"Ref": topic}
        assert templates["platform"]["Outputs"][f"{topic}Arn"]["Value"] == {
            "Fn::GetAtt": ["Observability", f"Outputs.{topic}Arn"]
        }


def test_dashboard_shows_every_alarm(templates: Templates) -> None:
    template = templates["observability"]
    shown = json.dumps(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"])
    for name in of_type(template, ALARM) | of_type(template, COMPOSITE):
        assert f"{name}.Arn" in shown, name
