"""What an upgrade can lose: data, addresses that others hold, and the protection of either.

Replacing or removing a resource of this table is a danger, whatever its policies keep: what is kept is an orphan that
nothing uses. So is a change that weakens its protection: the next mistake then costs the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from generator.checks.property_differences import Difference, Path, in_words, spelled
from generator.checks.waivers import Action

HOLDS = {
    "AWS::Backup::BackupVault": "its recovery points",
    "AWS::Cognito::UserPool": "its users",
    "AWS::DynamoDB::Table": "every item of the table",
    "AWS::EC2::Volume": "every block of the volume",
    "AWS::ECR::Repository": "its images",
    "AWS::EFS::FileSystem": "every file",
    "AWS::KMS::Key": "whatever is encrypted with it, which nobody can read without it",
    "AWS::Logs::LogGroup": "its log events",
    "AWS::RDS::DBCluster": "every database of the cluster",
    "AWS::RDS::DBInstance": "every database of the instance",
    "AWS::S3::Bucket": "every object of the bucket",
    "AWS::SQS::Queue": "messages under way",
    "AWS::SecretsManager::Secret": "the secret value",
}
"""What each stateful type holds."""

FOUNDATIONS = {
    "AWS::Backup::BackupPlan": "every backup from now on, until another plan takes them",
    "AWS::EC2::EIP": "a public address that others may have allowed by number",
    "AWS::EC2::SecurityGroup": "the group that network interfaces are in: traffic stops until all have moved",
    "AWS::EC2::Subnet": "everything that has an address in it, which is replaced or cut off as well",
    "AWS::EC2::VPC": "everything in it, which is replaced or cut off as well",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "the DNS name that records and clients point to, and open connections",
    "AWS::Route53::HostedZone": "the name servers that the domain's registrar points to",
}
"""Types without data of their own that cannot be replaced unnoticed: what goes with each."""

SNAPSHOT_BY_DEFAULT = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")
"""Without a DeletionPolicy, CloudFormation takes a snapshot of these and deletes everything else.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

POLICIES = {"DeletionPolicy": Action.REMOVE, "UpdateReplacePolicy": Action.REPLACE}
"""The attribute that decides what is kept, by what happens to the resource."""

Broken = Callable[[Any, Any], bool]
"""Whether a change from one value to another weakens; None stands for an absent property."""


@dataclass(frozen=True)
class Danger:
    """One way in which an upgrade loses data, or makes losing it easier. Waived by address and action."""

    address: str
    type: str
    action: Action
    reason: str
    """What happens and why, in words."""
    data: str
    """What is lost and what is kept; empty where protection is weakened."""
    cascade: tuple[str, ...] = ()
    """Addresses of the other resources that are replaced because this one is."""


@dataclass(frozen=True)
class Safeguard:
    """A property that protects data; `*` in its path stands for any item of a list."""

    path: Path
    broken: Broken
    meaning: str


def is_stateful(type_name: str, attributes: Mapping[str, Any]) -> bool:
    """Whether losing the resource loses something: by its type, or because its template says that it is to be kept."""
    declared = any(attributes.get(policy, "Delete") != "Delete" for policy in POLICIES)
    return type_name in HOLDS or type_name in FOUNDATIONS or declared


def is_replica(properties: Mapping[str, Any]) -> bool:
    """Whether a database instance only serves what another resource holds: a read replica, or a cluster's member."""
    return bool(properties.get("SourceDBInstanceIdentifier") or properties.get("DBClusterIdentifier"))


