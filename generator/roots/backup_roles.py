"""The roles by which AWS copies the platform's data: AWS Backup's two, for taking and for restoring, and S3's.

Part of the root `target_account`. An administrator makes them, because their rights go beyond what any role of the
platform's stacks may have: they read all data, and may act in the second region. Each is for the platform's own stores,
known by name where AWS lets us choose it, else by the tag `Project`; what AWS's managed policies
(AWSBackupServiceRolePolicyForBackup, …ForRestores, …ForS3Backup, …ForS3Restore) have besides says docs/recovery.md.

None of them can delete or overwrite a store. What is restored gets a name of its own: AWS Backup's for a test,
`web-platform-…-restored…` for an operator.
https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html
"""

from __future__ import annotations

from collections.abc import Sequence

import awacs.backup
import awacs.cloudwatch
import awacs.dynamodb
import awacs.ec2
import awacs.elasticfilesystem
import awacs.events
import awacs.kms
import awacs.rds
import awacs.s3
import awacs.sts
import awacs.tag
from awacs.aws import Action, Bool, Condition, ForAllValuesArnLike, Principal, Statement, StringEquals, StringLike
from troposphere import Ref, Tags, Template
from troposphere.iam import Policy, Role

from generator.iam import (
    Resource,
    allow,
    allow_principal,
    arn,
    delivery_boundary,
    document,
    from_this_account,
    service_principal,
)
from generator.keys import SERVICES_WITH_BACKUPS
from generator.naming import BACKUP_ROLE, PROJECT, REPLICATION_ROLE, RESTORE_ROLE

OURS = f"{PROJECT}-*"
RESTORED = (f"{PROJECT}-*-restored*", "awsbackup-restore-test-*")
"""What is restored is called so: by operators, and by AWS Backup for a test. No store that is in use is."""

ACCOUNT = "${AWS::AccountId}"
SNAPSHOTS = f"rds:*:{ACCOUNT}:snapshot:awsbackup:*"
"""What AWS Backup calls its snapshots of databases, and their copies."""

FILE_SYSTEMS = f"elasticfilesystem:*:{ACCOUNT}:file-system/*"
VAULTS = f"backup:*:{ACCOUNT}:backup-vault:{OURS}"
TAGGED_AS_OURS = {"aws:ResourceTag/Project": PROJECT}


def add_backup_roles(template: Template) -> None:
    """Add the three roles. The vaults' and stores' stacks know them by name."""
    backup = _for_backup("backup")
    # Restore testing is a service of its own, to which the role is handed.
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupFullAccess.html
    restore = _for_backup("backup", "restore-testing.backup")
    # S3 is not known to say for whose bucket it comes. Nobody can hand this role to it but from this account.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    s3 = allow_principal("S3", service_principal("s3"), [awacs.sts.AssumeRole])
    _role(template, "BackupRole", BACKUP_ROLE, backup, _taking(), "Takes and copies backups of the platform's data.")
    _role(template, "RestoreRole", RESTORE_ROLE, restore, _restoring(), "Restores backups beside what is in use.")
    _role(template, "ReplicationRole", REPLICATION_ROLE, s3, _replicating(), "Replicates the platform's buckets.")


def _for_backup(*services: str) -> Statement:
    names = [f"{service}.amazonaws.com" for service in services]
    principal = Principal("Service", names if len(names) > 1 else names[0])
    return allow_principal("AwsBackup", principal, [awacs.sts.AssumeRole], condition=from_this_account())


def _role(
    template: Template, title: str, name: str, trusted: Statement, statements: Sequence[Statement], description: str
) -> None:
    template.add_resource(
        Role(
            title,
            RoleName=name,
            Description=description,
            AssumeRolePolicyDocument=document(trusted),
            Policies=[Policy(PolicyName=title, PolicyDocument=document(*statements))],
            PermissionsBoundary=delivery_boundary(),
            Tags=Tags(Name=name),
        )
    )


