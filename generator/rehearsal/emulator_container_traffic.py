"""What the emulator's ECS does to load balancers, with the role that a service gives it for that.

ECS registers tasks in target groups and writes the weights of a production and a test rule. On AWS it calls the load
balancer's API as the service's infrastructure role; here each call is asked about before it is made.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import call, current_account_id, current_region
from generator.rehearsal.emulator_authorization import IAM, refusal, role_session, trusts_service
from generator.rehearsal.emulator_container_records import Record, Revision

LOAD_BALANCERS = "ministack.services.alb"
SERVICE, SESSION = "ecs.amazonaws.com", "ecs-service-scheduler"
SEES = ("DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth")
"""What ECS looks at before it changes anything."""


class RefusedError(ValueError):
    """IAM refuses what ECS wants to do; the message is AWS's."""


def role_problem(service: Record) -> str:
    """Return why ECS cannot assume the infrastructure role of a service; nothing where it can, or has none."""
    for role_arn in {role for each in service["loadBalancers"] if (role := _advanced(each).get("roleArn"))}:
        account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        role = import_module(IAM)._roles.get_scoped(account_id, None, name)
        trust = (role or {}).get("AssumeRolePolicyDocument")
        if role is None or not trusts_service(trust, SERVICE, current_account_id(), service["serviceArn"]):
            return f"Unable to assume role {role_arn}. Please verify that the ECS service has the permission to do so."
    return ""


def register(revision: Revision, address: str) -> None:
    """Put a task's address into the target groups of its revision. Raises `RefusedError`."""
    _on_targets("RegisterTargets", revision, address)


def deregister(revision: Revision, address: str) -> None:
    """Take a task's address out of the target groups of its revision. Raises `RefusedError`."""
    _on_targets("DeregisterTargets", revision, address)


def shift_production(target: Revision, source: Revision | None, percent: float) -> None:
    """Send so much of the visitors' requests to a revision, and the rest to its predecessor. Raises `RefusedError`."""
    _shift("productionListenerRule", target, source, percent)


def shift_tests(target: Revision, source: Revision | None, percent: float) -> None:
    """Send so much of the test requests to a revision, and the rest to its predecessor. Raises `RefusedError`."""
    _shift("testListenerRule", target, source, percent)


def weights(rule_arn: str) -> dict[str, int]:
    """Return the weights of a rule by target group."""
    rule = import_module(LOAD_BALANCERS)._rules.get(rule_arn) or {}
    for action in rule.get("Actions", ()):
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
            return {each["TargetGroupArn"]: each.get("Weight", 1) for each in groups}
    return {}


def gets_requests(revision: Revision) -> bool:
    """Whether visitors' requests go to a revision."""
    pairs = zip(revision.settings["loadBalancers"], revision.groups, strict=True)
    return any(weights(_advanced(each).get("productionListenerRule", "")).get(group) for each, group in pairs)


def _on_targets(operation: str, revision: Revision, address: str) -> None:
    for balancer, group in zip(revision.settings["loadBalancers"], revision.groups, strict=True):
        if group not in import_module(LOAD_BALANCERS)._tgs:
            continue  # the stack has deleted it
        _ask(_advanced(balancer).get("roleArn"), operation, group)
        target = {"Id": address, "Port": balancer["containerPort"]}
        call("elbv2", operation, TargetGroupArn=group, Targets=[target])


def _shift(kind: str, target: Revision, source: Revision | None, percent: float) -> None:
    for balancer, group in zip(target.settings["loadBalancers"], target.groups, strict=True):
        advanced = _advanced(balancer)
        if not advanced.get(kind):
            continue
        other = next(each for each in groups_of(balancer) if each != group)
        rest = 0 if source is None else round(100 - percent)
        _write(advanced["roleArn"], advanced[kind], {group: round(percent), other: rest})


def _write(role_arn: str, rule_arn: str, wanted: dict[str, int]) -> None:
    if rule_arn not in import_module(LOAD_BALANCERS)._rules:
        raise RefusedError(f"Rule {rule_arn} does not exist.")
    for operation in SEES:
        _ask(role_arn, operation, "*")
    _ask(role_arn, "ModifyRule", rule_arn)
    groups = [{"TargetGroupArn": arn, "Weight": wanted[arn]} for arn in sorted(wanted, key=_order(rule_arn))]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    call("elbv2", "ModifyRule", RuleArn=rule_arn, Actions=[action])


def _order(rule_arn: str) -> Any:
    """Keep the groups of a rule in the order that they are in."""
    known = list(weights(rule_arn))
    return lambda arn: known.index(arn) if arn in known else len(known)


def groups_of(balancer: Record) -> Sequence[str]:
    """Return the one or two target groups of a service's load balancer."""
    found = (balancer.get("targetGroupArn"), _advanced(balancer).get("alternateTargetGroupArn"))
    return [each for each in found if each]


def _advanced(balancer: Record) -> Record:
    return balancer.get("advancedConfiguration") or {}


def _ask(role_arn: str | None, operation: str, resource: str) -> None:
    """Ask IAM for the infrastructure role; without one, ECS acts with its service-linked role, which may."""
    if not role_arn:
        return
    caller = role_session(role_arn, SESSION)
    if caller is None:
        raise RefusedError(f"Unable to assume role {role_arn}.")
    if why := refusal(caller, f"elasticloadbalancing:{operation}", resource, {}, current_region()):
        raise RefusedError(why)
