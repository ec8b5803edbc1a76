"""The services of the emulator's ECS: created, changed, described, and looked at in rounds.

ministack 1.5.33 starts tasks in Docker, and knows one way to deploy. Here services deploy as ECS does it
(`emulator_container_deployments`): where somebody attends to the account, in the rounds that it grants; where nobody
does, before the request is answered.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal import emulator_container_records as records
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_container_deployments import begin, keep_desired_count, pass_round
from generator.rehearsal.emulator_container_events import EVENTS
from generator.rehearsal.emulator_container_records import ECS, Record, Revision, all_services, deployed, find_service
from generator.rehearsal.emulator_container_service_requests import problem
from generator.rehearsal.emulator_container_tasks import (
    ALIVE,
    Sight,
    definition_of,
    look,
    scale,
    stop,
)
from generator.rehearsal.emulator_container_traffic import groups_of
from generator.rehearsal.emulator_container_views import shown
from generator.rehearsal.emulator_guards import Response, guarded, replace_function, wrap_action
from generator.rehearsal.emulator_instances import emulator_directory, is_attended
from generator.rehearsal.emulator_json_answers import RESPONSES, answer, refused
from generator.rehearsal.emulator_tasks import granted_rounds, handled_rounds, note_handled

POLL_SECONDS = 0.01
MOST_ROUNDS_UNATTENDED = 50
"""More than the stages and steps of any deployment."""

REVISED = (
    "taskDefinition",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
)
"""What makes a service revision: a change of it is a deployment.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html"""

CHANGED = (
    "desiredCount",
    "deploymentConfiguration",
    "availabilityZoneRebalancing",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
)
"""What changes in place."""

DEPLOYMENT = {
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
}

LOCK = threading.RLock()
"""Whoever reads or changes services holds it; rounds and requests come from different threads."""


def services() -> None:
    """CreateService, UpdateService and DeleteService, with revisions and deployments; DescribeServices shows them."""
    guarded(EVENTS, "_put_events", "data", "allow_aws_source")
    for name, parameters in (
        ("_resolve_cluster_name", ("ref",)),
        ("_resolve_service_ref", ("ref",)),
        ("_resolve_td_key", ("ref",)),
        ("_build_task_containers", ("td", "container_overrides")),
        ("_sanitize", ("obj",)),
        ("_recount_cluster", ("cluster_name",)),
    ):
        guarded(ECS, name, *parameters)
    wrap_action(ECS, "CreateService", lambda original: _answering(_create))
    wrap_action(ECS, "UpdateService", lambda original: _answering(_update))
    wrap_action(ECS, "DeleteService", lambda original: _answering(_delete))
    wrap_action(ECS, "DescribeServices", _with_deployments)


def tasks_of_services() -> None:
    """StopTask of a service's task: it leaves its target groups, and another one follows."""

    def stopping(original: Any) -> Any:
        def stop_task(data: Record) -> Response:
            ecs: Any = import_module(ECS)
            with LOCK:
                task = ecs._resolve_task(data["task"], ecs._resolve_cluster_name(data.get("cluster", "default")))
                service = _service_of(task) if task else None
                if service is None:
                    return original(data)  # type: ignore[no-any-return]
                if task["lastStatus"] in ALIVE:
                    revision = next(each for each in deployed(service).revisions if each.arn == task["_revision"])
                    reason = data.get("reason", "Task stopped by user")
                    stop(service, revision, task, reason, lambda _: None, "UserInitiated")
                    _settle(service)
                return answer({"task": ecs._sanitize(task)})

        return stop_task

    guarded(ECS, "_resolve_task", "ref", "cluster_name")
    wrap_action(ECS, "StopTask", stopping)
    # ministack would register the tasks that it knows of, and take ours out.
    replace_function(ECS, "_refresh_service_state", ("cluster_name", "group"), lambda original: lambda *_: None)


# ---------------------------------------------------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------------------------------------------------


class RequestError(ValueError):
    """A request that ECS refuses: the first argument is the code of the error, the second its message."""


def _answering(act: Callable[[Record], Record]) -> Callable[[Record], Response]:
    """Return an action that answers with a service, or with the error that was raised."""

    def action(data: Record) -> Response:
        try:
            with LOCK:
                return answer({"service": shown(act(data))})
        except RequestError as error:
            return refused(*error.args)

    return action


def _create(data: Record) -> Record:
    ecs: Any = import_module(ECS)
    cluster = ecs._clusters.get(ecs._resolve_cluster_name(data.get("cluster", "default")))
    if cluster is None or cluster["status"] != "ACTIVE":
        raise RequestError("ClusterNotFoundException", "Cluster not found.")
    key = f"{cluster['clusterName']}/{data['serviceName']}"
    if key in ecs._services and records.is_active(ecs._services[key]):
        raise RequestError("InvalidParameterException", "Creation of service was not idempotent.")
    service = _new_record(data, cluster)
    if why := problem(service, cluster):
        raise RequestError("InvalidParameterException", why)
    service["taskDefinition"] = definition_of(service["taskDefinition"])["taskDefinitionArn"]
    ecs._services[key] = service
    ecs._tags[service["serviceArn"]] = list(service["tags"])
    begin(service, _revise(service))
    _settle(service)
    watch()
    return service


