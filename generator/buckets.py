"""S3 buckets: what every bucket of the platform has, said once: private, versioned, encrypted, over TLS alone (D10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import awacs.s3
from awacs.aws import ArnLike, Condition, Statement, StringEquals
from troposphere import AWSHelperFn, GetAtt, Ref, Sub, Template
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    DeleteMarkerReplication,
    EncryptionConfiguration,
    EventBridgeConfiguration,
    LifecycleConfiguration,
    LifecycleRule,
    Metrics,
    NoncurrentVersionExpiration,
    NotificationConfiguration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ReplicationConfiguration,
    ReplicationConfigurationRules,
    ReplicationConfigurationRulesDestination,
    ReplicationRuleFilter,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    SourceSelectionCriteria,
    SseKmsEncryptedObjects,
    VersioningConfiguration,
)

from generator.iam import allow_principal, arn, deny_insecure_transport, document, service_principal
from generator.naming import REPLICATION_ROLE, name_tag, recovery_key_alias, replica_bucket_name
from generator.nesting import only_if
from generator.regions import HAS_RECOVERY_REGION
from generator.retention import retain

ACCESS_LOG_DAYS = 90
"""Long enough to look back from an incident; application logs keep the week of E15."""

WITHOUT_ACLS, WITH_ACLS = "BucketOwnerEnforced", "BucketOwnerPreferred"
"""Whether a bucket knows access control lists. Only CloudFront's log delivery asks for them."""

REPLICATION_RULE = "everything"
"""What the rule of replication is called, in CloudWatch's metrics too."""

NONCURRENT_DAYS = 30
UNFINISHED_UPLOAD_DAYS = 7


def private_and_versioned(ownership: str = WITHOUT_ACLS) -> dict[str, Any]:
    """Return the properties that are the same for every bucket."""
    return {
        "OwnershipControls": OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership=ownership)]),
        "PublicAccessBlockConfiguration": PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        "VersioningConfiguration": VersioningConfiguration(Status="Enabled"),
    }


def encrypted_with(key_arn: AWSHelperFn) -> BucketEncryption:
    """Return the encryption with a key of ours; a bucket key spares most calls to KMS."""
    by_default = ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=key_arn)
    return _encryption(ServerSideEncryptionRule(ServerSideEncryptionByDefault=by_default, BucketKeyEnabled=True))


def encrypted_by_s3() -> BucketEncryption:
    """Return the encryption with S3's own keys, for buckets that take access logs: they are delivered to no others.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    by_default = ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
    return _encryption(ServerSideEncryptionRule(ServerSideEncryptionByDefault=by_default, BucketKeyEnabled=False))


def lifecycle(expire_after_days: AWSHelperFn | int | None = None) -> LifecycleConfiguration:
    """Return how long objects are kept; for ever without a number.

    Old versions are kept `NONCURRENT_DAYS`, unfinished uploads `UNFINISHED_UPLOAD_DAYS`.
    """
    rules = [
        LifecycleRule(
            Id="RemoveOldVersionsAndUnfinishedUploads",
            Status="Enabled",
            NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=NONCURRENT_DAYS),
            AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=UNFINISHED_UPLOAD_DAYS),
        )
    ]
    if expire_after_days is not None:
        rules.append(LifecycleRule(Id="Expire", Status="Enabled", ExpirationInDays=expire_after_days))
    return LifecycleConfiguration(Rules=rules)


def announced_to_eventbridge() -> NotificationConfiguration:
    """Return the setting by which AWS Backup learns of changes; what it finds switched off it switches on by itself.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html
    """
    return NotificationConfiguration(EventBridgeConfiguration=EventBridgeConfiguration(EventBridgeEnabled=True))


def replicated(subject: str, *, with_key: bool) -> AWSHelperFn:
    """Return the replication to the replica of a subject in the second region, where the environment has one.

    `with_key` says that the objects are encrypted with a key of ours, and their replicas with the second region's.
    Objects that were there before it are not replicated by it, and old versions of the replica are not deleted.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html
    """
    encryption: dict[str, Any] = {}
    criteria: dict[str, Any] = {}
    if with_key:
        alias = arn("kms:${RecoveryRegion}:${AWS::AccountId}:${Alias}", Alias=recovery_key_alias())
        encryption["EncryptionConfiguration"] = EncryptionConfiguration(ReplicaKmsKeyID=alias)
        encrypted = SseKmsEncryptedObjects(Status="Enabled")
        criteria["SourceSelectionCriteria"] = SourceSelectionCriteria(SseKmsEncryptedObjects=encrypted)
    replica = ReplicationConfigurationRulesDestination(
        Bucket=arn("s3:::${Replica}", Replica=replica_bucket_name(subject)),
        Metrics=Metrics(Status="Enabled"),
        **encryption,
    )
    rule = ReplicationConfigurationRules(
        Id=REPLICATION_RULE,
        Status="Enabled",
        Priority=1,
        Filter=ReplicationRuleFilter(Prefix=""),
        DeleteMarkerReplication=DeleteMarkerReplication(Status="Enabled"),
        Destination=replica,
        **criteria,
    )
    role = arn(f"iam::${{AWS::AccountId}}:role/{REPLICATION_ROLE}")
    return only_if(HAS_RECOVERY_REGION, ReplicationConfiguration(Role=role, Rules=[rule]))


def access_log_bucket(template: Template, title: str, name: str, ownership: str = WITHOUT_ACLS) -> Bucket:
    """Add a bucket that takes access logs and keeps them `ACCESS_LOG_DAYS`; `name` ends its `Name` tag."""
    return template.add_resource(
        retain(
            Bucket(
                title,
                BucketEncryption=encrypted_by_s3(),
                LifecycleConfiguration=lifecycle(ACCESS_LOG_DAYS),
                Tags=name_tag(name),
                **private_and_versioned(ownership),
            )
        )
    )


def bucket_policy(template: Template, bucket: Bucket, *statements: Statement, **attributes: Any) -> None:
    """Add the policy of a bucket: TLS only, and what else is allowed. `attributes` are those of the resource."""
    everything = [GetAtt(bucket, "Arn"), objects(bucket)]
    tls_only = deny_insecure_transport([awacs.s3.Action("*")], everything)
    policy = document(tls_only, *statements)
    template.add_resource(
        BucketPolicy(f"{bucket.title}Policy", Bucket=Ref(bucket), PolicyDocument=policy, **attributes)
    )


def delivery_of_access_logs(sid: str, log_bucket: Bucket, logged: Sequence[AWSHelperFn], keys: str = "*") -> Statement:
    """Return the statement that lets S3 write what happens to some buckets, by ARN, and nothing about any other.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    own = StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")})
    sources = logged[0] if len(logged) == 1 else list(logged)
    return allow_principal(
        sid,
        service_principal("logging.s3"),
        [awacs.s3.PutObject],
        [objects(log_bucket, keys)],
        Condition([own, ArnLike({"aws:SourceArn": sources})]),
    )


def objects(bucket: Bucket, keys: str = "*") -> Sub:
    """Return the ARN of objects in a bucket of the same template; `keys` may have wildcards and pseudo parameters."""
    return Sub(f"${{Bucket}}/{keys}", Bucket=GetAtt(bucket, "Arn"))


def _encryption(rule: ServerSideEncryptionRule) -> BucketEncryption:
    return BucketEncryption(ServerSideEncryptionConfiguration=[rule])
