"""What backups are billed for: what a plan keeps of each store, here and elsewhere, and tests that restore."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from generator.cost.charges import Billed, Charge, NoCharge, Rule, Surroundings
from generator.cost.usage import Usage, amount
from generator.environment import REQUIRED_TAGS
from generator.resolver import Resource

DAYS_A_MONTH = Decimal(30)
TAG_CONDITION = "aws:ResourceTag/"

RESTORE_HOURS = 1
"""How long a database takes to be restored for a test, before it is validated and deleted. An assumption."""


@dataclass(frozen=True)
class Store:
    """A kind of data that AWS Backup takes."""

    protected: str
    """Its name in restore testing."""
    backup: str
    """The item of what is kept."""
    incremental: bool
    """Whether a backup after the first holds only what has changed.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html"""
    restore: str
    """The item of what is restored; empty where restoring is free."""


STORES: Mapping[str, Store] = {
    "AWS::DynamoDB::Table": Store("DynamoDB", "backup.dynamodb", False, "backup.dynamodb_restore"),
    "AWS::EFS::FileSystem": Store("EFS", "backup.efs", True, "backup.efs_restore"),
    "AWS::RDS::DBInstance": Store("RDS", "rds.backup", True, ""),
    "AWS::S3::Bucket": Store("S3", "backup.s3", True, "backup.s3_restore"),
}


@dataclass(frozen=True)
class Kept:
    """One rule of a plan: every how many days it takes a backup, and how many of them there are at a time."""

    interval: Decimal
    points: Decimal


def _selection(resource: Resource, around: Surroundings) -> Billed:
    rules = _rules_of_plan(resource, around)
    wanted = _wanted_tags(resource.properties["BackupSelection"])
    selected = [store for store in _stores(around) if _has_tags(store, wanted)]
    if not selected:
        yield NoCharge("nothing has the tag that it selects")
    for store in selected:
        kind, size = STORES[store.type], _size(store, around.usage)
        whole = size if _first_to_take(store, around) == resource else Decimal(0)
        here = _kept(kind, size, whole, [_rule(rule) for rule in rules], around.usage)
        if store.type == "AWS::RDS::DBInstance" and whole:
            # Snapshots and automated backups together are free up to the storage of the database.
            here = max(Decimal(0), here - Decimal(str(store.properties.get("AllocatedStorage", 0))))
        yield Charge(kind.backup, here, "GB-month", f"backups of {store.logical_id}")
        copied = [rule for rule in rules if rule.get("CopyActions")]
        if copied:
            yield from _copies(kind, store, size, whole, copied, around.usage)


def _first_to_take(store: Resource, around: Surroundings) -> Resource:
    """Return the selection that is billed for the whole of a store; what others take of it are changes to that."""
    selections = around.resolution.of_type("AWS::Backup::BackupSelection")
    return next(each for each in selections if _has_tags(store, _wanted_tags(each.properties["BackupSelection"])))


def _copies(
    kind: Store, store: Resource, size: Decimal, whole: Decimal, rules: list[Mapping[str, Any]], usage: Usage
) -> Iterator[Charge]:
    """Yield what copies in the second region cost: what is kept there, and what is sent."""
    kept = [_rule({**rule, **rule["CopyActions"][0]}) for rule in rules]
    region = rules[0]["CopyActions"][0]["DestinationBackupVaultArn"].split(":")[3]
    why = f"copies of {store.logical_id} in {region}"
    yield Charge(kind.backup, _kept(kind, size, whole, kept, usage), "GB-month", why, region)
    most_frequent = min(rule.interval for rule in kept)
    sent = min(Decimal(1), usage.daily_change * most_frequent) if kind.incremental else Decimal(1)
    moved = size * sent * DAYS_A_MONTH / most_frequent
    yield Charge("transfer.between_regions", moved, "GB", f"copies of {store.logical_id}")


def _rules_of_plan(resource: Resource, around: Surroundings) -> list[Mapping[str, Any]]:
    [plan] = [
        each for each in around.referred(resource.properties["BackupPlanId"]) if each.type == "AWS::Backup::BackupPlan"
    ]
    rules: list[Mapping[str, Any]] = plan.properties["BackupPlan"]["BackupPlanRule"]
    return rules


def _rule(rule: Mapping[str, Any]) -> Kept:
    """Return how often a rule takes a backup, and how many it keeps."""
    interval = _interval(rule["ScheduleExpression"])
    days = Decimal(str(rule["Lifecycle"]["DeleteAfterDays"]))
    return Kept(interval, Decimal(math.ceil(days / interval)))


def _interval(schedule: str) -> Decimal:
    """Return every how many days a schedule comes round."""
    fields = schedule.removeprefix("cron(").removesuffix(")").split()
    day_of_month, day_of_week = fields[2], fields[4]
    if day_of_month.isdigit() or "#" in day_of_week:
        return DAYS_A_MONTH
    return Decimal(1) if day_of_week in ("*", "?") or "-" in day_of_week else Decimal(7)


def _kept(kind: Store, size: Decimal, whole: Decimal, rules: list[Kept], usage: Usage) -> Decimal:
    """Return what backups take up: the whole once and then the changes, or the whole each time. An upper bound."""
    if not kind.incremental:
        return size * sum((rule.points for rule in rules), Decimal(0))
    changes = sum((rule.points * min(Decimal(1), usage.daily_change * rule.interval) for rule in rules), Decimal(0))
    return whole + size * changes


def _stores(around: Surroundings) -> list[Resource]:
    return [resource for resource in around.resolution.resources.values() if resource.type in STORES]


def _wanted_tags(selection: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that the selection of a plan asks for."""
    wanted = {tag["ConditionKey"]: tag["ConditionValue"] for tag in selection.get("ListOfTags", [])}
    for condition in selection.get("Conditions", {}).get("StringEquals", []):
        wanted[condition["ConditionKey"].removeprefix(TAG_CONDITION)] = condition["ConditionValue"]
    return wanted


