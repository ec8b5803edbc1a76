"""Turns on call in Incident Manager: contacts, weekly rotation, escalation, and the plan that an outage starts.

Exists where asked for (D12). One person is on call at a time, from Monday morning to Monday morning in the
environment's time zone; with a second person they take turns. Who does not acknowledge within a quarter of an hour is
followed by the escalation. Every address gets a code by mail, and hears nothing before it has confirmed with it.

Incident Manager is closed to new customers since November 2025. The account already uses it: its replication set, and
the service-linked role by which alarms start incidents, are taken as existing and never created here.
https://docs.aws.amazon.com/incident-manager/latest/userguide/what-is-incident-manager.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troposphere import AWSHelperFn, Equals, GetAtt, Not, Template
from troposphere.ssmcontacts import (
    ChannelTargetInfo,
    Contact,
    ContactChannel,
    ContactTargetInfo,
    Plan,
    RecurrenceSettings,
    Rotation,
    Stage,
    Targets,
    WeeklySetting,
)
from troposphere.ssmincidents import IncidentTemplate, ResponsePlan

from generator.alarms import description
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition, conditional, only_if
from generator.parameter_types import EmailAddress, EnvironmentName, ResponsePlanArn, TimeZone, output, parameter

HAS_SECOND_PERSON, HAS_ESCALATION = "HasSecondPerson", "HasEscalation"

ESCALATE_AFTER_MINUTES = 15
"""As long as escalation takes without Incident Manager."""

MAIL_AGAIN_MINUTES = 5
HAND_OVER_DAY, HAND_OVER_TIME = "MON", "09:00"
FIRST_TURN = "2026-11-23T09:00:00"
"""A Monday. From it the turns are counted."""

HIGH_IMPACT = 2
"""Of 1 to 5: critical would be all environments at once.
https://docs.aws.amazon.com/incident-manager/latest/userguide/response-plans.html"""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    on_call_email: EmailAddress = parameter("Who takes the first turn.")
    second_on_call_email: EmailAddress = parameter("Who takes the other turns, or empty.")
    escalation_email: EmailAddress = parameter("Who is told when nobody acknowledges, or empty.")
    time_zone: TimeZone = parameter("Time zone of the turns.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    response_plan_arn: ResponsePlanArn = output("Response plan that an outage starts.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_SECOND_PERSON, Not(Equals(parameters.second_on_call_email, "")))
    add_condition(template, HAS_ESCALATION, Not(Equals(parameters.escalation_email, "")))
    first = _person(template, "FirstOnCall", "first", parameters.on_call_email)
    second = _person(template, "SecondOnCall", "second", parameters.second_on_call_email, HAS_SECOND_PERSON)
    boss = _person(template, "EscalationContact", "escalation", parameters.escalation_email, HAS_ESCALATION)
    schedule = _schedule(template, parameters, [_arn(first), only_if(HAS_SECOND_PERSON, _arn(second))])
    plan = _response_plan(template, _escalation(template, schedule, boss))
    return Outputs(response_plan_arn=ResponsePlanArn(_arn(plan)))


def _person(template: Template, title: str, name: str, email: EmailAddress, condition: str | None = None) -> Contact:
    """Add somebody who is reached by mail."""
    contact = template.add_resource(_contact(title, name, "PERSONAL", condition))
    channel = template.add_resource(
        ContactChannel(
            f"{title}Mail",
            **conditional(condition),
            ContactId=_arn(contact),
            ChannelName=f"{name} mail",
            ChannelType="EMAIL",
            ChannelAddress=email,
        )
    )
    mail = ChannelTargetInfo(ChannelId=_arn(channel), RetryIntervalInMinutes=MAIL_AGAIN_MINUTES)
    template.add_resource(
        Plan(
            f"{title}Plan",
            **conditional(condition),
            ContactId=_arn(contact),
            Stages=[_stage(Targets(ChannelTargetInfo=mail))],
        )
    )
    return contact


def _schedule(template: Template, parameters: Parameters, people: Sequence[AWSHelperFn]) -> Contact:
    """Add whose turn it is."""
    turns = template.add_resource(
        Rotation(
            "Turns",
            Name="weekly_turns",
            ContactIds=list(people),
            StartTime=FIRST_TURN,
            TimeZoneId=parameters.time_zone,
            Recurrence=RecurrenceSettings(
                NumberOfOnCalls=1,
                RecurrenceMultiplier=1,
                WeeklySettings=[WeeklySetting(DayOfWeek=HAND_OVER_DAY, HandOffTime=HAND_OVER_TIME)],
            ),
            Tags=name_tag("turns"),
        )
    )
    schedule = template.add_resource(_contact("Schedule", "schedule", "ONCALL_SCHEDULE"))
    template.add_resource(Plan("SchedulePlan", ContactId=_arn(schedule), RotationIds=[_arn(turns)]))
    return schedule


def _escalation(template: Template, schedule: Contact, boss: Contact) -> Contact:
    """Add who is told: whose turn it is, and the escalation where that one does not acknowledge."""
    escalation = template.add_resource(_contact("EscalationPlan", "escalation-plan", "ESCALATION"))
    template.add_resource(
        Plan(
            "EscalationStages",
            ContactId=_arn(escalation),
            Stages=[
                _stage(_somebody(schedule)),
                only_if(HAS_ESCALATION, _stage(_somebody(boss))),
            ],
        )
    )
    return escalation


def _response_plan(template: Template, escalation: Contact) -> ResponsePlan:
    return template.add_resource(
        ResponsePlan(
            "ResponsePlan",
            Name=in_environment(f"{PROJECT}-${{EnvironmentName}}"),
            DisplayName=in_environment(f"{PROJECT} ${{EnvironmentName}}"),
            Engagements=[_arn(escalation)],
            IncidentTemplate=IncidentTemplate(
                Title=in_environment(f"Outage of {PROJECT} ${{EnvironmentName}}"),
                Impact=HIGH_IMPACT,
                Summary=description("Outage", "Visitors are not served, or get errors."),
            ),
            Tags=name_tag("response-plan"),
        )
    )


def _contact(title: str, name: str, kind: str, condition: str | None = None) -> Contact:
    return Contact(
        title,
        **conditional(condition),
        Alias=in_environment(f"{PROJECT}-${{EnvironmentName}}-{name}"),
        DisplayName=in_environment(f"{PROJECT} ${{EnvironmentName}} {name}"),
        Type=kind,
        Tags=name_tag(name),
    )


def _stage(target: Targets) -> Stage:
    return Stage(DurationInMinutes=ESCALATE_AFTER_MINUTES, Targets=[target])


def _somebody(contact: Contact) -> Targets:
    # Whose acknowledgement is essential ends the plan.
    return Targets(ContactTargetInfo=ContactTargetInfo(ContactId=_arn(contact), IsEssential=True))


def _arn(resource: Contact | ContactChannel | Rotation | ResponsePlan) -> GetAtt:
    return GetAtt(resource, "Arn")
