"""When tasks are asleep: schedules that say so in a metric. Part of the stack `observability`.

Where no task runs, Container Insights has no metric of how many are wanted, so that no alarm could tell the night from
an outage; an Auto Scaling group of web servers has one. So EventBridge Scheduler, which knows the environment's time
zone, puts a metric while the office is closed. If it ever fails to, somebody is paged rather than nobody.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import awacs.cloudwatch
import awacs.sts
from awacs.aws import ArnEquals, Condition, StringEquals
from troposphere import GetAtt, Ref, Sub, Template
from troposphere.iam import Policy, Role
from troposphere.scheduler import FlexibleTimeWindow, RetryPolicy, Schedule, ScheduleGroup, Target

from generator.alarms import Metric
from generator.iam import allow, allow_principal, arn, document, service_principal, workload_boundary
from generator.naming import PROJECT, name_tag
from generator.office_hours import EVERY_NIGHT, EVERY_WEEKEND
from generator.parameter_types import EnvironmentName, TimeZone

TASKS_SLEEP = "TasksSleep"
"""The condition that the stack defines for tasks that stop at night."""

NAMESPACE, OFFICE_CLOSED = f"{PROJECT}-office-hours", "OfficeClosed"
"""The metric: 1 every five minutes at night and at weekends. In the operators' namespace, whoever may put it could also
say that a page was seen."""

STALE_AFTER_SECONDS = 60


@dataclass(frozen=True)
class Nights:
    """Whose nights, and in which time zone."""

    environment_name: EnvironmentName
    time_zone: TimeZone

    def metric(self) -> Metric:
        """Return the metric that the schedules put."""
        return Metric(NAMESPACE, OFFICE_CLOSED, {"Environment": self.environment_name}, "Sum")


def add_nights(template: Template, nights: Nights) -> None:
    """Add the schedules and their role, where there are containers and office hours."""
    group = template.add_resource(ScheduleGroup("Nights", Condition=TASKS_SLEEP, Tags=name_tag("nights")))
    role = _role(template, group)
    closed = {"MetricName": OFFICE_CLOSED, "Dimensions": [{"Name": "Environment", "Value": "${EnvironmentName}"}]}
    put = {"Namespace": NAMESPACE, "MetricData": [{**closed, "Value": 1}]}
    for title, expression, when in (
        ("NightBegan", EVERY_NIGHT, "at night"),
        ("WeekendBegan", EVERY_WEEKEND, "in the daytime of a weekend"),
    ):
        template.add_resource(
            Schedule(
                title,
                Condition=TASKS_SLEEP,
                Description=f"Says {when} that the office is closed.",
                GroupName=Ref(group),
                ScheduleExpression=expression,
                ScheduleExpressionTimezone=nights.time_zone,
                FlexibleTimeWindow=FlexibleTimeWindow(Mode="OFF"),
                Target=Target(
                    Arn=arn("scheduler:::aws-sdk:cloudwatch:putMetricData"),
                    RoleArn=GetAtt(role, "Arn"),
                    Input=Sub(json.dumps(put)),
                    # The next one comes soon, and late news would say that the office closes in the morning.
                    RetryPolicy=RetryPolicy(MaximumEventAgeInSeconds=STALE_AFTER_SECONDS, MaximumRetryAttempts=1),
                ),
            )
        )


def _role(template: Template, group: ScheduleGroup) -> Role:
    """Add the role of the schedules: one action in one namespace.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    of_this_group = Condition(
        [
            StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}),
            ArnEquals({"aws:SourceArn": GetAtt(group, "Arn")}),
        ]
    )
    own_namespace = Condition(StringEquals({"cloudwatch:namespace": NAMESPACE}))
    # Metrics have no ARN; the namespace is the only thing that confines them.
    say_so = allow("SayThatItIsClosed", [awacs.cloudwatch.PutMetricData], ["*"], own_namespace)
    return template.add_resource(
        Role(
            "NightsRole",
            Condition=TASKS_SLEEP,
            Description="Lets schedules say that the office is closed.",
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "Schedules", service_principal("scheduler"), [awacs.sts.AssumeRole], condition=of_this_group
                )
            ),
            Policies=[Policy(PolicyName="SayThatItIsClosed", PolicyDocument=document(say_so))],
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("nights-role"),
        )
    )
