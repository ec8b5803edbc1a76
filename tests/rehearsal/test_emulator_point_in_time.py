"""A table of the emulator is restored to what it was at any second; that it can is told as DynamoDB tells it."""

from __future__ import annotations

import copy
from collections import defaultdict
from importlib import import_module
from typing import Any

import pytest
from conftest import REGION
from hypothesis import given
from hypothesis import strategies as st

from generator.rehearsal import emulator_point_in_time
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError

ACCOUNT = "600000000001"
IDENTITY = (ACCOUNT, REGION, "id")
KEYS = ("a", "b", "c")
CHANGES = st.lists(st.tuples(st.sampled_from(KEYS), st.none() | st.integers(0, 9)), max_size=20)


def record(state: dict[str, int]) -> dict[str, Any]:
    """A table in ministack's records."""
    items: Any = defaultdict(dict)
    for key, value in state.items():
        items[key] = {emulator_point_in_time.NO_RANGE_KEY: item(key, value)}
    return {"TableName": "t", "pk_name": "id", "sk_name": None, "items": items}


def item(key: str, value: int) -> dict[str, Any]:
    return {"id": {"S": key}, "value": {"N": str(value)}}


def state_of(table: dict[str, Any]) -> dict[str, int]:
    return {key: int(rest[emulator_point_in_time.NO_RANGE_KEY]["value"]["N"]) for key, rest in table["items"].items()}


@given(changes=CHANGES, moment=st.integers(0, 21))
def test_every_second_of_the_past_can_be_restored(changes: list[tuple[str, int | None]], moment: int) -> None:
    """The change of number n happens at second n; what was at a second includes its own change."""
    states: list[dict[str, int]] = [{}]
    past: list[tuple[float, dict[str, Any], dict[str, Any] | None]] = []
    for second, (key, value) in enumerate(changes, 1):
        state = dict(states[-1])
        before = item(key, state[key]) if key in state else None
        past.append((float(second), {"id": {"S": key}}, before))
        state.pop(key, None)
        states.append(state if value is None else state | {key: value})
    source, target = record(states[-1]), record(states[-1])
    emulator_point_in_time._past[IDENTITY] = copy.deepcopy(past)
    emulator_point_in_time._put_back(target, source, IDENTITY, float(moment))
    assert state_of(target) == states[min(moment, len(changes))]
    assert target["ItemCount"] == len(states[min(moment, len(changes))])
    assert state_of(source) == states[-1]


def test_what_can_be_restored_is_told_and_the_copy_is_encrypted_as_the_table_is(emulator: Emulator) -> None:
    dynamodb = emulator.client("dynamodb", ACCOUNT, REGION)
    dynamodb.create_table(
        TableName="told",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("id", "part")],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
    )
    wanted = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName="told", PointInTimeRecoverySpecification=wanted)
    recovery = dynamodb.describe_continuous_backups(TableName="told")["ContinuousBackupsDescription"]
    window = recovery["PointInTimeRecoveryDescription"]
    since = window["EarliestRestorableDateTime"]
    for part in ("1", "2"):
        dynamodb.put_item(TableName="told", Item={"id": {"S": "a"}, "part": {"S": part}})
    dynamodb.delete_item(TableName="told", Key={"id": {"S": "a"}, "part": {"S": "1"}})
    made = dynamodb.restore_table_to_point_in_time(
        SourceTableName="told", TargetTableName="copy", UseLatestRestorableTime=True
    )["TableDescription"]
    assert made["TableName"] == "copy"
    assert [each["part"]["S"] for each in dynamodb.scan(TableName="copy")["Items"]] == ["2"]
    described = dynamodb.describe_table(TableName="copy")["Table"]
    assert described["SSEDescription"]["SSEType"] == "KMS"
    again = dynamodb.describe_continuous_backups(TableName="told")["ContinuousBackupsDescription"]
    assert again["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"] == since
    of_copy = dynamodb.describe_continuous_backups(TableName="copy")["ContinuousBackupsDescription"]
    assert of_copy["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"


@pytest.mark.parametrize(
    "name",
    [
        "_extract_key_val",
        "_items_replaced",
        "_emit_stream_event",
        "_update_continuous_backups",
        "_describe_continuous_backups",
        "_restore_table_to_point_in_time",
    ],
)
def test_the_patch_notices_a_change(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    module = import_module(emulator_point_in_time.DYNAMODB)
    for each in ("_emit_stream_event", "_update_continuous_backups", "_describe_continuous_backups"):
        # What is replaced before the change is noticed must not stay so in this process.
        monkeypatch.setattr(module, each, getattr(module, each))
    monkeypatch.setattr(module, name, lambda other, parameters, than, before, now, more: None)
    with pytest.raises(PatchError, match=f"{name} takes"):
        emulator_point_in_time.tables_of_the_past()