def _new_record(data: Record, cluster: Record) -> Record:
    place = cluster["clusterArn"].partition(":cluster/")[0]
    strategy = data.get("capacityProviderStrategy")
    if not strategy and not data.get("launchType"):
        strategy = cluster.get("defaultCapacityProviderStrategy")
    service = {
        "serviceArn": f"{place}:service/{cluster['clusterName']}/{data['serviceName']}",
        "serviceName": data["serviceName"],
        "clusterArn": cluster["clusterArn"],
        "status": "ACTIVE",
        "desiredCount": 1,
        "loadBalancers": [],
        "serviceRegistries": [],
        "events": [],
        "tags": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "availabilityZoneRebalancing": "ENABLED",
        "propagateTags": "NONE",
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "platformFamily": "Linux",
        "createdAt": int(now()),
        **{name: value for name, value in data.items() if name not in ("cluster", "clientToken", "role")},
    }
    service["deploymentConfiguration"] = DEPLOYMENT | (data.get("deploymentConfiguration") or {})
    if strategy:
        service["capacityProviderStrategy"] = strategy
    return service


def _update(data: Record) -> Record:
    service = _known(data)
    if not records.is_active(service):
        raise RequestError("ServiceNotActiveException", "Service was not ACTIVE.")
    cluster = import_module(ECS)._clusters[service["clusterArn"].rpartition("/")[2]]
    changed = {name: data[name] for name in (*REVISED, *CHANGED) if name in data}
    if "deploymentConfiguration" in changed:
        # What is not said stays.
        changed["deploymentConfiguration"] = service["deploymentConfiguration"] | changed["deploymentConfiguration"]
    wanted = {**service, **changed}
    if why := problem(wanted, cluster):
        raise RequestError("InvalidParameterException", why)
    wanted["taskDefinition"] = definition_of(wanted["taskDefinition"])["taskDefinitionArn"]
    revised = any(wanted.get(name) != service.get(name) for name in REVISED)
    service |= wanted
    if revised or data.get("forceNewDeployment"):
        begin(service, _revise(service))
    _settle(service)
    return service


def _delete(data: Record) -> Record:
    service = _known(data)
    if service["desiredCount"] > 0 and not data.get("force"):
        raise RequestError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    service |= {"desiredCount": 0, "status": "INACTIVE"}
    state = deployed(service)
    for revision in state.revisions:
        scale(service, revision, 0, lambda _: None)
    if state.open is not None:
        state.open.status = records.STOPPED
    return service


def _known(data: Record) -> Record:
    service = find_service(data.get("cluster", "default"), data.get("service", ""))
    if service is None:
        raise RequestError("ServiceNotFoundException", "Service not found.")
    return service


def _service_of(task: Record) -> Record | None:
    if "_revision" not in task:
        return None
    return find_service(task["clusterArn"], task["group"].removeprefix("service:"))


def _revise(service: Record) -> Revision:
    """Make the service revision of a service as it is now; its tasks go to the target groups that are idle."""
    state = deployed(service)
    revision = Revision(
        arn=records.new_arn(service["serviceArn"], "service-revision"),
        created_at=int(now()),
        settings={name: service[name] for name in REVISED if name in service},
        groups=tuple(_group(service, each, state.revision) for each in service["loadBalancers"]),
    )
    state.revisions.append(revision)
    return revision


def _group(service: Record, balancer: Record, current: Revision | None) -> str:
    """Return the target group of a load balancer that a new revision takes."""
    known = groups_of(balancer)
    if len(known) == 1 or service["deploymentConfiguration"]["strategy"] == "ROLLING":
        return known[0]
    return next(each for each in known if current is None or each not in current.groups)


# ---------------------------------------------------------------------------------------------------------------------
# What is shown
# ---------------------------------------------------------------------------------------------------------------------


def _with_deployments(original: Any) -> Any:
    def describe(data: Record) -> Response:
        with LOCK:
            for reference in data.get("services", ()):
                service = find_service(data.get("cluster", "default"), reference)
                if service is not None:
                    shown(service)
            response: Response = original(data)
            return response

    return describe


# ---------------------------------------------------------------------------------------------------------------------
# Scaling
# ---------------------------------------------------------------------------------------------------------------------


def count_of(service: Record) -> int:
    """Return how many tasks a service is to have."""
    return int(service["desiredCount"])


def set_count(service: Record, count: int) -> None:
    """Let a service have so many tasks."""
    with LOCK:
        service["desiredCount"] = count
        _settle(service)


# ---------------------------------------------------------------------------------------------------------------------
# Rounds
# ---------------------------------------------------------------------------------------------------------------------


def _settle(service: Record) -> None:
    """Start and stop tasks at once; where nobody attends, let everything else be as it is to be, too."""
    sight = look()
    if sight.attended:
        keep_desired_count(service)
        return
    for _ in range(MOST_ROUNDS_UNATTENDED):
        pass_round(service, sight)
        if deployed(service).open is None:
            break
    keep_desired_count(service)
    pass_round(service, sight)


def watch() -> None:
    """Look at services from now on, in the rounds that are granted."""
    with LOCK:
        if not any(each.name == _watching.__name__ for each in threading.enumerate()):
            threading.Thread(target=_watching, name=_watching.__name__, daemon=True).start()


def _watching() -> None:
    pause = threading.Event()
    while not pause.wait(POLL_SECONDS):
        for account_id in {account_id for account_id, _, _ in all_services()}:
            _look_at_account(account_id)


def _look_at_account(account_id: str) -> None:
    directory = emulator_directory()
    if not is_attended(directory, account_id):
        _pass_round_in(account_id, only_open=True)
        return
    handled = handled_rounds(directory, account_id)
    for number in range(handled + 1, granted_rounds(directory, account_id) + 1):
        _pass_round_in(account_id, only_open=False)
        note_handled(directory, account_id, number)


def _pass_round_in(account_id: str, only_open: bool) -> None:
    for of_account, region, service in all_services():
        if of_account != account_id or (only_open and deployed(service).open is None):
            continue
        with LOCK, import_module(RESPONSES).request_scope(account_id, region):
            pass_round(service, Sight(attended=False) if only_open else look())


SERVICES: tuple[Callable[[], None], ...] = (services, tasks_of_services)
