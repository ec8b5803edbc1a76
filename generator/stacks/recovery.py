"""Backups: the vault, what is taken into it and for how long, its copy in a second region, and tests that restore.

Owns the backup vault and the plan that takes into it everything with the tag `Backup: daily`; where asked for a second
plan, whose backups are kept for long, and one that restores a backup of each store every month (D10, E16). Never
creates a role: AWS Backup works with two that the account's administrator makes (`target_account`), because rights to
read all data, or to make databases, are beyond what deployments may give.

The plan takes snapshots. Continuous backups stay with the stores: RDS and DynamoDB go back to any second of the last 7
and 35 days by themselves, and a continuous rule would make AWS Backup the owner of the database's retention and window,
which the template of the database then contradicts. What restores what, and how fast, says docs/recovery.md.
https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Equals, If, Ref, Select, Split, Sub, Template
from troposphere.backup import BackupVault

from generator.alarms import Dimensions, Metric, Window, above, below, math_alarm, metric_alarm
from generator.backup_vault import backup_vault
from generator.buckets import REPLICATION_RULE
from generator.iam import arn
from generator.naming import PROJECT, RELEASES_REPLICA, WEBSITE_REPLICA, recovery_vault_name, replica_bucket_name
from generator.nesting import add_condition
from generator.office_hours import OFFICE_HOURS
from generator.parameter_types import (
    BucketName,
    EnvironmentName,
    KeyArn,
    RecoveryRegion,
    ResourceName,
    SecurityGroupId,
    SubnetIds,
    TimeZone,
    Toggle,
    TopicArn,
    VaultLock,
    output,
    parameter,
)
from generator.regions import HAS_RECOVERY_REGION, add_recovery_condition
from generator.stacks.recovery_plans import LONG_TERM, add_plans
from generator.stacks.recovery_restore_tests import TESTS_RESTORING, Network, add_restore_tests

EVERY_DAY = "BacksUpEveryDay"

EACH_HOUR = Window(1, 3600)
A_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    backup_key_arn: KeyArn = parameter("Key that encrypts the backups in the vault.")
    data_key_arn: KeyArn = parameter("Key that encrypts what is restored for a test.")
    isolated_subnet_ids: SubnetIds = parameter("Subnets in which the database is restored for a test.")
    database_group_id: SecurityGroupId = parameter("Security group of the database that is restored for a test.")
    website_bucket_name: BucketName = parameter("Bucket of the website, which may have a replica.")
    release_bucket_name: BucketName = parameter("Bucket of the release archives, which may have a replica.")
    operations_topic_arn: TopicArn = parameter("Topic of what can wait until morning.")
    long_term_backups: Toggle = parameter("Whether weekly and monthly backups are kept besides the daily ones.")
    backup_vault_lock: VaultLock = parameter("Who can delete backups before their time.")
    recovery_region: RecoveryRegion = parameter("Region that gets copies, or empty.")
    restore_testing: Toggle = parameter("Whether backups are restored every month, to see that it works.")
    office_hours_only: Toggle = parameter("Whether the database runs in office hours only.")
    time_zone: TimeZone = parameter("Time zone of the office hours.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    backup_vault_name: ResourceName = output("Vault of the backups.")
    recovery_vault_arn: ResourceName = output("Vault of their copies in the second region, or none.")
    restore_testing_plan_name: ResourceName = output("Plan by which backups are restored every month, or none.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, LONG_TERM, Equals(parameters.long_term_backups, "true"))
    add_recovery_condition(template, parameters.recovery_region)
    add_condition(template, TESTS_RESTORING, Equals(parameters.restore_testing, "true"))
    add_condition(template, OFFICE_HOURS, Equals(parameters.office_hours_only, "true"))
    add_condition(template, EVERY_DAY, Equals(parameters.office_hours_only, "false"))
    vault = backup_vault(
        template, "BackupVault", _vault_name(), parameters.backup_key_arn, parameters.backup_vault_lock
    )
    copies = arn("backup:${RecoveryRegion}:${AWS::AccountId}:backup-vault:${Vault}", Vault=recovery_vault_name())
    add_plans(template, vault, copies, parameters.time_zone)
    network = Network(parameters.isolated_subnet_ids, parameters.database_group_id)
    tests = add_restore_tests(template, vault, network, parameters.data_key_arn)
    _tell_of_jobs(template, parameters, vault)
    _tell_of_replication(template, parameters)
    return Outputs(
        backup_vault_name=ResourceName(Ref(vault)),
        recovery_vault_arn=ResourceName(If(HAS_RECOVERY_REGION, copies, "none")),
        restore_testing_plan_name=ResourceName(If(TESTS_RESTORING, Ref(tests), "none")),
    )


def _vault_name() -> Sub:
    """Return a name that no vault of another stack has: vaults with backups outlive their stacks."""
    of_this_stack = Select(0, Split("-", Select(2, Split("/", Ref("AWS::StackId")))))
    return Sub(f"{PROJECT}-${{EnvironmentName}}-${{OfThisStack}}", OfThisStack=of_this_stack)


def _tell_of_jobs(template: Template, parameters: Parameters, vault: BackupVault) -> None:
    """Tell of every job that did not end well.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
    """
    actions = [parameters.operations_topic_arn]

    def jobs(what: str) -> Metric:
        return Metric("AWS/Backup", f"NumberOf{what}", {"BackupVaultName": Ref(vault)}, "Sum")

    template.add_resource(
        math_alarm(
            "BackupJobFailed",
            means="A backup was not taken, or not finished in time.",
            expression="FILL(failed, 0) + FILL(aborted, 0) + FILL(expired, 0)",
            metrics={each.lower(): jobs(f"BackupJobs{each}") for each in ("Failed", "Aborted", "Expired")},
            breach=above(0),
            window=EACH_HOUR,
            actions=actions,
        )
    )
    # Whoever takes a tag away, or a right, makes no job fail: there is none. The first day counts as well, and is told.
    template.add_resource(
        metric_alarm(
            "BackupsMissing",
            means="No backup was completed for two days.",
            metric=jobs("BackupJobsCompleted"),
            breach=below(1),
            window=Window(2, A_DAY),
            actions=actions,
            missing="breaching",
            condition=EVERY_DAY,
        )
    )
    for title, means, what, condition in (
        ("BackupCopyFailed", "A backup did not reach the second region.", "CopyJobsFailed", HAS_RECOVERY_REGION),
        ("RestoreTestFailed", "A backup could not be restored.", "RestoreJobsFailed", TESTS_RESTORING),
    ):
        template.add_resource(
            metric_alarm(
                title,
                means=means,
                metric=jobs(what),
                breach=above(0),
                window=EACH_HOUR,
                actions=actions,
                condition=condition,
            )
        )


def _tell_of_replication(template: Template, parameters: Parameters) -> None:
    template.add_resource(
        math_alarm(
            "ReplicationFailed",
            means="Something in a bucket did not reach its replica in the second region.",
            expression="FILL(website, 0) + FILL(releases, 0)",
            metrics={
                "website": _not_replicated(parameters.website_bucket_name, WEBSITE_REPLICA),
                "releases": _not_replicated(parameters.release_bucket_name, RELEASES_REPLICA),
            },
            breach=above(0),
            window=EACH_HOUR,
            actions=[parameters.operations_topic_arn],
            condition=HAS_RECOVERY_REGION,
        )
    )


def _not_replicated(bucket: BucketName, subject: str) -> Metric:
    """Return how many versions failed to replicate.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
    """
    dimensions: Dimensions = {
        "SourceBucket": bucket,
        "DestinationBucket": replica_bucket_name(subject),
        "RuleId": REPLICATION_RULE,
    }
    return Metric("AWS/S3", "OperationsFailedReplication", dimensions, "Sum")
