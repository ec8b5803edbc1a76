"""What was deployed to watch, to recover and to pay for an environment, asked of the services: part of `probes`.

Whom alarms tell is rung out by `alarm_rehearsal`; here stands what can be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from generator.naming import BACKUP_ROLE, PROJECT, kebab_case
from generator.office_hours import DATABASE_STARTS, DATABASE_STOPS, SERVERS_START, SERVERS_STOP
from generator.rehearsal.target import Finding, Findings, Target

ALARM_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
DAILY, WEEKLY, MONTHLY = 7, 35, 365
"""Days that backups are kept (E16, D10)."""

OF_LOGS = 7
"""Days that logs are kept (E15); those of access for as long as the environment says."""

RDS_CALL = ":rds:"
"""What the target of a schedule holds that calls RDS."""

SHARES = (50, 80, 100)
"""Per cent of the budget at which somebody is told (D13)."""


def topics(target: Target) -> Findings:
    """Messages are encrypted with the environment's key, and topics take them over TLS alone (D10, D12)."""
    sns, key = target.client("sns"), target.id("Encryption", "NotificationsKey")
    for name in ("PageTopic", "EscalationTopic", "OperationsTopic"):
        attributes = sns.get_topic_attributes(TopicArn=target.id("Observability", name))["Attributes"]
        yield Finding(f"D10: key of {name}", key, attributes.get("KmsMasterKeyId", "").rpartition("/")[2])
        statements = json.loads(attributes["Policy"])["Statement"]
        refused = [each["Condition"] for each in statements if each["Effect"] == "Deny"]
        yield Finding(f"D10: what {name} refuses", [{"Bool": {"aws:SecureTransport": "false"}}], refused)
        everybody = [each for each in statements if each["Effect"] == "Allow" and "AWS" in each["Principal"]]
        yield Finding(f"D12: {name} lets nobody publish but services", [], everybody)


def alarms(target: Target) -> Findings:
    """Each alarm says what to do, acts on what is there, and looks at logs that a filter makes a metric of (D12)."""
    ours = _alarms(target)
    wrong = [name for name, each in ours.items() if not each["AlarmDescription"].endswith(f"#{kebab_case(name)}")]
    yield Finding("D12: alarms that do not name their section of the runbook", [], wrong)
    idle = [name for name, each in ours.items() if not each["ActionsEnabled"]]
    yield Finding("D12: alarms whose actions are off", [], idle)
    metrics = {metric for each in ours.values() for metric in _metrics(each)}
    namespace = f"{PROJECT}/{target.environment.environment_name.literal}"
    wanted = {name for where, name in metrics if where == namespace}
    pages = target.client("logs").get_paginator("describe_metric_filters").paginate()
    filters = [each for page in pages for found in page["metricFilters"] for each in found["metricTransformations"]]
    made = {each["metricName"] for each in filters if each["metricNamespace"] == namespace}
    yield Finding("D11: metrics of logs that alarms look at and no filter makes", set(), wanted - made)


def _alarms(target: Target) -> dict[str, dict[str, Any]]:
    """Return the alarms of the environment by their logical ids."""
    types = ["MetricAlarm", "CompositeAlarm"]
    pages = target.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=types)
    found = {each["AlarmName"]: each for page in pages for each in (*page["MetricAlarms"], *page["CompositeAlarms"])}
    return {name: found[physical_id] for name, physical_id in _resources(target, ALARM_TYPES)}


