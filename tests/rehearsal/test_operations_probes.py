"""The probes of watching and recovering bite: each finds its damage, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from generator.environment import TemplateConfiguration, load
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.operations_probes import OPERATIONS_PROBES
from generator.rehearsal.target import Target
from tests.rehearsal.environments import deployed, redeployed

ROOT = Path(__file__).parents[2]
EVERYTHING = {
    "LongTermBackups": "true",
    "BackupVaultLock": "compliance",
    "RecoveryRegion": "eu-central-1",
    "OfficeHoursOnly": "true",
    "TimeZone": "Europe/Amsterdam",
    "MonthlyBudget": "300",
}


def configured(folder: Path, **settings: str) -> TemplateConfiguration:
    """Return the development environment with other settings."""
    content = json.loads((ROOT / "params/dev.json").read_text(encoding="utf-8"))
    content["Parameters"] |= settings
    path = folder / "dev.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load(path)


@dataclass
class Environment:
    """One environment for all damages, with everything that can be asked for, and what is known to be broken."""

    configuration: TemplateConfiguration
    target: Target
    known: set[str]


@pytest.fixture(scope="module")
def environment(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    configuration = configured(tmp_path_factory.mktemp("params"), **EVERYTHING)
    return Environment(configuration, deployed(emulator, configuration), set())


def broken(target: Target) -> set[str]:
    findings = [finding for probe in OPERATIONS_PROBES for finding in probe(target)]
    assert len(findings) > 30
    return {finding.claim for finding in findings if not finding.holds}


def test_an_environment_with_everything_keeps_every_claim(environment: Environment) -> None:
    assert broken(environment.target) == set()


def test_an_environment_that_has_other_settings_than_it_should_is_found_out(environment: Environment) -> None:
    target, meant = environment.target, environment.configuration
    others = {"LongTermBackups": "false", "BackupVaultLock": "none", "OfficeHoursOnly": "false", "MonthlyBudget": "301"}
    changed = redeployed(target.client, meant, lambda _: None, **others)
    assert changed.complete, changed.first_failure
    assert broken(replace(target, deployment=changed)) == {
        "D10: the vault is locked",
        "D10: days that the lock allows",
        "D10: the lock becomes final",
        "E16: days that backups are kept",
        "D10: where copies go, and the days that they are kept",
        "D13: budget of a month",
        "D13: when web servers start and stop",
        "D13: when the database starts and stops",
    }
    environment.target = replace(target, deployment=redeployed(target.client, meant, lambda _: None))
    assert broken(environment.target) == set()


# ---------------------------------------------------------------------------------------------------------------------
# Damages
# ---------------------------------------------------------------------------------------------------------------------


def topic(target: Target, name: str) -> str:
    return target.id("Observability", name)


def pages_are_not_encrypted(target: Target) -> None:
    target.client("sns").set_topic_attributes(
        TopicArn=topic(target, "PageTopic"), AttributeName="KmsMasterKeyId", AttributeValue=""
    )


def with_policy(target: Target, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    sns, arn = target.client("sns"), topic(target, name)
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    change(policy["Statement"])
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))


def anybody_sends_pages(target: Target) -> None:
    anybody = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "sns:Publish",
        "Resource": topic(target, "PageTopic"),
    }
    with_policy(target, "PageTopic", lambda statements: statements.append(anybody))


def a_topic_is_reached_without_tls(target: Target) -> None:
    def drop(statements: list[dict[str, Any]]) -> None:
        statements[:] = [each for each in statements if each["Effect"] == "Allow"]

    with_policy(target, "OperationsTopic", drop)


def an_alarm_is_switched_off(target: Target) -> None:
    target.client("cloudwatch").disable_alarm_actions(AlarmNames=[topic(target, "DatabaseStorageLow")])


def an_alarm_says_nothing_of_what_to_do(target: Target) -> None:
    cloudwatch, name = target.client("cloudwatch"), topic(target, "PageNotDelivered")
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    kept = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "Threshold")
    asked = {key: alarm[key] for key in (*kept, "ComparisonOperator", "AlarmActions")}
    cloudwatch.put_metric_alarm(**asked, AlarmDescription="Something is wrong.")


def nobody_counts_errors_in_the_log(target: Target) -> None:
    target.client("logs").delete_metric_filter(
        logGroupName=target.deployment.outputs["WebServerLogGroupName"],
        filterName=topic(target, "ApplicationErrorsFilter"),
    )


def the_dashboard_shows_what_is_gone(target: Target) -> None:
    cloudwatch, name = target.client("cloudwatch"), target.deployment.outputs["DashboardName"]
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    gone = {"alarms": ["arn:aws:cloudwatch:eu-west-1:000000000000:alarm:gone"]}
    body["widgets"].append({"type": "alarm", "x": 20, "y": 99, "width": 6, "height": 2, "properties": gone})
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body))


def a_log_is_kept_for_a_month(target: Target) -> None:
    group = target.deployment.outputs["WebServerLogGroupName"]
    target.client("logs").put_retention_policy(logGroupName=group, retentionInDays=30)


def backups_are_kept_for_a_day(target: Target) -> None:
    backup, plan_id = target.client("backup"), target.id("Recovery", "BackupPlan")
    plan = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]
    [daily] = [each for each in plan["Rules"] if each["RuleName"] == "daily"]
    daily["Lifecycle"]["DeleteAfterDays"] = 1
    backup.update_backup_plan(BackupPlanId=plan_id, BackupPlan=plan)


def the_session_table_is_not_backed_up(target: Target) -> None:
    dynamodb, name = target.client("dynamodb"), target.deployment.outputs["SessionTableName"]
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["Backup"])


def the_database_is_not_kept_for_long(target: Target) -> None:
    rds = target.client("rds")
    [database] = rds.describe_db_instances(DBInstanceIdentifier=target.deployment.outputs["DatabaseId"])["DBInstances"]
    rds.remove_tags_from_resource(ResourceName=database["DBInstanceArn"], TagKeys=["LongTermBackups"])


def the_website_is_not_copied(target: Target) -> None:
    target.client("s3").delete_bucket_replication(Bucket=target.deployment.outputs["WebsiteBucketName"])


def nobody_is_told_of_half_the_budget(target: Target) -> None:
    budgets, account_id = target.client("budgets"), target.client("sts").get_caller_identity()["Account"]
    key = {"AccountId": account_id, "BudgetName": target.deployment.outputs["BudgetName"]}
    found = budgets.describe_notifications_for_budget(**key)["Notifications"]
    half = next(each for each in found if (each["NotificationType"], each["Threshold"]) == ("FORECASTED", 50))
    budgets.delete_notification(**key, Notification=half)


def servers_run_all_night(target: Target) -> None:
    target.client("autoscaling").delete_scheduled_action(
        AutoScalingGroupName=target.deployment.outputs["WebServerGroupName"],
        ScheduledActionName=target.id("WebTier", "StopWebServers"),
    )


def the_database_goes_by_another_clock(target: Target) -> None:
    scheduler = target.client("scheduler")
    key = {"Name": target.id("Cost", "StopDatabase"), "GroupName": target.id("Cost", "OfficeHours")}
    found = scheduler.get_schedule(**key)
    kept = {name: found[name] for name in ("ScheduleExpression", "FlexibleTimeWindow", "Target", "State")}
    scheduler.update_schedule(**key, **kept, ScheduleExpressionTimezone="UTC")


def schedules_may_do_nothing(target: Target) -> None:
    role = target.id("Cost", "OfficeHoursRole")
    target.client("iam").delete_role_policy(RoleName=role, PolicyName="StartAndStop")


def nobody_writes_down_who_did_what(target: Target) -> None:
    cloudtrail = target.client("cloudtrail")
    [trail] = cloudtrail.describe_trails()["trailList"]
    cloudtrail.stop_logging(Name=trail["TrailARN"])


Damage = Callable[[Target], None]
DAMAGES: list[tuple[Damage, set[str]]] = [
    (pages_are_not_encrypted, {"D10: key of PageTopic"}),
    (anybody_sends_pages, {"D12: PageTopic lets nobody publish but services"}),
    (a_topic_is_reached_without_tls, {"D10: what OperationsTopic refuses"}),
    (an_alarm_is_switched_off, {"D12: alarms whose actions are off"}),
    (an_alarm_says_nothing_of_what_to_do, {"D12: alarms that do not name their section of the runbook"}),
    (nobody_counts_errors_in_the_log, {"D11: metrics of logs that alarms look at and no filter makes"}),
    (
        the_dashboard_shows_what_is_gone,
        {"D11: alarms on the dashboard that are not there", "D11: widgets that stand out on the right"},
    ),
    (a_log_is_kept_for_a_month, {"E15: days that every log group keeps"}),
    (backups_are_kept_for_a_day, {"E16: days that backups are kept"}),
    (the_session_table_is_not_backed_up, {"E16: what is backed up: daily"}),
    (the_database_is_not_kept_for_long, {"E16: what is backed up: monthly, weekly"}),
    (the_website_is_not_copied, {"D10: replication of WebsiteBucketName"}),
    (nobody_is_told_of_half_the_budget, {"D13: per cent of the budget that somebody is told of"}),
    (servers_run_all_night, {"D13: when web servers start and stop"}),
    (the_database_goes_by_another_clock, {"D13: when the database starts and stops"}),
    (schedules_may_do_nothing, {"D9: what schedules may not do that they should"}),
    (nobody_writes_down_who_did_what, {"D9: the trail is on"}),
]


@pytest.mark.parametrize(("damage", "seen"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_each_damage_is_found(environment: Environment, damage: Damage, seen: set[str]) -> None:
    """Damages stay, so that a test looks at what its own damage adds."""
    damage(environment.target)
    found = broken(environment.target)
    assert found - environment.known == seen
    environment.known = found
