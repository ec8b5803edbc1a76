"""What DescribeServices shows of a service's tasks and deployments in the emulator."""

from __future__ import annotations

from importlib import import_module

from generator.rehearsal import emulator_container_records as records
from generator.rehearsal.emulator_container_records import ECS, Record, Revision, deployed
from generator.rehearsal.emulator_container_tasks import tasks_of
from generator.rehearsal.emulator_tasks import RUNNING


def shown(service: Record) -> Record:
    """Bring up to date what a service's record says of its tasks and deployments; return it as the API shows it."""
    state = deployed(service)
    deployment = state.open
    newest = deployment.target if deployment is not None else state.revision or state.revisions[-1]
    statuses = [task["lastStatus"] for task in tasks_of(service)]
    service["runningCount"] = statuses.count(RUNNING)
    service["pendingCount"] = len(statuses) - service["runningCount"]
    current = [_deployment(service, newest, "PRIMARY")]
    if deployment is not None and deployment.source is not None:
        current.append(_deployment(service, deployment.source, "ACTIVE"))
    service["deployments"] = current
    service["currentServiceDeployment"] = state.deployments[0].arn
    service["currentServiceRevisions"] = [
        {"arn": revision.arn, **counts(service, revision)}
        for revision in (deployment.source if deployment is not None else state.revision, newest)
        if revision is not None
    ][-2 if deployment is not None else -1 :]
    import_module(ECS)._recount_cluster(service["clusterArn"].rpartition("/")[2])
    return import_module(ECS)._sanitize(service)  # type: ignore[no-any-return]


def counts(service: Record, revision: Revision) -> dict[str, int]:
    """Return how many tasks of a revision are wanted, run, and start."""
    statuses = [task["lastStatus"] for task in tasks_of(service, revision)]
    running = statuses.count(RUNNING)
    return {
        "requestedTaskCount": service["desiredCount"],
        "runningTaskCount": running,
        "pendingTaskCount": len(statuses) - running,
    }


def _deployment(service: Record, revision: Revision, status: str) -> Record:
    number = counts(service, revision)
    last = next((each for each in deployed(service).deployments if each.target.arn == revision.arn), None)
    rollout = {records.SUCCESSFUL: "COMPLETED", records.IN_PROGRESS: "IN_PROGRESS"}
    state = rollout.get(last.status, "FAILED") if last is not None else "COMPLETED"
    return {
        "id": f"ecs-svc/{revision.arn.rpartition('/')[2]}",
        "status": status,
        "desiredCount": number["requestedTaskCount"],
        "runningCount": number["runningTaskCount"],
        "pendingCount": number["pendingTaskCount"],
        "failedTasks": last.failures if last is not None else 0,
        "createdAt": revision.created_at,
        "updatedAt": last.updated_at if last is not None else revision.created_at,
        "rolloutState": state,
        "rolloutStateReason": (last.reason if last is not None else "") or f"ECS deployment {state.lower()}.",
        **{
            name: revision.settings[name]
            for name in ("taskDefinition", "launchType", "capacityProviderStrategy", "platformVersion")
            if name in revision.settings
        },
        "networkConfiguration": revision.settings.get("networkConfiguration"),
        "serviceConnectConfiguration": revision.settings.get("serviceConnectConfiguration"),
    }
