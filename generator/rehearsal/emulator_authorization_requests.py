"""Calls to the emulator, authorized as AWS authorizes them: who calls, on what, and what the call entails.

With `AUTH=true` ministack 1.5.33 checks signatures and evaluates policies. What it lacks of AWS's ways, and the
platform's policies count on, is added here.
"""

from __future__ import annotations

import contextvars
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from generator.rehearsal.emulator_api import call
from generator.rehearsal.emulator_authorization import (
    BOUNDARY,
    EVALUATOR,
    IAM,
    IDENTITY,
    OF_SESSION,
    Caller,
    Statements,
    evaluator,
    key_arn,
    key_of_bucket,
    listed,
    refusal,
    role_of_session,
    role_session,
    statements_of,
    trusts_service,
)
from generator.rehearsal.emulator_guards import apply_settings, handler_of, replace_function
from generator.rehearsal.emulator_handlers import Properties
from generator.rehearsal.emulator_resources_asked import ACTIONS, ApiRequest, Known, ask_about

STS = "ministack.services.sts"

SERVICE_HEADER, SOURCE_HEADER = "x-rehearsal-service", "x-rehearsal-source-arn"
"""With these an administrator's AssumeRole is that of a service of AWS, for the resource named. No client of AWS has
such a way: services assume roles among themselves."""

ADDRESSES = "addresses.txt"
"""The file in the emulator's folder that holds its other addresses."""

_service: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("rehearsal_service", default=("", ""))
_refusal: contextvars.ContextVar[str] = contextvars.ContextVar("rehearsal_refusal", default="")


def principals_by_role() -> None:
    """`aws:PrincipalArn` of a role's session is the ARN of the role; ministack answers with the session's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """

    def of_the_role(original: Any) -> Any:
        def resolve(key: str, ctx: Any) -> Any:
            return role_of_session(ctx.principal_arn) if key.lower() == "aws:principalarn" else original(key, ctx)

        return resolve

    replace_function(EVALUATOR, "_resolve_condition_key", ("key", "ctx"), of_the_role)


def transport_is_secure() -> None:
    """Requests count as sent over TLS: the emulator speaks HTTP on the loopback interface, AWS's own clients do not."""

    def secure(original: Any) -> Any:
        return lambda source_ip, secure_transport: original(source_ip, True)

    replace_function(EVALUATOR, "pin_request_origin", ("source_ip", "secure_transport"), secure)


def signatures_for_other_addresses() -> None:
    """A request that came through a proxy was signed for the proxy's address; those of known proxies are tried too."""

    def also_there(original: Any) -> Any:
        def failure(
            signature: Any, secret: str, method: str, path: str, query: Any, headers: Any, body: bytes, **how: Any
        ) -> Any:
            def differs(sent: Any) -> Any:
                return original(signature, secret, method, path, query, sent, body, **how)

            found = differs(headers)
            others = addresses(Path(os.environ["TMPDIR"])) if found else []
            return None if any(differs({**headers, "host": other}) is None for other in others) else found

        return failure

    of_request = (
        "signature",
        "secret",
        "method",
        "raw_path",
        "query_params",
        "headers",
        "body",
        "presigned",
        "explain",
    )
    replace_function("ministack.core.sigv4", "header_signature_failure", of_request, also_there)


def addresses(directory: Path) -> list[str]:
    """Return the addresses at which the emulator is reached besides its own, as `Emulator.is_reached_at` keeps them."""
    file = directory / ADDRESSES
    return file.read_text(encoding="utf-8").split() if file.exists() else []


# ---------------------------------------------------------------------------------------------------------------------
# Roles of services
# ---------------------------------------------------------------------------------------------------------------------


