"""The API of the emulated services, called from inside the emulator's process.

Every operation runs for the account and region of the stack operation that is under way.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

Answer = tuple[int, dict[str, str], bytes]
Answering = Coroutine[Any, Any, Answer]

_MODULES = {
    "backup": "backup",
    "budgets": "budgets",
    "cloudformation": "cloudformation",
    "cloudtrail": "cloudtrail",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "ecs": "ecs",
    "elbv2": "alb",
    "iam": "iam",
    "logs": "cloudwatch_logs",
    "resource-groups": "resource_groups",
    "route53": "route53",
    "secretsmanager": "secretsmanager",
    "wafv2": "waf",
}

# Where the model's first choice needs a library that ministack does not require.
_PROTOCOLS = {"cloudwatch": "json"}

# Services whose handlers hand work to a thread pool, and so need an event loop that is not the waiting one.
_THREADED = frozenset({"ecs"})


class ApiError(ValueError):
    """The emulator's service refused a request; the message is what AWS's SDKs print."""


def call(service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
    """Call an operation of an emulated service for the account and region of the running stack operation.

    Requests and responses go through botocore's own model of the service, only the network is left out: a handler runs
    on the emulator's event loop and would wait for itself.
    """
    import botocore.parsers
    import botocore.serialize

    model = _service_model(service)
    shape = model.operation_model(operation)
    protocol = _PROTOCOLS.get(service, model.resolved_protocol)
    given = {name: value for name, value in parameters.items() if value is not None}
    request = botocore.serialize.create_serializer(protocol).serialize_to_request(
        _typed(given, shape.input_shape, operation), shape
    )
    body = request["body"]
    module: Any = import_module(f"ministack.services.{_MODULES[service]}")
    finish = _finish_in_thread if service in _THREADED else _finish
    status, headers, payload = finish(
        module.handle_request(
            request["method"],
            request["url_path"],
            {str(name).lower(): value for name, value in request["headers"].items()},
            urlencode(body).encode() if isinstance(body, dict) else body,
            request["query_string"] or {},
        )
    )
    answer = {"status_code": status, "headers": headers, "body": payload or b""}
    parsed: dict[str, Any] = botocore.parsers.create_parser(protocol).parse(answer, shape.output_shape)
    if status >= 300:
        error = parsed.get("Error", {})
        raise ApiError(
            f"{error.get('Message')} (Service: {service}, Operation: {operation}, Code: {error.get('Code')})"
        )
    return parsed


def typed(service: str, operation: str, parameter: str, value: Any) -> Any:
    """Return the value of a template's property as the parameter of an operation has it: 80 for "80"."""
    shape = _service_model(service).operation_model(operation).input_shape.members[parameter]
    return _typed(value, shape, f"{operation}.{parameter}")


def typed_like_the_api(
    service: str, operation: str, properties: dict[str, Any], without: Collection[str] = ()
) -> dict[str, Any]:
    """Return a template's properties as the parameters of an operation whose names differ in their letters' case.

    So it is where a resource type and an operation were made from one model, as ECS's. Maps keep their keys.
    """
    shape = _service_model(service).operation_model(operation).input_shape
    given = {name: value for name, value in properties.items() if name not in without}
    parameters: dict[str, Any] = _typed(_renamed(given, shape, operation), shape, operation)
    return parameters


def _renamed(value: Any, shape: Any, where: str) -> Any:
    match shape.type_name:
        case "structure":
            names = {name.lower(): name for name in shape.members}
            unknown = [name for name in value if name.lower() not in names]
            if unknown:
                raise ApiError(f"{where} has no parameter {', '.join(sorted(unknown))}.")
            found = {names[name.lower()]: item for name, item in value.items()}
            return {name: _renamed(item, shape.members[name], f"{where}.{name}") for name, item in found.items()}
        case "list":
            return [_renamed(item, shape.member, where) for item in value]
    return value


@cache
def _service_model(service: str) -> Any:
    import botocore.session

    return botocore.session.Session().get_service_model(service)


def _finish(coroutine: Answering) -> Answer:
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    coroutine.close()
    raise RuntimeError("An emulated service waits for something where a stack operation cannot wait.")


def _finish_in_thread(coroutine: Answering) -> Answer:
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(context.run, asyncio.run, coroutine).result()


def _typed(value: Any, shape: Any, where: str) -> Any:
    """Convert a property value as CloudFormation does: "80" where the API has an integer, 80 where it has a string."""
    if shape is None:
        return value
    match shape.type_name:
        case "structure":
            unknown = set(value) - set(shape.members)
            if unknown:
                raise ApiError(f"{where} has no parameter {', '.join(sorted(unknown))}.")
            return {name: _typed(item, shape.members[name], f"{where}.{name}") for name, item in value.items()}
        case "list":
            return [_typed(item, shape.member, where) for item in value]
        case "map":
            return {str(key): _typed(item, shape.value, where) for key, item in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case "string":
            return json.dumps(value) if isinstance(value, dict) else str(value)
    return value


def current_account_id() -> str:
    """Return the account that the running stack operation is in."""
    responses: Any = import_module("ministack.core.responses")
    return str(responses.get_account_id())


def current_region() -> str:
    """Return the region that the running stack operation is in."""
    responses: Any = import_module("ministack.core.responses")
    return str(responses.get_region())


def store(module: str, name: str) -> Any:
    """Return one of ministack's tables of records, for what its API does not take."""
    return getattr(import_module(f"ministack.services.{module}"), name)