def _metrics(alarm: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"]
    for each in alarm.get("Metrics", ()):
        if "MetricStat" in each:
            yield each["MetricStat"]["Metric"]["Namespace"], each["MetricStat"]["Metric"]["MetricName"]


def dashboard(target: Target) -> Findings:
    """The dashboard can be drawn, and shows alarms and logs that are there (D11)."""
    cloudwatch, name = target.client("cloudwatch"), target.deployment.outputs["DashboardName"]
    body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    yield Finding("D11: what the dashboard has not resolved", [], re.findall(r"\$\{[^}]*\}?", body))
    widgets = json.loads(body)["widgets"]
    yield Finding("D11: the dashboard has widgets", True, len(widgets) > 0)
    wide = [each for each in widgets if each["x"] + each["width"] > 24]
    yield Finding("D11: widgets that stand out on the right", [], wide)
    shown = {arn.rpartition(":")[2] for each in widgets for arn in each["properties"].get("alarms", ())}
    there = {physical_id for _, physical_id in _resources(target, ALARM_TYPES)}
    yield Finding("D11: alarms on the dashboard that are not there", set(), shown - there)
    groups = {each["logGroupName"] for each in _log_groups(target)}
    sources = {
        name for each in widgets for name in re.findall(r"SOURCE '([^']+)'", str(each["properties"].get("query")))
    }
    yield Finding("D11: logs on the dashboard that are not there", set(), sources - groups)


def retention(target: Target) -> Findings:
    """Logs are kept for a week, and those of access for as long as the environment says (E15, D9)."""
    own = {physical_id for _, physical_id in _resources(target, ("AWS::Logs::LogGroup",))}
    audit = target.deployment.outputs["AccessLogGroupName"]
    days = {each["logGroupName"]: each.get("retentionInDays") for each in _log_groups(target)}
    kept = {name: days.get(name) for name in own}
    wanted = {name: int(target.environment.audit_retention_days.literal) if name == audit else OF_LOGS for name in own}
    yield Finding("E15: days that every log group keeps", wanted, kept)


def vault(target: Target) -> Findings:
    """Backups lie under a key of their own, and nobody deletes them before their time (D10)."""
    backup, name = target.client("backup"), target.deployment.outputs["BackupVaultName"]
    described = backup.describe_backup_vault(BackupVaultName=name)
    key = described["EncryptionKeyArn"].rpartition("/")[2]
    yield Finding("D10: key of the backups", target.id("Encryption", "BackupKey"), key)
    lock = target.environment.backup_vault_lock.literal
    kept = (described.get("MinRetentionDays"), described.get("MaxRetentionDays"))
    yield Finding("D10: the vault is locked", lock != "none", described["Locked"])
    yield Finding("D10: days that the lock allows", (None, None) if lock == "none" else (DAILY, MONTHLY), kept)
    yield Finding("D10: the lock becomes final", lock == "compliance", "LockDate" in described)
    policy = json.loads(backup.get_backup_vault_access_policy(BackupVaultName=name)["Policy"])
    denied = {action for each in policy["Statement"] if each["Effect"] == "Deny" for action in each["Action"]}
    yield Finding("D10: deleting backups is refused", True, "backup:DeleteRecoveryPoint" in denied)


def backup_plans(target: Target) -> Findings:
    """Every store is backed up daily and kept for a week, or for longer and elsewhere too (E16, D10)."""
    backup, environment = target.client("backup"), target.environment
    plans = [
        (listed["BackupPlanId"], backup.get_backup_plan(BackupPlanId=listed["BackupPlanId"])["BackupPlan"]["Rules"])
        for listed in backup.list_backup_plans()["BackupPlansList"]
    ]
    rules = [rule for _, found in plans for rule in found]
    long_term = {"weekly": WEEKLY, "monthly": MONTHLY} if environment.long_term_backups.literal == "true" else {}
    wanted = {"daily": DAILY} | long_term
    kept = {each["RuleName"]: each["Lifecycle"]["DeleteAfterDays"] for each in rules}
    yield Finding("E16: days that backups are kept", wanted, kept)
    vaults = {each["TargetBackupVaultName"] for each in rules}
    yield Finding("D10: vaults of the plans", {target.deployment.outputs["BackupVaultName"]}, vaults)
    region = environment.recovery_region.literal
    copies = {
        each["RuleName"]: (copy["DestinationBackupVaultArn"].split(":")[3], copy["Lifecycle"]["DeleteAfterDays"])
        for each in rules
        for copy in each.get("CopyActions", ())
    }
    elsewhere = {name: (region, days) for name, days in wanted.items()} if region else {}
    yield Finding("D10: where copies go, and the days that they are kept", elsewhere, copies)
    yield from _selections(target, plans)


def _selections(target: Target, plans: Iterable[tuple[str, list[dict[str, Any]]]]) -> Findings:
    """Compare what each plan takes with what it should: by kind and tags, as AWS Backup does."""
    backup, stores = target.client("backup"), list(_stores(target))
    for plan_id, rules in plans:
        listed = backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]
        found = [
            backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=each["SelectionId"])["BackupSelection"]
            for each in listed
        ]
        names = ", ".join(sorted(each["RuleName"] for each in rules))
        taken = {store.name for store in stores for each in found if _takes(each, store)}
        # Sessions end within a day: who needs those of last month?
        left_out = set() if "daily" in names else {"session table"}
        yield Finding(f"E16: what is backed up: {names}", {each.name for each in stores} - left_out, taken)
        roles = {each["IamRoleArn"].rpartition("/")[2] for each in found}
        yield Finding(f"D9: role that backs up: {names}", {BACKUP_ROLE}, roles)


