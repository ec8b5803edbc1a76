"""The tasks of the emulator's services: started, looked at, and stopped.

Where somebody attends to the account (`emulator_tasks`), a task is as whoever runs it says. Where nobody does, it runs
and is healthy at once.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_container_events import tell_of_end
from generator.rehearsal.emulator_container_records import ECS, Record, Revision
from generator.rehearsal.emulator_container_traffic import RefusedError, deregister, register
from generator.rehearsal.emulator_ec2_types import free_address
from generator.rehearsal.emulator_handlers import hexadecimal
from generator.rehearsal.emulator_instances import Health, Targets, emulator_directory, is_attended, read_targets
from generator.rehearsal.emulator_tasks import (
    HEALTHY,
    PENDING,
    RUNNING,
    STOPPED,
    UNKNOWN,
    TaskStart,
    TaskState,
    TaskStop,
    announce,
    read_states,
)

EC2 = "ministack.services.ec2"
REVISION, REGISTERED = "_revision", "_registered"
ALIVE = (PENDING, RUNNING)

Task = Record


@dataclass(frozen=True)
class Sight:
    """How tasks and targets are at the beginning of a round."""

    attended: bool
    states: Mapping[str, TaskState] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)

    def state_of(self, task: Task) -> TaskState:
        """Return how a task is; what nobody has seen yet is pending."""
        if not self.attended:
            return TaskState(RUNNING, HEALTHY)
        return self.states.get(task["taskArn"], TaskState())

    def health_of(self, group: str, address: str) -> Health | None:
        """Return how healthy a target is; nothing where no check says so yet."""
        if not self.attended:
            return Health("healthy")
        return self.targets.health.get(group, {}).get(address)


def look() -> Sight:
    """Return how the tasks and targets of the account under way are now."""
    directory = emulator_directory()
    if not is_attended(directory, current_account_id()):
        return Sight(attended=False)
    with contextlib.suppress(FileNotFoundError):
        return Sight(True, read_states(directory), read_targets(directory))
    return Sight(True, read_states(directory))


# ---------------------------------------------------------------------------------------------------------------------
# Which there are
# ---------------------------------------------------------------------------------------------------------------------


def tasks_of(service: Record, revision: Revision | None = None) -> list[Task]:
    """Return the tasks of a service, or of one of its revisions, that have not stopped; the oldest first."""
    group = f"service:{service['serviceName']}"
    return [
        task
        for task in import_module(ECS)._tasks.values()
        if task["group"] == group
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] != STOPPED
        and (revision is None or task[REVISION] == revision.arn)
    ]


def is_ready(task: Task, revision: Revision, sight: Sight) -> bool:
    """Whether a task runs, its containers are healthy where they say how they are, and its load balancers agree."""
    if task["lastStatus"] != RUNNING or (_has_health_check(task) and task["healthStatus"] != HEALTHY):
        return False
    found = [sight.health_of(group, address_of(task)) for group in revision.groups]
    return all(health is not None and health.state == "healthy" for health in found)


def address_of(task: Task) -> str:
    """Return the private address of a task."""
    details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
    return str(details["privateIPv4Address"])


def definition_of(arn: str) -> Record:
    """Return a task definition."""
    ecs: Any = import_module(ECS)
    found: Record = ecs._task_defs[ecs._resolve_td_key(arn)]
    return found


def _has_health_check(task: Task) -> bool:
    containers = definition_of(task["taskDefinitionArn"])["containerDefinitions"]
    return any(each.get("healthCheck") and each.get("essential", True) for each in containers)


# ---------------------------------------------------------------------------------------------------------------------
# Start and stop
# ---------------------------------------------------------------------------------------------------------------------


def scale(service: Record, revision: Revision, count: int, on_refusal: Callable[[str], None]) -> None:
    """Start or stop tasks of a revision until it has so many; the newest go first."""
    found = tasks_of(service, revision)
    for task in found[count:]:
        stop(service, revision, task, f"Scaling activity initiated by (service {service['serviceName']})", on_refusal)
    for _ in range(count - len(found)):
        start(service, revision)


def start(service: Record, revision: Revision) -> Task:
    """Start one task of a revision in the subnet that has fewest of them."""
    ecs: Any = import_module(ECS)
    definition = definition_of(revision.task_definition)
    cluster = service["clusterArn"].rpartition("/")[2]
    place = f"{current_region()}:{current_account_id()}"
    arn = f"arn:aws:ecs:{place}:task/{cluster}/{uuid.uuid4().hex}"
    provider, launch_type = _capacity(revision, [each["capacityProviderName"] for each in tasks_of(service, revision)])
    containers = ecs._build_task_containers(definition, [])
    task: Task = {
        "taskArn": arn,
        "clusterArn": service["clusterArn"],
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "group": f"service:{service['serviceName']}",
        "startedBy": f"ecs-svc/{revision.arn.rpartition('/')[2]}",
        "lastStatus": PENDING,
        "desiredStatus": RUNNING,
        "healthStatus": UNKNOWN,
        "launchType": launch_type,
        "capacityProviderName": provider,
        "cpu": definition.get("cpu"),
        "memory": definition.get("memory"),
        "platformVersion": _platform_version(revision),
        "platformFamily": "Linux",
        "createdAt": int(now()),
        "version": 1,
        "containers": [each | {"taskArn": arn, "lastStatus": PENDING} for each in containers],
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "enableExecuteCommand": service["enableExecuteCommand"],
        "ephemeralStorage": definition.get("ephemeralStorage") or {"sizeInGiB": 20},
        "tags": _tags(service, definition),
        REVISION: revision.arn,
        REGISTERED: False,
        **_interface(service, revision, arn),
    }
    ecs._tasks[arn] = task
    ecs._tags[arn] = list(task["tags"])
    announce(emulator_directory(), _started(service, revision, task))
    return task


def stop(
    service: Record,
    revision: Revision,
    task: Task,
    reason: str,
    on_refusal: Callable[[str], None],
    code: str = "ServiceSchedulerInitiated",
) -> None:
    """Take a task out of its target groups and end it."""
    leave_groups(revision, task, on_refusal)
    end(task, TaskState(STOPPED, UNKNOWN, reason), code)
    announce(emulator_directory(), TaskStop(task["taskArn"], reason))


def enter_groups(revision: Revision, task: Task, on_refusal: Callable[[str], None]) -> None:
    """Register a task that runs in the target groups of its revision."""
    if not task[REGISTERED] and revision.groups:
        try:
            register(revision, address_of(task))
            task[REGISTERED] = True
        except RefusedError as error:
            on_refusal(str(error))


def leave_groups(revision: Revision, task: Task, on_refusal: Callable[[str], None]) -> None:
    """Take a task out of the target groups of its revision."""
    if task[REGISTERED]:
        try:
            deregister(revision, address_of(task))
            task[REGISTERED] = False
        except RefusedError as error:
            on_refusal(str(error))


def end(task: Task, state: TaskState, code: str) -> None:
    """Note that a task has stopped, and give its network interface back."""
    moment = int(now())
    task |= {
        "lastStatus": STOPPED,
        "desiredStatus": STOPPED,
        "stoppedReason": state.reason,
        "stopCode": code,
        "stoppingAt": moment,
        "stoppedAt": moment,
        "executionStoppedAt": moment,
    }
    _show_containers(task, state, STOPPED)
    import_module(EC2)._network_interfaces.pop(_interface_id(task["taskArn"]), None)
    tell_of_end(task)


def show(task: Task, state: TaskState) -> None:
    """Let DescribeTasks show how a task is that has not stopped."""
    if state.status == RUNNING and task["lastStatus"] != RUNNING:
        task["startedAt"] = int(now())
    task |= {"lastStatus": state.status, "healthStatus": state.health}
    _show_containers(task, state, state.status)


def _show_containers(task: Task, state: TaskState, status: str) -> None:
    checked = {
        each["name"]
        for each in definition_of(task["taskDefinitionArn"])["containerDefinitions"]
        if each.get("healthCheck")
    }
    for each in task["containers"]:
        ended = each["name"] in state.exit_codes
        each["lastStatus"] = STOPPED if ended else status
        each["healthStatus"] = state.health if each["name"] in checked else UNKNOWN
        if ended:
            each["exitCode"] = state.exit_codes[each["name"]]


def _started(service: Record, revision: Revision, task: Task) -> TaskStart:
    return TaskStart(
        task_arn=task["taskArn"],
        account_id=current_account_id(),
        region=current_region(),
        cluster=service["clusterArn"],
        service=service["serviceArn"],
        revision=revision.arn,
        task_definition_arn=task["taskDefinitionArn"],
        ip=address_of(task),
    )


def _capacity(revision: Revision, taken: Sequence[str]) -> tuple[str | None, str]:
    """Return the capacity provider and launch type of a revision's next task, by those that its others have."""
    strategy = revision.settings.get("capacityProviderStrategy")
    if not strategy:
        return None, str(revision.settings.get("launchType") or "EC2")
    wanted = Counter(itertools.islice(_providers(strategy), len(taken) + 1))
    return next(iter(wanted - Counter(taken))), "FARGATE"


