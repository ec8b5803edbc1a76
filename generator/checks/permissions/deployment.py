"""What CloudFormation asks for when it creates, updates and deletes the platform, resource by resource.

The actions are those that AWS's registry schemas list for each type, as the reviewed corrections change them. These are
the lists that the deployment's policies are computed from: that all of it is allowed proves that confining them to
names, tags and boundaries has lost nothing, not that AWS's lists are complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from generator.checks.deployment_resources import SERVICE_LINKED_ROLES, VIA_SERVICE
from generator.checks.permissions.accounts import OF_STREAMS, Account
from generator.checks.permissions.evaluation import Request
from generator.checks.permissions.iam_simulate import ResourceType, Simulator
from generator.checks.permissions.worlds import World
from generator.naming import PLATFORM, PROJECT
from generator.registry_schemas import handler_permissions, schema
from generator.resolver import Resource

CORRECTIONS = Path(__file__).parents[2] / "deployment_permissions" / "corrections.yaml"
"""What the schemas' lists name too much and too little, each with a reason: data of the deployment's policies."""

ROLE = "target_account/CloudFormationRole"
OPERATIONS = ("create", "read", "update", "delete")

VARIABLE = re.compile(r"\$\{(\w+)\}")
WITH_SLASHES = re.compile(r"\w+WithPath|ParameterNameWithoutLeadingSlash|ObjectName|Alias|LoadBalancerName")
"""Variables of IAM's ARN formats that may stand for text with slashes."""

MAKING = ("Allocate", "Create", "Import", "Register", "Request", "Run")
"""How the names of actions begin that make a resource: it has no tags yet but those of the request."""

CHANGING_TAGS = re.compile(r":(Tag|Untag|ListTags)")

CANARY = "AWS::Synthetics::Canary"
"""A canary's function and layer are named after it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_Details.html"""

MADE_BY_ITS_SERVICE: Mapping[tuple[str, str], Sequence[str]] = {(CANARY, "lambda"): ("function", "layer")}
"""What a resource's own service makes of another service, by type and service."""

GIVEN: Mapping[tuple[str, str], str] = {("billingview", "ResourceId"): "primary"}
"""Variables of ARNs, by kind of resource, whose value AWS chose: the view of costs that every account has."""

OF_WHAT_IS_DELETED = frozenset({"secretsmanager:DeleteSecret"})
"""Actions that a deployment needs for what goes with its stack, and must not be allowed for what is retained."""

WITHOUT_STACK_TAGS = frozenset({"AWS::EC2::LaunchTemplate"})
"""Types that CloudFormation does not tag with the stack's tags.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-launchtemplate.html"""


@dataclass(frozen=True)
class _Call:
    resource: Resource
    referred: Sequence[str]
    """Addresses of the resources that it refers to."""
    operation: str
    action: str

    @property
    def makes_something(self) -> bool:
        return self.operation == "create" and self.action.partition(":")[2].startswith(MAKING)


def deployment_requests(worlds: Sequence[World], simulator: Simulator) -> list[tuple[World, Request]]:
    """Return what CloudFormation's role must be allowed in each setting.

    A resource that is the same in two settings asks for the same, and is looked at in the first; so it is with two
    environments, whose names alone differ, but for one resource of each type.
    """
    calls = [(world, call) for world, resource in _different(worlds) for call in _calls(world.environment, resource)]
    types = simulator.resource_types(call.action for _, call in calls)
    return [(world, request) for world, call in calls for request in _requests(world, call, types[call.action])]


def _different(worlds: Sequence[World]) -> Iterator[tuple[World, Resource]]:
    """Yield the resources that are not the same as one before."""
    seen: set[tuple[str, ...]] = set()
    for world in worlds:
        platform = world.environment.roots[PLATFORM]
        named = str(platform.parameters[""]["EnvironmentName"])
        for address, resource in platform.resources.items():
            alike = (address, repr(resource.properties).replace(named, "environment"))
            in_environment = (named, resource.type)
            if alike not in seen or in_environment not in seen:
                seen |= {alike, in_environment}
                yield world, resource


def _calls(account: Account, resource: Resource) -> Iterator[_Call]:
    retained = resource.attributes.get("DeletionPolicy", "Delete") != "Delete"
    referred = _referred(resource)
    for operation, actions in _handlers(resource.type, account.region).items():
        for action in actions:
            if not (retained and action in OF_WHAT_IS_DELETED):
                yield _Call(resource, referred, operation, action)


