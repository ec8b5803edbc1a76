"""CloudFormation acts as somebody: the role that a stack was given, or else whoever started the operation.

ministack makes resources without asking anybody. Here every creation, change and deletion is asked of IAM first, as
`deployment_requests` says; one refusal fails the resource, in AWS's words. A stack keeps its role, and nested stacks
have that of their parent.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from generator.checks.deployment_requests import CREATE, DELETE, UPDATE, Change, Request, own_arns, requests
from generator.rehearsal.emulator_authorization import (
    EVALUATOR,
    Caller,
    key_of_bucket,
    refusal,
    refusal_of_root,
    role_of_session,
    role_session,
    trusts_service,
)
from generator.rehearsal.emulator_guards import Response, guarded, replace_function, wrap_action
from generator.rehearsal.emulator_schemas import requires_replacement

HANDLERS, ACTIONS = "ministack.services.cloudformation.handlers", "_ACTION_HANDLERS"
STACKS = "ministack.services.cloudformation.stacks"
ENGINE = "ministack.services.cloudformation.engine"
CLOUDFORMATION, SESSION = "cloudformation.amazonaws.com", "AWSCloudFormation"
UNASKED = ("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitConditionHandle", "AWS::CDK::Metadata")
"""Types that CloudFormation makes without calling another service."""

_reader: contextvars.ContextVar[str | None] = contextvars.ContextVar("rehearsal_reader", default=None)
"""The role that reads templates during a request to CloudFormation; empty for root, nothing outside of requests."""

_stack_name: contextvars.ContextVar[str] = contextvars.ContextVar("rehearsal_stack_name", default="")


class NotAuthorizedError(ValueError):
    """IAM refuses what CloudFormation wants to do; the message is AWS's."""


# ---------------------------------------------------------------------------------------------------------------------
# The role of a stack
# ---------------------------------------------------------------------------------------------------------------------


def roles_of_stacks() -> None:
    """A stack remembers the role that an operation gives it, and uses it from then on.

    A role that is not there, or does not trust CloudFormation, is refused.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
    """
    for action in ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet"):
        wrap_action(HANDLERS, action, _with_role, ACTIONS)
    wrap_action(HANDLERS, "ExecuteChangeSet", _with_role_of_change_set, ACTIONS)


def _with_role(original: Any) -> Any:
    error = guarded("ministack.services.cloudformation.helpers", "_error", "code", "message", "status")

    def act(params: dict[str, Any]) -> Response:
        role_arn = _first(params, "RoleARN")
        if role_arn and not _can_be_assumed(role_arn):
            refused: Response = error("ValidationError", f"Role {role_arn} is invalid or cannot be assumed", 400)
            return refused
        stack = _stack(_first(params, "StackName"))
        if role_arn and stack is not None and "ChangeSetName" not in params:
            # Before the operation: a deletion works with it at once.
            stack["RoleARN"] = role_arn
        token = _reader.set(role_arn or (stack or {}).get("RoleARN") or _own_role())
        try:
            answer: Response = original(params)
        finally:
            _reader.reset(token)
        if role_arn and answer[0] < 300:
            _remember(params, role_arn)
        return answer

    return act


def _remember(params: dict[str, Any], role_arn: str) -> None:
    if "ChangeSetName" not in params:
        stack = _stack(_first(params, "StackName"))
        if stack is not None:
            stack["RoleARN"] = role_arn
        return
    for change_set in import_module("ministack.services.cloudformation")._change_sets.values():
        of_stack = _first(params, "StackName") in (change_set["StackName"], change_set["StackId"])
        if of_stack and change_set["ChangeSetName"] == _first(params, "ChangeSetName"):
            change_set["RoleARN"] = role_arn


def _with_role_of_change_set(original: Any) -> Any:
    find = guarded("ministack.services.cloudformation.changesets", "_find_change_set", "cs_name", "stack_name")

    def execute(params: dict[str, Any]) -> Response:
        _, change_set = find(_first(params, "ChangeSetName"), _first(params, "StackName"))
        stack = _stack(change_set["StackName"]) if change_set else None
        if change_set and stack is not None and "RoleARN" in change_set:
            stack["RoleARN"] = change_set["RoleARN"]
        answer: Response = original(params)
        return answer

    return execute


def _can_be_assumed(role_arn: str) -> bool:
    """Whether the role exists and lets CloudFormation assume it."""
    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    responses: Any = import_module("ministack.core.responses")
    role = import_module("ministack.services.iam")._roles.get_scoped(account_id, None, name)
    return (
        role is not None
        and account_id == responses.get_account_id()
        and trusts_service(role.get("AssumeRolePolicyDocument"), CLOUDFORMATION, account_id)
    )


