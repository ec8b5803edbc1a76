"""Point-in-time recovery of the emulator's tables: what a table was like at a second of the past.

ministack 1.5.33 copies the table as it is now, whether its recovery is on or not.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
"""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_guards import Response, guarded, replace_function

DYNAMODB = "ministack.services.dynamodb"
NO_RANGE_KEY = "__no_sort__"
"""What stands for the range key of a table that has none, in ministack's records."""

Item = dict[str, Any]
Table = tuple[str, str, str]
"""A table's account, region and id: a table that is made anew has no past."""

_since: dict[Table, float] = {}
"""Since when the past of a table is kept."""

_past: dict[Table, list[tuple[float, Item, Item | None]]] = {}
"""What an item of a table was before each change: when, its key, and nothing where it was new."""


def tables_of_the_past() -> None:
    """A table whose recovery is on can be restored to any second since then, and no other table can.

    The latest second is now, and not five minutes ago. The copy is encrypted as the table is; expiry, recovery,
    deletion protection and tags are to be set anew.
    """
    guarded(DYNAMODB, "_extract_key_val", "attr")
    guarded(DYNAMODB, "_items_replaced", "table")
    given = ("table_name", "event_name", "old_item", "new_item", "replicate")
    replace_function(DYNAMODB, "_emit_stream_event", given, _keeping_the_past)
    replace_function(DYNAMODB, "_update_continuous_backups", ("data",), _beginning)
    replace_function(DYNAMODB, "_describe_continuous_backups", ("data",), _since_when)
    replace_function(DYNAMODB, "_restore_table_to_point_in_time", ("data",), _restoring)


def _keeping_the_past(original: Any) -> Any:
    def emit(
        table_name: str, event_name: str, old_item: Item | None, new_item: Item | None, replicate: bool = True
    ) -> None:
        table = _module()._tables.get(table_name)
        identity = _identity(table) if table else None
        if identity in _since:
            key = {
                each["AttributeName"]: (old_item or new_item or {})[each["AttributeName"]]
                for each in table["KeySchema"]
            }
            _past[identity].append((time.time(), key, copy.deepcopy(old_item)))
        original(table_name, event_name, old_item, new_item, replicate)

    return emit


def _beginning(original: Any) -> Any:
    def update(data: dict[str, Any]) -> Response:
        response: Response = original(data)
        table = _module()._tables.get(data.get("TableName"))
        if response[0] < 300 and table:
            identity = _identity(table)
            wanted = data.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
            if not wanted:
                _since.pop(identity, None)
                _past.pop(identity, None)
            elif identity not in _since:
                _since[identity], _past[identity] = time.time(), []
        return response

    return update


def _since_when(original: Any) -> Any:
    def describe(data: dict[str, Any]) -> Response:
        status, headers, body = original(data)
        table = _module()._tables.get(data.get("TableName"))
        if status >= 300 or table is None or _identity(table) not in _since:
            return status, headers, body
        answer = json.loads(body)
        recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery["EarliestRestorableDateTime"] = int(_since[_identity(table)])
        return status, headers, json.dumps(answer).encode()

    return describe


def _restoring(original: Any) -> Any:
    def restore(data: dict[str, Any]) -> Response:
        source = _module()._tables.get(data.get("SourceTableName") or "")
        if source is None:
            response: Response = original(data)
            return response
        identity = _identity(source)
        if identity not in _since:
            return _refused("PointInTimeRecoveryUnavailableException", source, "Point in time recovery is not enabled")
        moment = time.time() if data.get("UseLatestRestorableTime") else float(data.get("RestoreDateTime", 0))
        # DynamoDB counts in seconds.
        if not int(_since[identity]) <= moment <= time.time():
            return _refused(
                "InvalidRestoreTimeException", source, "The restore time is outside of what can be restored"
            )
        response = original(data)
        if response[0] < 300:
            _put_back(_module()._tables[data["TargetTableName"]], source, identity, moment)
        return response

    return restore


def _put_back(target: Item, source: Item, identity: Table, moment: float) -> None:
    """Undo in the copy of a table what has happened to the table since a moment."""
    module = _module()
    target["SSEDescription"] = copy.deepcopy(source.get("SSEDescription"))
    for changed_at, key, before in reversed(_past[identity]):
        if changed_at <= moment:
            break
        hash_value, range_value = (
            module._extract_key_val(key[source[name]]) if source[name] else NO_RANGE_KEY
            for name in ("pk_name", "sk_name")
        )
        if before is None:
            target["items"][hash_value].pop(range_value, None)
        else:
            target["items"][hash_value][range_value] = copy.deepcopy(before)
    for hash_value in [each for each, rest in target["items"].items() if not rest]:
        del target["items"][hash_value]
    module._items_replaced(target)


def _refused(code: str, table: Item, reason: str) -> Response:
    response: Response = _module().error_response_json(code, f"{reason} for table '{table['TableName']}'", 400)
    return response


def _identity(table: Item) -> Table:
    return current_account_id(), current_region(), str(table.setdefault("TableId", str(uuid.uuid4())))


def _module() -> Any:
    return import_module(DYNAMODB)


POINT_IN_TIME: tuple[Callable[[], None], ...] = (tables_of_the_past,)
