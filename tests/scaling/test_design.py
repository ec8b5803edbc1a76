"""What the simulation runs on is what the release says, to the last figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.errors import UserError
from generator.scaling.design import SIMPLE, STEP, Design
from tests.exposure import every_setting
from tests.releases import Edit, Templates, at_resource
from tests.scaling.designs import (
    ADD,
    ALGORITHM,
    BUSY,
    DELAY,
    GROUP,
    IDLE,
    LAUNCH,
    QUIET,
    TARGETS,
    attribute,
    edited,
    in_script,
    put,
    released,
)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_settings_of_the_environment_are_those_of_its_file(environment: str) -> None:
    parameters = next(each for each in every_setting() if each.name == environment).parameters
    design = released(environment)
    assert design.minimum == int(parameters["WebServerMinimum"])
    assert design.maximum == int(parameters["WebServerMaximum"])
    assert design.alarm(+1).threshold == float(parameters["ScaleOutCpuPercent"])
    assert design.alarm(-1).threshold == float(parameters["ScaleInCpuPercent"])
    assert design.instance_type == parameters["WebServerInstanceType"]
    assert design.zones == (3 if parameters["AvailabilityZoneC"] else 2)


def test_t3_without_a_credit_specification_overdraws() -> None:
    assert released().unlimited


Figure = tuple[Edit, Callable[[Design], Any], Any]
"""An edit of a template, the figure that it changes, and its new value."""

ONCE: list[Figure] = [
    (put(GROUP, "MinSize", "1"), lambda d: d.minimum, 1),
    (put(GROUP, "MaxSize", "9"), lambda d: d.maximum, 9),
    (put(GROUP, "HealthCheckGracePeriod", 61), lambda d: d.grace, 61),
    (put(GROUP, "DefaultInstanceWarmup", 62), lambda d: d.warm_up, 62),
    (put(GROUP, "HealthCheckType", "EC2"), lambda d: d.replaces_unhealthy, False),
    (at_resource(*GROUP, "CreationPolicy.ResourceSignal.Timeout", "PT1H2M3S"), lambda d: d.bootstrap_limit, 3723),
    (put(TARGETS, "HealthCheckIntervalSeconds", 31), lambda d: d.health.interval, 31),
    (put(TARGETS, "HealthCheckTimeoutSeconds", 7), lambda d: d.health.timeout, 7),
    (put(TARGETS, "HealthyThresholdCount", 8), lambda d: d.health.healthy_after, 8),
    (put(TARGETS, "UnhealthyThresholdCount", 9), lambda d: d.health.unhealthy_after, 9),
    (attribute(TARGETS, DELAY, "33"), lambda d: d.draining, 33),
    (attribute(TARGETS, ALGORITHM, None), lambda d: d.algorithm, "round_robin"),
    (attribute(("ingress", "LoadBalancer"), IDLE, "12"), lambda d: d.patience, 12),
    (in_script("worker_connections 1024", "worker_connections 20"), lambda d: d.most_under_way, 20),
    (put(LAUNCH, "LaunchTemplateData.Monitoring.Enabled", False), lambda d: d.monitoring, 300),
    (put(LAUNCH, "LaunchTemplateData.CreditSpecification", {"CpuCredits": "standard"}), lambda d: d.unlimited, False),
    (put(BUSY, "Threshold", 55), lambda d: d.alarm(+1).threshold, 55),
    (put(BUSY, "Period", 120), lambda d: d.alarm(+1).period, 120),
    (put(BUSY, "EvaluationPeriods", 7), lambda d: d.alarm(+1).periods, 7),
    (put(BUSY, "DatapointsToAlarm", 2), lambda d: d.alarm(+1).datapoints, 2),
    (put(QUIET, "TreatMissingData", None), lambda d: d.alarm(-1).missing, "missing"),
    (put(ADD, "EstimatedInstanceWarmup", 77), lambda d: d.alarm(+1).policy.warm_up, 77),
]

DEFAULTS: list[Figure] = [
    (put(GROUP, "HealthCheckGracePeriod", None), lambda d: d.grace, 0),
    (put(GROUP, "DefaultInstanceWarmup", None), lambda d: d.warm_up, 41),
    (put(GROUP, "Cooldown", "41"), lambda d: d.warm_up, 41),
    (attribute(TARGETS, DELAY, None), lambda d: d.draining, 300),
    (in_script("proxy_read_timeout 30s", "proxy_read_timeout 9s"), lambda d: d.patience, 9),
    (put(LAUNCH, "LaunchTemplateData.InstanceType", "m6i.large"), lambda d: d.processors.baseline, 1.0),
    (put(LAUNCH, "LaunchTemplateData.Monitoring", None), lambda d: d.monitoring, 300),
    (put(BUSY, "EvaluationPeriods", 4), lambda d: d.alarm(+1).periods, 4),
    (put(BUSY, "DatapointsToAlarm", None), lambda d: d.alarm(+1).datapoints, 4),
    (put(ADD, "EstimatedInstanceWarmup", None), lambda d: d.alarm(+1).policy.warm_up, 41),
]


@pytest.mark.parametrize("figures", [ONCE, DEFAULTS], ids=["other values", "what AWS takes where nothing is said"])
def test_every_figure_comes_from_the_template(figures: list[Figure], tmp_path: Path) -> None:
    before, after = released(), edited(tmp_path, *(edit for edit, _, _ in figures))
    assert all(figure(before) != value for _, figure, value in figures)
    assert [figure(after) for _, figure, _ in figures] == [value for _, _, value in figures]


def test_a_limit_of_requests_counts_where_it_is_lower_than_what_connections_allow(tmp_path: Path) -> None:
    limit = in_script("access_log off;", "access_log off; limit_conn other 17;")
    assert edited(tmp_path, limit).most_under_way == 17


def policy(**properties: object) -> Edit:
    def edit(templates: Templates) -> None:
        group = {"AutoScalingGroupName": {"Ref": "WebServerGroup"}, "AdjustmentType": "ChangeInCapacity"}
        templates["web_tier"]["Resources"]["RemoveOneServer"]["Properties"] = {**group, **properties}

    return edit


def test_both_kinds_of_policies_are_known(tmp_path: Path) -> None:
    step = {"PolicyType": STEP, "StepAdjustments": [{"ScalingAdjustment": -1, "MetricIntervalUpperBound": 0}]}
    (tmp_path / "step").mkdir()
    (tmp_path / "simple").mkdir()
    first = edited(tmp_path / "step", policy(**step)).alarm(-1).policy
    second = edited(tmp_path / "simple", policy(PolicyType=SIMPLE, ScalingAdjustment=-1, Cooldown=900)).alarm(-1).policy
    assert (first.kind, first.adjustment(-5), first.adjustment(+5)) == (STEP, -1, 0)
    assert (second.kind, second.adjustment(-5), second.cooldown) == (SIMPLE, -1, 900)


REFUSED: list[tuple[Edit, str]] = [
    (put(LAUNCH, "LaunchTemplateData.InstanceType", "t3.2xlarge"), "does not know instance type t3.2xlarge"),
    (
        attribute(TARGETS, ALGORITHM, "weighted_random"),
        "does not know the algorithm weighted_random",
    ),
    (put(BUSY, "MetricName", "NetworkIn"), "SustainedLoad: the simulation knows alarms on the average CPUUtilization"),
    (put(BUSY, "Statistic", "Maximum"), "SustainedLoad: the simulation knows alarms on the average"),
    (put(BUSY, "Dimensions", []), "CPUUtilization of WebServerGroup only"),
    (put(BUSY, "ComparisonOperator", "LessThanLowerThreshold"), "ComparisonOperator must be one of"),
    (put(BUSY, "Threshold", "much"), "SustainedLoad: Threshold is 'much', not a number"),
    (put(ADD, "AdjustmentType", "ExactCapacity"), "AdjustmentType ChangeInCapacity only"),
    (at_resource(*GROUP, "CreationPolicy", None), "CreationPolicy has no Timeout such as PT10M"),
    (in_script("worker_connections", "workers"), "has no worker_connections of nginx"),
]


@pytest.mark.parametrize(("edit", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_it_does_not_know_is_refused_in_words(edit: Edit, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        edited(tmp_path, edit)


def test_an_alarm_that_nobody_has_is_missed(tmp_path: Path) -> None:
    design = edited(tmp_path, put(QUIET, "AlarmActions", []))
    with pytest.raises(UserError, match="no alarm of the release removes web servers"):
        design.alarm(-1)
