"""The second opinion: the evaluator of the emulator, an independent implementation of IAM's logic.

It knows neither which actions exist nor which condition keys a request has; what iam-simulate ignored, it is not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ministack.core import iam_evaluator as iam

from generator.checks.permissions.evaluation import ANYBODY, Policy, Request

OWNER, TOLD_OWNER = "aws:ResourceAccount", "told:ResourceAccount"
"""For this key the evaluator does not ask the request but guesses from the ARN, and a bucket's ARN names no account: it
takes the caller's. Under another name it asks."""

Variables = tuple[tuple[str, str], ...]

GUARD_MUST_ALLOW = ("kms", "sts")
"""Services whose resources refuse whom their own policy does not let in, even in their own account."""


def allows(request: Request, ignored: frozenset[str]) -> bool:
    """Return whether the emulator's evaluator would let the request through."""
    caller, context = request.caller, _context(request, ignored)
    variables = tuple((key, value) for key, value in request.context if isinstance(value, str))
    guard = _document(request.guard, variables) if request.guard else None
    if caller == ANYBODY or not caller.account:
        named = caller.arn or None
        if request.action == "sts:AssumeRoleWithWebIdentity":
            return bool(iam.evaluate_trust_policy(guard or {}, caller.arn, context))
        return bool(iam.evaluate_resource_policy(guard, context, service=named).decision == "Allow")
    limits = [[_parsed(caller.boundary, variables)]] if caller.boundary else []
    endpoint = [[_parsed(request.endpoint, variables)]] if request.endpoint else []
    identity = iam.evaluate(context, [_parsed(policy, variables) for policy in caller.policies], *limits, *endpoint)
    required = request.action.partition(":")[0] in GUARD_MUST_ALLOW and request.guard is not None
    decided = iam.combine_resource_policy(identity, context, guard, request.owner, required, limits=tuple(limits))
    return bool(decided.decision == "Allow")


def _context(request: Request, ignored: frozenset[str]) -> iam.EvalContext:
    given: Mapping[str, Any] = {
        (TOLD_OWNER if key == OWNER else key).lower(): list(value) if isinstance(value, tuple) else value
        for key, value in request.context
        if key not in ignored
    }
    caller = request.caller
    return iam.EvalContext(
        principal_arn=caller.arn or "anonymous",
        principal_type="AssumedRole" if caller.is_role else "User",
        principal_account=caller.account,
        action=request.action,
        resource_arn=request.resource,
        region=given.get("aws:requestedregion", ""),
        secure_transport=given.get("aws:securetransport") == "true",
        source_ip=given.get("aws:sourceip", ""),
        tag_keys=given.get("aws:tagkeys", []),
        service_context=dict(given),
    )


@cache
def _parsed(policy: Policy, variables: Variables) -> list[iam.ParsedStatement]:
    return list(iam.parse_policy_document(_document(policy, variables)))


def _document(policy: Policy, variables: Variables) -> dict[str, Any]:
    """Return the document with values in the places of its variables, which the evaluator does not know."""
    text = policy.text.replace(json.dumps(OWNER), json.dumps(TOLD_OWNER))
    for name, value in variables if "${" in text else ():
        text = text.replace(f"${{{name}}}", value)
    document: dict[str, Any] = json.loads(text)
    return document