def roles_of_services() -> None:
    """A service assumes a role whose trust policy names it, with the account and resource for which it acts.

    ministack lets an account's root user pass for every service. Here root passes for the one that it says it is.
    """

    def remembering(original: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
            token = _service.set((headers.get(SERVICE_HEADER, ""), headers.get(SOURCE_HEADER, "")))
            try:
                return await original(method, path, headers, body, query_params)
            finally:
                _service.reset(token)

        return handle_request

    def as_service(original: Any) -> Any:
        def evaluate(trust_doc: Any, caller_arn: str, ctx: Any = None) -> bool:
            service, source_arn = _service.get()
            if not caller_arn.endswith(":root"):
                return bool(original(trust_doc, caller_arn, ctx))
            if service:
                return trusts_service(trust_doc, service, ctx.principal_account, source_arn)
            return bool(original(_without_services(trust_doc), caller_arn, ctx))

        return evaluate

    replace_function(STS, "handle_request", ("method", "path", "headers", "body", "query_params"), remembering)
    replace_function(EVALUATOR, "evaluate_trust_policy", ("trust_doc", "caller_arn", "ctx"), as_service)


def _without_services(trust_doc: Any) -> dict[str, Any]:
    kept = []
    for statement in statements_of(trust_doc):
        principal = statement.get("Principal")
        if isinstance(principal, dict):
            principal = {kind: who for kind, who in principal.items() if kind != "Service"}
        kept.append({**statement, "Principal": principal})
    return {"Statement": kept}


def boundaries_of_roles() -> None:
    """A role of a stack has the permissions boundary that its template gives it; ministack forgets it."""

    def bound(name: str, old: Properties, new: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary:
            call("iam", "PutRolePermissionsBoundary", RoleName=name, PermissionsBoundary=boundary)
        elif old.get("PermissionsBoundary"):
            call("iam", "DeleteRolePermissionsBoundary", RoleName=name)

    apply_settings(handler_of("AWS::IAM::Role"), bound)


# ---------------------------------------------------------------------------------------------------------------------
# What else a call asks
# ---------------------------------------------------------------------------------------------------------------------


def further_questions() -> None:
    """A call that hands over a role asks for iam:PassRole too; one that reads or writes encrypted data, for the key.

    A refusal names the action, the resource and the kind of policy that refused.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    parameters = ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context")
    replace_function(EVALUATOR, "enforce", parameters, _enforcing)
    replace_function(ACTIONS, "access_denied_response", _RESPONSE_PARAMETERS, _naming_the_refusal)


_RESPONSE_PARAMETERS = (
    "service",
    "action",
    "principal_arn",
    "request_id",
    "error_code",
    "message",
    "headers",
    "resource_arn",
    "explicit_deny",
    "resource_policy_arn",
)


def _enforcing(original: Any) -> Any:
    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        _refusal.set("")
        context = service_context or {}
        denied = original(access_key_id, iam_action, service, region, resource_arn, context)
        if isinstance(denied, evaluator().AuthError):
            return denied
        caller = caller_of(access_key_id)
        if caller is None:
            return denied
        questions = [(iam_action, resource_arn, context)] if denied else []
        for action, resource, keys in [*questions, *_further(iam_action, resource_arn, context, region)]:
            if why := refusal(caller, action, resource, keys, region):
                refused = refuse(why, caller.arn)
                return denied or refused
        return denied

    return enforce


def refuse(why: str, caller_arn: str) -> Any:
    """Return the decision that refuses a request, and let the answer say why."""
    _refusal.set(why)
    return evaluator().EvalResult("ImplicitDeny", caller_arn)


def caller_of(access_key_id: str) -> Caller | None:
    """Return who signed a request; nothing for an account's root user, to whom everything is allowed."""
    responses: Any = import_module("ministack.core.responses")
    principal = evaluator().resolve_principal(access_key_id or "", responses.get_account_id())
    if isinstance(principal, evaluator().AuthError) or principal.policies is None:
        return None
    bounded = _has_boundary(principal.arn)
    kinds = [IDENTITY, *([BOUNDARY] if bounded else []), *([OF_SESSION] * len(principal.limits))]
    layers = zip(kinds, (principal.policies, *principal.limits), strict=False)
    return Caller(principal.arn, principal.account, [(kind, Statements(layer)) for kind, layer in layers])


def _has_boundary(arn: str) -> bool:
    """Whether a session's role, or a user, is bounded; ministack puts the boundary before a session's policies."""
    kind, name = role_of_session(arn).rpartition(":")[2].split("/", 1)
    table = getattr(import_module(IAM), {"role": "_roles", "user": "_users"}[kind])
    record = table.get_scoped(arn.split(":")[4], None, name) or {}
    return bool(record.get("PermissionsBoundary"))


def _further(
    action: str, resource: str, context: Mapping[str, Any], region: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    role = context.get("cloudformation:RoleArn")
    if role:
        yield "iam:PassRole", str(role), {"iam:PassedToService": "cloudformation.amazonaws.com"}
    key = _key_of(action, resource)
    if key is None:
        return
    service = action.split(":")[0]
    uses = {"s3:GetObject": "Decrypt", "s3:GetObjectVersion": "Decrypt"}
    for use in listed(uses.get(action, "GenerateDataKey")):
        yield f"kms:{use}", key, {"kms:ViaService": f"{service}.{region}.amazonaws.com"}


def _key_of(action: str, resource: str) -> str | None:
    """Return the ARN of the key with which what an action reads or writes is encrypted."""
    if action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"):
        return key_of_bucket(resource.removeprefix("arn:aws:s3:::").split("/")[0])
    if action == "sns:Publish":
        topic = import_module("ministack.services.sns")._topics.get(resource) or {}
        key = topic.get("attributes", {}).get("KmsMasterKeyId")
        return key_arn(str(key), resource.split(":")[4], resource.split(":")[3]) if key else None
    return None


def _naming_the_refusal(original: Any) -> Any:
    def respond(service: str, action: str, principal_arn: str, request_id: str, **others: Any) -> Any:
        why = _refusal.get()
        # ministack words the refusals of these two services by itself, from the action and the resource.
        if why and not others.get("error_code") and service not in ("ssm", "logs"):
            others["message"] = why
        return original(service, action, principal_arn, request_id, **others)

    return respond


# ---------------------------------------------------------------------------------------------------------------------
# Requests to CloudFormation, CodeBuild and ACM
# ---------------------------------------------------------------------------------------------------------------------

_LOG_GROUP = re.compile(r"arn:aws:logs:[^:]*:\d{12}:log-group:[^:]+(:\*)?")
_CHANGE_SET = re.compile(r"arn:aws:cloudformation:[^:]+:\d{12}:changeSet/([^/]+)/.+")


def resources_of_requests() -> None:
    """A change set is asked about by its stack's ARN and its name, a build by its project's ARN, and so on.

    Log groups stand with a stream's part in what IAM is asked, but for tags. AWS's own parameters are of no account. A
    certificate that is imported has no ARN yet: IAM is asked about all of the region.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
    """
    ask_about(_as_iam_is_asked)
    replace_function(ACTIONS, "request_tag_context", ("service", "iam_action", "body", "params"), _with_stack_keys)


def _as_iam_is_asked(request: ApiRequest, known: Known) -> str:
    service, place, body = request.service, f"{request.region}:{request.account_id}", request.body
    if service == "cloudformation" and (stack := _stack_of_change_set(request.query_params)):
        return stack
    found = known(request)
    if service == "codebuild" and found == "*" and (ids := re.findall(rb'"([^":]+):[0-9a-f-]{36}"', body)):
        return f"arn:aws:codebuild:{place}:project/{ids[0].decode()}"
    if service == "acm" and found == "*" and request.action == "ImportCertificate":
        return f"arn:aws:acm:{place}:certificate/*"
    if service == "ssm" and (name := re.search(rb'"Names":\s*\["/?([^"]+)"\]', body)):
        return f"arn:aws:ssm:{place}:parameter/{name[1].decode()}"
    if service == "logs" and _LOG_GROUP.fullmatch(found) and "Tag" not in request.action:
        stream = re.search(rb'"logStreamName":\s*"([^"]*)"', body)
        return f"{found.removesuffix(':*')}:log-stream:{stream[1].decode() if stream else ''}"
    return re.sub(r"^(arn:aws:ssm:[^:]*):\d{12}:(parameter/aws/service/)", r"\1::\2", found)


def _stack_of_change_set(params: Any) -> str:
    name = _first(params, "ChangeSetName")
    if not _CHANGE_SET.fullmatch(name):
        return ""
    change_sets = import_module("ministack.services.cloudformation")._change_sets
    return str((change_sets.get(name) or {}).get("StackId", ""))


def _with_stack_keys(original: Any) -> Any:
    def context(service: str, iam_action: str, body: bytes, params: Any) -> dict[str, Any]:
        keys: dict[str, Any] = original(service, iam_action, body, params)
        if service != "cloudformation":
            return keys
        name = _first(params, "ChangeSetName")
        by_arn = _CHANGE_SET.fullmatch(name)
        given = {
            "cloudformation:ChangeSetName": by_arn[1] if by_arn else name,
            "cloudformation:RoleArn": _first(params, "RoleARN"),
            "cloudformation:TemplateUrl": _first(params, "TemplateURL"),
        }
        return {**keys, **{key: value for key, value in given.items() if value}}

    return context


def _first(params: Any, name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


# ---------------------------------------------------------------------------------------------------------------------
# Simulation
# ---------------------------------------------------------------------------------------------------------------------


def simulations() -> None:
    """SimulatePrincipalPolicy minds the permissions boundary, which ministack leaves out.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    def within_boundary(original: Any) -> Any:
        def build(actions: Iterable[str], resource_arn: str, principal_arn: str, account_id: str, policies: Any) -> str:
            if ":role/" not in principal_arn:
                return str(original(actions, resource_arn, principal_arn, account_id, policies))
            caller = role_session(principal_arn, "simulation")
            region = import_module("ministack.core.responses").get_region()
            return "".join(
                # Without policies ministack answers that nothing allows the action.
                str(original([action], resource_arn, principal_arn, account_id, [] if refused else policies))
                for action in actions
                for refused in [caller is None or refusal(caller, action, resource_arn, {}, region)]
            )

        return build

    parameters = ("actions", "resource_arn", "principal_arn", "account_id", "policies")
    replace_function(IAM, "_build_simulate_results_real", parameters, within_boundary)


AUTHORIZATION = (
    principals_by_role,
    transport_is_secure,
    signatures_for_other_addresses,
    roles_of_services,
    boundaries_of_roles,
    further_questions,
    resources_of_requests,
    simulations,
)
