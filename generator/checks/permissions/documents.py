"""What must stand in the policies themselves, whatever requests come: boundaries, and whom a policy lets in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from generator.checks.permissions.evaluation import Policy, Principal
from generator.checks.permissions.worlds import World
from generator.naming import PLATFORM

WITHOUT_SOURCE = frozenset(
    {
        "cloudformation.amazonaws.com",
        "ec2.amazonaws.com",
        "ecs.amazonaws.com",
        "lambda.amazonaws.com",
        "s3.amazonaws.com",
    }
)
"""Services whose use of a role needs no condition of the account: a role is handed to them within its account only.
https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html"""

DELIVERING = ("pipeline/", "target_account/")
"""Where the roles stand that deliver the platform; every other role is a machine's, a service's or a person's."""

ON_SERVERS, IN_TASKS = "Security/WebServerRole", "Security/TaskRole"
"""The roles that the application has on web servers and in containers."""

OF_MACHINES = (
    # What runs beside the application fetches archives, hands on logs and metrics, and asks for health. For a task ECS
    # does all that, with roles of its own.
    *("s3:GetObject *", "s3:ListBucket *", "kms:Decrypt * where StringEquals kms:ViaService s3.*"),
    *("logs:CreateLogStream *", "logs:DescribeLogStreams *", "logs:PutLogEvents *"),
    *("cloudwatch:PutMetricData *", "elasticloadbalancing:DescribeTargetHealth *"),
    # A session on a machine.
    *("ssm:UpdateInstanceInformation *", "ssmmessages:*"),
)
"""What web servers may do and containers may not: nothing that the application itself does."""

SOURCES = ("aws:SourceAccount", "aws:SourceArn")
WHO_OF_AN_ACCOUNT = ("aws:PrincipalArn", "aws:MultiFactorAuthPresent")


@dataclass(frozen=True)
class Examination:
    """A claim about documents, and what finds its counterexamples in one setting."""

    sentence: str
    requirements: tuple[str, ...]
    look: Callable[[World], Iterator[str]]
    counted: str
    """What is looked at, in the plural."""
    count: Callable[[World], int]


def _boundaries(world: World) -> Iterator[str]:
    for principal in world.principals():
        wanted = f"boundaries/{_boundary_of(principal)}"
        found = principal.boundary.name if principal.boundary else "none"
        if found != wanted:
            yield f"{principal.name}: boundary {found} in the place of {wanted}"


def _boundary_of(principal: Principal) -> str:
    if not principal.is_role:
        return "OperatorBoundary"
    return "DeliveryBoundary" if principal.name.startswith(DELIVERING) else "WorkloadBoundary"


def _open_trusts(world: World) -> Iterator[str]:
    for principal in world.principals():
        if principal.trust:
            for statement in _allowing(principal.trust):
                yield from (f"{principal.name}: trust {why}" for why in _too_open(statement))


