"""What the environment costs: a budget that tells early, unusual spending, one list of all there is, and office hours.

Owns the account's monthly budget, the subscription to cost anomalies where asked for, the resource group of the
environment, and where asked for the schedules that stop the database at night and at weekends (D13); servers and tasks
have their hours beside their numbers. Owns nothing that serves a visitor: the whole stack can be deleted without
anybody noticing but who pays.

The budget counts the whole account, and not what carries the environment's tags. Each environment has an account of its
own (D6), in which everything is the environment's: also what has no tags, such as data transfer, or what a failed
deployment left behind. A budget by tags sees nothing until the payer's account has activated them for cost allocation,
and says so nowhere.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import awacs.rds
import awacs.sts
from awacs.aws import ArnEquals, Condition, StringEquals
from troposphere import Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.budgets import Budget, BudgetData, Notification, NotificationWithSubscribers, ResourceTag, Spend
from troposphere.budgets import Subscriber as BudgetSubscriber
from troposphere.ce import AnomalyMonitor, AnomalySubscription, Subscriber
from troposphere.ce import ResourceTag as CostTag
from troposphere.iam import Policy, Role
from troposphere.resourcegroups import Group, Query, ResourceQuery, TagFilter
from troposphere.scheduler import FlexibleTimeWindow, RetryPolicy, Schedule, ScheduleGroup, Target

from generator.iam import allow, allow_principal, arn, document, service_principal, workload_boundary
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.office_hours import DATABASE_STARTS, DATABASE_STOPS, OFFICE_HOURS
from generator.parameter_types import (
    CostAnomalyMonitor,
    EnvironmentName,
    MonthlyBudget,
    ResourceName,
    TimeZone,
    Toggle,
    TopicArn,
    output,
    parameter,
)

WATCHES_ANOMALIES, MAKES_MONITOR = "WatchesAnomalies", "MakesMonitor"

BUDGET_PERCENTAGES = (50, 80, 100)
BUDGET_KINDS = ("ACTUAL", "FORECASTED")
"""Of each, all percentages tell; a budget takes ten notifications.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html
"""

ANOMALY_US_DOLLARS = 20
"""What an anomaly must have cost in total to be told: less than a day of any environment."""

NOT_LATER_THAN_SECONDS, ATTEMPTS = 3600, 6
"""How long a start or stop is tried again that RDS refuses, during a backup for example."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    monthly_budget: MonthlyBudget = parameter("US dollars a month that the account may cost.")
    cost_anomaly_monitor: CostAnomalyMonitor = parameter("Monitor whose anomalies are told: none, new, or an ARN.")
    operations_topic_arn: TopicArn = parameter("Topic of what can wait until morning.")
    office_hours_only: Toggle = parameter("Whether the database runs in office hours only.")
    time_zone: TimeZone = parameter("Time zone of the office hours.")
    database_id: ResourceName = parameter("Identifier of the database instance.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    budget_name: ResourceName = output("Monthly budget of the account.")
    resource_group_name: ResourceName = output("Resource group of everything in the environment.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, OFFICE_HOURS, Equals(parameters.office_hours_only, "true"))
    add_condition(template, WATCHES_ANOMALIES, Not(Equals(parameters.cost_anomaly_monitor, "none")))
    add_condition(template, MAKES_MONITOR, Equals(parameters.cost_anomaly_monitor, "new"))
    # Budgets belong to the account, in which taskcat makes an environment of the same name in several regions.
    name = in_environment(f"{PROJECT}-${{EnvironmentName}}-monthly-${{AWS::Region}}")
    _budget(template, parameters, name)
    _anomalies(template, parameters)
    group = _resource_group(template)
    _database_hours(template, parameters)
    return Outputs(budget_name=ResourceName(name), resource_group_name=ResourceName(Ref(group)))


def _budget(template: Template, parameters: Parameters, name: Sub) -> None:
    """Add the budget. AWS Budgets would make up a name by which no policy knew it as ours; since CloudFormation cannot
    change notifications, and two budgets cannot share a name, other notifications need another name.
    """
    told = [
        NotificationWithSubscribers(
            Notification=Notification(
                NotificationType=kind,
                ComparisonOperator="GREATER_THAN",
                Threshold=percentage,
                ThresholdType="PERCENTAGE",
            ),
            Subscribers=[BudgetSubscriber(SubscriptionType="SNS", Address=parameters.operations_topic_arn)],
        )
        for kind in BUDGET_KINDS
        for percentage in BUDGET_PERCENTAGES
    ]
    template.add_resource(
        Budget(
            "Budget",
            Budget=BudgetData(
                BudgetName=name,
                BudgetType="COST",
                TimeUnit="MONTHLY",
                BudgetLimit=Spend(Amount=parameters.monthly_budget, Unit="USD"),
            ),
            NotificationsWithSubscribers=told,
            ResourceTags=[ResourceTag(Key="Name", Value=name)],
        )
    )


def _anomalies(template: Template, parameters: Parameters) -> None:
    """Tell of unusual spending on any service.

    An account has one monitor of its services, most have it from their first day, and AWS makes no second one. Hence
    the choice; monitors of tags can be made in an organization's management account only.
    https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
    """
    named = [CostTag(Key="Name", Value=in_environment(f"{PROJECT}-${{EnvironmentName}}-anomalies"))]
    monitor = template.add_resource(
        AnomalyMonitor(
            "ServiceMonitor",
            Condition=MAKES_MONITOR,
            MonitorName=in_environment(f"{PROJECT}-${{EnvironmentName}}-services"),
            MonitorType="DIMENSIONAL",
            MonitorDimension="SERVICE",
            ResourceTags=named,
        )
    )
    noteworthy = {
        "Dimensions": {
            "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
            "Values": [str(ANOMALY_US_DOLLARS)],
        }
    }
    template.add_resource(
        AnomalySubscription(
            "AnomalySubscription",
            Condition=WATCHES_ANOMALIES,
            SubscriptionName=in_environment(f"{PROJECT}-${{EnvironmentName}}-anomalies"),
            MonitorArnList=[If(MAKES_MONITOR, Ref(monitor), parameters.cost_anomaly_monitor)],
            Frequency="IMMEDIATE",  # the only one that goes to a topic
            ThresholdExpression=json.dumps(noteworthy),
            Subscribers=[Subscriber(Type="SNS", Address=parameters.operations_topic_arn)],
            ResourceTags=named,
        )
    )


def _resource_group(template: Template) -> Group:
    """Add the list of everything in the environment, which the console shows and Systems Manager works on."""
    ours = [
        TagFilter(Key="Project", Values=[PROJECT]),
        TagFilter(Key="Environment", Values=[in_environment("${EnvironmentName}")]),
    ]
    return template.add_resource(
        Group(
            "EnvironmentGroup",
            Name=in_environment(f"{PROJECT}-${{EnvironmentName}}"),
            Description="Everything with the tags of this environment.",
            ResourceQuery=ResourceQuery(
                Type="TAG_FILTERS_1_0", Query=Query(ResourceTypeFilters=["AWS::AllSupported"], TagFilters=ours)
            ),
            Tags=name_tag("environment"),
        )
    )


def _database_hours(template: Template, parameters: Parameters) -> None:
    group = template.add_resource(ScheduleGroup("OfficeHours", Condition=OFFICE_HOURS, Tags=name_tag("office-hours")))
    role = _office_hours_role(template, group)

    def at(title: str, description: str, schedule: str, action: str) -> None:
        template.add_resource(
            Schedule(
                title,
                Condition=OFFICE_HOURS,
                Description=description,
                GroupName=Ref(group),
                ScheduleExpression=schedule,
                ScheduleExpressionTimezone=parameters.time_zone,
                FlexibleTimeWindow=FlexibleTimeWindow(Mode="OFF"),
                Target=Target(
                    Arn=arn(f"scheduler:::aws-sdk:rds:{action}"),
                    RoleArn=GetAtt(role, "Arn"),
                    Input=Sub('{"DbInstanceIdentifier": "${DatabaseId}"}'),
                    RetryPolicy=RetryPolicy(
                        MaximumEventAgeInSeconds=NOT_LATER_THAN_SECONDS, MaximumRetryAttempts=ATTEMPTS
                    ),
                ),
            )
        )

    at("StartDatabase", "Starts the database before the first web server.", DATABASE_STARTS, "startDBInstance")
    at("StopDatabase", "Stops the database after the last web server.", DATABASE_STOPS, "stopDBInstance")


def _office_hours_role(template: Template, group: ScheduleGroup) -> Role:
    """Add the role of the schedules: two actions on one database.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    of_this_group = Condition(
        [
            StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}),
            ArnEquals({"aws:SourceArn": GetAtt(group, "Arn")}),
        ]
    )
    database = arn("rds:${AWS::Region}:${AWS::AccountId}:db:${DatabaseId}")
    start_and_stop = allow("StartAndStop", [awacs.rds.StartDBInstance, awacs.rds.StopDBInstance], [database])
    return template.add_resource(
        Role(
            "OfficeHoursRole",
            Condition=OFFICE_HOURS,
            Description="Lets schedules start and stop the database.",
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "Schedules", service_principal("scheduler"), [awacs.sts.AssumeRole], condition=of_this_group
                )
            ),
            Policies=[Policy(PolicyName="StartAndStop", PolicyDocument=document(start_and_stop))],
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("office-hours-role"),
        )
    )
