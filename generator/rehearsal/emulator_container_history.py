"""The deployments and revisions of the emulator's ECS services: shown, continued and stopped by request.

ministack 1.5.33 answers that there are none.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal import emulator_container_records as records
from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_container_deployments import failure_threshold
from generator.rehearsal.emulator_container_records import (
    ECS,
    Deployment,
    Record,
    Revision,
    all_services,
    deployed,
    find_service,
)
from generator.rehearsal.emulator_container_services import LOCK
from generator.rehearsal.emulator_container_traffic import weights
from generator.rehearsal.emulator_container_views import counts
from generator.rehearsal.emulator_guards import Response, add_action, wrap_action
from generator.rehearsal.emulator_json_answers import answer, refused

NOT_FOUND = "ServiceDeploymentNotFoundException"
MINUTE, MOST_RESULTS = 60, 100


def service_deployments() -> None:
    """ListServiceDeployments, DescribeServiceDeployments and DescribeServiceRevisions tell what has happened."""
    wrap_action(ECS, "ListServiceDeployments", lambda original: _list)
    wrap_action(ECS, "DescribeServiceDeployments", lambda original: _describe)
    wrap_action(ECS, "DescribeServiceRevisions", lambda original: _describe_revisions)


def decisions() -> None:
    """ContinueServiceDeployment ends a pause, StopServiceDeployment turns a deployment back; ministack has neither."""
    add_action(ECS, "ContinueServiceDeployment", _continue)
    add_action(ECS, "StopServiceDeployment", _stop)


# ---------------------------------------------------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------------------------------------------------


def _list(data: Record) -> Response:
    with LOCK:
        service = find_service(data.get("cluster", "default"), data["service"])
        if service is None:
            return refused("ServiceNotFoundException", "Service not found.")
        wanted = data.get("status") or ()
        found = [each for each in deployed(service).deployments if not wanted or each.status in wanted]
        shown = [_brief(service, each) for each in found[: data.get("maxResults", MOST_RESULTS)]]
    return answer({"serviceDeployments": shown})


def _describe(data: Record) -> Response:
    with LOCK:
        found = {each.arn: _whole(service, each) for service, each in _all()}
    wanted = data["serviceDeploymentArns"]
    missing = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in found]
    return answer({"serviceDeployments": [found[arn] for arn in wanted if arn in found], "failures": missing})


def _describe_revisions(data: Record) -> Response:
    found = {each.arn: (service, each) for service in _services() for each in deployed(service).revisions}
    wanted = data["serviceRevisionArns"]
    missing = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in found]
    shown = [_revision(*found[arn]) for arn in wanted if arn in found]
    return answer({"serviceRevisions": shown, "failures": missing})


def _continue(data: Record) -> Response:
    with LOCK:
        _, deployment = _find(data)
        if deployment is None:
            return refused(NOT_FOUND, "Service deployment not found.")
        hook = next((each for each in deployment.hooks if each.hook_id == data["hookId"]), None)
        if hook is None or hook is not deployment.hook or deployment.status != records.IN_PROGRESS:
            return refused("InvalidParameterException", "The lifecycle hook is not awaiting an action.")
        if data.get("action", "CONTINUE") == "CONTINUE":
            hook.status = records.SUCCEEDED
        else:
            hook.status = records.FAILED
            _request_rollback(deployment, "Service deployment rolled back by a lifecycle hook.")
    return answer({"serviceDeploymentArn": deployment.arn})


def _stop(data: Record) -> Response:
    with LOCK:
        _, deployment = _find(data)
        if deployment is None:
            return refused(NOT_FOUND, "Service deployment not found.")
        if deployment.status != records.IN_PROGRESS or deployment.stage == records.CLEAN_UP:
            return refused("ConflictException", f"Service deployment is {deployment.status} and cannot be stopped.")
        if data.get("stopType", "ROLLBACK") != "ROLLBACK":
            return refused("InvalidParameterException", "The stop type must be ROLLBACK.")
        _request_rollback(deployment, "Service deployment stopped by a request.")
    return answer({"serviceDeploymentArn": deployment.arn})


def _request_rollback(deployment: Deployment, reason: str) -> None:
    deployment.status, deployment.reason = records.ROLLBACK_REQUESTED, reason


def _services() -> Iterator[Record]:
    place = current_account_id(), current_region()
    return (service for *where, service in all_services() if tuple(where) == place)


def _all() -> Iterator[tuple[Record, Deployment]]:
    return ((service, each) for service in _services() for each in deployed(service).deployments)


def _find(data: Record) -> tuple[Record, Deployment] | tuple[None, None]:
    return next(((s, each) for s, each in _all() if each.arn == data["serviceDeploymentArn"]), (None, None))


# ---------------------------------------------------------------------------------------------------------------------
# What is shown
# ---------------------------------------------------------------------------------------------------------------------


def _brief(service: Record, deployment: Deployment) -> Record:
    shown = {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "startedAt": deployment.created_at,
        "createdAt": deployment.created_at,
        "finishedAt": deployment.finished_at,
        "targetServiceRevisionArn": deployment.target.arn,
        "status": deployment.status,
        "statusReason": deployment.reason,
    }
    return _without_nothing(shown)


def _whole(service: Record, deployment: Deployment) -> Record:
    threshold = failure_threshold(service)
    shown = _brief(service, deployment) | {
        "updatedAt": deployment.updated_at,
        "lifecycleStage": deployment.stage if deployment.strategy != "ROLLING" else None,
        "deploymentConfiguration": deployment.configuration,
        "targetServiceRevision": _summary(service, deployment.target),
        "sourceServiceRevisions": [_summary(service, deployment.source)] if deployment.source is not None else [],
        "lifecycleHookDetails": [_hook(each) for each in deployment.hooks],
        "rollback": deployment.rollback,
        "deploymentCircuitBreaker": {
            "status": _breaker_status(deployment),
            "failureCount": deployment.failures,
            "threshold": threshold,
        },
        "alarms": {
            "status": deployment.alarms,
            "alarmNames": (deployment.configuration.get("alarms") or {}).get("alarmNames", []),
            "triggeredAlarmNames": deployment.triggered_alarms,
        },
    }
    shown.pop("targetServiceRevisionArn")
    return _without_nothing(shown)


def _breaker_status(deployment: Deployment) -> str:
    if not (deployment.configuration.get("deploymentCircuitBreaker") or {}).get("enable"):
        return records.DISABLED
    if deployment.tripped:
        return records.TRIGGERED
    return records.MONITORING if deployment.is_open else records.COMPLETE


def _hook(hook: records.Hook) -> Record:
    return {
        "hookId": hook.hook_id,
        "targetType": "PAUSE",
        "status": hook.status,
        "expiresAt": hook.opened_at + hook.minutes * MINUTE,
        "timeoutAction": hook.timeout_action,
    }


def _summary(service: Record, revision: Revision) -> Record:
    return {"arn": revision.arn, **counts(service, revision), **_traffic(revision)}


def _traffic(revision: Revision) -> dict[str, float]:
    """Return how many percent of test and production requests a revision gets."""
    shown = {}
    for kind, name in (("testListenerRule", "Test"), ("productionListenerRule", "Production")):
        for balancer, group in zip(revision.settings["loadBalancers"], revision.groups, strict=True):
            rule = (balancer.get("advancedConfiguration") or {}).get(kind)
            found: Mapping[str, int] = weights(rule) if rule else {}
            total = sum(found.values())
            shown[f"requested{name}TrafficWeight"] = 100.0 * found.get(group, 0) / total if total else 0.0
    return shown


def _revision(service: Record, revision: Revision) -> Record:
    known: Any = import_module(ECS)._task_defs
    definition = known[import_module(ECS)._resolve_td_key(revision.task_definition)]
    images = [
        {
            "containerName": each["name"],
            "image": each["image"],
            **({"imageDigest": each["image"].rpartition("@")[2]} if "@sha256:" in each["image"] else {}),
        }
        for each in definition["containerDefinitions"]
    ]
    balancers = [
        {
            "targetGroupArn": group,
            "productionListenerRule": (each.get("advancedConfiguration") or {}).get("productionListenerRule"),
        }
        for each, group in zip(revision.settings["loadBalancers"], revision.groups, strict=True)
    ]
    return _without_nothing(
        {
            "serviceRevisionArn": revision.arn,
            "serviceArn": service["serviceArn"],
            "clusterArn": service["clusterArn"],
            "createdAt": revision.created_at,
            "containerImages": images,
            "resolvedConfiguration": {"loadBalancers": [_without_nothing(each) for each in balancers]},
            **revision.settings,
        }
    )


def _without_nothing(content: Record) -> Record:
    return {name: value for name, value in content.items() if value not in (None, "")}


HISTORY: tuple[Callable[[], None], ...] = (service_deployments, decisions)