def _providers(strategy: Sequence[Record]) -> Iterator[str]:
    """Yield the providers of one task after the other: a base comes first, the rest is shared out by weight.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """
    used: Counter[str] = Counter()
    for each in strategy:
        for _ in range(each.get("base", 0)):
            used[each["capacityProvider"]] += 1
            yield each["capacityProvider"]
    weights = {each["capacityProvider"]: each["weight"] for each in strategy if each.get("weight")}
    shared: Counter[str] = Counter()
    while True:
        chosen = min(weights, key=lambda name: ((shared[name] + 1) / weights[name], used[name]))
        shared[chosen] += 1
        used[chosen] += 1
        yield chosen


def _platform_version(revision: Revision) -> str:
    asked = revision.settings.get("platformVersion") or "LATEST"
    return "1.4.0" if asked == "LATEST" else str(asked)


def _tags(service: Record, definition: Record) -> list[Record]:
    """Return the tags of a task: those that it inherits, and those that ECS gives it."""
    tags: Any = import_module(ECS)._tags
    sources = {"SERVICE": service["serviceArn"], "TASK_DEFINITION": definition["taskDefinitionArn"]}
    inherited = list(tags.get(sources.get(service.get("propagateTags", "NONE"), ""), ()))
    if service.get("enableECSManagedTags"):
        inherited.append({"key": "aws:ecs:clusterName", "value": service["clusterArn"].rpartition("/")[2]})
        inherited.append({"key": "aws:ecs:serviceName", "value": service["serviceName"]})
    return inherited


