"""Carts, in DynamoDB, so that any server can serve any visitor.

A cart has a version. It is written only if nobody has written it since it was read: two servers, or two windows of one
visitor, cannot lose each other's changes. The table holds a digest of the session's id, so that whoever reads the table
cannot take a session over.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

SESSION_KEY, SESSION_EXPIRY = "session_id", "expires_at"
LIFETIME_SECONDS = 14 * 24 * 3600


class ChangedMeanwhileError(Exception):
    """Somebody else has written the cart since it was read."""


@dataclass(frozen=True)
class Cart:
    """Quantities by product id, as they were at a version; version 0 has never been written."""

    version: int = 0
    quantities: dict[int, int] = field(default_factory=dict)


def new_session_id() -> str:
    return secrets.token_urlsafe(32)


def read(table: Any, session_id: str) -> Cart:
    """Return the cart of a session. DynamoDB deletes expired ones days late, so that they are ignored here."""
    item = table.get_item(Key={SESSION_KEY: _key(session_id)}, ConsistentRead=True).get("Item")
    if item is None or item[SESSION_EXPIRY] <= time.time():
        return Cart()
    return Cart(int(item["version"]), {int(each): int(quantity) for each, quantity in item["quantities"].items()})


def write(table: Any, session_id: str, cart: Cart) -> Cart:
    """Write a cart in place of the version that it names. Raises `ChangedMeanwhileError`."""
    now = int(time.time())
    free = f"attribute_not_exists({SESSION_KEY}) OR {SESSION_EXPIRY} <= :now"
    unchanged = f"version = :version AND {SESSION_EXPIRY} > :now"
    try:
        table.put_item(
            Item={
                SESSION_KEY: _key(session_id),
                SESSION_EXPIRY: now + LIFETIME_SECONDS,
                "version": cart.version + 1,
                "quantities": {str(each): quantity for each, quantity in cart.quantities.items()},
            },
            ConditionExpression=unchanged if cart.version else free,
            ExpressionAttributeValues={":now": now} | ({":version": cart.version} if cart.version else {}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise ChangedMeanwhileError from error
        raise
    return Cart(cart.version + 1, cart.quantities)


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
