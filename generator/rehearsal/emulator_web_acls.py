"""AWS WAF in the emulator, where ministack 1.5.33 falls short: logging, the global scope, and web ACLs in use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError, call, current_region
from generator.rehearsal.emulator_distributions import HOME_REGION
from generator.rehearsal.emulator_guards import Response, guarded, handler_of, replace_function
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, picked
from generator.rehearsal.emulator_viewer_requests import CLOUDFRONT, records_of_all_accounts

WAF = "ministack.services.waf"
LOG_GROUP = re.compile(r"arn:aws:logs:[a-z0-9-]+:\d{12}:log-group:(aws-waf-logs-[^:*]+)")
"""The ARN of a log group as WAF takes it: named for it, and without `:*` at the end.
https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html"""

_JSON = "application/x-amz-json-1.1"
_OTHER_REGION = f"The scope CLOUDFRONT is for {HOME_REGION} alone."
_LOGGING_FIELDS = ("ResourceArn", "LogDestinationConfigs", "RedactedFields", "LoggingFilter")


# ---------------------------------------------------------------------------------------------------------------------
# The service
# ---------------------------------------------------------------------------------------------------------------------


def web_acl_requests() -> None:
    """WAF keeps where a web ACL logs to, and what it leaves out; ministack has no such operations.

    The scope of CloudFront is asked for in one region alone, and ministack answers in all; where a resource has no web
    ACL, the answer has none, and ministack's is an error.
    https://docs.aws.amazon.com/waf/latest/APIReference/API_PutLoggingConfiguration.html
    https://docs.aws.amazon.com/waf/latest/APIReference/API_GetWebACLForResource.html
    """
    kept = _LoggingConfigurations()

    def with_logging(original: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
            action, wanted = headers.get("x-amz-target", "").rpartition(".")[2], json.loads(body or b"{}")
            error: Callable[[str, str], Response] = import_module(WAF)._waf_err
            if wanted.get("Scope") == "CLOUDFRONT" and current_region() != HOME_REGION:
                return error("WAFInvalidParameterException", _OTHER_REGION)
            if action == "GetWebACLForResource" and wanted["ResourceArn"] not in import_module(WAF)._associations:
                return 200, {"Content-Type": _JSON}, b"{}"
            if action not in kept.operations:
                answer: Response = await original(method, path, headers, body, query_params)
                return answer
            try:
                found = json.dumps(kept.operations[action](wanted)).encode()
            except _WafError as refusal:
                return error(*refusal.args)
            return 200, {"Content-Type": _JSON}, found

        return handle_request

    guarded(WAF, "_waf_err", "code", "message")
    replace_function(WAF, "handle_request", ("method", "path", "headers", "body", "query_params"), with_logging)


class _WafError(Exception):
    """A refusal of WAF: its code and what it says."""


class _LoggingConfigurations:
    """Where the web ACLs of all accounts log to, by their ARNs."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self.operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutLoggingConfiguration": self._put,
            "GetLoggingConfiguration": self._get,
            "DeleteLoggingConfiguration": self._delete,
        }

    def _put(self, wanted: dict[str, Any]) -> dict[str, Any]:
        configuration = wanted["LoggingConfiguration"]
        _check_destinations(configuration)
        self._kept[configuration["ResourceArn"]] = configuration
        return {"LoggingConfiguration": configuration}

    def _get(self, wanted: dict[str, Any]) -> dict[str, Any]:
        arn = wanted["ResourceArn"]
        if arn not in self._kept:
            raise _WafError("WAFNonexistentItemException", f"{arn} has no logging configuration.")
        return {"LoggingConfiguration": self._kept[arn]}

    def _delete(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._get(wanted)
        del self._kept[wanted["ResourceArn"]]
        return {}


def _check_destinations(configuration: Mapping[str, Any]) -> None:
    """Raise `_WafError` for a web ACL that is not there and for a log group that WAF would not take."""
    arn = configuration["ResourceArn"]
    account_id, region = arn.split(":")[4], arn.split(":")[3]
    if arn not in {acl["ARN"] for acl in import_module(WAF)._web_acls.values_scoped(account_id, region)}:
        raise _WafError("WAFNonexistentItemException", f"There is no web ACL {arn}.")
    for destination in configuration["LogDestinationConfigs"]:
        found = LOG_GROUP.fullmatch(destination)
        groups = import_module("ministack.services.cloudwatch_logs")._log_groups
        if found is None or not groups.contains_scoped(account_id, region, found[1]):
            text = f"{destination} is no log group of {region} whose name begins with aws-waf-logs-."
            raise _WafError("WAFInvalidParameterException", text)


def web_acls_in_use() -> None:
    """A web ACL is made where its scope lives, and not deleted while something is associated with it.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_DeleteWebACL.html
    """
    handler = handler_of("AWS::WAFv2::WebACL")
    create, delete = handler["create"], handler["delete"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        if props["Scope"] == "CLOUDFRONT" and current_region() != HOME_REGION:
            raise ApiError(f"WAFInvalidParameterException: {_OTHER_REGION}")
        created: Created = create(logical_id, props, stack_name)
        return created

    def deleting(physical_id: str, props: Properties) -> None:
        _, identifier, scope = physical_id.split("|")
        acl = import_module(WAF).web_acl_record(identifier, scope)
        if acl is not None and (users := _users_of(acl["ARN"])):
            raise ApiError(f"WAFAssociatedItemException: {acl['Name']} is in use by {', '.join(users)}.")
        delete(physical_id, props)

    guarded(WAF, "web_acl_record", "uid", "scope")
    handler |= {"create": creating, "delete": deleting}


def _users_of(arn: str) -> list[str]:
    regional = [resource for resource, acl in import_module(WAF)._associations.items() if acl == arn]
    distributions = records_of_all_accounts(import_module(CLOUDFRONT)._distributions)
    return regional + [each["ARN"] for _, each in distributions if arn in each["config_xml"]]


# ---------------------------------------------------------------------------------------------------------------------
# AWS::WAFv2::LoggingConfiguration
# ---------------------------------------------------------------------------------------------------------------------


def _put_logging(request: Request) -> Created:
    wanted = picked(request.properties, *_LOGGING_FIELDS)
    call("wafv2", "PutLoggingConfiguration", LoggingConfiguration=wanted)
    return wanted["ResourceArn"], {"ManagedByFirewallManager": False}


def _update_logging(physical_id: str, old: Properties, request: Request) -> Created:
    return _put_logging(request)


def _delete_logging(physical_id: str, properties: Properties) -> None:
    call("wafv2", "DeleteLoggingConfiguration", ResourceArn=physical_id)


LOGGING_CONFIGURATION = ApiType(_put_logging, _delete_logging, _update_logging)
WEB_ACLS = (web_acl_requests, web_acls_in_use)