def is_made_up(type_name: str, properties: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Whether a secret is one that CloudFormation made up, and that its template says may go: another is as good."""
    gone = all(attributes.get(policy) == "Delete" for policy in POLICIES)
    return type_name == "AWS::SecretsManager::Secret" and "GenerateSecretString" in properties and gone


def fate(type_name: str, attributes: Mapping[str, Any], action: Action, kept_by_stack: bool = False) -> str:
    """Return what is lost and what is kept when a resource is replaced or removed, in words.

    `kept_by_stack` says that the nested stack it is in is retained as a whole.
    """
    if type_name in FOUNDATIONS:
        return f"lost: {FOUNDATIONS[type_name]}"
    held = HOLDS.get(type_name, "what it holds")
    policy = _policy(type_name, attributes, action)
    if kept_by_stack or policy.startswith("Retain"):
        return f"kept as an orphan outside CloudFormation ({policy}), unused and still paid for: {held}"
    if policy == "Snapshot":
        return f"a final snapshot is kept, the running resource is deleted; without restoring it, lost: {held}"
    return f"lost for ever: {held}"


def weakened_policies(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return, in words, each of the two retention policies that kept data and no longer does."""
    return [
        f"{attribute}: {old} → {new}: CloudFormation deletes it when it is {action}d, without keeping anything"
        for attribute, action in POLICIES.items()
        for old, new in [(_policy(type_name, before, action), _policy(type_name, after, action))]
        if old != "Delete" and new == "Delete"
    ]


def weakened_safeguards(type_name: str, changed: Sequence[Difference]) -> list[str]:
    """Return, in words, each protection that a change of properties takes away."""
    return [
        f"{spelled(difference.path)}: {in_words(difference.before)} → {in_words(difference.after)}: {safeguard.meaning}"
        for difference in changed
        for safeguard in SAFEGUARDS.get(type_name, ())
        if _matches(safeguard.path, difference.path) and safeguard.broken(difference.before, difference.after)
    ]


def _policy(type_name: str, attributes: Mapping[str, Any], action: Action) -> str:
    attribute = next(name for name, of in POLICIES.items() if of == action)
    default = "Snapshot" if attribute == "DeletionPolicy" and type_name in SNAPSHOT_BY_DEFAULT else "Delete"
    return str(attributes.get(attribute, default))


def _matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(one in ("*", other) for one, other in zip(pattern, path, strict=True))


def _on(value: Any) -> bool:
    return str(value).lower() in ("true", "enabled")


def _switched_off(before: Any, after: Any) -> bool:
    return _on(before) and not _on(after)


def _switched_on(before: Any, after: Any) -> bool:
    return _on(after) and not _on(before)


def _changed(before: Any, after: Any) -> bool:
    return before is not None and before != after


def _in_any_way(before: Any, after: Any) -> bool:
    return bool(before != after)


def _taken_away(before: Any, after: Any) -> bool:
    return before is not None and after is None


def _lowered(before: Any, after: Any) -> bool:
    """For a number of days where an absent one means none."""
    return _days(before, 0) > _days(after, 0)


def _expires_sooner(before: Any, after: Any) -> bool:
    """For a number of days after which something is deleted, where an absent one means never."""
    return _days(after, inf) < _days(before, inf)


def _days(value: Any, absent: float) -> float:
    """Return a number of days; one that is known only after deployment counts as absent."""
    try:
        return absent if value is None else float(value)
    except (TypeError, ValueError):
        return absent


_PROTECTED = "nothing stops its deletion any more"
_KEY = "the key changes: whoever may not use the new one is shut out, and old data may stay under the old one"
_PUBLIC = "the bucket can be opened to everybody"
_BUCKET_ENCRYPTION = ("BucketEncryption", "ServerSideEncryptionConfiguration", "*", "ServerSideEncryptionByDefault")
_RULE = ("BackupPlan", "BackupPlanRule", "*")
_DATABASE = (
    Safeguard(("DeletionProtection",), _switched_off, _PROTECTED),
    Safeguard(("BackupRetentionPeriod",), _lowered, "older automated backups are deleted"),
    Safeguard(("DeleteAutomatedBackups",), _switched_on, "automated backups go with the instance"),
    Safeguard(("StorageEncrypted",), _switched_off, "the storage is no longer encrypted"),
    Safeguard(("KmsKeyId",), _changed, _KEY),
    Safeguard(("PubliclyAccessible",), _switched_on, "the database gets a public address"),
)

SAFEGUARDS: dict[str, tuple[Safeguard, ...]] = {
    "AWS::Backup::BackupPlan": (
        Safeguard(
            (*_RULE, "Lifecycle", "DeleteAfterDays"), _lowered, "backups are kept for a shorter time, or not taken"
        ),
        Safeguard(
            (*_RULE, "CopyActions", "*", "DestinationBackupVaultArn"), _changed, "copies go elsewhere, or nowhere"
        ),
    ),
    "AWS::Backup::BackupVault": (
        Safeguard(("AccessPolicy",), _changed, "others may delete backups before their time"),
        Safeguard(("EncryptionKeyArn",), _changed, _KEY),
        Safeguard(("LockConfiguration", "MinRetentionDays"), _lowered, "backups can be deleted sooner"),
        Safeguard(("LockConfiguration", "ChangeableForDays"), _taken_away, "the lock can be lifted"),
    ),
    "AWS::DynamoDB::Table": (
        Safeguard(("DeletionProtectionEnabled",), _switched_off, _PROTECTED),
        Safeguard(
            ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
            _switched_off,
            "the backups of the last 35 days are deleted, and none follow",
        ),
        Safeguard(("SSESpecification", "SSEEnabled"), _switched_off, "the table leaves the key that we control"),
        Safeguard(("SSESpecification", "KMSMasterKeyId"), _changed, _KEY),
    ),
    "AWS::EFS::FileSystem": (
        Safeguard(("BackupPolicy", "Status"), _switched_off, "no more backups are taken"),
        Safeguard(("Encrypted",), _switched_off, "files are no longer encrypted"),
        Safeguard(("KmsKeyId",), _changed, _KEY),
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        Safeguard(("LoadBalancerAttributes", "[deletion_protection.enabled]", "Value"), _switched_off, _PROTECTED),
    ),
    "AWS::KMS::Key": (
        Safeguard(("Enabled",), _switched_off, "nobody can read what it encrypts until it is enabled again"),
        Safeguard(("EnableKeyRotation",), _switched_off, "the key material is no longer rotated"),
        Safeguard(("PendingWindowInDays",), _lowered, "less time to notice that it was deleted by mistake"),
    ),
    "AWS::Logs::LogGroup": (
        Safeguard(("RetentionInDays",), _expires_sooner, "older log events are deleted"),
        Safeguard(("KmsKeyId",), _changed, _KEY),
    ),
    "AWS::RDS::DBCluster": _DATABASE,
    "AWS::RDS::DBInstance": _DATABASE,
    "AWS::S3::Bucket": (
        Safeguard((*_BUCKET_ENCRYPTION, "SSEAlgorithm"), _changed, "new objects are encrypted in another way"),
        Safeguard((*_BUCKET_ENCRYPTION, "KMSMasterKeyID"), _changed, _KEY),
        Safeguard(("VersioningConfiguration", "Status"), _switched_off, "overwriting an object loses the former one"),
        Safeguard(
            ("ReplicationConfiguration", "Rules", "*", "Status"),
            _switched_off,
            "nothing more reaches the second region",
        ),
        Safeguard(("LifecycleConfiguration", "Rules", "*", "ExpirationInDays"), _expires_sooner, "objects are deleted"),
        Safeguard(
            ("LifecycleConfiguration", "Rules", "*", "NoncurrentVersionExpiration", "NoncurrentDays"),
            _expires_sooner,
            "former versions are deleted",
        ),
        *(
            Safeguard(("PublicAccessBlockConfiguration", name), _switched_off, _PUBLIC)
            for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        ),
    ),
    "AWS::SecretsManager::Secret": (
        Safeguard(("KmsKeyId",), _changed, _KEY),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
        Safeguard(
            ("GenerateSecretString", "*"), _in_any_way, "a new value is generated: who keeps the old is shut out"
        ),
    ),
}
"""What protects each type, in the order of the messages."""