def _too_open(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a statement of a trust policy lets in more than one service, role or workflow."""
    named = f"statement {statement.get('Sid', '')}"
    who, keys = statement.get("Principal"), _condition_keys(statement)
    if not isinstance(who, Mapping) or "*" in _listed(who.get("AWS", [])):
        yield f"{named}: everybody"
        return
    for service in _listed(who.get("Service", [])):
        if service not in WITHOUT_SOURCE and not keys & set(SOURCES):
            yield f"{named}: {service} for any account, without aws:SourceAccount or aws:SourceArn"
    for principal in _listed(who.get("AWS", [])):
        if principal.endswith(":root") and not keys & set(WHO_OF_AN_ACCOUNT):
            yield f"{named}: the whole of {principal}, without MFA or the name of a role"
    for provider in _listed(who.get("Federated", [])):
        if not {each.partition(":")[2] for each in _equal_keys(statement)} >= {"aud", "sub"}:
            yield f"{named}: {provider} without exact audience and subject"


def _open_guards(world: World) -> Iterator[str]:
    for account in (world.environment, world.tools):
        for address, policy in account.guards.items():
            if policy.kind == "resource":
                for statement in _allowing(policy):
                    yield from (f"{address}: {why}" for why in _gives_away(statement))


def _gives_away(statement: Mapping[str, Any]) -> Iterator[str]:
    named = f"statement {statement.get('Sid', '')}"
    who = statement.get("Principal")
    if not isinstance(who, Mapping) or "*" in _listed(who.get("AWS", [])):
        yield f"{named}: lets everybody in"
    if any("*" in action for action in _listed(statement.get("Action", ["*"]))):
        yield f"{named}: allows actions by a wildcard"


def _everything(world: World) -> Iterator[str]:
    for principal in world.principals():
        if principal.name != "target_account/BreakGlassRole":
            for policy in principal.policies:
                for statement in _allowing(policy):
                    actions = _listed(statement.get("Action", ["*"]))
                    if any(action.partition(":")[2] in ("", "*") for action in actions):
                        named = statement.get("Sid", "")
                        yield f"{principal.name}: policy {policy.name}, statement {named}: all actions of a service"


def _another_application(world: World) -> Iterator[str]:
    """Yield what the application may do in one place and not in the other, but for what only a machine does."""
    principals = world.environment.principals
    on_servers, in_tasks = (_permissions(principals[name]) for name in (ON_SERVERS, IN_TASKS))
    for permission in sorted(in_tasks - on_servers):
        yield f"{IN_TASKS}: {permission}, which {ON_SERVERS} has not"
    for permission in sorted(on_servers - in_tasks):
        if not any(fnmatchcase(permission, pattern) for pattern in OF_MACHINES):
            yield f"{IN_TASKS}: not {permission}, which {ON_SERVERS} has"


def _permissions(principal: Principal) -> set[str]:
    """Return a principal's permissions one by one, as text: action, resource, and one value for each condition."""
    return {
        f"{action} on {resource}{where}"
        for policy in principal.policies
        for statement in _allowing(policy)
        for where in _wheres(statement.get("Condition", {}))
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _wheres(conditions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    keys = [
        [f" where {operator} {key} {value}" for value in _listed(values)]
        for operator, block in sorted(conditions.items())
        for key, values in sorted(block.items())
    ]
    return ["".join(each) for each in product(*keys)]


def _both_computes(world: World) -> bool:
    """Return whether a setting has web servers and containers, each with the policies that their stacks attach."""
    asked = world.environment.roots[PLATFORM].parameters[""]
    return asked.get("Compute") == "both"


def _images(world: World) -> Iterator[tuple[str, str]]:
    """Yield each container and its image."""
    for address in world.environment.addresses("AWS::ECS::TaskDefinition"):
        for container in world.environment.properties(address)["ContainerDefinitions"]:
            yield f"{address}, container {container['Name']}", str(container["Image"])


def _images_of_others(world: World) -> Iterator[str]:
    """Yield the images that are not one of the tools account's repositories', by digest: a tag may be moved."""
    repositories = world.tools.addresses("AWS::ECR::Repository")
    names = "|".join(re.escape(world.tools.ref(repository)) for repository in repositories)
    ours = rf"{world.tools.id}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/({names})@sha256:[0-9a-f]{{64}}"
    for container, image in _images(world):
        if not re.fullmatch(ours, image):
            yield f"{container}: starts from {image}"


EXAMINATIONS = (
    Examination(
        "Every container starts from an image in a repository of the tools account, named by its digest",
        ("D5", "D7", "D17"),
        _images_of_others,
        "containers",
        lambda world: sum(1 for _ in _images(world)),
    ),
    Examination(
        "The application may do the same in containers as on web servers, but for what only a machine does",
        ("D5", "D9"),
        lambda world: _another_application(world) if _both_computes(world) else iter(()),
        "permissions",
        lambda world: len(_permissions(world.environment.principals[IN_TASKS])) if _both_computes(world) else 0,
    ),
    Examination(
        "Every role and user has the boundary of its kind",
        ("D9", "D17"),
        _boundaries,
        "roles and users",
        lambda world: len(world.principals()),
    ),
    Examination(
        "Every trust policy names whom it lets in: a service for this account, one role, people with MFA, one workflow",
        ("D9", "D17"),
        _open_trusts,
        "roles",
        lambda world: sum(principal.is_role for principal in world.principals()),
    ),
    Examination(
        "No key, bucket, topic or repository lets everybody in, or allows actions by a wildcard",
        ("D4", "D10"),
        _open_guards,
        "policies of resources",
        lambda world: len(world.environment.guards) + len(world.tools.guards),
    ),
    Examination(
        "No role but that for emergencies has all actions of a service",
        ("D9",),
        _everything,
        "policies",
        lambda world: sum(len(principal.policies) for principal in world.principals()),
    ),
)


def _allowing(policy: Policy) -> list[Mapping[str, Any]]:
    statements: Sequence[Mapping[str, Any]] = policy.document["Statement"]
    return [statement for statement in statements if statement["Effect"] == "Allow"]


def _condition_keys(statement: Mapping[str, Any]) -> set[str]:
    return {key for block in statement.get("Condition", {}).values() for key in block}


def _equal_keys(statement: Mapping[str, Any]) -> set[str]:
    return set(statement.get("Condition", {}).get("StringEquals", {}))


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [value]
