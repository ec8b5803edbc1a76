"""D13: the budget warns early, anomalies are told where a monitor is, office hours end and begin."""

from __future__ import annotations

import json

import pytest

from generator.naming import PROJECT
from generator.parameter_types import CostAnomalyMonitor
from tests import recovery_claims as claims
from tests.intrinsics import Templates, of_type, resolved

OWN = "arn:aws:ce::111122223333:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef"


def test_d13_budget_warns_before_it_is_spent(templates: Templates) -> None:
    claims.check_budget_warns_before_it_is_spent(templates)


def test_d13_every_resource_has_the_tags_that_its_cost_goes_by(templates: Templates) -> None:
    claims.check_every_resource_has_the_tags_that_its_cost_goes_by(templates)


def test_d13_office_hours_end_and_begin(templates: Templates) -> None:
    claims.check_office_hours_end_and_begin(templates)


@pytest.mark.parametrize(
    ("chosen", "made", "watched"),
    [("none", False, None), ("new", True, {"Ref": "ServiceMonitor"}), (OWN, False, OWN)],
)
def test_d13_anomalies_come_from_the_monitor_that_was_chosen(
    templates: Templates, chosen: str, made: bool, watched: object
) -> None:
    """An account has one monitor of its services: who makes a second one fails the whole deployment."""
    CostAnomalyMonitor.parse(chosen)
    resources = resolved(templates["cost"], **claims.EVERYTHING | {"CostAnomalyMonitor": chosen})
    assert ("ServiceMonitor" in resources) == made
    if watched is None:
        assert "AnomalySubscription" not in resources
        return
    subscription = resources["AnomalySubscription"]["Properties"]
    assert subscription["MonitorArnList"] == [watched]
    assert subscription["Subscribers"] == [{"Type": "SNS", "Address": {"Ref": "OperationsTopicArn"}}]
    assert subscription["Frequency"] == "IMMEDIATE", "daily and weekly summaries go to mail addresses only"
    threshold = json.loads(subscription["ThresholdExpression"])["Dimensions"]
    assert threshold["Key"] == "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
    assert float(threshold["Values"][0]) > 0


@pytest.mark.parametrize("wrong", ["", "NEW", "arn:aws:ce::1:anomalymonitor/1", "arn:aws:sns:eu-west-1:111122223333:x"])
def test_what_is_no_monitor_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="none; new, where the account has no monitor"):
        CostAnomalyMonitor.parse(wrong)


def test_d13_resource_group_holds_what_has_the_environments_tags(templates: Templates) -> None:
    [group] = of_type(templates["cost"], "AWS::ResourceGroups::Group").values()
    query = group["Properties"]["ResourceQuery"]["Query"]
    assert query["TagFilters"] == [
        {"Key": "Project", "Values": [PROJECT]},
        {"Key": "Environment", "Values": [{"Fn::Sub": "${EnvironmentName}"}]},
    ]
    assert query["ResourceTypeFilters"] == ["AWS::AllSupported"]


def test_d9_schedules_act_for_this_account_and_group_alone(templates: Templates) -> None:
    role = templates["cost"]["Resources"]["OfficeHoursRole"]["Properties"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["OfficeHours", "Arn"]}},
    }
    for schedule in of_type(templates["cost"], "AWS::Scheduler::Schedule").values():
        assert schedule["Properties"]["GroupName"] == {"Ref": "OfficeHours"}


def test_a_refused_stop_is_not_tried_into_the_next_day(templates: Templates) -> None:
    """Without a limit, EventBridge Scheduler tries for a day: it would stop what was started in the morning."""
    for title, schedule in of_type(templates["cost"], "AWS::Scheduler::Schedule").items():
        retries = schedule["Properties"]["Target"]["RetryPolicy"]
        assert retries["MaximumEventAgeInSeconds"] <= 3600, title
        assert retries["MaximumRetryAttempts"] > 0, title


def test_no_stack_waits_for_the_bill(templates: Templates) -> None:
    """Nothing that serves a visitor may fail because a budget could not be made."""
    for title, stack in templates["platform"]["Resources"].items():
        if title != "Cost":
            assert "Outputs.BudgetName" not in json.dumps(stack), title
            assert "Cost" not in stack.get("DependsOn", []), title