def _requests(world: World, call: _Call, types: Sequence[ResourceType] | None) -> Iterator[Request]:
    account = world.environment
    role = account.principals[ROLE]
    if types is None:
        return  # IAM knows no such action
    if call.action == "iam:PassRole":
        for arn, service in _passed(account, call.resource):
            yield world.request(role, call.action, arn, {"iam:PassedToService": service})
    elif call.action == "iam:CreateServiceLinkedRole":
        for service, name in SERVICE_LINKED_ROLES.get(call.resource.type, ()):
            arn = f"arn:aws:iam::{account.id}:role/aws-service-role/{service}/{name}"
            yield world.request(role, call.action, arn, {"iam:AWSServiceName": service})
    else:
        for arn in _resources(account, call, types):
            for context in _contexts(account, call, arn):
                yield world.request(role, call.action, arn, context)


def _resources(account: Account, call: _Call, types: Sequence[ResourceType]) -> list[str]:
    """Return the ARNs that a call is about, as far as the platform has them: of each type that the action requires.

    A policy names roles and perhaps no user: its handler's list covers both, and it asks for what it names.
    """
    if not types:
        return ["*"]
    of_iam = call.action.startswith("iam:")
    of_type = MADE_BY_ITS_SERVICE.get((call.resource.type, call.action.partition(":")[0]), ())
    wanted = [each for each in types if each.required or each.name in of_type] or types
    found = [arn for each in wanted for arn in _arns(account, call, each, anywhere=not of_iam)]
    return found or ([] if of_iam else [_invented(account, wanted[0], call.resource)])


def _arns(account: Account, call: _Call, kind: ResourceType, *, anywhere: bool) -> list[str]:
    """Return the resource's own ARN, or those it refers to, or any of the platform, that are of a kind."""
    form = _form(kind.arn)
    if kind.name == "Secret" and call.resource.properties.get("ManageMasterUserPassword"):
        return [account.attribute(call.resource.address, "MasterUserSecret.SecretArn")]
    for near in ([call.resource.address], call.referred):
        named = [account.with_arn[address].removesuffix(OF_STREAMS) for address in near if address in account.with_arn]
        if fitting := [arn for arn in named if form.fullmatch(arn)]:
            return [_about(call, arn) for arn in fitting]
    somewhere = _somewhere(account, form) if anywhere else None
    return [_about(call, somewhere)] if somewhere else []


@cache
def _somewhere(account: Account, form: re.Pattern[str]) -> str | None:
    """Return the first ARN of a form that the platform has."""
    return next((arn for arn in account.arns_of_the_platform if form.fullmatch(arn)), None)


def _referred(resource: Resource) -> list[str]:
    return sorted(resource.referred)


def _about(call: _Call, arn: str) -> str:
    """Return the ARN as the call names it: a log group by all that is in it, unless the call is about its tags."""
    return f"{arn}{OF_STREAMS}" if ":log-group:" in arn and not CHANGING_TAGS.search(call.action) else arn


def _contexts(account: Account, call: _Call, arn: str) -> Iterator[dict[str, str]]:
    """Yield what AWS knows of a call beside action and resource; twice where a role has two policies of AWS."""
    context = {**_tags(account, call, arn), **_boundary(account, arn)}
    if call.action.startswith("kms:") and call.resource.type in VIA_SERVICE:
        context["kms:ViaService"] = f"{VIA_SERVICE[call.resource.type]}.{account.region}.amazonaws.com"
        context["kms:GrantIsForAWSResource"] = "true"
    if call.action == "elasticfilesystem:CreateFileSystem":
        context["elasticfilesystem:Encrypted"] = str(call.resource.properties["Encrypted"]).lower()
    if call.action == "ec2:RunInstances":
        context["ec2:LaunchTemplate"] = _launch_template(account, call)
    if call.action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        for policy in call.resource.properties.get("ManagedPolicyArns", ()):
            yield {**context, "iam:PolicyARN": policy}
    else:
        yield context


def _launch_template(account: Account, call: _Call) -> str:
    named = (account.with_arn.get(address, "") for address in call.referred)
    return next(arn for arn in named if ":launch-template/" in arn)


