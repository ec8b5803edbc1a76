"""IAM in the emulator, as AWS has it: what somebody may do, and in which words it is refused.

With `AUTH=true` ministack 1.5.33 evaluates identity policies, permissions boundaries, session policies and the policies
of resources. Here they are asked about what CloudFormation does, and about resources of other accounts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

EVALUATOR = "ministack.core.iam_evaluator"
IAM, S3 = "ministack.services.iam", "ministack.services.s3"


def role_of_session(arn: str) -> str:
    """Return the ARN of the role whose session an ARN is; any other ARN as it is. Our roles have no path."""
    found = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+", arn)
    return f"arn:aws:iam::{found[1]}:role/{found[2]}" if found else arn


def trusts_service(trust_doc: Any, service: str, account_id: str, source_arn: str = "") -> bool:
    """Whether a trust policy lets a service assume the role; the source is what the service acts for, if it says so."""
    keys = {"aws:sourceaccount": account_id, "aws:sourcearn": source_arn} if source_arn else {}
    context = evaluator().EvalContext(
        principal_arn=service,
        principal_type="AWSService",
        principal_account=account_id,
        action="sts:AssumeRole",
        resource_arn="*",
        region="",
        secure_transport=True,
        service_context=keys,
    )
    statements = [
        {**statement, "Resource": "*"}
        for statement in statements_of(trust_doc)
        if service in listed(_principal(statement).get("Service"))
    ]
    parsed = evaluator().parse_policy_document({"Statement": statements})
    return bool(evaluator().evaluate(context, [parsed]).decision == "Allow")


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal")
    return principal if isinstance(principal, dict) else {}


def statements_of(document: Any) -> list[dict[str, Any]]:
    """Return the statements of a policy document, which may be text or not."""
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    return [statements] if isinstance(statements, dict) else list(statements)


def listed(value: Any) -> list[str]:
    """Return a value of a policy as a list, which it may be or not."""
    return [value] if isinstance(value, str) else list(value or ())


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation
# ---------------------------------------------------------------------------------------------------------------------


class Statements:
    """The statements of some policy documents, sorted by the actions that are asked about."""

    def __init__(self, parsed: Iterable[Any]) -> None:
        self._all = [statement for statements in parsed for statement in statements]
        self._of_action: dict[str, list[Any]] = {}

    def of(self, action: str) -> list[Any]:
        """Return the statements about an action."""
        if action not in self._of_action:
            matches = evaluator()._action_matches
            self._of_action[action] = [each for each in self._all if matches(action, each.actions, each.not_actions)]
        return self._of_action[action]


IDENTITY, BOUNDARY, OF_SESSION = "identity-based policy", "permissions boundary", "session policy"


@dataclass(frozen=True)
class Caller:
    """Somebody whose policies are evaluated: a role's session or a user. `arn` is what a refusal names.

    The first layer is what the identity's policies say; each further one limits it.
    """

    arn: str
    account_id: str
    layers: Sequence[tuple[str, Statements]]


def role_session(role_arn: str, session_name: str) -> Caller | None:
    """Return a session of a role, or nothing where there is no such role."""
    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = import_module(IAM)._roles.get_scoped(account_id, None, name)
    if role is None:
        return None
    resolve = evaluator()._resolve_managed_policy_document
    attached = [resolve(arn, account_id) for arn in role.get("AttachedPolicies", ())]
    layers = [(IDENTITY, _parsed(_texts([*(role.get("InlinePolicies") or {}).values(), *attached])))]
    if boundary := role.get("PermissionsBoundary"):
        layers.append((BOUNDARY, _parsed(_texts([resolve(boundary, account_id)]))))
    return Caller(f"arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}", account_id, layers)


def _texts(documents: Iterable[Any]) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in documents if each)


@lru_cache(maxsize=256)
def _parsed(documents: tuple[str, ...]) -> Statements:
    return Statements(evaluator().parse_policy_document(document) for document in documents)


def refusal(caller: Caller, action: str, resource: str, context: Mapping[str, Any], region: str) -> str:
    """Return in AWS's words why a caller may not do something; nothing where it may.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    question = evaluator().EvalContext(
        principal_arn=caller.arn,
        principal_type="AssumedRole",
        principal_account=caller.account_id,
        action=action,
        resource_arn=resource,
        region=str(context.get("aws:RequestedRegion", region)),
        secure_transport=True,
        service_context={"aws:tagkeys": None, **{key.lower(): value for key, value in context.items()}},
    )
    found = policy_of_resource(action.split(":")[0], resource)
    identity, *limits = [[statements.of(action)] for _, statements in caller.layers]
    decision = evaluator().evaluate(question, identity, *limits)
    if found is not None:
        required = action.startswith("kms:")
        decision = evaluator().combine_resource_policy(decision, question, *found, required=required, limits=limits)
    if decision.decision == "Allow":
        return ""
    return f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} " + _reason(
        caller, question, found
    )


