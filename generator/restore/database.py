"""Bring an environment's database back to a point in time, under the name by which everybody knows it.

RDS restores to a new instance, always. Ours takes the identifier of the one that is lost or damaged: the endpoint
stays, CloudFormation finds its resource, and no server has to be restarted. What is new is the instance's resource id
and, where RDS manages the master password, the secret; the web servers' policy and the published ARN of the secret
follow.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from generator.delivery.session import explained
from generator.errors import UserError
from generator.naming import PROJECT
from generator.restore.stack_resources import nested_stack
from generator.restore.steps import PAUSE_SECONDS, Say, patience, stamp
from generator.template_yaml import load

STACK = "Database"
POLICY = "UseDatabase"

_AS_THE_TEMPLATE_SAYS = (
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
    "EnableCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication",
    "PubliclyAccessible",
)
"""Properties of the instance without parameters or conditions, which a restored one does not have by itself."""

Client = Callable[[str], Any]
"""Returns boto3's client of a service."""


@dataclass(frozen=True)
class DatabaseRestored:
    """The instance that took the place of another one, as of when."""

    identifier: str
    until: datetime | None
    """Nothing where only an earlier restore was finished."""
    former: str
    """What the former instance is called now; empty where it was gone."""


@dataclass(frozen=True)
class _Stack:
    """What the environment's stack of the database says."""

    environment: str
    parameters: Mapping[str, str]
    resources: Mapping[str, str]
    """Logical id → physical id."""
    properties: Mapping[str, Any]
    """Of the instance, as its template has them: what is no intrinsic is as it is wanted."""

    @property
    def identifier(self) -> str:
        return self.resources["Database"]

    @property
    def has_replica(self) -> bool:
        return self.parameters["DatabaseReadReplica"] == "true"


@dataclass(frozen=True)
class _Ids:
    """What differs between two instances of one name."""

    resource_id: str
    secret_arn: str


def restore_database(
    client: Client, environment: str, until: datetime | None, say: Say, pause_seconds: float = PAUSE_SECONDS
) -> DatabaseRestored:
    """Restore an environment's database as it was at a moment, or as late as can be.

    An instance that is still there is kept under another name. Where an earlier restore was interrupted after it had
    made an instance, that one is finished, and nothing else is done. Raises `UserError` where there is no backup of the
    instance, or none of that moment.
    """
    rds = client("rds")
    with explained(f"restoring the database of {environment}"):
        stack = _stack(client("cloudformation"), environment)
        published = f"/{PROJECT}/{environment}/database/secret"
        before = _named_by_policy(client("iam"), stack)
        there = _resource_id(rds, stack.identifier)
        if there and there != before.resource_id:
            say(f"{stack.identifier} is not the instance that web servers know: an earlier restore is finished first")
            moment, former = None, ""
        else:
            backup = _backup(rds, stack.identifier, before.resource_id)
            moment = _moment(stack.identifier, backup, until)
            former = _put_aside(rds, stack, say, pause_seconds) if there else ""
            _restore(rds, stack, backup, until, say)
        _finish(client, stack, published, before, say, pause_seconds)
    return DatabaseRestored(stack.identifier, moment, former)


def _finish(client: Client, stack: _Stack, published: str, before: _Ids, say: Say, pause_seconds: float) -> None:
    """Make a new instance what the former one was to everybody."""
    rds = client("rds")
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=stack.identifier, WaiterConfig=patience(pause_seconds)
    )
    _watch(rds, client("iam"), stack, say)
    _let_in(client, stack, published, before, _ids(rds, stack.identifier, before), say)
    if stack.has_replica:
        _replicate(rds, stack, say, pause_seconds)


def _stack(cloudformation: Any, environment: str) -> _Stack:
    child = nested_stack(cloudformation, environment, STACK)
    [stack] = cloudformation.describe_stacks(StackName=child)["Stacks"]
    resources = cloudformation.describe_stack_resources(StackName=child)["StackResources"]
    template = load(cloudformation.get_template(StackName=child)["TemplateBody"])
    return _Stack(
        environment,
        {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]},
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        template["Resources"]["Database"]["Properties"],
    )


def _named_by_policy(iam: Any, stack: _Stack) -> _Ids:
    """Return what web servers may use: the instance that was there last, and its secret."""
    role = stack.parameters["WebServerRoleName"]
    policy = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=POLICY)["PolicyDocument"])
    instance, secret = re.search(r":dbuser:(db-[^/]+)/", policy), re.search(r'arn:[^:"]+:secretsmanager:[^"]+', policy)
    if instance is None or secret is None:
        raise UserError(f"{POLICY} of {role} names no database: deploy the environment first")
    return _Ids(instance.group(1), secret.group(0))


def _resource_id(rds: Any, identifier: str) -> str:
    """Return the resource id of the instance that is there; nothing where there is none."""
    try:
        return str(rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]["DbiResourceId"])
    except rds.exceptions.DBInstanceNotFoundFault:
        return ""


def _backup(rds: Any, identifier: str, resource_id: str) -> Mapping[str, Any]:
    """Return the automated backups of an instance, whether it is there or not.

    An identifier would not do: instances that had it before may have left theirs.
    """
    found = rds.describe_db_instance_automated_backups(DbiResourceId=resource_id)["DBInstanceAutomatedBackups"]
    restorable: list[Mapping[str, Any]] = [each for each in found if each.get("RestoreWindow", {}).get("LatestTime")]
    if not restorable:
        raise UserError(
            f"{identifier} ({resource_id}): there are no automated backups: there is nothing to restore from"
        )
    return restorable[0]