def _has_tags(store: Resource, wanted: Mapping[str, str]) -> bool:
    """Return whether a store has all these tags. Those of the whole stack do not stand in the template: they match."""
    tags = _tags(store)
    return bool(wanted) and all(
        tags.get(key, value if key in REQUIRED_TAGS else None) == value for key, value in wanted.items()
    )


def _tags(resource: Resource) -> dict[str, str]:
    listed = [*resource.properties.get("Tags", []), *resource.properties.get("FileSystemTags", [])]
    return {tag["Key"]: tag["Value"] for tag in listed}


def _size(store: Resource, usage: Usage) -> Decimal:
    sizes = {
        "AWS::DynamoDB::Table": usage.session_data,
        "AWS::EFS::FileSystem": usage.files,
        "AWS::RDS::DBInstance": usage.database_data,
    }
    return sizes.get(store.type, amount(usage.buckets, store.logical_id))


def _restore_test(resource: Resource, around: Surroundings) -> Billed:
    protected = resource.properties["ProtectedResourceType"]
    conditions = resource.properties.get("ProtectedResourceConditions", {}).get("StringEquals", [])
    wanted = {condition["Key"].removeprefix(TAG_CONDITION): condition["Value"] for condition in conditions}
    stores = [s for s in _stores(around) if STORES[s.type].protected == protected and _has_tags(s, wanted)]
    if not stores:
        yield NoCharge("there is no such store")
        return
    [plan] = around.referred(resource.properties["RestoreTestingPlanName"])
    interval = _interval(plan.properties["ScheduleExpression"])
    times = DAYS_A_MONTH / interval
    why = f"one every {interval} days of each of {len(stores)}"
    yield Charge("backup.restore_test", times * len(stores), "test", why)
    for store in stores:
        kind = STORES[store.type]
        if kind.restore:
            yield Charge(kind.restore, _size(store, around.usage) * times, "GB", f"{store.logical_id}, restored")
        else:
            hours = times * (RESTORE_HOURS + int(resource.properties.get("ValidationWindowHours", 0)))
            item = f"rds.postgresql.single.{store.properties['DBInstanceClass']}"
            yield Charge(item, hours, "hour", "the restored database, until it is deleted")


RULES: Mapping[str, Rule] = {
    "AWS::Backup::BackupSelection": _selection,
    "AWS::Backup::RestoreTestingSelection": _restore_test,
}
