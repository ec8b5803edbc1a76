"""How a deployment of the emulator's ECS goes on: by one stage, or one minute of a wait, in each round.

The new revision's tasks start beside the old ones; test requests go to them, then visitors' requests, all at once or in
steps; both run on for the bake time; the old tasks go. Tasks that fail too often, an alarm, and whoever asks for it
turn everything back.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html
"""

from __future__ import annotations

import math
from collections.abc import Callable

from generator.rehearsal import emulator_container_records as records
from generator.rehearsal.emulator_api import call, current_account_id
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_container_events import tell_of_deployment, tell_of_hook
from generator.rehearsal.emulator_container_records import Deployment, Hook, Record, Revision, add_event, deployed
from generator.rehearsal.emulator_container_tasks import (
    REVISION,
    Sight,
    address_of,
    end,
    enter_groups,
    is_ready,
    leave_groups,
    scale,
    show,
    stop,
    tasks_of,
)
from generator.rehearsal.emulator_container_traffic import RefusedError, gets_requests, shift_production, shift_tests
from generator.rehearsal.emulator_instances import emulator_directory
from generator.rehearsal.emulator_tasks import (
    PENDING,
    RUNNING,
    STOPPED,
    UNHEALTHY,
    DeploymentEnd,
    DeploymentStart,
    announce,
)

READY = "_ready"
FEWEST_FAILURES, MOST_FAILURES = 3, 200
DEFAULT_PAUSE_MINUTES = 1440


def begin(service: Record, target: Revision) -> Deployment:
    """Begin a deployment of a revision; one that is under way is given up, and its tasks go."""
    state = deployed(service)
    if state.open is not None:
        roll_back(service, state.open, "Superseded by a newer service deployment.")
        _finish_rollback(service, state.open)
        service |= target.settings
    deployment = Deployment(
        arn=records.new_arn(service["serviceArn"], "service-deployment"),
        target=target,
        source=state.revision,
        configuration=service["deploymentConfiguration"],
    )
    # An alarm that rings already says nothing of what is deployed now, which may well be the cure.
    deployment.alarms = records.MONITORING if _alarms(deployment) and not _ringing(deployment) else records.DISABLED
    state.deployments.insert(0, deployment)
    announce(emulator_directory(), DeploymentStart(deployment.arn, current_account_id(), service["serviceArn"]))
    tell_of_deployment(service, deployment)
    _enter(service, deployment, deployment.stages[0])
    return deployment


def pass_round(service: Record, sight: Sight) -> None:
    """Look at a service once: replace tasks that failed, and let its deployment go on."""
    if not records.is_active(service):
        return
    _look_at_tasks(service, sight)
    deployment = deployed(service).open
    if deployment is not None:
        _go_on(service, deployment, sight)
    keep_desired_count(service)


def keep_desired_count(service: Record) -> None:
    """Start or stop tasks until every revision that is to run has as many as are desired."""
    state, count = deployed(service), service["desiredCount"]
    deployment = state.open
    anew = deployment is not None and deployment.status == records.IN_PROGRESS and _has_begun(deployment)
    if state.revision is not None and not (anew and deployment is not None and deployment.stage == records.CLEAN_UP):
        scale(service, state.revision, count, _noting(deployment))
    if deployment is not None and anew:
        scale(service, deployment.target, count, _noting(deployment))


def roll_back(service: Record, deployment: Deployment, reason: str) -> None:
    """Send all requests back to the old revision at once; its successor's tasks go in the next round."""
    deployment.rollback = {"reason": reason, "startedAt": int(now())}
    deployment.reason = reason
    if deployment.source is None:
        _close(service, deployment, records.ROLLBACK_FAILED)
        scale(service, deployment.target, 0, _noting(deployment))
        return
    deployment.status, deployment.updated_at = records.ROLLBACK_IN_PROGRESS, int(now())
    tell_of_deployment(service, deployment)
    deployment.rollback["serviceRevisionArn"] = deployment.source.arn
    service |= deployment.source.settings
    try:
        if records.TEST_SHIFT in deployment.stages:
            shift_tests(deployment.source, deployment.target, 100)
            shift_production(deployment.source, deployment.target, 100)
    except RefusedError as error:
        deployment.reason = f"{reason} {error}"
        if not gets_requests(deployment.target):
            scale(service, deployment.target, 0, _noting(deployment))
        _close(service, deployment, records.ROLLBACK_FAILED)


