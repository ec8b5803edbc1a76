"""The one shape of alarm."""

from __future__ import annotations

from typing import Any

import pytest
from troposphere import Ref

from generator.alarms import metric_alarm


@pytest.fixture
def properties() -> dict[str, Any]:
    alarm = metric_alarm(
        "Busy",
        description="Servers are busy.",
        namespace="AWS/EC2",
        metric="CPUUtilization",
        dimensions={"AutoScalingGroupName": Ref("Group")},
        comparison="GreaterThanThreshold",
        threshold=80,
        periods=5,
        period_seconds=60,
        actions=(Ref("Add"),),
    )
    return dict(alarm.to_dict()["Properties"])


def test_every_period_must_cross_the_threshold(properties: dict[str, Any]) -> None:
    assert properties["EvaluationPeriods"] == properties["DatapointsToAlarm"] == 5
    assert properties["Period"] == 60


def test_average_over_all_dimensions_is_compared(properties: dict[str, Any]) -> None:
    assert properties["Statistic"] == "Average"
    assert properties["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": {"Ref": "Group"}}]
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("GreaterThanThreshold", 80)


def test_missing_data_raises_no_alarm(properties: dict[str, Any]) -> None:
    """An alarm that acts on the absence of servers would act on their normal replacement."""
    assert properties["TreatMissingData"] == "notBreaching"


def test_actions_are_those_given(properties: dict[str, Any]) -> None:
    assert properties["AlarmActions"] == [{"Ref": "Add"}]