def acting(stack_name: str) -> Caller | None:
    """Return as whom CloudFormation works on a stack; nothing where an account's root user started the operation.

    Raises `NotAuthorizedError` where the stack's role is gone.
    """
    stack = _stack(stack_name) or {}
    if role_arn := stack.get("RoleARN"):
        return _session(role_arn, SESSION)
    # Without a role CloudFormation works with what the caller may do.
    caller_arn = import_module(EVALUATOR).caller_arn()
    return _session(role_of_session(caller_arn), caller_arn.rsplit("/", 1)[-1]) if _own_role() else None


def _own_role() -> str:
    """Return the role of whoever sent the request; nothing for an account's root user."""
    caller_arn = str(import_module(EVALUATOR).caller_arn())
    return role_of_session(caller_arn) if ":assumed-role/" in caller_arn else ""


def _session(role_arn: str, session_name: str) -> Caller:
    caller = role_session(role_arn, session_name)
    if caller is None:
        raise NotAuthorizedError(f"Role {role_arn} is invalid or cannot be assumed")
    return caller


# ---------------------------------------------------------------------------------------------------------------------
# Resources
# ---------------------------------------------------------------------------------------------------------------------


def permitted_resources() -> None:
    """A resource is created, changed and deleted only where the stack's role may do all that this takes."""
    created = ("resource_type", "logical_id", "props", "stack_name")
    replace_function(STACKS, "_provision_resource", created, _permitted_creation)
    updated = ("resource_type", "physical_id", "old_props", "new_props", "stack_name", "logical_id", "old_attrs")
    replace_function(STACKS, "_update_resource", updated, _permitted_update)
    deleted = ("resource_type", "physical_id", "props", "stack_name", "logical_id")
    replace_function(STACKS, "_delete_resource", deleted, _permitted_deletion)


def _permitted_creation(original: Any) -> Any:
    def provision(resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        change = _change(resource_type, CREATE, props, logical_id, stack_name)
        _permit(change)
        physical_id, attributes = original(resource_type, logical_id, props, stack_name)
        _DEPLOYED.add(change, physical_id)
        return physical_id, attributes

    return provision


def _permitted_update(original: Any) -> Any:
    def update(
        resource_type: str,
        physical_id: str,
        old_props: dict[str, Any],
        new_props: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        old_attrs: dict[str, Any] | None = None,
    ) -> Any:
        change = _change(resource_type, UPDATE, new_props, logical_id or physical_id, stack_name, physical_id)
        change = replace(change, previous=old_props)
        if old_props != new_props:
            replaced = resource_type not in UNASKED and requires_replacement(resource_type, old_props, new_props)
            new = _change(resource_type, CREATE, new_props, logical_id or physical_id, stack_name)
            _permit(new if replaced else change)
        result = original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)
        _DEPLOYED.add(change, result[0])
        return result

    return update


def _permitted_deletion(original: Any) -> Any:
    def delete(
        resource_type: str, physical_id: str, props: dict[str, Any], stack_name: str = "", logical_id: str = ""
    ) -> Any:
        _permit(_change(resource_type, DELETE, props, logical_id, stack_name, physical_id))
        return original(resource_type, physical_id, props, stack_name, logical_id)

    return delete


def _change(
    type_name: str,
    operation: str,
    properties: Mapping[str, Any],
    logical_id: str,
    stack_name: str,
    physical_id: str = "",
) -> Change:
    responses: Any = import_module("ministack.core.responses")
    tags = (_stack(stack_name) or {}).get("Tags") or ()
    return Change(
        type=type_name,
        operation=operation,
        properties=properties,
        logical_id=logical_id,
        stack_name=stack_name,
        account_id=responses.get_account_id(),
        region=responses.get_region(),
        physical_id=_id_for_iam(type_name, physical_id),
        stack_tags={tag["Key"]: tag["Value"] for tag in tags},
    )


def _id_for_iam(type_name: str, physical_id: str) -> str:
    """Return the id in a resource's ARN: an elastic IP is referred to by its address and known by its allocation."""
    if type_name == "AWS::EC2::EIP":
        for allocation_id, address in import_module("ministack.services.ec2")._addresses.items():
            if address["PublicIp"] == physical_id:
                return str(allocation_id)
    return physical_id


def _permit(change: Change) -> None:
    """Raise `NotAuthorizedError` for the first thing that the stack's role may not do."""
    caller = acting(change.stack_name)
    if caller is None or change.type in UNASKED or change.type.startswith("Custom::"):
        return
    for request in requests(change, _DEPLOYED):
        if request.action != "s3:GetObject":  # asked where the template is read
            permit(caller, request, change.region)


