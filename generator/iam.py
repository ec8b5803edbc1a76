"""IAM documents through awacs: one named statement for each intent, and every ARN spelled in this one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import awacs.ssm
import awacs.ssmmessages
import awacs.sts
from awacs.aws import (
    Action,
    Allow,
    Bool,
    Condition,
    Deny,
    NumericLessThan,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import AWSHelperFn, Ref, Sub
from troposphere.iam import PolicyType

from generator.naming import DELIVERY_BOUNDARY, OPERATOR_BOUNDARY, WORKLOAD_BOUNDARY
from generator.parameter_types import RoleName

Resource = AWSHelperFn | str


def arn(resource: str, **values: Any) -> Sub:
    """Return an ARN in this partition; `resource` is what follows, such as `s3:::bucket/*`.

    Each `${Name}` in it is a pseudo parameter, a parameter of the template, or given as a keyword.
    """
    return Sub(f"arn:${{AWS::Partition}}:{resource}", **values)


def account_root() -> Sub:
    """Return the principal that stands for this account: it delegates to the account's IAM policies."""
    return arn("iam::${AWS::AccountId}:root")


def allow(
    sid: str, actions: Sequence[Action], resources: Sequence[Resource], condition: Condition | None = None
) -> Statement:
    """Return a statement of an identity policy."""
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=list(resources), **_optional(condition))


def deny(
    sid: str, actions: Sequence[Action], resources: Sequence[Resource], condition: Condition | None = None
) -> Statement:
    """Return a statement that refuses what it names, whatever else allows it."""
    return Statement(Sid=sid, Effect=Deny, Action=list(actions), Resource=list(resources), **_optional(condition))


def deny_all_but(
    sid: str, actions: Sequence[Action], resources: Sequence[Resource], condition: Condition | None = None
) -> Statement:
    """Return a statement that refuses everything but some actions where a condition holds; it allows none of them."""
    return Statement(Sid=sid, Effect=Deny, NotAction=list(actions), Resource=list(resources), **_optional(condition))


def deny_elsewhere(sid: str, actions: Sequence[Action], resources: Sequence[Resource]) -> Statement:
    """Return a statement that refuses what it names on everything but some resources; it allows it on none of them."""
    return Statement(Sid=sid, Effect=Deny, Action=list(actions), NotResource=list(resources))


def allow_principal(
    sid: str,
    principal: Principal,
    actions: Sequence[Action],
    resources: Sequence[Resource] | None = None,
    condition: Condition | None = None,
) -> Statement:
    """Return an allowing statement of a resource policy or, without resources, of a trust policy."""
    where: dict[str, Any] = {"Resource": list(resources)} if resources is not None else {}
    return Statement(Sid=sid, Effect=Allow, Principal=principal, Action=list(actions), **where, **_optional(condition))


def people_with_mfa(within_seconds: int, people: Principal | None = None) -> Statement:
    """Return the statement of a trust policy that lets people in who have just shown their MFA device.

    They are `people`, or those of this account; who of an account may come, its IAM policies say. A session of a role
    does not carry MFA on, and IAM knows no device that was shown to an identity provider: both are refused.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """
    shown = Bool({"aws:MultiFactorAuthPresent": "true"})
    recently = NumericLessThan({"aws:MultiFactorAuthAge": str(within_seconds)})
    return allow_principal(
        "PeopleWithMfa",
        people or Principal("AWS", account_root()),
        [awacs.sts.AssumeRole],
        condition=Condition([shown, recently]),
    )


def deny_insecure_transport(actions: Sequence[Action], resources: Sequence[Resource]) -> Statement:
    """Return the statement that refuses everybody who does not use TLS (D10)."""
    return Statement(
        Sid="DenyInsecureTransport",
        Effect=Deny,
        Principal=Principal("*"),
        Action=list(actions),
        Resource=list(resources),
        Condition=Condition(Bool({"aws:SecureTransport": "false"})),
    )


def document(*statements: Statement) -> PolicyDocument:
    """Return a policy document of the current version of the policy language."""
    return PolicyDocument(Version="2012-10-17", Statement=list(statements))


def service_principal(service: str) -> Principal:
    """Return the principal of an AWS service: `service_principal("ec2")` is `ec2.amazonaws.com`."""
    return Principal("Service", f"{service}.amazonaws.com")


def from_this_account() -> Condition:
    """Return the condition that a service acts for something in this account, and for nobody else who asks it to.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return Condition(StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}))


def workload_boundary() -> Sub:
    """Return the boundary of the roles that the platform's stacks create: machines, services, operators (D9)."""
    return _policy(WORKLOAD_BOUNDARY)


def operator_boundary() -> Sub:
    """Return the boundary of people's IAM users (E2)."""
    return _policy(OPERATOR_BOUNDARY)


def delivery_boundary() -> Sub:
    """Return the boundary of the roles that deliver: the pipeline's, its builds', those of the target accounts (D9)."""
    return _policy(DELIVERY_BOUNDARY)


def _policy(name: str) -> Sub:
    return arn(f"iam::${{AWS::AccountId}}:policy/{name}")


def join_session_manager() -> Statement:
    """Return what a machine needs to be reached through Session Manager, without an open port.

    None of these actions can be confined to a resource.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    channels = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
    actions = [awacs.ssm.UpdateInstanceInformation, *(awacs.ssmmessages.Action(channel) for channel in channels)]
    return allow("SessionManager", actions, ["*"])


def attach(title: str, role: RoleName, *statements: Statement) -> PolicyType:
    """Return an inline policy by which a stack gives a role of the security stack the use of what the stack owns.

    The policy's name is the logical id: a role has each such policy once.
    """
    return PolicyType(title, PolicyName=title, PolicyDocument=document(*statements), Roles=[role])


def _optional(condition: Condition | None) -> dict[str, Any]:
    return {} if condition is None else {"Condition": condition}
