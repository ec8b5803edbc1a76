"""Bring items of the session table back from its point-in-time recovery.

DynamoDB restores to a new table, always. The stack's table stays: it is what the application, the alarms and the
backups know. What the copy has and the table has not is put back; what visitors have written since is newer, and stays.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/pointintimerecovery_restores.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from generator.delivery.session import explained
from generator.errors import UserError
from generator.restore.steps import PAUSE_SECONDS, Say, patience, stamp


@dataclass(frozen=True)
class ItemsRestored:
    """How many items of the copy are back, and how many stayed as they were because they had been written anew."""

    put_back: int
    newer: int


def restore_items(
    dynamodb: Any, table: str, moment: datetime, say: Say, pause_seconds: float = PAUSE_SECONDS
) -> ItemsRestored:
    """Put back what a table had at a moment and has no more. `dynamodb` is boto3's client.

    Raises `UserError` where the table's recovery is off, or does not reach the moment.
    """
    with explained(f"restoring {table}"):
        refuse_moment(dynamodb, table, moment)
        copy = f"{table}-{stamp(moment)}"
        say(f"dynamodb restore-table-to-point-in-time: {table} as of {moment:%H:%M:%S} UTC becomes {copy}")
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=copy, RestoreDateTime=moment)
        dynamodb.get_waiter("table_exists").wait(TableName=copy, WaiterConfig=patience(pause_seconds))
        say(f"dynamodb scan, put-item: what {table} lacks is put back")
        restored = _put_back(dynamodb, copy, table)
        say(f"dynamodb delete-table: {copy}")
        dynamodb.delete_table(TableName=copy)
    return restored


def refuse_moment(dynamodb: Any, table: str, moment: datetime) -> None:
    """Raise `UserError` unless a table can be restored to a moment."""
    description = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = description["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
        raise UserError(f"{table}: point-in-time recovery is off: there is nothing to restore from")
    earliest, latest = (recovery[f"{which}RestorableDateTime"] for which in ("Earliest", "Latest"))
    if moment > latest:
        raise UserError(f"{table}: can be restored until {latest} so far; try again in a few minutes")
    if moment < earliest:
        raise UserError(f"{table}: can be restored since {earliest}, not to {moment}")


def _put_back(dynamodb: Any, copy: str, table: str) -> ItemsRestored:
    keys = [each["AttributeName"] for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    put_back = newer = 0
    for item in _items(dynamodb, copy):
        try:
            dynamodb.put_item(
                TableName=table,
                Item=item,
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": keys[0]},
            )
            put_back += 1
        except dynamodb.exceptions.ConditionalCheckFailedException:
            newer += 1
    return ItemsRestored(put_back, newer)


def _items(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]
