"""D12: turns on call in Incident Manager, where asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from generator.stacks import on_call
from tests.intrinsics import Templates, of_type, resolved

ALONE = {
    "EnvironmentName": "prod",
    "OnCallEmail": "first@example.com",
    "SecondOnCallEmail": "",
    "EscalationEmail": "",
    "TimeZone": "Europe/Amsterdam",
}
TOGETHER = ALONE | {"SecondOnCallEmail": "second@example.com"}
ESCALATING = TOGETHER | {"EscalationEmail": "boss@example.com"}


def turns(templates: Templates, settings: dict[str, str]) -> dict[str, Any]:
    """Return the properties of what there is with some settings."""
    return {name: found["Properties"] for name, found in resolved(templates["on_call"], **settings).items()}


def arn(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


@pytest.mark.parametrize(
    ("settings", "people"),
    [
        (ALONE, ["FirstOnCall"]),
        (TOGETHER, ["FirstOnCall", "SecondOnCall"]),
        (ESCALATING, ["FirstOnCall", "SecondOnCall"]),
    ],
)
def test_those_on_call_take_turns_week_by_week(
    templates: Templates, settings: dict[str, str], people: list[str]
) -> None:
    rotation = turns(templates, settings)["Turns"]
    assert rotation["ContactIds"] == [arn(person) for person in people]
    assert rotation["TimeZoneId"] == "Europe/Amsterdam"
    recurrence = rotation["Recurrence"]
    assert (recurrence["NumberOfOnCalls"], recurrence["RecurrenceMultiplier"]) == (1, 1)
    assert recurrence["WeeklySettings"] == [{"DayOfWeek": "MON", "HandOffTime": "09:00"}]


def test_turns_are_counted_from_a_hand_over() -> None:
    first = datetime.fromisoformat(on_call.FIRST_TURN)
    assert (f"{first:%a}".upper(), f"{first:%H:%M}") == (on_call.HAND_OVER_DAY, on_call.HAND_OVER_TIME)


@pytest.mark.parametrize(
    ("settings", "addresses"),
    [
        (ALONE, {"FirstOnCall": "first@example.com"}),
        (TOGETHER, {"FirstOnCall": "first@example.com", "SecondOnCall": "second@example.com"}),
        (
            ESCALATING,
            {
                "FirstOnCall": "first@example.com",
                "SecondOnCall": "second@example.com",
                "EscalationContact": "boss@example.com",
            },
        ),
    ],
)
def test_everybody_is_reached_at_their_own_address(
    templates: Templates, settings: dict[str, str], addresses: dict[str, str]
) -> None:
    found = turns(templates, settings)
    channels = {name: found[f"{name}Mail"] for name in addresses}
    assert {name: channel["ChannelAddress"] for name, channel in channels.items()} == addresses
    for name, channel in channels.items():
        assert channel["ContactId"] == arn(name)
        [stage] = found[f"{name}Plan"]["Stages"]
        [target] = stage["Targets"]
        assert found[f"{name}Plan"]["ContactId"] == arn(name)
        assert target["ChannelTargetInfo"]["ChannelId"] == arn(f"{name}Mail")
    mails = [each for each in found.values() if "ChannelAddress" in each]
    assert len(mails) == len(addresses)


@pytest.mark.parametrize(
    ("settings", "followed"),
    [(ALONE, ["Schedule"]), (TOGETHER, ["Schedule"]), (ESCALATING, ["Schedule", "EscalationContact"])],
)
def test_who_does_not_acknowledge_is_followed_by_the_escalation(
    templates: Templates, settings: dict[str, str], followed: list[str]
) -> None:
    found = turns(templates, settings)
    stages = found["EscalationStages"]["Stages"]
    targets = [stage["Targets"][0]["ContactTargetInfo"] for stage in stages]
    assert [target["ContactId"] for target in targets] == [arn(name) for name in followed]
    assert all(target["IsEssential"] is True for target in targets), "an acknowledgement ends it"
    assert {stage["DurationInMinutes"] for stage in stages} == {15}


def test_schedule_is_who_has_the_turn(templates: Templates) -> None:
    found = turns(templates, ALONE)
    assert found["SchedulePlan"] == {"ContactId": arn("Schedule"), "RotationIds": [arn("Turns")]}
    assert found["Schedule"]["Type"] == "ONCALL_SCHEDULE"


def test_incident_engages_the_escalation_plan_and_names_the_page(templates: Templates) -> None:
    plan = turns(templates, ALONE)["ResponsePlan"]
    assert plan["Engagements"] == [arn("EscalationPlan")]
    assert turns(templates, ALONE)["EscalationPlan"]["Type"] == "ESCALATION"
    assert plan["Name"] == "web-platform-prod"
    assert plan["IncidentTemplate"]["Title"] == "Outage of web-platform prod"
    assert plan["IncidentTemplate"]["Summary"].endswith("runbook.md#outage")
    assert templates["on_call"]["Outputs"]["ResponsePlanArn"]["Value"] == arn("ResponsePlan")


def test_replication_set_is_the_accounts_own(templates: Templates) -> None:
    """Incident Manager takes no new customers: who has it has the set, and an account has one alone."""
    assert of_type(templates["on_call"], "AWS::SSMIncidents::ReplicationSet") == {}


def test_stack_is_there_where_asked_for(templates: Templates) -> None:
    stack = templates["platform"]["Resources"]["OnCall"]
    assert templates["platform"]["Conditions"][stack["Condition"]] == {
        "Fn::Equals": [{"Ref": "IncidentManager"}, "true"]
    }