def failure_threshold(service: Record) -> int:
    """Return after how many failed tasks in a row the circuit breaker trips.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    threshold = _breaker(service).get("thresholdConfiguration") or {}
    value, kind = threshold.get("value", 50), threshold.get("type", "BOUNDED_PERCENT")
    if kind == "COUNT":
        return int(value)
    share: int = math.ceil(service["desiredCount"] * value / 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(MOST_FAILURES, max(FEWEST_FAILURES, share))


# ---------------------------------------------------------------------------------------------------------------------
# Tasks
# ---------------------------------------------------------------------------------------------------------------------


def _look_at_tasks(service: Record, sight: Sight) -> None:
    """Note how tasks are, register those that run, and end those that are not well."""
    deployment = deployed(service).open
    for task in tasks_of(service):
        revision = _revision(service, task[REVISION])
        state = sight.state_of(task)
        if state.status == STOPPED:
            leave_groups(revision, task, _noting(deployment))
            end(task, state, "EssentialContainerExited" if task["lastStatus"] == RUNNING else "TaskFailedToStart")
            _count_failure(service, deployment, task, state.reason)
            continue
        if state.status == PENDING:
            continue
        show(task, state)
        if state.status == RUNNING and state.health != UNHEALTHY:
            enter_groups(revision, task, _noting(deployment))
        if why := _unwell(task, revision, sight):
            stop(service, revision, task, why, _noting(deployment))
            _count_failure(service, deployment, task, why)
        elif deployment is not None and not task.get(READY) and is_ready(task, revision, sight):
            task[READY] = True
            if _breaker(service).get("resetOnHealthyTask", True):
                deployment.failures = 0


def _unwell(task: Record, revision: Revision, sight: Sight) -> str:
    """Return why a task is to be replaced. It needs no grace: it is not checked before it runs."""
    if task["healthStatus"] == UNHEALTHY:
        return "Task failed container health checks"
    for group in revision.groups:
        found = sight.health_of(group, address_of(task))
        if task["_registered"] and found is not None and found.state == "unhealthy":
            return f"Task failed ELB health checks in (target-group {group})"
    return ""


def _count_failure(service: Record, deployment: Deployment | None, task: Record, why: str) -> None:
    add_event(service, f"(task {task['taskArn'].rpartition('/')[2]}) stopped: {why}")
    if deployment is not None and deployment.target.arn == task[REVISION]:
        deployment.failures += 1


def _revision(service: Record, arn: str) -> Revision:
    return next(each for each in deployed(service).revisions if each.arn == arn)


# ---------------------------------------------------------------------------------------------------------------------
# Stages
# ---------------------------------------------------------------------------------------------------------------------


def _go_on(service: Record, deployment: Deployment, sight: Sight) -> None:
    if deployment.status == records.ROLLBACK_REQUESTED:
        roll_back(service, deployment, deployment.reason)
    elif deployment.status == records.ROLLBACK_IN_PROGRESS:
        _finish_rollback(service, deployment)
    elif why := _failure(service, deployment):
        _fail(service, deployment, why)
    elif _is_through(service, deployment, sight):
        _enter_next(service, deployment)
    if deployment.status == records.IN_PROGRESS and deployment.reason:
        _fail(service, deployment, deployment.reason)


def _failure(service: Record, deployment: Deployment) -> str:
    """Return why a deployment must not go on; nothing where it may."""
    if deployment.stage == records.CLEAN_UP:
        return ""
    breaker = _breaker(service)
    if breaker.get("enable") and deployment.failures >= failure_threshold(service):
        deployment.tripped = True
        return "Service deployment rolled back because the circuit breaker threshold was exceeded."
    if deployment.alarms == records.MONITORING and (ringing := _ringing(deployment)):
        deployment.alarms, deployment.triggered_alarms = records.TRIGGERED, ringing
        return "Service deployment rolled back because of CloudWatch alarm(s) in ALARM state."
    return ""


def _fail(service: Record, deployment: Deployment, why: str) -> None:
    """Turn a deployment back, where its configuration wants that of its way to fail; else only stop it."""
    wanted = True
    if deployment.tripped:
        wanted = bool(_breaker(service).get("rollback"))
    elif deployment.alarms == records.TRIGGERED:
        wanted = bool(deployment.configuration["alarms"].get("rollback"))
    if wanted:
        roll_back(service, deployment, why)
    else:
        deployment.reason = why
        _close(service, deployment, records.STOPPED)


def _is_through(service: Record, deployment: Deployment, sight: Sight) -> bool:
    """Whether a deployment has nothing more to do or to wait for in its stage."""
    if not sight.attended:
        _release(deployment)
    if (hook := deployment.hook) is not None and not _pause_is_over(deployment, hook):
        return False
    if deployment.stage == records.SCALE_UP:
        found = tasks_of(service, deployment.target)
        ready = [task for task in found if is_ready(task, deployment.target, sight)]
        return len(ready) >= int(service["desiredCount"])
    if deployment.waits:
        deployment.waits -= 1
        if deployment.waits:
            return False
    if deployment.stage == records.PRODUCTION_SHIFT and deployment.step + 1 < len(deployment.shifts):
        _shift(deployment, deployment.step + 1)
        return False
    return True


def _release(deployment: Deployment) -> None:
    """Let nothing wait where nobody attends."""
    deployment.waits = 0
    if deployment.hook is not None:
        deployment.hook.status = records.SUCCEEDED


def _pause_is_over(deployment: Deployment, hook: Hook) -> bool:
    hook.minutes -= 1
    if hook.minutes > 0:
        return False
    hook.status = records.TIMED_OUT
    if hook.timeout_action == "CONTINUE":
        return True
    deployment.reason = "Service deployment rolled back because a lifecycle hook timed out."
    return False


def _enter_next(service: Record, deployment: Deployment) -> None:
    at = deployment.stages.index(deployment.stage) + 1
    if at < len(deployment.stages):
        _enter(service, deployment, deployment.stages[at])
        return
    state = deployed(service)
    if deployment.source is not None:
        scale(service, deployment.source, 0, _noting(deployment))
    state.revision = deployment.target
    _close(service, deployment, records.SUCCESSFUL)


def _enter(service: Record, deployment: Deployment, stage: str) -> None:
    """Enter a stage and do what ECS does in it."""
    deployment.stage, deployment.updated_at = stage, int(now())
    try:
        if stage == records.SCALE_UP:
            scale(service, deployment.target, service["desiredCount"], _noting(deployment))
        elif stage == records.TEST_SHIFT:
            shift_tests(deployment.target, deployment.source, 100)
        elif stage == records.PRODUCTION_SHIFT:
            _shift(deployment, 0)
        elif stage == records.BAKE_TIME and deployment.source is not None:
            deployment.waits = int(deployment.configuration.get("bakeTimeInMinutes") or 0)
        elif stage == records.CLEAN_UP and deployment.source is not None:
            scale(service, deployment.source, 0, _noting(deployment))
    except RefusedError as error:
        deployment.reason = str(error)
    for hook in deployment.configuration.get("lifecycleHooks") or ():
        if stage in hook["lifecycleStages"] and hook.get("targetType") == "PAUSE":
            timeout = hook.get("timeoutConfiguration") or {}
            minutes = int(timeout.get("timeoutInMinutes", DEFAULT_PAUSE_MINUTES))
            deployment.hooks.append(Hook(stage, minutes, timeout.get("action", "ROLLBACK")))
            tell_of_hook(service, deployment, deployment.hooks[-1])


def _shift(deployment: Deployment, step: int) -> None:
    percent, minutes = deployment.shifts[step]
    try:
        shift_production(deployment.target, deployment.source, percent)
    except RefusedError as error:
        deployment.reason = str(error)
    deployment.step, deployment.waits = step, minutes


def _finish_rollback(service: Record, deployment: Deployment) -> None:
    if deployment.is_open:
        scale(service, deployment.target, 0, _noting(deployment))
        _close(service, deployment, records.ROLLBACK_SUCCESSFUL)


def _close(service: Record, deployment: Deployment, status: str) -> None:
    told = deployment.status == records.ROLLBACK_IN_PROGRESS
    deployment.status = status
    deployment.updated_at = deployment.finished_at = int(now())
    if deployment.alarms == records.MONITORING:
        deployment.alarms = records.COMPLETE
    add_event(
        service, f"({deployment.arn.rpartition('/')[2]}) {status}: {deployment.reason or 'a steady state is reached'}"
    )
    announce(emulator_directory(), DeploymentEnd(deployment.arn, status))
    if not told:
        tell_of_deployment(service, deployment)


def _has_begun(deployment: Deployment) -> bool:
    """Whether the new revision's tasks are to run."""
    return deployment.stages.index(deployment.stage) >= deployment.stages.index(records.SCALE_UP)


def _noting(deployment: Deployment | None) -> Callable[[str], None]:
    """Return what notes that IAM refused something: a deployment under way fails of it."""

    def note(why: str) -> None:
        if deployment is not None:
            deployment.reason = deployment.reason or why

    return note


def _breaker(service: Record) -> Record:
    return service["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}


def _alarms(deployment: Deployment) -> list[str]:
    alarms = deployment.configuration.get("alarms") or {}
    return list(alarms.get("alarmNames", ())) if alarms.get("enable") else []


def _ringing(deployment: Deployment) -> list[str]:
    names = _alarms(deployment)
    if not names:
        return []
    found = call("cloudwatch", "DescribeAlarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = [*found.get("MetricAlarms", ()), *found.get("CompositeAlarms", ())]
    return [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]