def _interface(service: Record, revision: Revision, task_arn: str) -> Record:
    """Give a task a network interface; return what its record says of it."""
    ec2: Any = import_module(EC2)
    network = (revision.settings.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if not network.get("subnets"):
        return {"attachments": [], "availabilityZone": f"{current_region()}a"}
    occupied = [each["attachments"][0]["details"][0]["value"] for each in tasks_of(service) if each["attachments"]]
    subnet = ec2._subnets[min(network["subnets"], key=occupied.count)]
    # Not those of stopped tasks either: whoever runs tasks may still be ending them.
    used = [address_of(each) for each in import_module(ECS)._tasks.values() if each["attachments"]]
    interface_id, address = _interface_id(task_arn), free_address(subnet, used)
    groups = [
        {"GroupId": each, "GroupName": ec2._security_groups.get(each, {}).get("GroupName", each)}
        for each in network.get("securityGroups", ())
    ]
    ec2._network_interfaces[interface_id] = {
        "NetworkInterfaceId": interface_id,
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "AvailabilityZone": subnet["AvailabilityZone"],
        "Description": task_arn,
        "OwnerId": current_account_id(),
        "Status": "in-use",
        "PrivateIpAddress": address,
        "InterfaceType": "interface",
        "SourceDestCheck": True,
        "MacAddress": "0a:" + ":".join(hexadecimal(task_arn)[at : at + 2] for at in range(0, 10, 2)),
        "Groups": groups,
        "Attachment": None,
    }
    details = {"subnetId": subnet["SubnetId"], "networkInterfaceId": interface_id, "privateIPv4Address": address}
    attachment = {
        "id": str(uuid.uuid4()),
        "type": "ElasticNetworkInterface",
        "status": "ATTACHED",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }
    return {"attachments": [attachment], "availabilityZone": subnet["AvailabilityZone"]}


def _interface_id(task_arn: str) -> str:
    return "eni-" + hexadecimal(task_arn)