def refusal_of_root(account_id: str, action: str, resource: str) -> str:
    """Return why the owner of a resource does not let the root user of an account do something; nothing if it may."""
    found = policy_of_resource(action.split(":")[0], resource)
    if found is None or found[1] == account_id:
        return ""
    responses: Any = import_module("ministack.core.responses")
    root = f"arn:aws:iam::{account_id}:root"
    question = evaluator().EvalContext(
        principal_arn=root,
        principal_type="Root",
        principal_account=account_id,
        action=action,
        resource_arn=resource,
        region=responses.get_region(),
        secure_transport=True,
    )
    if evaluator().evaluate_resource_policy(found[0], question).decision == "Allow":
        return ""
    return f"User: {root} is not authorized to perform: {action} on resource: {resource}"


def _reason(caller: Caller, question: Any, found: tuple[Any, str] | None) -> str:
    """Return which kind of policy refuses: the first that denies, else the first that does not allow."""
    kinds = [
        (kind, evaluator().evaluate(question, [each.of(question.action)]).decision) for kind, each in caller.layers
    ]
    if found is not None:
        kinds.append(("resource-based policy", evaluator().evaluate_resource_policy(found[0], question).decision))
    for kind, decision in kinds:
        if decision == "Deny":
            return f"with an explicit deny in {'an' if kind[0] == 'i' else 'a'} {kind}"
    lacking = next(kind for kind, decision in kinds if decision != "Allow")
    return f"because no {lacking} allows the {question.action} action"


def policy_of_resource(service: str, arn: str) -> tuple[Any, str] | None:
    """Return the policy of a resource and the account that owns it, whichever account asks."""
    owner = _owner(service, arn)
    responses: Any = import_module("ministack.core.responses")
    if owner is None:
        return None
    with responses.request_scope(owner, arn.split(":")[3] or responses.get_region()):
        found: tuple[Any, str] | None = evaluator()._resource_policy(service, arn)
    return found


def _owner(service: str, arn: str) -> str | None:
    if service == "s3":
        owner: str | None = import_module(S3)._bucket_owner_account(arn.removeprefix("arn:aws:s3:::").split("/")[0])
        return owner
    return arn.split(":")[4] if arn.startswith("arn:") else None


def evaluator() -> Any:
    """Return ministack's evaluation of policies."""
    return import_module(EVALUATOR)


def key_of_bucket(name: str) -> str | None:
    """Return the ARN of the customer's key that encrypts what a bucket holds; nothing where S3's own does."""
    s3: Any = import_module(S3)
    owner = s3._bucket_owner_account(name)
    if owner is None:
        return None
    configuration = s3._bucket_encryption.get_scoped(owner, None, name) or ""
    found = re.search(r"<KMSMasterKeyID>([^<]+)</KMSMasterKeyID>", configuration)
    region = import_module("ministack.core.responses").get_region()
    return key_arn(found[1], owner, region) if found else None


def key_arn(key: str, account_id: str, region: str) -> str:
    """Return the ARN of a key that is given by its ARN or its id."""
    return key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account_id}:key/{key}"
