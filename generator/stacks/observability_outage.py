"""What pages somebody, once: composite alarms and their escalation. Part of the stack `observability`.

`Outage` is in alarm while visitors suffer, whatever of its parts says so, and pages when it begins and when it is over
(D12). Nobody is paged again when a second part goes into alarm. `Degraded` can wait until morning, and says nothing
while there is an outage, which is its cause or makes it unimportant. Where servers or tasks stop at night, nothing is
an outage until they have had a quarter of an hour to start.

`UnacknowledgedOutage` has the same state as the outage. It waits a quarter of an hour for somebody to acknowledge the
page, and tells the next one if nobody did. Who acknowledges puts a metric with one command (runbook), which holds for
an hour; then the outage is over, acknowledged again, or told to the next one.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troposphere import AWSHelperFn, GetAtt, If, Join, Ref, Sub, Template
from troposphere.cloudwatch import CompositeAlarm

from generator.alarms import Metric, Window, above, at_least, below, description, metric_alarm
from generator.naming import OPERATORS_NAMESPACE
from generator.nesting import only_if
from generator.parameter_types import EnvironmentName, ResponsePlanArn
from generator.stacks.observability_nights import TASKS_SLEEP
from generator.stacks.observability_topics import HAS_INCIDENT_MANAGER, Topics

VISITORS_SUFFER = (
    *("NoHealthyServer", "NoHealthyGreenServer", "NoHealthyTask"),
    *("ServerErrors", "LoadBalancerErrors", "RejectedConnections", "CanaryFailed"),
)
VISITORS_NOTICE = ("SlowResponses", "UnhealthyServers", "TasksMissing", "ApplicationErrors")
"""The alarms that have no actions of their own, but through a composite alarm."""

PAGE_ACKNOWLEDGED = "PageAcknowledged"
"""The metric that somebody puts who has read a page, and the alarm on it."""

ACKNOWLEDGE_WITHIN_SECONDS = 900
ACKNOWLEDGED_FOR = Window(12, 300, datapoints=1)  # an hour

SERVERS_SLEEP = "ServersSleep"
"""The condition that the stack defines for web servers that stop at night."""

SERVERS_ASLEEP, TASKS_ASLEEP = "ServersAsleep", "TasksAsleep"
SINCE_THEY_WOKE = Window(15, 60, datapoints=1)  # longer than a server may install itself (web_tier)

OUTAGE_MAY_FOLLOW_SECONDS = 180
"""An outage shows in some alarms minutes before it shows in those of `Outage`."""

GRACE_SECONDS = 60


@dataclass(frozen=True)
class Quiet:
    """What tells that nobody need be paged: how many servers there should be, and whether the office is closed."""

    servers_wanted: Metric
    office_closed: Metric


@dataclass(frozen=True)
class Outages:
    """The composite alarms, and the alarm that keeps one of them quiet."""

    outage: CompositeAlarm
    degraded: CompositeAlarm
    unacknowledged: CompositeAlarm


def add_outage(
    template: Template,
    environment_name: EnvironmentName,
    topics: Topics,
    response_plan_arn: ResponsePlanArn,
    quiet: Quiet,
) -> Outages:
    """Add the composite alarms over those that are in the template already, and who is told that a page got lost."""
    _asleep(template, quiet)
    outage = _outage(template, topics, response_plan_arn)
    _page_not_delivered(template, topics)
    return Outages(
        outage, _degraded(template, topics, outage), _unacknowledged(template, environment_name, topics, outage)
    )


def _asleep(template: Template, quiet: Quiet) -> None:
    for title, means, metric, breach, condition in (
        (
            SERVERS_ASLEEP,
            "No web server is wanted, or has been for a quarter of an hour yet; nobody is paged.",
            quiet.servers_wanted,
            below(1),
            SERVERS_SLEEP,
        ),
        (
            TASKS_ASLEEP,
            "The office is closed, or was a quarter of an hour ago: no task is wanted, and nobody is paged.",
            quiet.office_closed,
            at_least(1),
            TASKS_SLEEP,
        ),
    ):
        template.add_resource(
            metric_alarm(
                title,
                means=means,
                metric=metric,
                breach=breach,
                window=SINCE_THEY_WOKE,
                actions=[],
                condition=condition,
            )
        )


def _outage(template: Template, topics: Topics, response_plan_arn: ResponsePlanArn) -> CompositeAlarm:
    awake = [
        If(sleep, Sub(f' AND NOT ALARM("${{{asleep}}}")'), "")
        for sleep, asleep in ((SERVERS_SLEEP, SERVERS_ASLEEP), (TASKS_SLEEP, TASKS_ASLEEP))
    ]
    return template.add_resource(
        CompositeAlarm(
            "Outage",
            AlarmDescription=description("Outage", "Visitors are not served, or get errors."),
            AlarmRule=Join("", ["(", _any_of(template, VISITORS_SUFFER), ")", *awake]),
            AlarmActions=[Ref(topics.page), only_if(HAS_INCIDENT_MANAGER, response_plan_arn)],
            OKActions=[Ref(topics.page)],
        )
    )


def _degraded(template: Template, topics: Topics, outage: CompositeAlarm) -> CompositeAlarm:
    return template.add_resource(
        CompositeAlarm(
            "Degraded",
            AlarmDescription=description("Degraded", "Visitors are served, but slowly or with some errors."),
            AlarmRule=_any_of(template, VISITORS_NOTICE),
            AlarmActions=[Ref(topics.operations)],
            ActionsSuppressor=Ref(outage),
            ActionsSuppressorWaitPeriod=OUTAGE_MAY_FOLLOW_SECONDS,
            ActionsSuppressorExtensionPeriod=OUTAGE_MAY_FOLLOW_SECONDS,
        )
    )


def _unacknowledged(
    template: Template, environment_name: EnvironmentName, topics: Topics, outage: CompositeAlarm
) -> CompositeAlarm:
    acknowledged = template.add_resource(
        metric_alarm(
            PAGE_ACKNOWLEDGED,
            means="Somebody has acknowledged a page within the last hour; the escalation waits.",
            metric=Metric(OPERATORS_NAMESPACE, PAGE_ACKNOWLEDGED, {"Environment": environment_name}, "Sum"),
            breach=at_least(1),
            window=ACKNOWLEDGED_FOR,
            actions=[],
        )
    )
    means = f"Nobody has acknowledged the page of an outage for {ACKNOWLEDGE_WITHIN_SECONDS // 60} minutes."
    return template.add_resource(
        CompositeAlarm(
            "UnacknowledgedOutage",
            AlarmDescription=description("UnacknowledgedOutage", means),
            AlarmRule=_in_alarm(str(outage.title)),
            AlarmActions=[Ref(topics.escalation)],
            ActionsSuppressor=Ref(acknowledged),
            ActionsSuppressorWaitPeriod=ACKNOWLEDGE_WITHIN_SECONDS,
            ActionsSuppressorExtensionPeriod=GRACE_SECONDS,
        )
    )


def _page_not_delivered(template: Template, topics: Topics) -> None:
    template.add_resource(
        metric_alarm(
            "PageNotDelivered",
            means="A page did not reach somebody who subscribes to pages.",
            metric=Metric(
                "AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": GetAtt(topics.page, "TopicName")}, "Sum"
            ),
            breach=above(0),
            window=Window(1, 300),
            actions=[Ref(topics.operations)],
        )
    )


def _any_of(template: Template, titles: Sequence[str]) -> Join:
    """Return the rule that one of these alarms is in alarm; what has a condition is left out where it is not there."""
    rules: list[AWSHelperFn] = []
    for title in titles:
        condition = template.resources[title].resource.get("Condition")
        rules.append(only_if(condition, _in_alarm(title)) if condition else _in_alarm(title))
    return Join(" OR ", rules)


def _in_alarm(title: str) -> Sub:
    return Sub(f'ALARM("${{{title}}}")')