def permit(caller: Caller, request: Request, region: str) -> None:
    """Raise `NotAuthorizedError` where IAM refuses a request of CloudFormation."""
    if why := refusal(caller, request.action, request.resource, request.context, region):
        raise NotAuthorizedError(why)


class _Deployed:
    """What stacks have made in all accounts, by ARN; what IAM itself knows is asked there."""

    def __init__(self) -> None:
        self._tags: dict[str, Mapping[str, str]] = {}

    def add(self, change: Change, physical_id: str) -> None:
        """Remember the tags of a resource."""
        if change.type in UNASKED or change.type.startswith("Custom::"):
            return
        made = replace(change, physical_id=_id_for_iam(change.type, physical_id))
        for arn in own_arns(made):
            self._tags[arn] = made.tags

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a resource that a stack has made."""
        return self._tags.get(arn, {})

    def boundary_of(self, arn: str) -> str:
        """Return the permissions boundary of a role or user."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        iam: Any = import_module("ministack.services.iam")
        table = {"role": iam._roles, "user": iam._users}.get(kind)
        record = table.get_scoped(arn.split(":")[4], None, name) if table is not None else None
        return str((record or {}).get("PermissionsBoundary") or "")


_DEPLOYED = _Deployed()


# ---------------------------------------------------------------------------------------------------------------------
# Templates and parameters
# ---------------------------------------------------------------------------------------------------------------------


def permitted_reading() -> None:
    """CloudFormation reads nested templates, parameters and secrets with the rights of the stack's role.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
    """
    resolved = ("value", "resources", "params", "conditions", "mappings", "stack_name", "stack_id")
    replace_function(STACKS, "_resolve_refs", resolved, _knowing_the_stack)
    replace_function(ENGINE, "_resolve_dynamic_reference", ("literal",), _permitted_reference)


def reads_template() -> bool:
    """Whether a template is read now, by a request to CloudFormation."""
    return _reader.get() is not None


def template_is_refused(bucket: str, key: str) -> str:
    """Return why the role that CloudFormation reads templates with may not read or decrypt one; nothing if it may.

    An account's root user may read what is its own, and of others what they let its account read.
    """
    role_arn = _reader.get()
    responses: Any = import_module("ministack.core.responses")
    if not role_arn:
        return refusal_of_root(responses.get_account_id(), "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    region = responses.get_region()
    try:
        caller = _session(role_arn, SESSION)
        permit(caller, Request("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", {}), region)
        if encryption_key := key_of_bucket(bucket):
            permit(
                caller, Request("kms:Decrypt", encryption_key, {"kms:ViaService": f"s3.{region}.amazonaws.com"}), region
            )
    except NotAuthorizedError as error:
        return str(error)
    return ""


def _knowing_the_stack(original: Any) -> Any:
    def resolve(
        value: Any, resources: Any, params: Any, conditions: Any, mappings: Any, stack_name: str, stack_id: str
    ) -> Any:
        _stack_name.set(stack_name)
        return original(value, resources, params, conditions, mappings, stack_name, stack_id)

    return resolve


def _permitted_reference(original: Any) -> Any:
    def resolve(literal: str) -> str:
        caller = acting(_stack_name.get())
        if caller is not None:
            request = _reading(literal)
            permit(caller, request, import_module("ministack.core.responses").get_region())
        return str(original(literal))

    return resolve


def _reading(literal: str) -> Request:
    responses: Any = import_module("ministack.core.responses")
    place = f"{responses.get_region()}:{responses.get_account_id()}"
    found = re.fullmatch(r"\{\{resolve:([a-z-]+):(.+)\}\}", literal)
    assert found is not None
    service, rest = found[1], found[2]
    if service == "secretsmanager":
        secret = ":".join(rest.split(":")[:7]) if rest.startswith("arn:") else rest.split(":")[0]
        arn = secret if secret.startswith("arn:") else f"arn:aws:secretsmanager:{place}:secret:{secret}-??????"
        return Request("secretsmanager:GetSecretValue", arn, _tags_as_keys(arn))
    arn = f"arn:aws:ssm:{place}:parameter/{rest.split(':')[0].lstrip('/')}"
    return Request("ssm:GetParameters", arn, _tags_as_keys(arn))


def _tags_as_keys(arn: str) -> dict[str, str]:
    return {f"aws:ResourceTag/{key}": value for key, value in _DEPLOYED.tags_of(arn).items()}


def _stack(name: str) -> dict[str, Any] | None:
    resolve = guarded(HANDLERS, "_resolve_stack", "stack_name")
    stack: dict[str, Any] | None = resolve(name) if name else None
    return stack


def _first(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


STACK_AUTHORIZATION = (roles_of_stacks, permitted_resources, permitted_reading)
