"""Ways from one role to another: whoever can assume a role, hand it to a service or change it, has its rights as well.

Every such step that the policies allow must be one that is meant; what a chain of steps leads to follows from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from generator.checks.permissions.evaluation import Decisions, Principal, Request
from generator.checks.permissions.worlds import World, is_of_the_platform

ROLES_OF_COPIES = tuple(f"target_account/{name}" for name in ("BackupRole", "RestoreRole", "ReplicationRole"))

MEANT: Mapping[str, tuple[str, ...]] = {
    "Access/OperatorUser": ("Access/OperatorRole",),
    "pipeline/PipelineRole": ("target_account/DeploymentRole",),
    "pipeline/ChangeReportRole": ("target_account/ReviewRole",),
    "pipeline/RegionalTestRole": ("target_account/RegionalTestRole",),
    "target_account/DeploymentRole": ("target_account/CloudFormationRole",),
    "target_account/ReviewRole": ("target_account/CloudFormationRole",),
    "target_account/RegionalTestRole": ("target_account/CloudFormationRole",),
    "target_account/CloudFormationRole": ("the platform's", *ROLES_OF_COPIES),
    "target_account/BreakGlassRole": (
        *("target_account/CloudFormationRole", "the platform's", *ROLES_OF_COPIES),
        "audit_trail/TrailLogsRole",
    ),
}
"""The steps that are meant. The review's role hands CloudFormation its role to make change sets, which it cannot
execute; CloudFormation hands AWS Backup and S3 theirs; an administrator's role for emergencies can do what its boundary
leaves."""

HARMLESS_STARTS = (
    *("pipeline/BuildRole", "pipeline/ImagesRole", "pipeline/SmokeTestRole", "pipeline/StartRole"),
    *("pipeline/ApproverRole", "the platform's"),
)
"""From where no way may lead to a role that delivers: what the internet reaches, what runs a repository's code, and who
approves what others deliver."""

WITH_MFA = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "60"}
CHANGES = ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy")


@dataclass(frozen=True)
class Step:
    """A possible step from a caller to a role."""

    world: World
    role: Principal
    request: Request


def steps(worlds: Sequence[World]) -> list[Step]:
    """Return every step that could be tried in each setting."""
    return [
        Step(world, role, request)
        for world in worlds
        for caller in world.principals()
        for role in world.principals()
        if role.is_role
        for request in _tries(world, caller, role)
    ]


def not_meant(found: Sequence[Step], decisions: Decisions) -> dict[str, list[str]]:
    """Return the allowed steps that are not meant, each with the settings in which it is possible."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for step in found:
        decision = decisions.of[step.request]
        caller = step.request.caller.name
        if decision.allowed and not any(_is(step.role.name, meant) for meant in MEANT.get(caller, ())):
            wrong[f"{step.request.text}: allowed: {decision.because}"].append(step.world.name)
    return wrong


def ways(found: Sequence[Step], decisions: Decisions) -> dict[str, list[str]]:
    """Return the shortest ways from where none may start to a role that delivers, with the settings."""
    wrong: dict[str, list[str]] = defaultdict(list)
    by_setting: dict[str, dict[str, dict[str, Request]]] = defaultdict(lambda: defaultdict(dict))
    for step in found:
        if decisions.of[step.request].allowed:
            by_setting[step.world.name][step.request.caller.name].setdefault(step.role.name, step.request)
    for setting, graph in by_setting.items():
        for start in sorted(graph):
            if any(_is(start, harmless) for harmless in HARMLESS_STARTS):
                for way in _delivering(graph, start):
                    wrong[" → ".join(way)].append(setting)
    return wrong


def _tries(world: World, caller: Principal, role: Principal) -> Iterator[Request]:
    if caller != role:
        yield world.request(caller, "sts:AssumeRole", role.arn, WITH_MFA)
    if caller.account != role.account:
        return  # roles are handed over and changed within an account
    for service in _trusted_services(role):
        yield world.request(caller, "iam:PassRole", role.arn, {"iam:PassedToService": service})
    bounded = {"iam:PermissionsBoundary": world.arn(role.boundary.name, role)} if role.boundary else {}
    for action in CHANGES:
        policy = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"} if "Attach" in action else {}
        yield world.request(caller, action, role.arn, {**bounded, **policy})


def _trusted_services(role: Principal) -> list[str]:
    services: list[str] = []
    for statement in role.trust.document["Statement"] if role.trust else ():
        principal = statement.get("Principal", {})
        named = principal.get("Service", []) if isinstance(principal, Mapping) else []
        services += [named] if isinstance(named, str) else named
    return services


def _delivering(graph: Mapping[str, Mapping[str, Request]], start: str) -> Iterator[list[str]]:
    """Yield the steps to each role that delivers, breadth first."""
    ways_to: dict[str, list[str]] = {start: []}
    queue = [start]
    for here in queue:
        for there, request in graph.get(here, {}).items():
            if there not in ways_to:
                ways_to[there] = [*ways_to[here], request.text]
                queue.append(there)
                if not _is(there, "the platform's") and there != start:
                    yield ways_to[there]


def _is(name: str, pattern: str) -> bool:
    if pattern == "the platform's":
        return is_of_the_platform(name)
    return fnmatchcase(name, pattern)
