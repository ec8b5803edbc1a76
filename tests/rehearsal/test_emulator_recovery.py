"""Vaults, plans, schedules, replicated buckets and log groups of stacks are as their templates say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import REGION, Account

SECOND_REGION = "eu-central-1"
DAY = 86_400


def deployed(account: Account, name: str, resources: dict[str, Any], kind: str = "CREATE") -> dict[str, str]:
    stack = account.deploy(name, json.dumps({"Resources": resources}), kind)
    assert stack["StackStatus"] == f"{kind}_COMPLETE", account.failures(name)
    found = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


# ---------------------------------------------------------------------------------------------------------------------
# AWS Backup
# ---------------------------------------------------------------------------------------------------------------------

DENY = {"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}


def vault(name: str, **properties: Any) -> dict[str, Any]:
    return {"Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": name, **properties}}}


def test_a_vault_has_its_lock_policy_and_notifications(development: Account) -> None:
    lock = {"MinRetentionDays": "7", "MaxRetentionDays": 365}
    policy = {"Version": "2012-10-17", "Statement": [DENY]}
    topic = f"arn:aws:sns:{REGION}:{development.account_id}:trial"
    notifications = {"SNSTopicArn": topic, "BackupVaultEvents": ["BACKUP_JOB_FAILED"]}
    given = {"LockConfiguration": lock, "AccessPolicy": policy, "Notifications": notifications}
    deployed(development, "vault", vault("trial-vault", **given))
    backup, name = development.client("backup"), {"BackupVaultName": "trial-vault"}
    described = backup.describe_backup_vault(**name)
    assert (described["Locked"], described["MinRetentionDays"], described["MaxRetentionDays"]) == (True, 7, 365)
    assert "LockDate" not in described
    assert json.loads(backup.get_backup_vault_access_policy(**name)["Policy"]) == policy
    assert backup.get_backup_vault_notifications(**name)["SNSTopicArn"] == topic
    deployed(development, "vault", vault("trial-vault"), "UPDATE")
    assert backup.describe_backup_vault(**name)["Locked"] is False
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_vault_access_policy(**name)
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_vault_notifications(**name)


def test_a_lock_with_days_of_grace_is_for_good_after_them(development: Account) -> None:
    lock = {"MinRetentionDays": 7, "MaxRetentionDays": 365, "ChangeableForDays": 3}
    deployed(development, "lock", vault("trial-lock", LockConfiguration=lock))
    deployed(development, "lock", vault("trial-lock", LockConfiguration=lock | {"MaxRetentionDays": 100}), "UPDATE")
    development.emulator.put_forward(4 * DAY)
    stack = development.deploy("lock", json.dumps({"Resources": vault("trial-lock")}), "UPDATE")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "locked for good" in development.failures("lock")
    assert development.client("backup").describe_backup_vault(BackupVaultName="trial-lock")["Locked"]


def test_the_numbers_of_a_plan_are_numbers(development: Account) -> None:
    rule = {
        "RuleName": "daily",
        "TargetBackupVault": "Default",
        "StartWindowMinutes": "60",
        "Lifecycle": {"DeleteAfterDays": "7"},
    }
    plan = {"Type": "AWS::Backup::BackupPlan", "Properties": {}}
    plan["Properties"] = {"BackupPlan": {"BackupPlanName": "trial", "BackupPlanRule": [rule]}}
    ids = deployed(development, "plan", {"Plan": plan})
    found = development.client("backup").get_backup_plan(BackupPlanId=ids["Plan"])["BackupPlan"]
    [described] = found["Rules"]
    assert (described["StartWindowMinutes"], described["Lifecycle"]["DeleteAfterDays"]) == (60, 7)


# ---------------------------------------------------------------------------------------------------------------------
# Schedules
# ---------------------------------------------------------------------------------------------------------------------


def schedule(account: Account, **properties: Any) -> dict[str, Any]:
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance",
        "RoleArn": f"arn:aws:iam::{account.account_id}:role/trial",
    }
    common = {"ScheduleExpression": "cron(0 20 ? * * *)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    return {"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": {**common, **properties}}}


def test_a_schedule_keeps_its_time_zone_also_when_it_changes(development: Account) -> None:
    ids = deployed(development, "zone", schedule(development, ScheduleExpressionTimezone="Europe/Amsterdam"))
    scheduler = development.client("scheduler")
    assert scheduler.get_schedule(Name=ids["Schedule"])["ScheduleExpressionTimezone"] == "Europe/Amsterdam"
    changed = {"ScheduleExpressionTimezone": "Europe/Paris", "State": "DISABLED"}
    deployed(development, "zone", schedule(development, **changed), "UPDATE")
    found = scheduler.get_schedule(Name=ids["Schedule"])
    assert (found["ScheduleExpressionTimezone"], found["State"]) == ("Europe/Paris", "DISABLED")


# ---------------------------------------------------------------------------------------------------------------------
# Buckets
# ---------------------------------------------------------------------------------------------------------------------


def replicated(account: Account, copy: str) -> dict[str, Any]:
    rule = {
        "Id": "everything",
        "Priority": "0",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": f"arn:aws:s3:::{copy}",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": f"arn:aws:kms:{SECOND_REGION}:{account.account_id}:key/1"},
            "Metrics": {"Status": "Enabled"},
        },
    }
    role = f"arn:aws:iam::{account.account_id}:role/trial"
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "ReplicationConfiguration": {"Role": role, "Rules": [rule]},
    }
    return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}


def test_what_is_written_is_copied_to_the_second_region(development: Account) -> None:
    s3 = development.emulator.client("s3", development.account_id, SECOND_REGION)
    s3.create_bucket(Bucket="trial-copies", CreateBucketConfiguration={"LocationConstraint": SECOND_REGION})
    s3.put_bucket_versioning(Bucket="trial-copies", VersioningConfiguration={"Status": "Enabled"})
    ids = deployed(development, "replicated", replicated(development, "trial-copies"))
    ours = development.client("s3")
    [rule] = ours.get_bucket_replication(Bucket=ids["Bucket"])["ReplicationConfiguration"]["Rules"]
    assert (rule["ID"], rule["Status"], rule["Priority"]) == ("everything", "Enabled", 0)
    assert rule["SourceSelectionCriteria"]["SseKmsEncryptedObjects"]["Status"] == "Enabled"
    assert rule["Destination"]["Metrics"]["Status"] == "Enabled"
    ours.put_object(Bucket=ids["Bucket"], Key="page.html", Body=b"page")
    assert s3.get_object(Bucket="trial-copies", Key="page.html")["Body"].read() == b"page"
    alone = replicated(development, "trial-copies")
    del alone["Bucket"]["Properties"]["ReplicationConfiguration"]
    deployed(development, "replicated", alone, "UPDATE")
    with pytest.raises(ours.exceptions.ClientError, match="ReplicationConfigurationNotFoundError"):
        ours.get_bucket_replication(Bucket=ids["Bucket"])


def test_a_bucket_is_not_copied_to_nowhere(development: Account) -> None:
    stack = development.deploy("nowhere", json.dumps({"Resources": replicated(development, "trial-nowhere")}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Destination bucket must exist: trial-nowhere" in development.failures("nowhere")


# ---------------------------------------------------------------------------------------------------------------------
# Log groups
# ---------------------------------------------------------------------------------------------------------------------


def log_group(**properties: Any) -> dict[str, Any]:
    return {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}


def test_a_log_group_without_a_name_is_called_after_its_stack_and_stays(development: Account) -> None:
    ids = deployed(development, "logs", log_group(RetentionInDays=7))
    assert ids["Group"].startswith("logs-Group-")
    logs = development.client("logs")
    logs.create_log_stream(logGroupName=ids["Group"], logStreamName="kept")
    assert deployed(development, "logs", log_group(RetentionInDays=14), "UPDATE") == ids
    [found] = logs.describe_log_groups(logGroupNamePrefix=ids["Group"])["logGroups"]
    assert found["retentionInDays"] == 14
    assert [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=ids["Group"])["logStreams"]] == [
        "kept"
    ]
    renamed = deployed(development, "logs", log_group(RetentionInDays=14, LogGroupName="/trial/named"), "UPDATE")
    assert renamed["Group"] == "/trial/named"
    again = deployed(development, "logs", log_group(RetentionInDays=14), "UPDATE")
    assert again["Group"].startswith("logs-Group-")
