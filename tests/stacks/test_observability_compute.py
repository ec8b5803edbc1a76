"""D2, D12, D15: what is watched of web servers of two colours and of containers, as far as they run."""

from __future__ import annotations

import json

import pytest

from generator.rehearsal.emulator_metric_math import evaluate
from tests.alarm_claims import (
    BOTH_FLEETS,
    CONTAINERS,
    EVERYTHING,
    GREEN_ALONE,
    ONE_FLEET,
    RULE,
    alarms,
    observability,
)
from tests.intrinsics import Templates, of_type
from tests.stacks.test_observability import queries


def test_both_target_groups_of_the_containers_count_together(templates: Templates) -> None:
    """ECS alone knows which of them serves."""
    found = alarms(observability(templates, **CONTAINERS))
    for name, expression in (
        ("NoHealthyTask", 'SUM(METRICS("healthy"))'),
        ("TasksMissing", 'IF(SUM(METRICS("healthy")) < wanted, 1, 0)'),
    ):
        asked = queries(found[name])
        assert asked["result"]["Expression"] == expression
        groups = {
            each: {
                dimension["Name"]: dimension["Value"] for dimension in asked[each]["MetricStat"]["Metric"]["Dimensions"]
            }
            for each in ("healthy_blue", "healthy_green")
        }
        assert groups["healthy_blue"]["TargetGroup"] == {"Ref": "BlueContainersFullName"}
        assert groups["healthy_green"]["TargetGroup"] == {"Ref": "GreenContainersFullName"}


@pytest.mark.parametrize(
    ("blue", "green", "wanted", "healthy", "missing"),
    [(2, None, 2, 2, 0), (None, 2, 2, 2, 0), (2, 2, 2, 4, 0), (1, None, 2, 1, 1), (0, None, 2, 0, 1)],
)
def test_a_target_group_without_tasks_does_not_count(
    templates: Templates, blue: int | None, green: int | None, wanted: int, healthy: int, missing: int
) -> None:
    """It has no metrics at all, as either has most of the time."""
    found = alarms(observability(templates, **CONTAINERS))
    given = {"healthy_blue": blue, "healthy_green": green, "wanted": wanted}
    series = {name: {} if value is None else {0: float(value)} for name, value in given.items()}
    of_tasks = {name: each for name, each in series.items() if name != "wanted"}
    assert evaluate(queries(found["NoHealthyTask"])["result"]["Expression"], of_tasks, [0]) == {0: healthy}
    assert evaluate(queries(found["TasksMissing"])["result"]["Expression"], series, [0]) == {0: missing}


def test_where_no_task_runs_silence_is_an_outage(templates: Templates) -> None:
    """Neither the load balancer nor Container Insights has a metric of what is not there."""
    found = alarms(observability(templates, **CONTAINERS))["NoHealthyTask"]
    nothing: dict[str, dict[int, float]] = {"healthy_blue": {}, "healthy_green": {}}
    assert evaluate(queries(found)["result"]["Expression"], nothing, [0]) == {}
    assert found["TreatMissingData"] == "breaching"


@pytest.mark.parametrize(
    ("compute", "leading"),
    [
        (ONE_FLEET, "WebServerGroupName"),
        (BOTH_FLEETS, "WebServerGroupName"),
        (ONE_FLEET | {"GreenShare": "50"}, "WebServerGroupName"),
        (GREEN_ALONE, "GreenWebServerGroupName"),
        (GREEN_ALONE | {"StandbyServers": "true"}, "GreenWebServerGroupName"),
    ],
)
def test_what_is_asked_of_one_group_is_asked_of_the_busiest(
    templates: Templates, compute: dict[str, str], leading: str
) -> None:
    found = alarms(observability(templates, OfficeHoursOnly="true", **compute))
    for name in ("WebServersBusy", "ServersAtMaximum", "WebServerCpuCredits", "ServersAsleep"):
        assert found[name]["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": {"Ref": leading}}], name


