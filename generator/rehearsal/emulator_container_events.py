"""What the emulator's ECS tells EventBridge: deployments that begin, end or fail, pauses, and tasks that end.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_hook_state_change_events.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_container_records import (
    ROLLBACK_IN_PROGRESS,
    SUCCESSFUL,
    Deployment,
    Hook,
    Record,
)

EVENTS = "ministack.services.eventbridge"
MINUTE = 60
INFO, ERROR = "INFO", "ERROR"


def tell_of_deployment(service: Record, deployment: Deployment) -> None:
    """Tell how a deployment is; one that turns back, or cannot, has failed."""
    if deployment.status == SUCCESSFUL:
        kind, name, reason = INFO, "SERVICE_DEPLOYMENT_COMPLETED", "ECS deployment completed."
    elif deployment.is_open and deployment.status != ROLLBACK_IN_PROGRESS:
        kind, name, reason = INFO, "SERVICE_DEPLOYMENT_IN_PROGRESS", "ECS deployment in progress."
    else:
        kind, name, reason = ERROR, "SERVICE_DEPLOYMENT_FAILED", deployment.reason
    detail = {
        "eventType": kind,
        "eventName": name,
        "deploymentId": f"ecs-svc/{deployment.target.arn.rpartition('/')[2]}",
        "updatedAt": _iso(now()),
        "reason": reason,
    }
    _tell("ECS Deployment State Change", [service["serviceArn"]], detail)


def tell_of_hook(service: Record, deployment: Deployment, hook: Hook) -> None:
    """Tell that a deployment waits for somebody."""
    detail = {
        "eventType": INFO,
        "eventName": "HOOK_AWAITING_ACTION",
        "clusterArn": service["clusterArn"],
        "serviceArn": service["serviceArn"],
        "serviceDeploymentArn": deployment.arn,
        "hookId": hook.hook_id,
        "targetType": "PAUSE",
        "lifecycleStage": hook.stage,
        "expiresAt": _iso(hook.opened_at + hook.minutes * MINUTE),
        "timeoutAction": hook.timeout_action,
    }
    _tell("ECS Hook State Change", [deployment.arn], detail)


def tell_of_end(task: Record) -> None:
    """Tell that a task has stopped, and why."""
    shown: Record = import_module("ministack.services.ecs")._sanitize(task)
    _tell("ECS Task State Change", [task["taskArn"]], shown)


def _tell(kind: str, resources: Sequence[str], detail: Record) -> None:
    entry = {"Source": "aws.ecs", "DetailType": kind, "Detail": json.dumps(detail), "Resources": list(resources)}
    events: Any = import_module(EVENTS)
    events._put_events({"Entries": [entry]}, allow_aws_source=True)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
