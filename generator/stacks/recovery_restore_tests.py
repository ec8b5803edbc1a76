"""Backups are restored every month, to see that it works. Part of the stack `recovery`.

A backup that nobody has restored is a hope. That it can be read is all that is shown here; what is in it, the drills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Join, Ref, Split, Sub, Template
from troposphere.backup import (
    BackupVault,
    KeyValue,
    ProtectedResourceConditions,
    RestoreTestingPlan,
    RestoreTestingRecoveryPointSelection,
    RestoreTestingSelection,
)
from troposphere.rds import DBSubnetGroup

from generator.iam import arn
from generator.naming import PROJECT, RESTORE_ROLE, in_environment, name_tag
from generator.parameter_types import KeyArn, SecurityGroupId, SubnetIds
from generator.stacks.recovery_plans import backed_up

TESTS_RESTORING = "TestsRestoring"

EVERY_MONTH = "cron(0 9 ? * 4#1 *)"  # on its first Wednesday; UTC
START_WITHIN_HOURS, RESTORED_FOR_HOURS, NEWEST_OF_DAYS = 4, 1, 7


@dataclass(frozen=True)
class Network:
    """Where a database is restored."""

    isolated_subnet_ids: SubnetIds
    database_group_id: SecurityGroupId


def add_restore_tests(template: Template, vault: BackupVault, network: Network, data_key: KeyArn) -> RestoreTestingPlan:
    """Add the plan that restores the newest backup of each kind of store, and what is to be known for that.

    What is restored has names of AWS Backup's own, and is deleted after an hour. Without our subnets and group a
    database would be restored into the account's default VPC, where there is one.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html
    """
    # Its name takes no hyphens.
    name = Join("_", Split("-", in_environment(f"{PROJECT}-${{EnvironmentName}}")))
    plan = template.add_resource(
        RestoreTestingPlan(
            "RestoreTestingPlan",
            Condition=TESTS_RESTORING,
            RestoreTestingPlanName=name,
            ScheduleExpression=EVERY_MONTH,
            ScheduleExpressionTimezone="UTC",
            StartWindowHours=START_WITHIN_HOURS,
            RecoveryPointSelection=RestoreTestingRecoveryPointSelection(
                Algorithm="LATEST_WITHIN_WINDOW",
                IncludeVaults=[GetAtt(vault, "BackupVaultArn")],
                RecoveryPointTypes=["SNAPSHOT"],
                SelectionWindowDays=NEWEST_OF_DAYS,
            ),
            Tags=name_tag("restore-tests"),
        )
    )
    # The database's own group is in a stack that takes a quarter of an hour, and nothing waits for it.
    subnets = template.add_resource(
        DBSubnetGroup(
            "RestoreTestSubnets",
            Condition=TESTS_RESTORING,
            DBSubnetGroupDescription="Isolated subnets, for databases that are restored for a test.",
            SubnetIds=network.isolated_subnet_ids,
            Tags=name_tag("restore-test-subnets"),
        )
    )
    into_our_network: Mapping[str, object] = {
        "dbSubnetGroupName": Ref(subnets),
        "vpcSecurityGroupIds": Sub('["${Group}"]', Group=network.database_group_id),
    }
    with_our_key = {"encryptionType": "KMS", "kmsMasterKeyArn": data_key}
    _restore_test(template, plan, "Database", "RDS", into_our_network)
    _restore_test(template, plan, "Table", "DynamoDB", with_our_key)
    _restore_test(template, plan, "Files", "EFS", {"kmsKeyId": data_key})
    _restore_test(template, plan, "Buckets", "S3", {})
    return plan


def _restore_test(
    template: Template, plan: RestoreTestingPlan, subject: str, kind: str, overrides: Mapping[str, object]
) -> None:
    tagged = [KeyValue(Key=f"aws:ResourceTag/{key}", Value=value) for key, value in backed_up().items()]
    how: dict[str, Any] = {"RestoreMetadataOverrides": dict(overrides)} if overrides else {}
    template.add_resource(
        RestoreTestingSelection(
            f"RestoreTestOf{subject}",
            Condition=TESTS_RESTORING,
            RestoreTestingPlanName=Ref(plan),
            RestoreTestingSelectionName=subject.lower(),
            ProtectedResourceType=kind,
            ProtectedResourceArns=["*"],  # of the vault's; the tags say which
            ProtectedResourceConditions=ProtectedResourceConditions(StringEquals=tagged),
            IamRoleArn=arn(f"iam::${{AWS::AccountId}}:role/{RESTORE_ROLE}"),
            ValidationWindowHours=RESTORED_FOR_HOURS,
            **how,
        )
    )
