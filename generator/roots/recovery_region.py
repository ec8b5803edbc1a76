"""What an environment keeps in its second region: the vault of backup copies, and replicas of its buckets.

Owns the vault into which the first region's backups are copied, the buckets to which website and release archives are
replicated, the log of every access to these, and their key (D10). An administrator deploys it once to the second region
of the environment's account, before the environment is told of that region: the first region's stacks name what is here
before they could ask for it, so that vault, buckets and alias have fixed names. It runs nothing; docs/recovery.md says
how an environment is built from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import GetAtt, Ref, Template
from troposphere.kms import Key
from troposphere.s3 import Bucket, BucketEncryption, LoggingConfiguration

from generator.backup_vault import backup_vault
from generator.buckets import (
    access_log_bucket,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_by_s3,
    encrypted_with,
    lifecycle,
    private_and_versioned,
)
from generator.keys import (
    add_key,
    use_by_backups,
)
from generator.naming import (
    PROJECT,
    RELEASES_REPLICA,
    WEBSITE_REPLICA,
    in_environment,
    name_tag,
    recovery_key_alias,
    recovery_vault_name,
    replica_bucket_name,
)
from generator.parameter_types import BucketName, EnvironmentName, KeyArn, ResourceName, VaultLock, output, parameter
from generator.retention import retain


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    backup_vault_lock: VaultLock = parameter("Who can delete the copies before their time.", default="none")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    recovery_vault_name: ResourceName = output("Vault of the backups' copies.")
    recovery_key_arn: KeyArn = output("Key of the copies and of the release archives' replica.")
    website_replica_name: BucketName = output("Replica of the website's bucket.")
    releases_replica_name: BucketName = output("Replica of the release bucket.")
    access_log_bucket_name: BucketName = output("Bucket of the log of every access to the replicas.")


def build(template: Template, parameters: Parameters) -> Outputs:
    key = KeyArn(GetAtt(_key(template), "Arn"))
    vault = backup_vault(template, "RecoveryVault", recovery_vault_name(), key, parameters.backup_vault_lock)
    log = access_log_bucket(template, "AccessLogBucket", "recovery-access-logs")
    # As in the first region: what is public anyhow needs no key of ours.
    website = _replica(template, "WebsiteReplica", WEBSITE_REPLICA, encrypted_by_s3(), log)
    releases = _replica(template, "ReleasesReplica", RELEASES_REPLICA, encrypted_with(key), log)
    logged = [GetAtt(website, "Arn"), GetAtt(releases, "Arn")]
    bucket_policy(template, log, delivery_of_access_logs("AccessLogs", log, logged))
    return Outputs(
        recovery_vault_name=ResourceName(Ref(vault)),
        recovery_key_arn=key,
        website_replica_name=BucketName(Ref(website)),
        releases_replica_name=BucketName(Ref(releases)),
        access_log_bucket_name=BucketName(Ref(log)),
    )


def _key(template: Template) -> Key:
    """Add the key. A copy of the database needs one of the region it is in: AWS Backup takes the vault's."""
    return add_key(
        template,
        "RecoveryKey",
        description=in_environment(f"Copies of the data of {PROJECT} ${{EnvironmentName}}."),
        alias=recovery_key_alias(),
        tag="recovery-key",
        statements=use_by_backups(),
    )


def _replica(template: Template, title: str, subject: str, encryption: BucketEncryption, log: Bucket) -> Bucket:
    bucket = template.add_resource(
        retain(
            Bucket(
                title,
                BucketName=replica_bucket_name(subject),
                BucketEncryption=encryption,
                LifecycleConfiguration=lifecycle(),
                LoggingConfiguration=LoggingConfiguration(
                    DestinationBucketName=Ref(log), LogFilePrefix=f"{subject}-replica/"
                ),
                Tags=name_tag(f"{subject}-replica"),
                **private_and_versioned(),
            )
        )
    )
    bucket_policy(template, bucket)
    return bucket
