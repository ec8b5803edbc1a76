"""What happens to data when its resource is deleted or replaced: one table, chosen on purpose (D10).

CloudFormation's default deletes. A resource that holds data says otherwise, in both attributes: `DeletionPolicy` for a
resource that leaves the template or whose stack is deleted, `UpdateReplacePolicy` for one that a change replaces.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

from typing import TypeVar

from troposphere import AWSObject

Resource = TypeVar("Resource", bound=AWSObject)

# RetainExceptOnCreate keeps what has been in use, and lets the rollback of a failed creation clean up after itself.
RETENTION: dict[str, tuple[str, str]] = {
    "AWS::RDS::DBInstance": ("Snapshot", "Snapshot"),
    "AWS::DynamoDB::Table": ("RetainExceptOnCreate", "Retain"),
    "AWS::EFS::FileSystem": ("RetainExceptOnCreate", "Retain"),
    "AWS::S3::Bucket": ("RetainExceptOnCreate", "Retain"),
    # Tasks of every environment start from these images for as long as its release runs.
    "AWS::ECR::Repository": ("RetainExceptOnCreate", "Retain"),
    # Without its key, a retained table, file system or snapshot is lost.
    "AWS::KMS::Key": ("RetainExceptOnCreate", "Retain"),
    # Backups are there for the day after; a vault that holds any cannot be deleted anyway.
    "AWS::Backup::BackupVault": ("RetainExceptOnCreate", "Retain"),
    # A generated master password belongs to the snapshot that outlives its instance.
    "AWS::SecretsManager::Secret": ("RetainExceptOnCreate", "Retain"),
    # A nested stack is deleted resource by resource, and each resource's own policy decides.
    "AWS::CloudFormation::Stack": ("Delete", "Delete"),
    # Logs of a week (E15) are not worth an orphan in every account.
    "AWS::Logs::LogGroup": ("Delete", "Delete"),
}

AUDIT_LOG = ("RetainExceptOnCreate", "Retain")
"""Who did what is asked for after the stack is gone, too."""

READ_REPLICA = ("Delete", "Delete")
"""A replica holds nothing that its source does not hold, and RDS takes no final snapshot of one."""

GENERATED = ("Delete", "Delete")
"""A secret that a stack makes up, and that means nothing without it: the next one makes another."""


def retain(resource: Resource) -> Resource:
    """Give a stateful resource the policies of its type and return it. Raises `KeyError` for an unknown type."""
    resource.DeletionPolicy, resource.UpdateReplacePolicy = RETENTION[str(resource.resource_type)]
    return resource


def retain_audit_log(resource: Resource) -> Resource:
    """Give a log group of who did what its policies and return it."""
    resource.DeletionPolicy, resource.UpdateReplacePolicy = AUDIT_LOG
    return resource


def discard_replica(resource: Resource) -> Resource:
    """Give a read replica its policies and return it."""
    resource.DeletionPolicy, resource.UpdateReplacePolicy = READ_REPLICA
    return resource


def discard_generated(resource: Resource) -> Resource:
    """Give a secret that is made up with its stack its policies and return it."""
    resource.DeletionPolicy, resource.UpdateReplacePolicy = GENERATED
    return resource