def _moment(identifier: str, backup: Mapping[str, Any], until: datetime | None) -> datetime:
    """Return the moment that is restored. Raises `UserError` where backups do not reach it."""
    latest: datetime = backup["RestoreWindow"]["LatestTime"]
    if until is not None and until > latest:
        raise UserError(f"{identifier}: can be restored until {latest} so far, not to {until}")
    return until or latest


def _put_aside(rds: Any, stack: _Stack, say: Say, pause_seconds: float) -> str:
    """Rename the instance that is there; return its other name."""
    [there] = rds.describe_db_instances(DBInstanceIdentifier=stack.identifier)["DBInstances"]
    name = f"{stack.identifier}-{stamp(there['LatestRestorableTime'])}"
    say(f"rds modify-db-instance: {stack.identifier} is called {name} from now on")
    rds.modify_db_instance(DBInstanceIdentifier=stack.identifier, NewDBInstanceIdentifier=name, ApplyImmediately=True)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig=patience(pause_seconds))
    return name


def _restore(rds: Any, stack: _Stack, backup: Mapping[str, Any], until: datetime | None, say: Say) -> None:
    """Let RDS make the instance. All that it does not take from the former one is given again."""
    parameters = stack.parameters
    moment: dict[str, Any] = {"UseLatestRestorableTime": True} if until is None else {"RestoreTime": until}
    password: dict[str, Any] = {}
    if not stack.has_replica:
        password = {"ManageMasterUserPassword": True, "MasterUserSecretKmsKeyId": parameters["DataKeyArn"]}
    say(f"rds restore-db-instance-to-point-in-time: {stack.identifier} is made anew, {_when(until)}")
    rds.restore_db_instance_to_point_in_time(
        SourceDbiResourceId=backup["DbiResourceId"],
        TargetDBInstanceIdentifier=stack.identifier,
        DBInstanceClass=parameters["DatabaseInstanceClass"],
        DBSubnetGroupName=stack.resources["DatabaseSubnets"],
        DBParameterGroupName=stack.resources["DatabaseParameters"],
        VpcSecurityGroupIds=[parameters["DatabaseGroupId"]],
        MultiAZ=parameters["DatabaseMultiAz"] == "true",
        DeletionProtection=parameters["DeletionProtection"] == "true",
        BackupRetentionPeriod=backup["BackupRetentionPeriod"],
        PreferredBackupWindow=backup["PreferredBackupWindow"],
        MaxAllocatedStorage=int(stack.properties["MaxAllocatedStorage"]),
        **{name: stack.properties[name] for name in _AS_THE_TEMPLATE_SAYS},
        Tags=[each for each in backup.get("TagList", ()) if not each["Key"].startswith("aws:")],
        **moment,
        **password,
    )


def _when(until: datetime | None) -> str:
    return "as late as can be" if until is None else f"as of {until:%H:%M:%S} UTC"


def _watch(rds: Any, iam: Any, stack: _Stack, say: Say) -> None:
    """Give the instance what can be given only to one that is there: enhanced monitoring and insights."""
    say("rds modify-db-instance: enhanced monitoring and Performance Insights")
    role = iam.get_role(RoleName=stack.resources["MonitoringRole"])["Role"]["Arn"]
    rds.modify_db_instance(
        DBInstanceIdentifier=stack.identifier,
        ApplyImmediately=True,
        **_watched(stack, role),
    )


def _watched(stack: _Stack, role_arn: str) -> dict[str, Any]:
    names = ("MonitoringInterval", "EnablePerformanceInsights", "PerformanceInsightsRetentionPeriod")
    key = {"PerformanceInsightsKMSKeyId": stack.parameters["DataKeyArn"]}
    return {**{name: stack.properties[name] for name in names}, **key, "MonitoringRoleArn": role_arn}


def _ids(rds: Any, identifier: str, before: _Ids) -> _Ids:
    [found] = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    return _Ids(found["DbiResourceId"], found.get("MasterUserSecret", {}).get("SecretArn", before.secret_arn))


def _let_in(client: Client, stack: _Stack, published: str, before: _Ids, after: _Ids, say: Say) -> None:
    """Let the web servers log in to the new instance: the published secret and their policy name it.

    It is what CloudFormation writes when it next changes the instance. The policy is last, because an interrupted
    restore is known by it.
    """
    if after.secret_arn != before.secret_arn:
        say(f"ssm put-parameter: {published}")
        client("ssm").put_parameter(Name=published, Value=after.secret_arn, Overwrite=True)
    iam, role = client("iam"), stack.parameters["WebServerRoleName"]
    say(f"iam put-role-policy: {POLICY} of {role} names the new instance")
    policy = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=POLICY)["PolicyDocument"])
    policy = policy.replace(before.resource_id, after.resource_id).replace(before.secret_arn, after.secret_arn)
    iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=policy)


def _replicate(rds: Any, stack: _Stack, say: Say, pause_seconds: float) -> None:
    """Let the read replica follow the new instance; the one that is there follows the former, or nobody."""
    replica = stack.resources["ReadReplica"]
    [there] = rds.describe_db_instances(DBInstanceIdentifier=replica)["DBInstances"]
    say(f"rds delete-db-instance, create-db-instance-read-replica: {replica}")
    rds.delete_db_instance(DBInstanceIdentifier=replica, SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=replica, WaiterConfig=patience(pause_seconds))
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier=replica,
        SourceDBInstanceIdentifier=stack.identifier,
        DBInstanceClass=stack.parameters["DatabaseInstanceClass"],
        DBParameterGroupName=stack.resources["DatabaseParameters"],
        VpcSecurityGroupIds=[stack.parameters["DatabaseGroupId"]],
        **{name: stack.properties[name] for name in _AS_THE_TEMPLATE_SAYS},
        **_watched(stack, there["MonitoringRoleArn"]),
        Tags=[each for each in there.get("TagList", ()) if not each["Key"].startswith("aws:")],
    )
