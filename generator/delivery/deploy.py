"""One root stack, deployed through a change set and watched through all of its nested stacks."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from generator.naming import resource_address

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_cloudformation import CloudFormationClient

NESTED = "AWS::CloudFormation::Stack"
AWS_DOMAIN = ".amazonaws.com"
"""What the addresses of all regional endpoints hold; an emulator has another."""
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
"""Words by which CloudFormation says that a change set is empty, which it calls a failure."""
NO_CHANGE_SET = ("ChangeSetNotFound", "ChangeSetNotFoundException", "ValidationError")
"""Error codes for a change set, or a stack, that does not exist."""
IN_REVIEW = "REVIEW_IN_PROGRESS"
"""The status of a stack of which there is only a change set that would create it."""
NO_STACK = "does not exist"
"""Words of the `ValidationError` for a stack that is not there. Any other refusal says nothing about the stack."""
CONSEQUENCES = ("cancelled", "The following resource(s) failed", "Embedded stack", "Nested stack")
"""Words of events that only report somebody else's failure."""
FAILED_CHILD = re.compile(r"Embedded stack (arn:\S+) was not successfully")


class Patience(NamedTuple):
    """How one waits for CloudFormation."""

    pause: float
    """Seconds between two questions."""
    at_most: float
    """Seconds after which one waits no longer."""


ON_AWS = Patience(pause=5, at_most=3600)
"""CloudFormation throttles who asks more often. It waits until ACM has seen a certificate's record in DNS, which may
take longer than all else. https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html"""
ON_AN_EMULATOR = Patience(pause=0.2, at_most=300)


@dataclass(frozen=True)
class Event:
    """What happened to one resource. `stack` is its path below the root, such as `Network`; empty for the root."""

    stack: str
    logical_id: str
    type: str
    status: str
    reason: str
    time: datetime

    @property
    def address(self) -> str:
        """The resource's place among the stacks, such as `Network/Vpc`."""
        return resource_address(self.stack, self.logical_id)

    @property
    def failed(self) -> bool:
        """Whether this is a failure of its own, not the echo of another's."""
        return self.status.endswith("FAILED") and not any(word in self.reason for word in CONSEQUENCES)


@dataclass
class Deployment:
    """How a deployment ended."""

    stack_name: str
    status: str = "NOT_STARTED"
    seconds: float = 0.0
    events: list[Event] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    resources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The resources of each stack, by the stack's path below the root."""
    unchanged: bool = False
    """Whether there was nothing to change: the stack is as the templates say, even where an update was undone."""

    @property
    def complete(self) -> bool:
        """Whether the root and all of its resources are as the templates say."""
        stable = ("UPDATE_ROLLBACK_COMPLETE",) if self.unchanged else ()
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", *stable)

    @property
    def first_failure(self) -> Event | None:
        """The failure that made the others fail: the resource of a child, not the child in its root."""
        failures = (event for event in self.events if event.status.endswith("FAILED"))
        return min(failures, key=lambda event: (not event.failed, event.type == NESTED, event.time), default=None)

    def physical_id(self, stack: str, logical_id: str) -> str:
        """Return the physical id of a resource. Raises `KeyError` where there is none."""
        for resource in self.resources[stack]:
            if resource["LogicalResourceId"] == logical_id:
                return str(resource["PhysicalResourceId"])
        raise KeyError(f"{stack}/{logical_id}")


