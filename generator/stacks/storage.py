"""What the application keeps outside the database: sessions, product images, release archives, and access logs.

Owns the DynamoDB session table (E10), the EFS file system for product images (E11), the release bucket from which web
servers fetch the application, and the log bucket. Everything is encrypted, refuses connections without TLS, and
outlives its stack (D10). The rights of web servers and containers to use it are attached to their roles from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.dynamodb
import awacs.elasticfilesystem
import awacs.kms
import awacs.s3
from awacs.aws import ArnLike, Bool, Condition, Principal, Statement, StringEquals
from troposphere import Equals, GetAtt, Ref, Sub, Template, encode_to_dict
from troposphere.dynamodb import (
    AttributeDefinition,
    KeySchema,
    PointInTimeRecoverySpecification,
    SSESpecification,
    Table,
    TimeToLiveSpecification,
)
from troposphere.efs import (
    AccessPoint,
    BackupPolicy,
    CreationInfo,
    FileSystem,
    LifecyclePolicy,
    MountTarget,
    PosixUser,
    RootDirectory,
)
from troposphere.s3 import Bucket, LoggingConfiguration

from generator.buckets import (
    access_log_bucket,
    announced_to_eventbridge,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_with,
    lifecycle,
    objects,
    private_and_versioned,
    replicated,
)
from generator.iam import allow, allow_principal, arn, attach, deny_insecure_transport, document, service_principal
from generator.naming import RELEASES_REPLICA, name_tag, name_tag_of_data
from generator.nesting import add_condition, conditional
from generator.parameter_types import (
    AccessPointId,
    BucketName,
    EnvironmentName,
    FileSystemId,
    KeyArn,
    RecoveryRegion,
    RoleArn,
    RoleName,
    SecurityGroupId,
    SubnetIds,
    TableName,
    Toggle,
    ZoneCount,
    output,
    parameter,
)
from generator.regions import add_recovery_condition
from generator.retention import retain

SESSION_KEY = "session_id"
SESSION_EXPIRY = "expires_at"  # seconds since 1970; DynamoDB deletes expired sessions by itself
IMAGES_PATH = "/product-images"
IMAGES_OWNER = "1001"  # user and group that the access point lends to whoever mounts it
ACCESS_POINTS = "elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/*"
COLD_AFTER = "AFTER_30_DAYS"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    zone_count: ZoneCount = parameter("Number of availability zones.")
    isolated_subnet_ids: SubnetIds = parameter("Subnets of the file system's mount targets.")
    file_system_group_id: SecurityGroupId = parameter("Security group of the mount targets.")
    data_key_arn: KeyArn = parameter("Key that encrypts table, file system and release bucket.")
    web_server_role_name: RoleName = parameter("Role of the web servers, which use table, file system and releases.")
    web_server_role_arn: RoleArn = parameter("ARN of that role, which the file system lets in.")
    task_role_name: RoleName = parameter("Role of the application in containers, which uses table and file system.")
    task_role_arn: RoleArn = parameter("ARN of that role, which the file system lets in.")
    deletion_protection: Toggle = parameter("Whether the session table refuses to be deleted.")
    recovery_region: RecoveryRegion = parameter("Region that gets a replica of the release bucket, or empty.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    session_table_name: TableName = output("Session table.")
    file_system_id: FileSystemId = output("File system with the product images.")
    images_access_point_id: AccessPointId = output("Access point by which the product images are mounted.")
    log_bucket_name: BucketName = output("Bucket of access logs.")
    release_bucket_name: BucketName = output("Bucket of the application's release archives.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "ThreeZones", Equals(parameters.zone_count, "3"))
    add_recovery_condition(template, parameters.recovery_region)
    table = _session_table(template, parameters)
    file_system = _file_system(template, parameters)
    access_point = _images_access_point(template, parameters, file_system)
    log_bucket = access_log_bucket(template, "LogBucket", "logs")
    release_bucket = _release_bucket(template, parameters, log_bucket)
    _protect_buckets(template, log_bucket, release_bucket)
    _grant_use(template, parameters, table, file_system, access_point, release_bucket)
    return Outputs(
        session_table_name=TableName(Ref(table)),
        file_system_id=FileSystemId(Ref(file_system)),
        images_access_point_id=AccessPointId(Ref(access_point)),
        log_bucket_name=BucketName(Ref(log_bucket)),
        release_bucket_name=BucketName(Ref(release_bucket)),
    )


def _session_table(template: Template, parameters: Parameters) -> Table:
    return template.add_resource(
        retain(
            Table(
                "SessionTable",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[AttributeDefinition(AttributeName=SESSION_KEY, AttributeType="S")],
                KeySchema=[KeySchema(AttributeName=SESSION_KEY, KeyType="HASH")],
                TimeToLiveSpecification=TimeToLiveSpecification(AttributeName=SESSION_EXPIRY, Enabled=True),
                PointInTimeRecoverySpecification=PointInTimeRecoverySpecification(PointInTimeRecoveryEnabled=True),
                SSESpecification=SSESpecification(
                    SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=parameters.data_key_arn
                ),
                DeletionProtectionEnabled=parameters.deletion_protection,
                Tags=name_tag_of_data("sessions", for_long=False),  # they expire by themselves
            )
        )
    )


def _file_system(template: Template, parameters: Parameters) -> FileSystem:
    file_system = template.add_resource(
        retain(
            FileSystem(
                "FileSystem",
                Encrypted=True,
                KmsKeyId=parameters.data_key_arn,
                PerformanceMode="generalPurpose",
                ThroughputMode="elastic",
                BackupPolicy=BackupPolicy(Status="ENABLED"),
                LifecyclePolicies=[
                    LifecyclePolicy(TransitionToIA=COLD_AFTER),
                    LifecyclePolicy(TransitionToPrimaryStorageClass="AFTER_1_ACCESS"),
                ],
                FileSystemPolicy=_file_system_policy(parameters),
                FileSystemTags=name_tag_of_data("product-images", for_long=True),
            )
        )
    )
    for index, zone in enumerate(("A", "B", "C")):
        template.add_resource(
            MountTarget(
                f"MountTarget{zone}",
                **conditional("ThreeZones" if zone == "C" else None),
                FileSystemId=Ref(file_system),
                SubnetId=parameters.isolated_subnet_ids.item(index),
                SecurityGroups=[parameters.file_system_group_id],
            )
        )
    return file_system


def _file_system_policy(parameters: Parameters) -> dict[str, Any]:
    """Let web servers and containers in, through an access point, and nobody without TLS. "*" is this file system.

    Within one account either policy suffices, this one or the role's, so that both have to name the access point. This
    one cannot name it exactly: the access point needs the file system first.
    """
    through_access_point = [
        Bool({"elasticfilesystem:AccessedViaMountTarget": "true"}),
        ArnLike({"elasticfilesystem:AccessPointArn": arn(ACCESS_POINTS)}),
    ]
    mount = [awacs.elasticfilesystem.ClientMount, awacs.elasticfilesystem.ClientWrite]
    policy = document(
        allow_principal(
            "Application",
            Principal("AWS", [parameters.web_server_role_arn, parameters.task_role_arn]),
            mount,
            ["*"],
            Condition(through_access_point),
        ),
        deny_insecure_transport([*mount, awacs.elasticfilesystem.ClientRootAccess], ["*"]),
    )
    return dict(encode_to_dict(policy))


def _images_access_point(template: Template, parameters: Parameters, file_system: FileSystem) -> AccessPoint:
    return template.add_resource(
        AccessPoint(
            "ImagesAccessPoint",
            FileSystemId=Ref(file_system),
            PosixUser=PosixUser(Uid=IMAGES_OWNER, Gid=IMAGES_OWNER),
            RootDirectory=RootDirectory(
                Path=IMAGES_PATH,
                CreationInfo=CreationInfo(OwnerUid=IMAGES_OWNER, OwnerGid=IMAGES_OWNER, Permissions="0755"),
            ),
            AccessPointTags=name_tag("product-images"),
        )
    )


def _release_bucket(template: Template, parameters: Parameters, log_bucket: Bucket) -> Bucket:
    return template.add_resource(
        retain(
            Bucket(
                "ReleaseBucket",
                BucketEncryption=encrypted_with(parameters.data_key_arn),
                LifecycleConfiguration=lifecycle(),
                LoggingConfiguration=LoggingConfiguration(
                    DestinationBucketName=Ref(log_bucket), LogFilePrefix="release-bucket/"
                ),
                NotificationConfiguration=announced_to_eventbridge(),
                ReplicationConfiguration=replicated(RELEASES_REPLICA, with_key=True),
                Tags=name_tag_of_data("releases", for_long=True),
                **private_and_versioned(),
            )
        )
    )


def _protect_buckets(template: Template, log_bucket: Bucket, release_bucket: Bucket) -> None:
    load_balancers = arn("elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/*")
    deliver_access_logs = allow_principal(
        "LoadBalancerAccessLogs",
        service_principal("logdelivery.elasticloadbalancing"),
        [awacs.s3.PutObject],
        [objects(log_bucket, "load-balancer/AWSLogs/${AWS::AccountId}/*")],
        Condition(ArnLike({"aws:SourceArn": load_balancers})),
    )
    deliver_bucket_logs = delivery_of_access_logs(
        "ReleaseBucketAccessLogs", log_bucket, [GetAtt(release_bucket, "Arn")], "release-bucket/*"
    )
    bucket_policy(template, log_bucket, deliver_access_logs, deliver_bucket_logs)
    bucket_policy(template, release_bucket)


def _grant_use(
    template: Template,
    parameters: Parameters,
    table: Table,
    file_system: FileSystem,
    access_point: AccessPoint,
    release_bucket: Bucket,
) -> None:
    items = ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    by_access_point = {"elasticfilesystem:AccessPointArn": GetAtt(access_point, "Arn")}
    use_sessions = allow("UseSessions", [awacs.dynamodb.Action(name) for name in items], [GetAtt(table, "Arn")])
    mount_images = allow(
        "MountImages",
        [awacs.elasticfilesystem.ClientMount, awacs.elasticfilesystem.ClientWrite],
        [GetAtt(file_system, "Arn")],
        Condition(StringEquals(by_access_point)),
    )
    template.add_resource(
        attach(
            "UseStorage",
            parameters.web_server_role_name,
            use_sessions,
            mount_images,
            allow("FetchReleases", [awacs.s3.GetObject], [objects(release_bucket)]),
            _decrypt_through(parameters, "dynamodb", "s3"),
        )
    )
    # A container's release is its image.
    template.add_resource(
        attach(
            "TasksUseStorage",
            parameters.task_role_name,
            use_sessions,
            mount_images,
            _decrypt_through(parameters, "dynamodb"),
        )
    )


def _decrypt_through(parameters: Parameters, *services: str) -> Statement:
    by_service = {"kms:ViaService": [Sub(f"{service}.${{AWS::Region}}.amazonaws.com") for service in services]}
    return allow(
        "DecryptThroughServices", [awacs.kms.Decrypt], [parameters.data_key_arn], Condition(StringEquals(by_service))
    )