def _tags(account: Account, call: _Call, arn: str) -> dict[str, str]:
    """Return the tags of the request, while something is made, or else of what is there."""
    there = account.by_arn.get(arn)
    own = call.resource.address in account.with_arn and there == call.resource.address
    on_create = bool(schema(call.resource.type, account.region).get("tagging", {}).get("tagOnCreate"))
    if call.makes_something and (own or there is None):
        of_request = _tags_of(account, call.resource.address) if on_create else {}
        return {f"aws:RequestTag/{key}": value for key, value in of_request.items()}
    if own and call.operation == "create" and not on_create:
        return {}
    tags = _tags_of(account, there or call.resource.address)
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def _tags_of(account: Account, address: str) -> dict[str, str]:
    """Return the tags that a resource of the platform ends up with."""
    resource = account.resource(address)
    environment = str(account.roots[PLATFORM].parameters[""]["EnvironmentName"])
    of_stack = {} if resource.type in WITHOUT_STACK_TAGS else {"Project": PROJECT, "Environment": environment}
    return {**of_stack, **{tag["Key"]: tag["Value"] for tag in _own_tags(resource.properties)}}


def _own_tags(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    listed = properties.get("Tags") or properties.get("FileSystemTags") or properties.get("AccessPointTags") or []
    specified = properties.get("TagSpecifications", [])
    tags = [*listed, *(tag for each in specified for tag in each["Tags"])] if isinstance(listed, list) else []
    return [tag for tag in tags if isinstance(tag.get("Value"), str)]


def _boundary(account: Account, arn: str) -> dict[str, str]:
    """Return the boundary of the role or user that a call is about."""
    address = account.by_arn.get(arn)
    bounded = address in account.principals and account.properties(address).get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": bounded} if bounded else {}


def _passed(account: Account, resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield the roles that a resource hands to services, also inside an instance profile, with the services."""
    near = set(_referred(resource))
    for address in list(near):
        near |= {*_referred(account.resource(address))}
    by_name = {address for address, each in account.principals.items() if _names(resource.properties, each.arn)}
    for address in sorted((near | by_name) & account.principals.keys()):
        principal = account.principals[address]
        for statement in principal.trust.document["Statement"] if principal.trust else ():
            services = statement["Principal"].get("Service", [])
            for service in [services] if isinstance(services, str) else services:
                yield principal.arn, service


def _names(value: Any, arn: str) -> bool:
    """Return whether a property, or a part of it, is an ARN: that of a role which an administrator's stack makes."""
    if isinstance(value, Mapping):
        return "Statement" not in value and any(_names(each, arn) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_names(each, arn) for each in value)
    return bool(value == arn)


def _invented(account: Account, kind: ResourceType, resource: Resource) -> str:
    """Return an ARN of a kind that no resource of the platform has, such as a security group's rule."""
    known = {"Partition": "aws", "Region": account.region, "Account": account.id}
    made = f"cwsyn-{resource.properties['Name']}-0123" if resource.type == CANARY else f"{PROJECT}-0123456789abcdef0"
    return VARIABLE.sub(lambda found: known.get(found[1], GIVEN.get((kind.name, found[1]), made)), kind.arn)


@cache
def _form(arn: str) -> re.Pattern[str]:
    """Return the pattern of an ARN's form, in which most variables stand for text without colons and slashes."""
    pattern, end = "", 0
    for variable in VARIABLE.finditer(arn):
        anything = ".+" if WITH_SLASHES.fullmatch(variable[1]) else "[^:/]*"
        pattern += re.escape(arn[end : variable.start()]) + anything
        end = variable.end()
    return re.compile(pattern + re.escape(arn[end:]))


@cache
def _handlers(type_name: str, region: str) -> Mapping[str, Sequence[str]]:
    corrections = _corrections()
    if type_name in corrections["missing"]:
        listed: Mapping[str, Sequence[str]] = {"update": corrections["missing"][type_name]["actions"]}
    else:
        listed = handler_permissions(type_name, region)
    added = [action for entry in corrections["added"] if entry["type"] == type_name for action in entry["actions"]]
    kept = {
        operation: [action for action in listed[operation] if "*" not in action and not _dropped(type_name, action)]
        for operation in OPERATIONS
        if operation in listed
    }
    return {**kept, "update": [*kept.get("update", ()), *added]}


def _dropped(type_name: str, action: str) -> bool:
    return any(
        any(fnmatchcase(action, pattern) for pattern in entry["actions"])
        for entry in _corrections()["dropped"]
        if type_name in entry.get("types", [type_name])
    )


@cache
def _corrections() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.load(CORRECTIONS.read_bytes(), Loader=yaml.CSafeLoader)
    return loaded
