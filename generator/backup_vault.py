"""Backup vaults: what every region's has, said once: encrypted, hard to empty, locked where asked for (D10)."""

from __future__ import annotations

import awacs.backup
from awacs.aws import ArnNotLike, BoolIfExists, Condition, Deny, Principal, Statement
from troposphere import AWSHelperFn, Equals, If, Not, Sub, Template
from troposphere.backup import BackupVault, LockConfigurationType

from generator.iam import arn, document
from generator.naming import BREAK_GLASS_ROLE, PROJECT, in_environment
from generator.nesting import add_condition, only_if
from generator.parameter_types import KeyArn, VaultLock
from generator.retention import retain

DAYS_OF_DAILY, DAYS_OF_WEEKLY, DAYS_OF_MONTHLY = 7, 35, 365
"""How long each kind of backup is kept: 7 days (E16), 5 weeks, 12 months. The lock takes nothing shorter or longer."""

COOLING_OFF_DAYS = 3
"""How long a compliance lock can still be taken back: the least that AWS Backup allows.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-backup-backupvault-lockconfigurationtype.html
"""

IS_LOCKED, IS_LOCKED_FOR_EVER = "IsLocked", "IsLockedForEver"

ENDS_BACKUPS = (
    "DeleteBackupVaultAccessPolicy",
    "DeleteBackupVaultLockConfiguration",
    "DeleteRecoveryPoint",
    "DisassociateRecoveryPoint",
    "UpdateRecoveryPointLifecycle",
)
"""What deletes a backup, shortens its life, or takes away what keeps it. A vault itself can be deleted only while it is
empty.
"""


def backup_vault(template: Template, title: str, name: Sub, key: KeyArn, vault_lock: VaultLock) -> BackupVault:
    """Add a vault, and the conditions of its lock. Its name is the caller's: AWS makes none."""
    add_condition(template, IS_LOCKED, Not(Equals(vault_lock, "none")))
    add_condition(template, IS_LOCKED_FOR_EVER, Equals(vault_lock, "compliance"))
    vault = BackupVault(
        title,
        BackupVaultName=name,
        EncryptionKeyArn=key,
        LockConfiguration=_lock(),
        BackupVaultTags={"Name": in_environment(f"{PROJECT}-${{EnvironmentName}}-backups")},
    )
    # Past troposphere, which writes a document as text, where CloudFormation replaces nothing.
    vault.properties["AccessPolicy"] = document(_keep_backups())
    return template.add_resource(retain(vault))


def _keep_backups() -> Statement:
    """Refuse the end of backups to everybody but the role for emergencies; "*" is this vault.

    AWS Backup itself deletes what has reached its age.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault-access-policy.html
    """
    neither = [
        ArnNotLike({"aws:PrincipalArn": arn(f"iam::${{AWS::AccountId}}:role/{BREAK_GLASS_ROLE}")}),
        BoolIfExists({"aws:PrincipalIsAWSService": "false"}),
    ]
    return Statement(
        Sid="KeepBackups",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[awacs.backup.Action(name) for name in ENDS_BACKUPS],
        Resource=["*"],
        Condition=Condition(neither),
    )


def _lock() -> AWSHelperFn:
    """Return the lock. Under governance an administrator can lift it; under compliance nobody can, AWS included.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
    """
    for_ever = LockConfigurationType(
        MinRetentionDays=DAYS_OF_DAILY, MaxRetentionDays=DAYS_OF_MONTHLY, ChangeableForDays=COOLING_OFF_DAYS
    )
    liftable = LockConfigurationType(MinRetentionDays=DAYS_OF_DAILY, MaxRetentionDays=DAYS_OF_MONTHLY)
    return only_if(IS_LOCKED, If(IS_LOCKED_FOR_EVER, for_ever, liftable))
