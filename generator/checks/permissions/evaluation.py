"""Requests to AWS and what IAM decides of them, by two evaluators that must agree.

A request is decided as AWS does it: an explicit deny anywhere refuses; what an identity's policies allow, its
permissions boundary must allow too; a resource's own policy may allow or, across accounts and for keys and roles, must.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Policy:
    """A policy document with concrete ARNs."""

    name: str
    """What people know it by: `Storage/UseStorage`, or the resource whose own policy it is."""
    kind: str
    """What it is attached to: `identity`, `resource`, `trust` or `endpoint`."""
    text: str
    """The document as JSON, so that policies can be compared and kept in sets."""

    @classmethod
    def of(cls, name: str, kind: str, document: Mapping[str, Any]) -> Policy:
        """Return the policy of a document."""
        return cls(name, kind, json.dumps(document, sort_keys=True))

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document."""
        content: dict[str, Any] = json.loads(self.text)
        return content

    @cached_property
    def id(self) -> str:
        """The same for the same name and content."""
        return f"{self.name}#{hashlib.sha256((self.kind + self.text).encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Principal:
    """A role or a user with all that says what it may do, a service of AWS, or anybody at all."""

    name: str
    """The address of the role or user, with its root unless that is the platform: `pipeline/BuildRole`."""
    arn: str
    """The ARN; of a service, its name such as `ec2.amazonaws.com`; empty for who signs no request."""
    account: str
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    trust: Policy | None = None
    """Who may assume it, where it is a role."""

    @property
    def is_role(self) -> bool:
        """Whether it is a role."""
        return self.trust is not None

    @property
    def session(self) -> str:
        """The ARN that calls when the role is used; of anything but a role, its own."""
        if not self.is_role:
            return self.arn
        partition, _, name = self.arn.removeprefix("arn:").partition(f":iam::{self.account}:role/")
        return f"arn:{partition}:sts::{self.account}:assumed-role/{name.rpartition('/')[2]}/session"


ANYBODY = Principal("anybody", "", "")


def service(name: str) -> Principal:
    """Return a service of AWS as a principal: `service("logs.eu-west-1.amazonaws.com")`."""
    return Principal(name, name, "")


@dataclass(frozen=True)
class Request:
    """One call by one principal. `context` is what AWS knows of it beside these, as sorted pairs."""

    caller: Principal
    action: str
    resource: str
    owner: str
    """The account whose resource it is."""
    context: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    guard: Policy | None = None
    """The resource's own policy: of a bucket, key or topic, or a role's trust policy."""
    endpoint: Policy | None = None
    """The policy of the VPC endpoint that the call goes through."""

    @property
    def text(self) -> str:
        """The request on one line: `Security/WebServerRole: s3:GetObject on arn:…`."""
        shown = {key: value for key, value in self.context if key not in EVERY_REQUEST_HAS}
        where = ", ".join(f"{key}={'|'.join(_listed(value))}" for key, value in shown.items())
        return f"{self.caller.name}: {self.action} on {self.resource}" + (f" where {where}" if where else "")


EVERY_REQUEST_HAS = frozenset(
    {
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalType",
        "aws:RequestedRegion",
        "aws:ResourceAccount",
        "aws:SecureTransport",
        "aws:ViaAWSService",
    }
) - {"aws:MultiFactorAuthPresent", "aws:RequestedRegion", "aws:SecureTransport"}
"""Context keys that say nothing of what is special about a request."""


@dataclass(frozen=True)
class Decision:
    """What IAM decides of a request."""

    allowed: bool
    because: str
    """The statements that allow it, or what refuses it: `policy Storage/UseStorage, statement FetchReleases`."""


@dataclass
class Decisions:
    """Decided requests, and where the evaluators differ."""

    of: dict[Request, Decision] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)


def _listed(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
