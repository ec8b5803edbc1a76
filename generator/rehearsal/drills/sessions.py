"""Somebody deletes all items of the session table; they are brought back by point-in-time recovery."""

from __future__ import annotations

from typing import Any

from generator.errors import UserError
from generator.rehearsal.drills.drill import PAUSE_SECONDS, Result, Scene
from generator.rehearsal.drills.objectives import SESSIONS
from generator.rehearsal.drills.shoppers import Shopper
from generator.restore.sessions import restore_items

CARTS = 12


def session_table(scene: Scene) -> Result:
    """Carts that were there at the moment that is restored are back; carts of later visitors are left alone."""
    table, dynamodb = scene.physical_id("Storage", "SessionTable"), scene.client("dynamodb")
    scene.step(f"{CARTS} visitors fill carts")
    early = [Shopper(scene.live).fill(_1=number % 20 + 1) for number in range(CARTS)]
    moment = scene.next_second()
    late = Shopper(scene.live).fill(_2=1)
    damaged = scene.damage(f"all items of {table} are deleted")
    destroyed = _delete_all(dynamodb, table)
    complaints = [] if not any(each.has_cart for each in early) else ["carts are still there: nothing was destroyed"]
    newcomer = Shopper(scene.live).fill(_3=2)
    restored = 0
    try:
        restored = restore_items(dynamodb, table, moment, scene.step, PAUSE_SECONDS).put_back
    except UserError as error:
        complaints.append(str(error))
    scene.step("carts are looked for")
    seconds = scene.seconds_since_damage
    back = sum(each.has_cart for each in early)
    if back < len(early):
        complaints.append(f"{len(early) - back} of {len(early)} carts from before the restored moment are lost")
    if not newcomer.has_cart:
        complaints.append("a cart that was filled after the damage is lost")
    return Result(
        drill="session table",
        objective=SESSIONS,
        destroyed=f"all {destroyed} items of the table",
        restored=f"{restored} items; {back} of {len(early)} carts",
        lost="nothing" if late.has_cart else "1 cart, filled after the restored moment",
        loss_seconds=(damaged - moment).total_seconds(),
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def _delete_all(dynamodb: Any, table: str) -> int:
    [key] = [each["AttributeName"] for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    items = [each for page in dynamodb.get_paginator("scan").paginate(TableName=table) for each in page["Items"]]
    for each in items:
        dynamodb.delete_item(TableName=table, Key={key: each[key]})
    return len(items)
