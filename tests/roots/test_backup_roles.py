"""D9: the roles by which AWS copies the platform's data suffice, and touch nothing that is in use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from generator.naming import BACKUP_ROLES, BOOTSTRAP_ROLES
from tests import recovery_claims as claims
from tests.claims import identity_statements
from tests.intrinsics import Templates

Claim = Callable[[Templates], None]


@pytest.mark.parametrize(
    "claim",
    [
        claims.check_restoring_touches_nothing_in_use,
        claims.check_taking_backups_changes_no_store,
        claims.check_roles_that_copy_are_for_this_accounts_aws_alone,
    ],
    ids=lambda claim: claim.__name__,
)
def test_d9_roles_do_what_they_are_for(templates: Templates, claim: Claim) -> None:
    claim(templates)


def test_no_deployment_can_change_them() -> None:
    assert set(BACKUP_ROLES) <= set(BOOTSTRAP_ROLES)


@pytest.mark.parametrize(
    ("title", "actions"),
    [
        (
            "BackupRole",
            {
                *("dynamodb:StartAwsBackupJob", "elasticfilesystem:Backup", "rds:CreateDBSnapshot"),
                *("s3:GetObjectVersion", "s3:ListBucketVersions", "s3:GetInventoryConfiguration"),
                *("backup:CopyIntoBackupVault", "backup:CopyFromBackupVault", "rds:CopyDBSnapshot"),
            },
        ),
        (
            "RestoreRole",
            {
                *("dynamodb:RestoreTableFromAwsBackup", "elasticfilesystem:Restore"),
                *("rds:RestoreDBInstanceFromDBSnapshot", "s3:CreateBucket", "s3:PutObject"),
            },
        ),
        ("ReplicationRole", {"s3:GetObjectVersionForReplication", "s3:ReplicateObject", "s3:ReplicateDelete"}),
    ],
)
def test_roles_can_do_what_each_kind_of_store_needs(templates: Templates, title: str, actions: set[str]) -> None:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html."""
    rights = [right for name, right in identity_statements(templates["target_account"]) if name == title]
    assert actions <= {action for right in rights for action in right["Action"]}


def test_a_role_is_small_enough(templates: Templates) -> None:
    """IAM takes 10,240 characters of inline policies on a role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for title in ("BackupRole", "RestoreRole", "ReplicationRole"):
        policies = templates["target_account"]["Resources"][title]["Properties"]["Policies"]
        assert len(str(policies)) < 10_240, title
