"""Items of a table come back as they were at a moment; what is newer stays (D10)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.errors import UserError
from generator.restore.sessions import restore_items

Client = Callable[[str], Any]
names = (f"sessions-{number}" for number in itertools.count())


@pytest.fixture
def table(client: Client) -> str:
    name = next(names)
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "session_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "session_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    recovery(client, name, on=True)
    return name


def recovery(client: Client, table: str, on: bool) -> None:
    wanted = {"PointInTimeRecoveryEnabled": on}
    client("dynamodb").update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=wanted)


def put(client: Client, table: str, session_id: str, version: int) -> None:
    item = {"session_id": {"S": session_id}, "version": {"N": str(version)}}
    client("dynamodb").put_item(TableName=table, Item=item)


def versions(client: Client, table: str) -> dict[str, int]:
    items = client("dynamodb").scan(TableName=table)["Items"]
    return {each["session_id"]["S"]: int(each["version"]["N"]) for each in items}


def next_second() -> datetime:
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.02)
    return datetime.fromtimestamp(begun + 1, UTC)


def test_what_is_gone_comes_back_and_what_is_newer_stays(client: Client, table: str) -> None:
    for name in ("deleted", "changed", "written anew"):
        put(client, table, name, 1)
    moment = next_second()
    time.sleep(0.05)
    put(client, table, "later", 1)
    put(client, table, "changed", 2)
    for name in ("deleted", "written anew", "later"):
        client("dynamodb").delete_item(TableName=table, Key={"session_id": {"S": name}})
    put(client, table, "written anew", 5)
    told: list[str] = []
    found = restore_items(client("dynamodb"), table, moment, told.append, pause_seconds=0.01)
    assert versions(client, table) == {"deleted": 1, "changed": 2, "written anew": 5}
    assert (found.put_back, found.newer) == (1, 2)
    assert [each.partition(":")[0] for each in told] == [
        "dynamodb restore-table-to-point-in-time",
        "dynamodb scan, put-item",
        "dynamodb delete-table",
    ]
    tables = client("dynamodb").list_tables()["TableNames"]
    assert [each for each in tables if each.startswith(f"{table}-2")] == []


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (timedelta(minutes=5), "can be restored until .* so far; try again"),
        (timedelta(days=-1), "can be restored since"),
    ],
)
def test_a_moment_out_of_reach_is_refused_before_anything_is_made(
    client: Client, table: str, distance: timedelta, message: str
) -> None:
    told: list[str] = []
    with pytest.raises(UserError, match=f"{table}: {message}"):
        restore_items(client("dynamodb"), table, datetime.now(UTC) + distance, told.append)
    assert told == []


def test_a_table_without_recovery_is_refused(client: Client, table: str) -> None:
    recovery(client, table, on=False)
    with pytest.raises(UserError, match=f"{table}: point-in-time recovery is off: there is nothing to restore from"):
        restore_items(client("dynamodb"), table, datetime.now(UTC), lambda _: None)


def test_a_table_that_is_not_there_is_an_error_in_words(client: Client) -> None:
    with pytest.raises(UserError, match=r"restoring no-such-table: .*ResourceNotFoundException"):
        restore_items(client("dynamodb"), "no-such-table", datetime.now(UTC), lambda _: None)


def test_recovery_that_was_switched_off_forgets_the_past(client: Client, table: str) -> None:
    """As DynamoDB does: from then on only what comes after counts."""
    dynamodb = client("dynamodb")
    before = datetime.now(UTC) - timedelta(seconds=2)
    recovery(client, table, on=False)
    recovery(client, table, on=True)
    with pytest.raises(ClientError, match="InvalidRestoreTimeException"):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=f"{table}-copy", RestoreDateTime=before
        )
