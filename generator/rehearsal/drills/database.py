"""The database is lost with its disk, or its content is damaged; an instance made of its backups takes its place."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.naming import PROJECT
from generator.rehearsal.drills.drill import PAUSE_SECONDS, Result, Scene, until
from generator.rehearsal.drills.objectives import DATABASE_DAMAGED, DATABASE_LOST
from generator.rehearsal.drills.shoppers import Shopper, get, products
from generator.rehearsal.emulator_sessions import ALLOWED
from generator.rehearsal.workload import APPLICATION_PYTHON
from generator.restore.database import restore_database

EXECUTE = """
import psycopg, sys
with psycopg.connect() as connection:
    connection.execute(sys.argv[1], sys.argv[2:] or None)
"""
ADD = "INSERT INTO products SELECT max(id) + 1, %s, %s, 100, 'harbour-mug.svg' FROM products"
DELETE_ALL = "DELETE FROM products"
BACK_WITHIN_SECONDS = 60.0
"""How long visitors may wait for products when the database is back: the application pauses between attempts."""


def lost_database(scene: Scene) -> Result:
    """What was written until the log was last shipped is back, at the old name, and web servers may log in."""
    rds, identifier = scene.client("rds"), scene.physical_id("Database", "Database")
    scene.step("a product is added; RDS ships its log; another product is added; a visitor fills a cart")
    kept = _added(scene, "Written before the log was shipped")
    scene.rehearsal.behind.workload.databases.ship_logs()
    shipped = _restorable_until(rds, identifier)
    late = _added(scene, "Written after the log was shipped")
    cart = Shopper(scene.live).fill(_1=1)
    damaged = scene.damage(f"{identifier} is deleted, without a last snapshot")
    _delete(rds, identifier)
    complaints = _complaints_about_the_loss(scene)
    complaints += _restored(scene, None)
    found, seconds = _back(scene, complaints)
    complaints += _complaints(scene, identifier, found, kept, cart)
    return Result(
        drill="database, lost",
        objective=DATABASE_LOST,
        destroyed="the instance, with its disk",
        restored=f"a new instance of the same name; {len(found)} products",
        lost="nothing" if late in found else "1 product, written after the log was shipped",
        loss_seconds=(damaged - shipped).total_seconds() if shipped else math.inf,
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def damaged_database(scene: Scene) -> Result:
    """The instance is put aside, and another one takes its name that is as it was a second before."""
    identifier = scene.physical_id("Database", "Database")
    scene.step("a product is added; a second later, another one; a visitor fills a cart")
    kept = _added(scene, "Written before the restored moment")
    moment = scene.next_second()
    late = _added(scene, "Written after the restored moment")
    cart = Shopper(scene.live).fill(_1=1)
    damaged = scene.damage("a migration deletes all products")
    _execute(scene, DELETE_ALL)
    complaints = [] if products(scene.live) == set() else ["products are still shown: nothing was destroyed"]
    scene.step("RDS ships its log, which it does every five minutes")
    scene.rehearsal.behind.workload.databases.ship_logs()
    complaints += _restored(scene, moment)
    found, seconds = _back(scene, complaints)
    complaints += _complaints(scene, identifier, found, kept, cart)
    return Result(
        drill="database, damaged",
        objective=DATABASE_DAMAGED,
        destroyed="all products, by a migration",
        restored=f"a new instance of the same name; {len(found)} products",
        lost="nothing" if late in found else "1 product, written after the restored moment",
        loss_seconds=(damaged - moment).total_seconds(),
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def _added(scene: Scene, name: str) -> str:
    _execute(scene, ADD, name, name)
    return name


def _restored(scene: Scene, moment: datetime | None) -> list[str]:
    """Restore as an operator does; return why that cannot be done."""
    try:
        restore_database(scene.client, scene.environment, moment, scene.step, PAUSE_SECONDS)
    except UserError as error:
        return [str(error)]
    return []


def _back(scene: Scene, complaints: Sequence[str]) -> tuple[set[str], float]:
    """Wait until visitors get products again; return them, and how long that was after the damage."""
    scene.step("products are looked for")
    if not complaints:
        until(lambda: products(scene.live), BACK_WITHIN_SECONDS)
    return products(scene.live) or set(), scene.seconds_since_damage


def _complaints(scene: Scene, identifier: str, found: set[str], kept: str, cart: Shopper) -> list[str]:
    complaints = []
    if not found:
        complaints.append("visitors get no products")
    elif kept not in found:
        complaints.append(f"a product is lost: {kept}")
    else:
        complaints += _complaints_about_access(scene, identifier)
    if not cart.has_cart:
        complaints.append("a cart is lost, which was not in the database")
    return complaints


def _execute(scene: Scene, statement: str, *values: str) -> None:
    """Change the database as its master user, by whom operators reach it through the bastion."""
    databases = scene.rehearsal.behind.workload.databases
    login = databases.master(scene.live.account_id, scene.region, f"/{PROJECT}/{scene.environment}")
    command: list[str | Path] = [scene.rehearsal.project / APPLICATION_PYTHON, "-c", EXECUTE, statement, *values]
    environment = {"PATH": os.environ.get("PATH", os.defpath), **login}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"the drill cannot write to the database: {done.stderr.strip()}")


def _restorable_until(rds: Any, identifier: str) -> datetime | None:
    found = rds.describe_db_instance_automated_backups(DBInstanceIdentifier=identifier)["DBInstanceAutomatedBackups"]
    moments = [each["RestoreWindow"]["LatestTime"].astimezone(UTC) for each in found]
    return max(moments, default=None)


def _delete(rds: Any, identifier: str) -> None:
    """Delete the instance as a careless administrator would, deletion protection notwithstanding."""
    rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
    rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    rds.get_waiter("db_instance_deleted").wait(
        DBInstanceIdentifier=identifier, WaiterConfig={"Delay": PAUSE_SECONDS, "MaxAttempts": 100}
    )


def _complaints_about_the_loss(scene: Scene) -> list[str]:
    """Without a database visitors are told to come back later, and the web servers stay in service."""
    if not until(lambda: products(scene.live) is None, BACK_WITHIN_SECONDS):
        return ["products are still shown: nothing was destroyed"]
    answer = get(scene.live, "application", "/api/products")
    health = get(scene.live, "application", "/healthz")
    status = (answer.status if answer else None, health.status if health else None)
    return [] if status == (503, 200) else [f"without a database products and health are answered {status}"]


def _complaints_about_access(scene: Scene, identifier: str) -> list[str]:
    """The web servers' role may log in to the new instance, and read the secret that is published, which is there."""
    [instance] = scene.client("rds").describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    profile = scene.live.instances[0].launch.profile
    iam, ssm = scene.client("iam"), scene.client("ssm")
    [role] = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    secret = ssm.get_parameter(Name=f"/{PROJECT}/{scene.environment}/database/secret")["Parameter"]["Value"]
    account = f"{scene.region}:{scene.live.account_id}"
    user = f"arn:aws:rds-db:{account}:dbuser:{instance['DbiResourceId']}/application"
    wanted = {"rds-db:connect": user, "secretsmanager:GetSecretValue": secret}
    refused = [
        f"web servers may not {action} on {resource}"
        for action, resource in wanted.items()
        if _decision(iam, role["Arn"], action, resource) != ALLOWED
    ]
    secrets = scene.client("secretsmanager")
    try:
        secrets.get_secret_value(SecretId=secret)
    except secrets.exceptions.ResourceNotFoundException:
        refused.append(f"the published secret is gone: {secret}")
    return refused


def _decision(iam: Any, role_arn: str, action: str, resource: str) -> str:
    answer = iam.simulate_principal_policy(PolicySourceArn=role_arn, ActionNames=[action], ResourceArns=[resource])
    return str(answer["EvaluationResults"][0]["EvalDecision"])
