"""Saved queries of Logs Insights in the emulator: ministack 1.5.33 has none."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from generator.rehearsal.emulator_api import call, current_account_id, current_region
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_guards import Response, replace_function
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, picked

LOGS = "ministack.services.cloudwatch_logs"
_JSON = {"Content-Type": "application/x-amz-json-1.1"}


class _NoSuchQueryError(Exception):
    """A query that is not there."""


class _SavedQueries:
    """The saved queries of all accounts and regions.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutQueryDefinition": self._put,
            "DescribeQueryDefinitions": self._describe,
            "DeleteQueryDefinition": self._delete,
        }

    def _put(self, wanted: dict[str, Any]) -> dict[str, Any]:
        given = wanted.get("queryDefinitionId")
        if given:
            self._there(given)
        name = given or str(uuid.uuid4())
        fields = picked(wanted, "name", "queryString", "logGroupNames")
        self._kept[_key(name)] = fields | {"queryDefinitionId": name, "lastModified": int(now() * 1000)}
        return {"queryDefinitionId": name}

    def _describe(self, wanted: dict[str, Any]) -> dict[str, Any]:
        prefix, place = wanted.get("queryDefinitionNamePrefix", ""), _key("")[:2]
        found = [each for key, each in self._kept.items() if key[:2] == place and each["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda each: str(each["name"]))}

    def _delete(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._there(wanted["queryDefinitionId"])
        del self._kept[_key(wanted["queryDefinitionId"])]
        return {"success": True}

    def _there(self, name: str) -> None:
        if _key(name) not in self._kept:
            raise _NoSuchQueryError(f"The query definition {name} does not exist.")


def _key(name: str) -> tuple[str, str, str]:
    return current_account_id(), current_region(), name


def saved_queries() -> None:
    """CloudWatch Logs keeps queries under names, lists and forgets them."""
    kept = _SavedQueries()

    def with_queries(original: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
            operation = kept.operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
            if operation is None:
                answer: Response = await original(method, path, headers, body, query_params)
                return answer
            try:
                return 200, dict(_JSON), json.dumps(operation(json.loads(body or b"{}"))).encode()
            except _NoSuchQueryError as error:
                refused = {"__type": "ResourceNotFoundException", "message": str(error)}
                return 400, dict(_JSON), json.dumps(refused).encode()

        return handle_request

    replace_function(LOGS, "handle_request", ("method", "path", "headers", "body", "query_params"), with_queries)


def _create(request: Request) -> Created:
    return _put(None, {}, request)


def _put(physical_id: str | None, old: Properties, request: Request) -> Created:
    wanted = request.properties
    answer = call(
        "logs",
        "PutQueryDefinition",
        queryDefinitionId=physical_id,
        name=wanted["Name"],
        queryString=wanted["QueryString"],
        logGroupNames=wanted.get("LogGroupNames"),
    )
    return answer["queryDefinitionId"], {"QueryDefinitionId": answer["queryDefinitionId"]}


def _delete(physical_id: str, properties: Properties) -> None:
    call("logs", "DeleteQueryDefinition", queryDefinitionId=physical_id)


QUERY_DEFINITION = ApiType(_create, _delete, _put)
SAVED_QUERIES: tuple[Callable[[], None], ...] = (saved_queries,)