def _taking() -> list[Statement]:
    return [
        allow("Table", _actions("dynamodb", "DescribeTable", "ListTagsOfResource", "StartAwsBackupJob"), _tables(OURS)),
        allow(
            "Files",
            [awacs.elasticfilesystem.Backup, awacs.elasticfilesystem.DescribeTags],
            [arn(FILE_SYSTEMS)],
            Condition(StringEquals(TAGGED_AS_OURS)),
        ),
        *_database_snapshots(),
        *_buckets_read(),
        allow("Vaults", [awacs.backup.CopyIntoBackupVault, awacs.backup.DescribeBackupVault], [arn(VAULTS)]),
        # Backups get their stores' tags.
        allow("TagBackups", [awacs.backup.TagResource], [arn(f"backup:*:{ACCOUNT}:recovery-point:*")]),
        # The ARN of what is copied is its store's, of four kinds; where it is copied to is ours.
        allow(
            "CopiesIntoOurVaults",
            [awacs.backup.CopyFromBackupVault],
            ["*"],
            Condition(ForAllValuesArnLike({"backup:CopyTargets": arn(VAULTS)})),
        ),
        # Lists and descriptions, of which AWS Backup asks for more than one resource at once.
        allow(
            "AskingWhatIsThere",
            [
                awacs.cloudwatch.GetMetricData,
                awacs.events.ListRules,
                awacs.rds.DescribeDBInstances,
                awacs.rds.DescribeDBSnapshots,
                awacs.s3.ListAllMyBuckets,
                awacs.tag.GetResources,
            ],
            ["*"],
        ),
        *_keys("Decrypt", "GenerateDataKey"),
    ]


def _database_snapshots() -> list[Statement]:
    """Return the right to take, copy and, at the end of their time, delete snapshots; not to share them."""
    making = ("AddTagsToResource", "CreateDBSnapshot", "ListTagsForResource")
    databases = arn(f"rds:*:{ACCOUNT}:db:{OURS}")
    return [
        allow("SnapshotDatabase", _actions("rds", *making), [databases, arn(SNAPSHOTS)]),
        allow("CopyAndExpireSnapshots", _actions("rds", "CopyDBSnapshot", "DeleteDBSnapshot"), [arn(SNAPSHOTS)]),
    ]


def _buckets_read() -> list[Statement]:
    """Return the right to read buckets and to be told of their changes, by inventory and EventBridge.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html
    """
    buckets = (
        *("GetBucketAcl", "GetBucketLocation", "GetBucketNotification", "GetBucketTagging", "GetBucketVersioning"),
        *("GetInventoryConfiguration", "ListBucket", "ListBucketVersions"),
        *("PutBucketNotification", "PutInventoryConfiguration"),
    )
    objects = (
        *("GetObject", "GetObjectAcl", "GetObjectTagging"),
        *("GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionTagging"),
    )
    rules = (
        *("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule"),
        *("PutRule", "PutTargets", "RemoveTargets"),
    )
    return [
        allow("Buckets", _actions("s3", *buckets), [arn(f"s3:::{OURS}")], _of_this_account()),
        allow("Objects", _actions("s3", *objects), [arn(f"s3:::{OURS}/*")], _of_this_account()),
        allow("RulesOfAwsBackup", _actions("events", *rules), [arn(f"events:*:{ACCOUNT}:rule/AwsBackupManagedRule*")]),
    ]


