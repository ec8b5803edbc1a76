"""What AWS itself says happened, told to operations: rules on events. Part of the stack `observability`.

Events are no metrics: a database that failed over to its standby is well again before an alarm could see it, and a
server that never started has none. A rule asks for no resource to exist, so that the one on the database does not wait
for it. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import Ref, Template
from troposphere.events import InputTransformer, Rule, Target
from troposphere.sns import Topic

from generator.alarms import description
from generator.nesting import conditional
from generator.parameter_types import ResourceName
from generator.stacks.observability_compute import HAS_CONTAINERS, HAS_SERVERS, Behind
from generator.stacks.observability_containers import Containers


@dataclass(frozen=True)
class Happening:
    """Events of one kind: what they mean, which they are, and what a reader wants to know of one."""

    title: str
    means: str
    pattern: dict[str, Any]
    facts: dict[str, str]
    condition: str | None = None


def add_event_rules(
    template: Template,
    operations: Topic,
    *,
    database_id: ResourceName,
    database_replica_id: ResourceName,
    containers: Containers,
) -> None:
    """Add the rules that tell operations of events."""
    for happening in (
        _database(database_id, database_replica_id),
        _servers(containers.behind),
        *_deployments(containers),
        *_tasks(containers),
        _secrets(),
        _health(),
    ):
        template.add_resource(
            Rule(
                happening.title,
                Description=description(happening.title, happening.means),
                EventPattern=happening.pattern,
                State="ENABLED",
                Targets=[_mail(happening, operations)],
                **conditional(happening.condition),
            )
        )


def _mail(happening: Happening, operations: Topic) -> Target:
    facts = ", ".join(f"{fact}: <{fact}>" for fact in happening.facts)
    text = f'"{description(happening.title, happening.means)} {facts}."'
    transformer = InputTransformer(InputPathsMap=happening.facts, InputTemplate=text)
    return Target(Id="Operations", Arn=Ref(operations), InputTransformer=transformer)


def _database(database_id: ResourceName, database_replica_id: ResourceName) -> Happening:
    """Return what RDS says of the database and its replica.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
    """
    return Happening(
        "DatabaseEvent",
        "The database failed over, failed, is short of storage, or is maintained.",
        {
            "source": ["aws.rds"],
            "detail-type": ["RDS DB Instance Event"],
            "detail": {
                "SourceIdentifier": [database_id, database_replica_id],
                "EventCategories": ["failover", "failure", "low storage", "maintenance"],
            },
        },
        {"instance": "$.detail.SourceIdentifier", "message": "$.detail.Message", "time": "$.time"},
    )


def _servers(behind: Behind) -> Happening:
    """Return what Auto Scaling says of the web servers' groups.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
    """
    return Happening(
        "ServerLaunchFailed",
        "Auto Scaling could not start or end a web server.",
        {
            "source": ["aws.autoscaling"],
            "detail-type": ["EC2 Instance Launch Unsuccessful", "EC2 Instance Terminate Unsuccessful"],
            "detail": {"AutoScalingGroupName": [behind.blue.group_name, behind.green.group_name]},
        },
        {"what": "$.detail-type", "message": "$.detail.StatusMessage", "time": "$.time"},
        HAS_SERVERS,
    )


def _deployments(containers: Containers) -> tuple[Happening, Happening]:
    """Return what ECS says of a new version of the containers.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_hook_state_change_events.html
    """
    return (
        Happening(
            "ContainerDeploymentFailed",
            "A new version of the containers failed, and the former one stays in service.",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [containers.service_arn],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
            {"deployment": "$.detail.deploymentId", "reason": "$.detail.reason", "time": "$.time"},
            HAS_CONTAINERS,
        ),
        Happening(
            "ContainerDeploymentWaits",
            "A new version of the containers waits for somebody who tries it and lets it go on.",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Hook State Change"],
                "detail": {"eventName": ["HOOK_AWAITING_ACTION"], "clusterArn": [containers.cluster_arn]},
            },
            {"hook": "$.detail.hookId", "until": "$.detail.expiresAt"},
            HAS_CONTAINERS,
        ),
    )


def _tasks(containers: Containers) -> tuple[Happening, Happening]:
    """Return what ECS says of tasks that do not run as they should.

    Tasks that AWS takes back with their spare capacity, and those that ECS ends itself, are no news.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    """
    return (
        Happening(
            "ContainerServiceEvent",
            "ECS cannot run the containers as it should: no room for a task, or tasks that do not start.",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Service Action"],
                "resources": [containers.service_arn],
                "detail": {"eventType": ["WARN", "ERROR"]},
            },
            {"what": "$.detail.eventName", "reason": "$.detail.reason", "time": "$.time"},
            HAS_CONTAINERS,
        ),
        Happening(
            "TaskStopped",
            "A task ended by itself or did not start, and ECS starts another.",
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                "detail": {
                    "clusterArn": [containers.cluster_arn],
                    "lastStatus": ["STOPPED"],
                    "stopCode": ["EssentialContainerExited", "TaskFailedToStart"],
                },
            },
            {"task": "$.detail.taskArn", "reason": "$.detail.stoppedReason", "time": "$.time"},
            HAS_CONTAINERS,
        ),
    )


def _secrets() -> Happening:
    """Return what Secrets Manager says of any secret of the account: RDS's own is known only after deployment.

    The event reaches EventBridge through the trail of the account (root `audit_trail`).
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
    """
    return Happening(
        "SecretRotationFailed",
        "A secret could not be rotated, and keeps its old value.",
        {
            "source": ["aws.secretsmanager"],
            "detail-type": ["AWS Service Event via CloudTrail"],
            "detail": {"eventSource": ["secretsmanager.amazonaws.com"], "eventName": ["RotationFailed"]},
        },
        {"secret": "$.detail.additionalEventData.SecretId", "time": "$.time"},
    )


def _health() -> Happening:
    """Return what AWS says of this account alone; what it says to everybody is at health.aws.amazon.com.

    https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
    """
    return Happening(
        "HealthEvent",
        "AWS reports trouble, or a change that it will make, with something of this account.",
        {
            "source": ["aws.health"],
            "detail-type": ["AWS Health Event"],
            "detail": {"eventScopeCode": ["ACCOUNT_SPECIFIC"], "eventTypeCategory": ["issue", "scheduledChange"]},
        },
        {"service": "$.detail.service", "event": "$.detail.eventTypeCode", "time": "$.time"},
    )
