"""The PostgreSQL database: encrypted, private, backed up daily, its master password in Secrets Manager.

Owns the RDS instance with its subnet and parameter group and, where asked for, a read replica (D3, D10, E9, E16). It is
by far the slowest resource of the platform, so no other stack waits for it: endpoint and secret are published as SSM
parameters under the environment's path, and the right to read the secret is attached to the roles of web servers and
containers from here.

The instance has a name of its own, because RDS writes its logs to groups that are called after it, and keeps them for
ever unless the groups are there first. The name also makes CloudFormation refuse any change that would replace the
instance.

RDS itself manages and rotates the master password, but cannot do so for the source of a read replica; with a replica
the password is generated into a secret of this stack. See docs/decisions/0003-master-password.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.kms
import awacs.rds_db
import awacs.secretsmanager
import awacs.sts
from awacs.aws import Condition, StringEquals
from troposphere import Equals, GetAtt, If, Ref, Sub, Template
from troposphere.iam import Role
from troposphere.rds import DBInstance, DBParameterGroup, DBSubnetGroup
from troposphere.secretsmanager import GenerateSecretString, Secret, SecretTargetAttachment
from troposphere.ssm import Parameter as SsmParameter

from generator.iam import allow, allow_principal, arn, attach, document, service_principal, workload_boundary
from generator.log_metrics import DATABASE_ERRORS, metric_filter
from generator.logs import log_group
from generator.naming import PROJECT, in_environment, name_tag, name_tag_of_data, parameter_path
from generator.nesting import add_condition, only_if
from generator.office_hours import DATABASE_BACKUP_WINDOW, DATABASE_MAINTENANCE_WINDOW, OFFICE_HOURS
from generator.parameter_types import (
    DatabaseInstanceClass,
    DatabaseStorage,
    EnvironmentName,
    KeyArn,
    ResourceName,
    RoleName,
    SecurityGroupId,
    SubnetIds,
    Toggle,
    output,
    parameter,
)
from generator.retention import discard_replica, retain

ENGINE_VERSION = "17"  # RDS chooses the minor version and keeps it current in the maintenance window
# cfn-lint's list of versions for new instances holds minor versions only, while RDS takes a major one.
MAJOR_VERSION_IS_MEANT = {"cfn-lint": {"config": {"ignore_checks": ["W3691"]}}}
PARAMETER_GROUP_FAMILY = "postgres17"
PORT = 5432
IDENTIFIER = f"{PROJECT}-${{EnvironmentName}}-database"
REPLICA_IDENTIFIER = f"{IDENTIFIER}-replica"
DATABASE_NAME = "application"
MASTER_USERNAME = "dbmaster"
APPLICATION_USERNAME = "application"  # created by the application's first migration; it logs in with an IAM token
BACKUP_RETENTION_DAYS = 7  # E16
BACKUP_WINDOW = "02:00-03:00"
MAINTENANCE_WINDOW = "sun:03:30-sun:04:30"
MONITORING_INTERVAL_SECONDS = 60  # E15; RDS keeps these in RDSOSMetrics, which belongs to the account, for 30 days
INSIGHTS_RETENTION_DAYS = 7  # free of charge
MAXIMUM_STORAGE_GIB = 1300
"""Up to which RDS enlarges the storage by itself, whenever less than a tenth is free. RDS wants this to be 26 % above
what is allocated, and the largest that can be asked for is 1000.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
"""
LOGS = ("postgresql", "upgrade")
# PostgreSQL's severities from a statement's error upwards; a line has one, followed by a colon.
# https://www.postgresql.org/docs/17/runtime-config-logging.html#RUNTIME-CONFIG-SEVERITY-LEVELS
ERROR_LINES = '?"ERROR:" ?"FATAL:" ?"PANIC:"'
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
MONITORING_POLICY = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"

ENGINE_PARAMETERS = {
    "rds.force_ssl": "1",
    "log_connections": "1",
    "log_disconnections": "1",
    "log_lock_waits": "1",
    "log_min_duration_statement": "1000",
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    isolated_subnet_ids: SubnetIds = parameter("Subnets of the database.")
    database_group_id: SecurityGroupId = parameter("Security group of the database.")
    data_key_arn: KeyArn = parameter("Key that encrypts storage, backups, insights and the master secret.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the log groups.")
    web_server_role_name: RoleName = parameter("Role of the web servers, which may read the master secret.")
    task_role_name: RoleName = parameter("Role of the application in containers, which may so too.")
    database_instance_class: DatabaseInstanceClass = parameter("Instance class.")
    database_storage: DatabaseStorage = parameter("Allocated storage in GiB; it grows by itself when nearly full.")
    database_multi_az: Toggle = parameter("Whether a standby waits in a second zone.")
    database_read_replica: Toggle = parameter("Whether there is a read replica.")
    deletion_protection: Toggle = parameter("Whether the database refuses to be deleted.")
    office_hours_only: Toggle = parameter("Whether the database runs in office hours only.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    database_id: ResourceName = output("Identifier of the database instance.")
    endpoint_parameter: ResourceName = output("SSM parameter with the host name of the database.")
    secret_parameter: ResourceName = output("SSM parameter with the ARN of the master secret.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "HasReadReplica", Equals(parameters.database_read_replica, "true"))
    add_condition(template, OFFICE_HOURS, Equals(parameters.office_hours_only, "true"))
    secret = _generated_secret(template, parameters)
    alike = _common_properties(
        parameters, _parameter_group(template, parameters), _monitoring_role(template, parameters)
    )
    database = _database(template, parameters, secret, alike)
    _read_replica(template, parameters, database, alike)
    template.add_resource(metric_filter(DATABASE_ERRORS, pattern=ERROR_LINES, log_group_name=Ref("PostgresqlLogGroup")))
    template.add_resource(
        SecretTargetAttachment(
            "MasterSecretAttachment",
            Condition="HasReadReplica",
            SecretId=Ref(secret),
            TargetId=Ref(database),
            TargetType="AWS::RDS::DBInstance",
        )
    )
    secret_arn = If("HasReadReplica", Ref(secret), GetAtt(database, "MasterUserSecret.SecretArn"))
    _grant_use(template, parameters, database, secret_arn)
    endpoint = _publish(
        template, parameters, "Endpoint", "Host name of the database.", GetAtt(database, "Endpoint.Address")
    )
    secret_parameter = _publish(template, parameters, "Secret", "ARN of the database's master secret.", secret_arn)
    return Outputs(
        database_id=ResourceName(Ref(database)),
        endpoint_parameter=ResourceName(Ref(endpoint)),
        secret_parameter=ResourceName(Ref(secret_parameter)),
    )


def _database(template: Template, parameters: Parameters, secret: Secret, alike: dict[str, Any]) -> DBInstance:
    # Unvalidated: troposphere refuses both ways of setting the password, also where a condition lets one of them stand.
    password = Sub("{{resolve:secretsmanager:${Secret}:SecretString:password}}", Secret=Ref(secret))
    return template.add_resource(
        retain(
            DBInstance(
                "Database",
                **alike,
                DependsOn=_log_groups(template, parameters, IDENTIFIER),
                DBInstanceIdentifier=in_environment(IDENTIFIER),
                DBName=DATABASE_NAME,
                EngineVersion=ENGINE_VERSION,
                StorageEncrypted=True,
                KmsKeyId=parameters.data_key_arn,
                AllocatedStorage=parameters.database_storage,
                MaxAllocatedStorage=MAXIMUM_STORAGE_GIB,
                DBSubnetGroupName=Ref(_subnet_group(template, parameters)),
                MultiAZ=parameters.database_multi_az,
                MasterUsername=MASTER_USERNAME,
                ManageMasterUserPassword=If("HasReadReplica", Ref("AWS::NoValue"), True),
                MasterUserSecret=If("HasReadReplica", Ref("AWS::NoValue"), {"KmsKeyId": parameters.data_key_arn}),
                MasterUserPassword=only_if("HasReadReplica", password),
                BackupRetentionPeriod=BACKUP_RETENTION_DAYS,
                # What is stopped is not backed up.
                PreferredBackupWindow=If(OFFICE_HOURS, DATABASE_BACKUP_WINDOW, BACKUP_WINDOW),
                # An instance deleted by mistake is worth nothing without the week of backups it had.
                DeleteAutomatedBackups=False,
                DeletionProtection=parameters.deletion_protection,
                Metadata=MAJOR_VERSION_IS_MEANT,
                Tags=name_tag_of_data("database", for_long=True),
            ).no_validation()
        )
    )


def _common_properties(
    parameters: Parameters, parameter_group: DBParameterGroup, monitoring_role: Role
) -> dict[str, Any]:
    """Return what the database and its replica are told alike; a replica takes encryption and key from its source."""
    return {
        "DBInstanceClass": parameters.database_instance_class,
        "Engine": "postgres",
        "DBParameterGroupName": Ref(parameter_group),
        "CACertificateIdentifier": CERTIFICATE_AUTHORITY,
        "StorageType": "gp3",
        "Port": str(PORT),
        "PubliclyAccessible": False,
        "VPCSecurityGroups": [parameters.database_group_id],
        "EnableIAMDatabaseAuthentication": True,
        "MonitoringInterval": MONITORING_INTERVAL_SECONDS,
        "MonitoringRoleArn": GetAtt(monitoring_role, "Arn"),
        "EnablePerformanceInsights": True,
        "PerformanceInsightsKMSKeyId": parameters.data_key_arn,
        "PerformanceInsightsRetentionPeriod": INSIGHTS_RETENTION_DAYS,
        "EnableCloudwatchLogsExports": list(LOGS),
        "AutoMinorVersionUpgrade": True,
        "PreferredMaintenanceWindow": If(OFFICE_HOURS, DATABASE_MAINTENANCE_WINDOW, MAINTENANCE_WINDOW),
        "CopyTagsToSnapshot": True,
    }


def _read_replica(template: Template, parameters: Parameters, database: DBInstance, alike: dict[str, Any]) -> None:
    # Unvalidated: troposphere wants to know the storage, which a replica takes from its source.
    template.add_resource(
        discard_replica(
            DBInstance(
                "ReadReplica",
                Condition="HasReadReplica",
                DependsOn=_log_groups(template, parameters, REPLICA_IDENTIFIER, "Replica", "HasReadReplica"),
                DBInstanceIdentifier=in_environment(REPLICA_IDENTIFIER),
                SourceDBInstanceIdentifier=Ref(database),
                **alike,
                Tags=name_tag("database-replica"),
            ).no_validation()
        )
    )


def _log_groups(
    template: Template, parameters: Parameters, identifier: str, prefix: str = "", condition: str | None = None
) -> list[str]:
    """Add the groups to which the instance of this identifier writes its logs, and return their logical ids."""
    titles = []
    for log in LOGS:
        group = log_group(
            f"{prefix}{log.capitalize()}LogGroup",
            tag="-".join(["database", *filter(None, [prefix.lower()]), log]),
            key=parameters.logs_key_arn,
            name=in_environment(f"/aws/rds/instance/{identifier}/{log}"),
            condition=condition,
        )
        titles.append(str(template.add_resource(group).title))
    return titles


def _subnet_group(template: Template, parameters: Parameters) -> DBSubnetGroup:
    return template.add_resource(
        DBSubnetGroup(
            "DatabaseSubnets",
            DBSubnetGroupDescription="Isolated subnets, without a route to the internet.",
            SubnetIds=parameters.isolated_subnet_ids,
            Tags=name_tag("database-subnets"),
        )
    )


def _parameter_group(template: Template, parameters: Parameters) -> DBParameterGroup:
    return template.add_resource(
        DBParameterGroup(
            "DatabaseParameters",
            Description="TLS for every connection; connections, lock waits and slow statements are logged.",
            Family=PARAMETER_GROUP_FAMILY,
            Parameters=ENGINE_PARAMETERS,
            Tags=name_tag("database-parameters"),
        )
    )


def _monitoring_role(template: Template, parameters: Parameters) -> Role:
    return template.add_resource(
        Role(
            "MonitoringRole",
            Description="Lets RDS publish enhanced monitoring to CloudWatch Logs.",
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "EnhancedMonitoring",
                    service_principal("monitoring.rds"),
                    [awacs.sts.AssumeRole],
                    condition=Condition(StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")})),
                )
            ),
            ManagedPolicyArns=[Sub(MONITORING_POLICY)],
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("database-monitoring-role"),
        )
    )


def _generated_secret(template: Template, parameters: Parameters) -> Secret:
    return template.add_resource(
        retain(
            Secret(
                "MasterSecret",
                Condition="HasReadReplica",
                Description="Master user of the database, where RDS cannot manage its password itself.",
                KmsKeyId=parameters.data_key_arn,
                GenerateSecretString=GenerateSecretString(
                    SecretStringTemplate=f'{{"username": "{MASTER_USERNAME}"}}',
                    GenerateStringKey="password",
                    PasswordLength=32,
                    ExcludePunctuation=True,
                ),
                Tags=name_tag("database-master"),
            )
        )
    )


def _grant_use(template: Template, parameters: Parameters, database: DBInstance, secret_arn: If) -> None:
    database_user = arn(
        f"rds-db:${{AWS::Region}}:${{AWS::AccountId}}:dbuser:${{ResourceId}}/{APPLICATION_USERNAME}",
        ResourceId=GetAtt(database, "DbiResourceId"),
    )
    read = [awacs.secretsmanager.DescribeSecret, awacs.secretsmanager.GetSecretValue]
    through_secrets_manager = {"kms:ViaService": Sub("secretsmanager.${AWS::Region}.amazonaws.com")}
    statements = (
        allow("ConnectWithIam", [awacs.rds_db.connect], [database_user]),
        allow("ReadSecret", read, [secret_arn]),
        allow(
            "DecryptSecret",
            [awacs.kms.Decrypt],
            [parameters.data_key_arn],
            Condition(StringEquals(through_secrets_manager)),
        ),
    )
    template.add_resource(attach("UseDatabase", parameters.web_server_role_name, *statements))
    template.add_resource(attach("TasksUseDatabase", parameters.task_role_name, *statements))


def _publish(template: Template, parameters: Parameters, subject: str, description: str, value: object) -> SsmParameter:
    return template.add_resource(
        SsmParameter(
            f"{subject}Parameter",
            Name=parameter_path("database", subject.lower()),
            Description=description,
            Type="String",
            Value=value,
        )
    )