def _restoring() -> list[Statement]:
    # DynamoDB fills the new table with its caller's rights.
    filling = ("BatchWriteItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
    files = ("CreateFileSystem", "DescribeFileSystems", "Restore", "TagResource")
    return [
        allow("Table", _actions("dynamodb", "RestoreTableFromAwsBackup", *filling), _tables(*RESTORED)),
        allow("Files", _actions("elasticfilesystem", *files), [arn(FILE_SYSTEMS)]),
        *_database_restored(),
        *_buckets_restored(),
        *_keys(
            "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"
        ),
    ]


def _database_restored() -> list[Statement]:
    restored = [arn(f"rds:*:{ACCOUNT}:db:{name}") for name in RESTORED]
    groups = [arn(f"rds:*:{ACCOUNT}:{name}") for name in ("og:default*", "pg:default*", f"pg:{OURS}", f"subgrp:{OURS}")]
    making = ("AddTagsToResource", "CreateDBInstance", "ListTagsForResource", "RestoreDBInstanceFromDBSnapshot")
    network = ("AccountAttributes", "AvailabilityZones", "InternetGateways", "SecurityGroups", "Subnets", "Vpcs")
    asking = [
        *_actions("rds", "DescribeDBInstances", "DescribeDBSnapshots"),
        *_actions("ec2", *(f"Describe{name}" for name in network)),
    ]
    return [
        allow("Database", _actions("rds", *making), [*restored, arn(SNAPSHOTS), *groups]),
        # Descriptions; IAM confines those of the network to no resource.
        allow("AskingWhatIsThere", asking, ["*"]),
    ]


def _buckets_restored() -> list[Statement]:
    buckets = (
        *("CreateBucket", "GetBucketLocation", "GetBucketOwnershipControls", "GetBucketVersioning"),
        *("ListBucket", "ListBucketVersions", "PutBucketOwnershipControls", "PutBucketVersioning"),
    )
    objects = (
        *("DeleteObject", "GetObject", "GetObjectAcl", "GetObjectTagging", "GetObjectVersion", "GetObjectVersionAcl"),
        *("ListMultipartUploadParts", "PutObject", "PutObjectAcl", "PutObjectTagging", "PutObjectVersionAcl"),
    )
    return [
        allow("Buckets", _actions("s3", *buckets), [arn(f"s3:::{name}") for name in RESTORED]),
        allow("Objects", _actions("s3", *objects), [arn(f"s3:::{name}/*") for name in RESTORED], _of_this_account()),
    ]


def _replicating() -> list[Statement]:
    """Return what S3 needs to copy new versions, their tags and delete markers to a replica.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    """
    reading = ("GetObjectVersionAcl", "GetObjectVersionForReplication", "GetObjectVersionTagging")
    writing = ("ReplicateDelete", "ReplicateObject", "ReplicateTags")
    return [
        allow("Sources", _actions("s3", "GetReplicationConfiguration", "ListBucket"), [arn(f"s3:::{OURS}")]),
        allow("Versions", _actions("s3", *reading), [arn(f"s3:::{OURS}/*")], _of_this_account()),
        allow("Replicas", _actions("s3", *writing), [arn(f"s3:::{OURS}-replica/*")], _of_this_account()),
        allow(
            "KeysThroughS3",
            _actions("kms", "Decrypt", "Encrypt", "GenerateDataKey"),
            [arn(f"kms:*:{ACCOUNT}:key/*")],
            Condition([StringEquals(TAGGED_AS_OURS), _through("s3")]),
        ),
    ]


def _keys(*use: str) -> list[Statement]:
    """Return the right to use our keys through AWS Backup and the stores' services, and to let these go on with it."""
    keys = [arn(f"kms:*:{ACCOUNT}:key/*")]
    ours, through = StringEquals(TAGGED_AS_OURS), _through(*SERVICES_WITH_BACKUPS)
    for_aws = Bool({"kms:GrantIsForAWSResource": "true"})
    return [
        allow("DescribeKeys", [awacs.kms.DescribeKey], keys, Condition(ours)),
        allow("KeysThroughServices", _actions("kms", *use), keys, Condition([ours, through])),
        allow("GrantsToServices", [awacs.kms.CreateGrant], keys, Condition([ours, through, for_aws])),
    ]


def _through(*services: str) -> StringLike:
    return StringLike({"kms:ViaService": [f"{service}.*.amazonaws.com" for service in services]})


def _of_this_account() -> Condition:
    """Return the condition that tells our buckets from others' of a like name: an S3 ARN has no account."""
    return Condition(StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")}))


def _tables(*names: str) -> list[Resource]:
    return [arn(f"dynamodb:*:{ACCOUNT}:table/{name}") for name in names]


def _actions(service: str, *names: str) -> list[Action]:
    return [Action(service, name) for name in names]