@dataclass(frozen=True)
class ChangeSet:
    """A change set after CloudFormation has computed it."""

    id: str
    stack_name: str
    status: str
    reason: str
    changes: tuple[Mapping[str, Any], ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change, which CloudFormation calls a failure."""
        return self.status == "FAILED" and any(words in self.reason for words in NO_CHANGES)

    @property
    def can_be_executed(self) -> bool:
        """Whether it holds changes and CloudFormation accepts them."""
        return self.status == "CREATE_COMPLETE"


def template_text(body: str) -> dict[str, str]:
    """Return the arguments by which a template of at most 51,200 bytes is deployed without a bucket."""
    return {"TemplateBody": body}


def deploy(
    cloudformation: CloudFormationClient,
    stack_name: str,
    template: Mapping[str, str],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    """Create the stack, or update it where it exists, through a change set; report events as they come.

    `template` comes from `template_text`, or is the `TemplateURL` of one in a bucket. A failure is no exception: the
    result says how it ended and why. Where there is nothing to change, the result is the stack as it is.
    """
    name = f"{stack_name}-{uuid.uuid4().hex[:8]}"
    change_set = create_change_set(cloudformation, stack_name, name, template, parameters, tags)
    return execute_change_set(cloudformation, change_set, on_event)


def find_stack(cloudformation: CloudFormationClient, stack_name: str) -> Mapping[str, Any] | None:
    """Return a stack as CloudFormation describes it, or nothing where there is none."""
    try:
        return cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if _says_there_is_no_stack(error):
            return None
        raise


def find_deployed(cloudformation: CloudFormationClient, stack_name: str) -> Mapping[str, Any] | None:
    """Return a stack that has been deployed; nothing where at most a change set waits to create it."""
    stack = find_stack(cloudformation, stack_name)
    return None if stack is None or stack["StackStatus"] == IN_REVIEW else stack


def find_change_set(cloudformation: CloudFormationClient, stack_name: str, name: str) -> ChangeSet | None:
    """Return a change set by its name, or nothing where there is none."""
    try:
        found = cloudformation.describe_change_set(StackName=stack_name, ChangeSetName=name)
    except cloudformation.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in NO_CHANGE_SET:
            return None
        raise
    changes = tuple(found.get("Changes", ()))
    return ChangeSet(found["ChangeSetId"], stack_name, found["Status"], found.get("StatusReason", ""), changes)


def create_change_set(
    cloudformation: CloudFormationClient,
    stack_name: str,
    name: str,
    template: Mapping[str, str],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    role_arn: str = "",
) -> ChangeSet:
    """Return a new change set, computed: for a stack that does not exist yet, one that creates it.

    It takes the place of one that has the same name. With a role, CloudFormation acts as that role from then on. The
    token lets a request that is tried again, because its answer was lost, be recognized as the same.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
    """
    if find_change_set(cloudformation, stack_name, name) is not None:
        cloudformation.delete_change_set(StackName=stack_name, ChangeSetName=name)
    kind: Literal["CREATE", "UPDATE"] = "UPDATE" if find_deployed(cloudformation, stack_name) else "CREATE"
    request: dict[str, Any] = {**template, **({"RoleARN": role_arn} if role_arn else {})}
    created = cloudformation.create_change_set(
        StackName=stack_name,
        ChangeSetName=name,
        ChangeSetType=kind,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        IncludeNestedStacks=True,
        ClientToken=uuid.uuid4().hex,
        **request,
    )
    described = _wait_for_change_set(cloudformation, created["Id"])
    changes = tuple(described.get("Changes", ()))
    return ChangeSet(created["Id"], stack_name, described["Status"], described.get("StatusReason", ""), changes)


def execute_change_set(
    cloudformation: CloudFormationClient, change_set: ChangeSet, on_event: Callable[[Event], None]
) -> Deployment:
    """Execute a change set and watch it to its end. An empty one is deleted, and the stack is taken as it is.

    The token has the same purpose as with `create_change_set`.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
    """
    deployment = Deployment(change_set.stack_name)
    if change_set.is_empty:
        history = _History(cloudformation, change_set.stack_name)
        cloudformation.delete_change_set(ChangeSetName=change_set.id)
        deployment.unchanged = True
        _watch(cloudformation, deployment, history, on_event)
        return deployment
    if not change_set.can_be_executed:
        deployment.status = "CHANGE_SET_FAILED"
        deployment.events.append(_refusal(change_set))
        return deployment
    started = time.monotonic()
    history = _History(cloudformation, change_set.stack_name)
    cloudformation.execute_change_set(ChangeSetName=change_set.id, ClientRequestToken=uuid.uuid4().hex)
    _watch(cloudformation, deployment, history, on_event)
    deployment.seconds = time.monotonic() - started
    return deployment


def _refusal(change_set: ChangeSet) -> Event:
    now = datetime.now().astimezone()
    return Event("", change_set.stack_name, "AWS::CloudFormation::ChangeSet", "FAILED", change_set.reason, now)


def _says_there_is_no_stack(error: ClientError) -> bool:
    refusal = error.response["Error"]
    return refusal["Code"] == "ValidationError" and NO_STACK in refusal["Message"]


def _patience(cloudformation: CloudFormationClient) -> Patience:
    return ON_AWS if AWS_DOMAIN in cloudformation.meta.endpoint_url else ON_AN_EMULATOR


def _wait_for_change_set(cloudformation: CloudFormationClient, change_set_id: str) -> Mapping[str, Any]:
    patience = _patience(cloudformation)
    deadline = time.monotonic() + patience.at_most
    while True:
        described = cloudformation.describe_change_set(ChangeSetName=change_set_id)
        if described["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return described
        if time.monotonic() > deadline:
            return {"Status": "FAILED", "StatusReason": f"The change set is not ready after {patience.at_most} s."}
        time.sleep(patience.pause)


def _watch(
    cloudformation: CloudFormationClient, deployment: Deployment, history: _History, on_event: Callable[[Event], None]
) -> None:
    patience = _patience(cloudformation)
    deadline = time.monotonic() + patience.at_most
    while True:
        stack = cloudformation.describe_stacks(StackName=deployment.stack_name)["Stacks"][0]
        deployment.status = stack["StackStatus"]
        over = not deployment.status.endswith("IN_PROGRESS") or time.monotonic() > deadline
        for event in history.news(of_all=over):
            deployment.events.append(event)
            on_event(event)
        if over:
            break
        time.sleep(patience.pause)
    deployment.resources = _resources(cloudformation, deployment.stack_name)
    outputs = stack.get("Outputs", [])
    deployment.outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}


class _History:
    """The events of a root and its nested stacks from now on: those of earlier deployments say nothing about this one.

    A nested stack is asked for its events while its parent waits for it, and once when that is over: asking all of them
    all the time would be most of the work of a deployment, here and at CloudFormation, which throttles.
    """

    def __init__(self, cloudformation: CloudFormationClient, stack_name: str) -> None:
        self._cloudformation, self._stack_name = cloudformation, stack_name
        self._settled: dict[str, tuple[Any, ...]] = {}
        self._seen: set[str] = set()
        self.news(of_all=True)

    def news(self, of_all: bool) -> Sequence[Event]:
        """Return the events that have not been returned yet, in their order; `of_all` stacks at the end."""
        of_root = _resources_of(self._cloudformation, self._stack_name)
        children, states = _children(of_root), {each["LogicalResourceId"]: _state(each) for each in of_root}
        raw = {"": _events_of(self._cloudformation, self._stack_name)}
        for path, stack in children.items():
            if of_all or states[path] != self._settled.get(path):
                raw[path] = _events_of(self._cloudformation, stack)
        # A child that is rolled back may be no resource of its parent any more; only the reason names it then.
        for event in raw[""]:
            child = FAILED_CHILD.search(event.get("ResourceStatusReason", ""))
            if child and event["LogicalResourceId"] not in children:
                raw[event["LogicalResourceId"]] = _events_of(self._cloudformation, child[1])
        self._settled = {path: state for path, state in states.items() if not state[0].endswith("IN_PROGRESS")}
        events = [_event(path, event) for path in raw for event in raw[path] if event["EventId"] not in self._seen]
        self._seen |= {event["EventId"] for found in raw.values() for event in found}
        return sorted(events, key=lambda event: event.time)


def _state(resource: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what becomes another whenever a resource has been changed."""
    return resource["ResourceStatus"], resource.get("LastUpdatedTimestamp")


def _resources(cloudformation: CloudFormationClient, stack_name: str) -> dict[str, list[dict[str, Any]]]:
    of_root = _resources_of(cloudformation, stack_name)
    return {"": of_root} | {path: _resources_of(cloudformation, child) for path, child in _children(of_root).items()}


def _children(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the nested stacks among a root's resources: path → stack id."""
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == NESTED and resource.get("PhysicalResourceId")
    }


def _resources_of(cloudformation: CloudFormationClient, stack: str) -> list[dict[str, Any]]:
    try:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return [dict(resource) for page in pages for resource in page["StackResourceSummaries"]]
    except cloudformation.exceptions.ClientError as error:
        if _says_there_is_no_stack(error):
            return []  # a child that was rolled back and is gone
        raise


def _events_of(cloudformation: CloudFormationClient, stack: str) -> Sequence[Mapping[str, Any]]:
    try:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        # Newest first, as AWS gives them, would show events of the same moment in the wrong order.
        return [event for page in pages for event in page["StackEvents"]][::-1]
    except cloudformation.exceptions.ClientError as error:
        if _says_there_is_no_stack(error):
            return []  # a child that is gone
        raise


def _event(path: str, raw: Mapping[str, Any]) -> Event:
    return Event(
        stack=path,
        logical_id=raw["LogicalResourceId"],
        type=raw["ResourceType"],
        status=raw["ResourceStatus"],
        reason=raw.get("ResourceStatusReason", ""),
        time=raw["Timestamp"],
    )