@dataclass(frozen=True)
class _Store:
    """Something that holds data, as AWS Backup sees it."""

    name: str
    arn: str
    tags: Mapping[str, str]


def _takes(selection: dict[str, Any], store: _Store) -> bool:
    """Whether a selection takes a store: it is of one of the kinds, and has all the tags."""
    conditions = selection["Conditions"]["StringEquals"]
    tags = {each["ConditionKey"].removeprefix("aws:ResourceTag/"): each["ConditionValue"] for each in conditions}
    return any(fnmatchcase(store.arn, kind) for kind in selection["Resources"]) and tags.items() <= store.tags.items()


def _stores(target: Target) -> Iterable[_Store]:
    outputs = target.deployment.outputs
    [database] = target.client("rds").describe_db_instances(DBInstanceIdentifier=outputs["DatabaseId"])["DBInstances"]
    yield _Store("database", database["DBInstanceArn"], _as_mapping(database["TagList"]))
    dynamodb = target.client("dynamodb")
    table = dynamodb.describe_table(TableName=outputs["SessionTableName"])["Table"]["TableArn"]
    yield _Store("session table", table, _as_mapping(dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"]))
    [files] = target.client("efs").describe_file_systems(FileSystemId=outputs["FileSystemId"])["FileSystems"]
    yield _Store("product images", files["FileSystemArn"], _as_mapping(files["Tags"]))
    for name in ("WebsiteBucketName", "ReleaseBucketName"):
        tags = target.client("s3").get_bucket_tagging(Bucket=outputs[name])["TagSet"]
        yield _Store(name, f"arn:aws:s3:::{outputs[name]}", _as_mapping(tags))


def _as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in tags}


def replication(target: Target) -> Findings:
    """Where there is a second region, what is written into buckets is copied there; elsewhere nothing is (D10)."""
    s3, region = target.client("s3"), target.environment.recovery_region.literal
    for name in ("WebsiteBucketName", "ReleaseBucketName"):
        bucket = target.deployment.outputs[name]
        rules = _replication_rules(s3, bucket)
        enabled = [each["Status"] for each in rules]
        yield Finding(f"D10: replication of {name}", ["Enabled"] if region else [], enabled)
        for rule in rules:
            copy = rule["Destination"]["Bucket"].rpartition(":")[2]
            place = s3.get_bucket_location(Bucket=copy)["LocationConstraint"]
            yield Finding(f"D10: region of the copy of {name}", region, place)


def _replication_rules(s3: Any, bucket: str) -> list[dict[str, Any]]:
    try:
        rules: list[dict[str, Any]] = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ReplicationConfigurationNotFoundError":
            raise
        return []
    return rules


def budget(target: Target) -> Findings:
    """Somebody is told when half, most and all of the budget is spent, or will be (D13)."""
    budgets, account_id = target.client("budgets"), target.client("sts").get_caller_identity()["Account"]
    key = {"AccountId": account_id, "BudgetName": target.deployment.outputs["BudgetName"]}
    limit = budgets.describe_budget(**key)["Budget"]["BudgetLimit"]
    wanted = {"Amount": target.environment.monthly_budget.literal, "Unit": "USD"}
    yield Finding("D13: budget of a month", wanted, {"Amount": f"{float(limit['Amount']):g}", "Unit": limit["Unit"]})
    notifications = budgets.describe_notifications_for_budget(**key)["Notifications"]
    found = {(each["NotificationType"], int(each["Threshold"])) for each in notifications}
    thresholds = {(kind, share) for kind in ("ACTUAL", "FORECASTED") for share in SHARES}
    yield Finding("D13: per cent of the budget that somebody is told of", thresholds, found)
    told = {
        subscriber["Address"]
        for each in notifications
        for subscriber in budgets.describe_subscribers_for_notification(**key, Notification=each)["Subscribers"]
    }
    yield Finding("D13: who is told of the budget", {target.id("Observability", "OperationsTopic")}, told)


def office_hours(target: Target) -> Findings:
    """Servers and database stop in the evening and start in the morning, in the environment's time zone (D13)."""
    environment = target.environment
    asked, zone = environment.office_hours_only.literal == "true", environment.time_zone.literal
    if target.has_servers:
        group = target.deployment.outputs["WebServerGroupName"]
        described = target.client("autoscaling").describe_scheduled_actions(AutoScalingGroupName=group)
        actions = {
            (each["Recurrence"], each["TimeZone"], each["DesiredCapacity"])
            for each in described["ScheduledUpdateGroupActions"]
        }
        morning = int(environment.web_server_minimum.literal)
        servers = {(SERVERS_START, zone, morning), (SERVERS_STOP, zone, 0)} if asked else set()
        yield Finding("D13: when web servers start and stop", servers, actions)
    scheduler = target.client("scheduler")
    listed = [each for page in scheduler.get_paginator("list_schedules").paginate() for each in page["Schedules"]]
    schedules = [scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"]) for each in listed]
    found = [each for each in schedules if RDS_CALL in each["Target"]["Arn"]]
    times = {
        (each["ScheduleExpression"], each["ScheduleExpressionTimezone"], each["Target"]["Arn"].rpartition(":")[2])
        for each in found
    }
    database = {(DATABASE_STARTS, zone, "startDBInstance"), (DATABASE_STOPS, zone, "stopDBInstance")}
    yield Finding("D13: when the database starts and stops", database if asked else set(), times)
    yield Finding("D9: what schedules may not do that they should", [], list(_refused_to_schedules(target, found)))


def _refused_to_schedules(target: Target, schedules: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield the actions on the database that the roles of schedules are not allowed."""
    [database] = target.client("rds").describe_db_instances(
        DBInstanceIdentifier=target.deployment.outputs["DatabaseId"]
    )["DBInstances"]
    for each in schedules:
        call = each["Target"]["Arn"].rpartition(":")[2]
        action = f"rds:{call[0].upper()}{call[1:]}"
        answer = target.client("iam").simulate_principal_policy(
            PolicySourceArn=each["Target"]["RoleArn"],
            ActionNames=[action],
            ResourceArns=[database["DBInstanceArn"]],
        )
        if answer["EvaluationResults"][0]["EvalDecision"] != "allowed":
            yield action


def trail(target: Target) -> Findings:
    """Who did what is written down for all regions, unchangeably and encrypted, and the trail is on (D9)."""
    cloudtrail = target.client("cloudtrail")
    found = cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]
    settings = [
        (each["IsMultiRegionTrail"], each["LogFileValidationEnabled"], bool(each.get("KmsKeyId"))) for each in found
    ]
    yield Finding("D9: trails for all regions, with digests, encrypted", [(True, True, True)], settings)
    logging = [cloudtrail.get_trail_status(Name=each["TrailARN"])["IsLogging"] for each in found]
    yield Finding("D9: the trail is on", [True], logging)


def _resources(target: Target, types: Iterable[str]) -> list[tuple[str, str]]:
    """Return logical and physical ids of the resources of some types in all stacks."""
    return [
        (str(each["LogicalResourceId"]), str(each["PhysicalResourceId"]))
        for resources in target.deployment.resources.values()
        for each in resources
        if each["ResourceType"] in types
    ]


def _log_groups(target: Target) -> list[dict[str, Any]]:
    pages = target.client("logs").get_paginator("describe_log_groups").paginate()
    return [each for page in pages for each in page["logGroups"]]


OPERATIONS_PROBES: tuple[Callable[[Target], Findings], ...] = (
    topics,
    alarms,
    dashboard,
    retention,
    vault,
    backup_plans,
    replication,
    budget,
    office_hours,
    trail,
)