@pytest.mark.parametrize(
    ("compute", "fleets"),
    [
        (ONE_FLEET, {"blue"}),
        (BOTH_FLEETS, {"blue", "green"}),
        (GREEN_ALONE, {"green"}),
        (EVERYTHING, {"blue", "green"}),
    ],
)
def test_servers_of_every_colour_that_runs_are_counted(
    templates: Templates, compute: dict[str, str], fleets: set[str]
) -> None:
    found = alarms(observability(templates, **compute))
    for name, prefix in (("UnhealthyServers", "unhealthy"), ("LogsMissing", "requests")):
        assert {each for each in queries(found[name]) if each.startswith(prefix)} == {
            f"{prefix}_{colour}" for colour in fleets
        }


def test_d13_schedules_say_when_the_office_is_closed(templates: Templates) -> None:
    """At all times but from Monday to Friday between seven and eight, in the environment's time zone."""
    template = observability(templates, OfficeHoursOnly="true", TimeZone="Europe/Berlin", **CONTAINERS)
    schedules = [each["Properties"] for each in of_type(template, "AWS::Scheduler::Schedule").values()]
    assert {each["ScheduleExpression"] for each in schedules} == {
        "cron(0/5 20-23,0-6 ? * * *)",
        "cron(0/5 7-19 ? * SAT,SUN *)",
    }
    watched = alarms(template)["TasksAsleep"]
    for each in schedules:
        assert each["ScheduleExpressionTimezone"] == "Europe/Berlin"
        told = json.loads(each["Target"]["Input"])
        [datum] = told["MetricData"]
        assert (told["Namespace"], datum["MetricName"]) == (watched["Namespace"], watched["MetricName"])
        assert datum["Dimensions"] == watched["Dimensions"] == [{"Name": "Environment", "Value": "dev"}]
    assert not of_type(observability(templates, OfficeHoursOnly="true", **ONE_FLEET), "AWS::Scheduler::Schedule")
    assert not of_type(observability(templates, OfficeHoursOnly="false", **CONTAINERS), "AWS::Scheduler::Schedule")


def test_d9_nights_are_said_by_these_schedules_alone(templates: Templates) -> None:
    role = templates["observability"]["Resources"]["NightsRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["ArnEquals"] == {"aws:SourceArn": {"Fn::GetAtt": ["Nights", "Arn"]}}
    [statement] = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["cloudwatch:PutMetricData"]
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "web-platform-office-hours"}}


def test_canary_asks_containers_for_the_application(templates: Templates) -> None:
    """Web servers without an archive have none."""
    for compute, archive, asked in (
        (ONE_FLEET, "", ""),
        (ONE_FLEET, "shop.tar.gz", "/api/products"),
        (CONTAINERS, "", "/api/products"),
    ):
        canary = observability(templates, ApplicationArchiveKey=archive, **compute)["Resources"]["Canary"]
        assert canary["Properties"]["RunConfig"]["EnvironmentVariables"]["API_PATH"] == asked


def test_d15_deployment_that_waits_is_told_to_somebody_who_can_let_it_go_on(templates: Templates) -> None:
    pattern = of_type(templates["observability"], RULE)["ContainerDeploymentWaits"]["Properties"]["EventPattern"]
    assert pattern["detail"]["eventName"] == ["HOOK_AWAITING_ACTION"]
    [cluster] = pattern["detail"]["clusterArn"]
    text, names = cluster["Fn::Sub"]
    assert text.endswith(":ecs:${AWS::Region}:${AWS::AccountId}:cluster/${Cluster}")
    assert names == {"Cluster": {"Ref": "ClusterName"}}


def test_tasks_that_are_ended_on_purpose_are_no_event_to_tell(templates: Templates) -> None:
    """By a deployment, by scaling, or by AWS that takes spare capacity back."""
    pattern = of_type(templates["observability"], RULE)["TaskStopped"]["Properties"]["EventPattern"]
    assert set(pattern["detail"]["stopCode"]) == {"EssentialContainerExited", "TaskFailedToStart"}
    assert pattern["detail"]["lastStatus"] == ["STOPPED"]
