"""The shapes of alarms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import Ref

from generator.alarms import (
    Breach,
    Metric,
    Window,
    above,
    at_least,
    at_most,
    below,
    description,
    math_alarm,
    metric_alarm,
    query_alarm,
)

CPU = Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": Ref("Group")})
ERRORS = Metric("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", {"LoadBalancer": Ref("Balancer")}, "Sum")


def properties(metric: Metric = CPU, **changes: Any) -> dict[str, Any]:
    """Return an alarm on a metric as CloudFormation gets it."""
    given_else: dict[str, Any] = {
        "means": "Servers are busy.",
        "breach": above(80),
        "window": Window(5, 60),
        "actions": [Ref("Topic")],
    }
    return dict(metric_alarm("WebServersBusy", metric=metric, **given_else | changes).to_dict()["Properties"])


def math(**changes: Any) -> dict[str, Any]:
    return dict(
        math_alarm(
            "Share",
            means="Many fail.",
            expression="errors",
            metrics={"errors": ERRORS},
            breach=above(5),
            window=Window(5, 60, datapoints=3),
            actions=[],
            **changes,
        ).to_dict()["Properties"]
    )


def test_every_period_must_be_bad_unless_said_otherwise() -> None:
    found = properties()
    assert (found["EvaluationPeriods"], found["DatapointsToAlarm"], found["Period"]) == (5, 5, 60)
    some = properties(window=Window(5, 60, datapoints=3))
    assert (some["EvaluationPeriods"], some["DatapointsToAlarm"]) == (5, 3)


def test_average_over_all_dimensions_is_compared() -> None:
    found = properties()
    assert found["Statistic"] == "Average"
    assert found["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": {"Ref": "Group"}}]


def test_percentile_of_a_handful_says_nothing() -> None:
    found = properties(Metric("AWS/ApplicationELB", "TargetResponseTime", statistic="p95"))
    assert "Statistic" not in found
    assert (found["ExtendedStatistic"], found["EvaluateLowSampleCountPercentile"]) == ("p95", "ignore")


@pytest.mark.parametrize(
    ("breach", "comparison"),
    [
        (above(3), "GreaterThanThreshold"),
        (at_least(3), "GreaterThanOrEqualToThreshold"),
        (below(3), "LessThanThreshold"),
        (at_most(3), "LessThanOrEqualToThreshold"),
    ],
)
def test_comparison_is_what_its_name_says(breach: Breach, comparison: str) -> None:
    found = properties(breach=breach)
    assert (found["ComparisonOperator"], found["Threshold"]) == (comparison, 3)


def test_missing_data_raises_no_alarm() -> None:
    """An alarm that acts on the absence of servers would act on their normal replacement."""
    assert properties()["TreatMissingData"] == "notBreaching"
    assert properties(missing="breaching")["TreatMissingData"] == "breaching"


def test_actions_are_those_given_and_no_others() -> None:
    assert properties()["AlarmActions"] == [{"Ref": "Topic"}]
    assert properties(ok_actions=[Ref("Topic")])["OKActions"] == [{"Ref": "Topic"}]
    assert properties(actions=[]).keys() & {"AlarmActions", "OKActions", "InsufficientDataActions"} == set()


def test_description_names_the_page_of_the_runbook() -> None:
    assert properties()["AlarmDescription"] == "Servers are busy. Runbook: runbook.md#web-servers-busy"


@given(st.lists(st.sampled_from(["No", "Healthy", "Server", "Cpu", "Web"]), min_size=1, max_size=5))
def test_page_is_called_after_the_logical_id(words: list[str]) -> None:
    anchor = re.search("runbook.md#(.+)$", description("".join(words), "Something."))
    assert anchor is not None
    assert anchor[1] == "-".join(words).lower()


def test_expression_is_compared_and_its_metrics_are_not() -> None:
    metric, result = math()["Metrics"]
    assert metric["MetricStat"]["Stat"] == "Sum"
    assert metric["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "LoadBalancer", "Value": {"Ref": "Balancer"}}]
    assert (metric["Id"], metric["ReturnData"]) == ("errors", False)
    assert (result["Expression"], result["ReturnData"]) == ("errors", True)


def test_expression_has_no_metric_of_its_own() -> None:
    """CloudFormation refuses an alarm that has both."""
    assert math().keys().isdisjoint({"MetricName", "Namespace", "Period", "Statistic", "Dimensions"})


def test_metric_of_what_may_be_absent_is_there_with_it() -> None:
    alarm = math_alarm(
        "Share",
        means="Many fail.",
        expression="SUM(METRICS())",
        metrics={"a": Metric("N", "M", condition="HasOne")},
        breach=above(5),
        window=Window(1, 60),
        actions=[],
    )
    first = alarm.to_dict()["Properties"]["Metrics"][0]
    assert (first["Fn::If"][0], first["Fn::If"][2]) == ("HasOne", {"Ref": "AWS::NoValue"})


def test_query_says_over_which_period_it_asks() -> None:
    alarm = query_alarm(
        "Errors",
        means="Many fail.",
        query='SELECT MAX("5xxErrorRate") FROM SCHEMA("AWS/CloudFront", DistributionId)',
        breach=above(5),
        window=Window(5, 60),
        actions=[],
    )
    [query] = alarm.to_dict()["Properties"]["Metrics"]
    assert (query["Period"], query["ReturnData"]) == (60, True)


def test_alarm_is_there_with_what_it_watches() -> None:
    watched = metric_alarm(
        "Lag", means="Late.", metric=CPU, breach=above(1), window=Window(1, 60), actions=[], condition="HasReplica"
    )
    assert watched.to_dict()["Condition"] == "HasReplica"
