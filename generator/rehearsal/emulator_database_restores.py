"""How a database of the emulator is lost, renamed and restored; ministack 1.5.33 knows none of the three.

An instance that is restored to a point in time gets a resource id of its own, and the settings of its source only where
RDS says so. What is in it is the business of whoever attends (`emulator_database_instances`).
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstanceAutomatedBackups.html
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any
from xml.sax.saxutils import escape

from generator.rehearsal.emulator_api import call, current_account_id, current_region
from generator.rehearsal.emulator_database_instances import Gone, Restored, announce, read_restorable
from generator.rehearsal.emulator_databases import RDS, managed_secret
from generator.rehearsal.emulator_guards import Response, add_action, guarded, replace_function, wrap_action
from generator.rehearsal.emulator_instances import emulator_directory, is_attended

Instance = dict[str, Any]

_retained: dict[tuple[str, str, str], Instance] = {}
"""Instances that are gone and whose automated backups are kept, by account, region and resource id."""

IS_RESTORED = "_restored"
"""What tells an instance that was made from backups from those that were made empty, in our records."""

_BY_DEFAULT: Mapping[str, Any] = {
    "MultiAZ": False,
    "PubliclyAccessible": False,
    "DeletionProtection": False,
    "CopyTagsToSnapshot": False,
    "IAMDatabaseAuthenticationEnabled": False,
    "EnabledCloudwatchLogsExports": [],
    "PerformanceInsightsEnabled": False,
    "MonitoringInterval": 0,
    "MonitoringRoleArn": "",
    "ReadReplicaDBInstanceIdentifiers": [],
    "ReadReplicaSourceDBInstanceIdentifier": "",
    "VpcSecurityGroups": [],
    "TagList": [],
}
"""What a restored instance does not take from its source."""

_OF_BACKUPS = (
    "DBInstanceIdentifier",
    "DbiResourceId",
    "DBInstanceArn",
    "Engine",
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
)
"""What is told of automated backups, besides their tags and how far they reach."""

_FLAGS = {
    "MultiAZ": "MultiAZ",
    "PubliclyAccessible": "PubliclyAccessible",
    "DeletionProtection": "DeletionProtection",
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
}
_NUMBERS = ("BackupRetentionPeriod", "MaxAllocatedStorage", "AllocatedStorage")
_TEXTS = ("DBInstanceClass", "StorageType", "CACertificateIdentifier", "AvailabilityZone", "PreferredBackupWindow")


def databases_lost_and_restored() -> None:
    """An instance can be renamed, deleted with its automated backups kept, and restored to a point in time.

    Its endpoint is made of its identifier and what is the same for all of an account, so that an instance which takes
    the identifier of another one is reached at the same name.
    """
    guarded(RDS, "_p", "params", "key", "default")
    guarded(RDS, "_error", "code", "message", "status")
    guarded(RDS, "_xml", "status", "root_tag", "inner")
    guarded(RDS, "_parse_tags", "params")
    guarded(RDS, "_parse_member_list", "params", "prefix")
    guarded(RDS, "_single_instance_response", "root_tag", "result_tag", "instance")
    wrap_action(RDS, "DeleteDBInstance", _deleting)
    wrap_action(RDS, "ModifyDBInstance", _modifying)
    wrap_action(RDS, "CreateDBInstanceReadReplica", _replicating)
    add_action(RDS, "RestoreDBInstanceToPointInTime", _restore)
    add_action(RDS, "DescribeDBInstanceAutomatedBackups", _describe_backups)
    replace_function(RDS, "_instance_xml", ("i",), _printing_progress)


def _deleting(original: Any) -> Any:
    def delete(params: dict[str, Any]) -> Response:
        rds: Any = import_module(RDS)
        record = rds._instances.get(rds._p(params, "DBInstanceIdentifier"))
        kept = copy.deepcopy(record)
        response: Response = original(params)
        if response[0] >= 300 or kept is None:
            return response
        if rds._p(params, "DeleteAutomatedBackups") == "false" and kept["BackupRetentionPeriod"]:
            _retained[_key(kept)] = kept
        for replica in kept.get("ReadReplicaDBInstanceIdentifiers", ()):
            rds._instances[replica]["ReadReplicaSourceDBInstanceIdentifier"] = ""
        source = rds._instances.get(kept.get("ReadReplicaSourceDBInstanceIdentifier") or "")
        if source is not None:
            source["ReadReplicaDBInstanceIdentifiers"].remove(kept["DBInstanceIdentifier"])
        if secret := kept.get("MasterUserSecret"):
            call("secretsmanager", "DeleteSecret", SecretId=secret["SecretArn"], ForceDeleteWithoutRecovery=True)
        announce(emulator_directory(), Gone(current_account_id(), kept["DbiResourceId"], is_lost=True))
        return response

    return delete


def _modifying(original: Any) -> Any:
    def modify(params: dict[str, Any]) -> Response:
        rds: Any = import_module(RDS)
        former, name = (rds._p(params, key) for key in ("DBInstanceIdentifier", "NewDBInstanceIdentifier"))
        if name and name in rds._instances:
            response: Response = rds._error("DBInstanceAlreadyExists", f"DB instance {name} already exists", 400)
            return response
        record = rds._instances.get(former)
        response = original(params)
        if response[0] >= 300 or record is None:
            return response
        if rds._p(params, "EnablePerformanceInsights"):
            record["PerformanceInsightsEnabled"] = rds._p(params, "EnablePerformanceInsights") == "true"
            record["PerformanceInsightsRetentionPeriod"] = int(
                rds._p(params, "PerformanceInsightsRetentionPeriod", "7")
            )
        if name and rds._p(params, "ApplyImmediately") == "true":
            record |= _named(record, name)
            rds._instances[name] = rds._instances.pop(former)
            for replica in record.get("ReadReplicaDBInstanceIdentifiers", ()):
                rds._instances[replica]["ReadReplicaSourceDBInstanceIdentifier"] = name
            announce(emulator_directory(), Gone(current_account_id(), record["DbiResourceId"], is_lost=False))
        return response

    return modify


def _replicating(original: Any) -> Any:
    def replicate(params: dict[str, Any]) -> Response:
        rds: Any = import_module(RDS)
        response: Response = original(params)
        if response[0] < 300:
            name, source = (rds._p(params, key) for key in ("DBInstanceIdentifier", "SourceDBInstanceIdentifier"))
            record = rds._instances[name]
            record |= _named(rds._instances[source], name)
            record |= {key: rds._p(params, key) == "true" for key in ("MultiAZ", "DeletionProtection")}
            record.pop("MasterUserSecret", None)
        return response

    return replicate


def _restore(params: dict[str, Any]) -> Response:
    rds: Any = import_module(RDS)
    name = rds._p(params, "TargetDBInstanceIdentifier")
    wanted = rds._p(params, "SourceDbiResourceId") or rds._p(params, "SourceDBInstanceIdentifier")
    source = _with_backups(wanted)
    response: Response
    if name in rds._instances:
        response = rds._error("DBInstanceAlreadyExists", f"DB instance {name} already exists", 400)
    elif source is None:
        response = rds._error("DBInstanceNotFound", f"There are no backups of DBInstance {wanted}.", 404)
    elif not source["BackupRetentionPeriod"]:
        why = f"Point in time restore is not enabled for {source['DBInstanceIdentifier']}"
        response = rds._error("PointInTimeRestoreNotEnabled", why, 400)
    elif (until := _moment(params, source)) is None:
        why = f"The specified instance cannot be restored to a time later than {_latest(source) or 'its creation'}"
        response = rds._error("InvalidRestoreFault", why, 400)
    else:
        record = rds._instances[name] = _made_of(source, name, params)
        event = Restored(
            current_account_id(), current_region(), record["DbiResourceId"], source["DbiResourceId"], until
        )
        announce(emulator_directory(), event)
        action = "RestoreDBInstanceToPointInTime"
        response = rds._single_instance_response(f"{action}Response", f"{action}Result", record)
    return response


def _made_of(source: Instance, name: str, params: dict[str, Any]) -> Instance:
    rds: Any = import_module(RDS)

    def given(key: str) -> str:
        return str(rds._p(params, key))

    record = copy.deepcopy(source) | copy.deepcopy(dict(_BY_DEFAULT)) | _named(source, name)
    record |= {"DbiResourceId": f"db-{uuid.uuid4().hex[:26].upper()}", "DBInstanceStatus": "available"}
    record |= {"InstanceCreateTime": rds._format_time(time.time()), IS_RESTORED: True}
    record |= {field: given(key) == "true" for key, field in _FLAGS.items() if given(key)}
    record |= {key: int(given(key)) for key in _NUMBERS if given(key)}
    record |= {key: given(key) for key in _TEXTS if given(key)}
    groups = rds._parse_member_list(params, "VpcSecurityGroupIds")
    record["VpcSecurityGroups"] = [{"VpcSecurityGroupId": each, "Status": "active"} for each in groups]
    record["EnabledCloudwatchLogsExports"] = rds._parse_member_list(params, "EnableCloudwatchLogsExports")
    parameters = given("DBParameterGroupName") or f"default.postgres{source['EngineVersion'].split('.')[0]}"
    record["DBParameterGroups"] = [{"DBParameterGroupName": parameters, "ParameterApplyStatus": "in-sync"}]
    subnets = given("DBSubnetGroupName") or "default"
    record["DBSubnetGroup"] = rds._subnet_groups.get(subnets, {"DBSubnetGroupName": subnets})
    record["TagList"] = rds._parse_tags(params)
    record.pop("MasterUserSecret", None)
    managed_secret(
        record,
        {
            "ManageMasterUserPassword": given("ManageMasterUserPassword") or "false",
            "MasterUserSecret": {"KmsKeyId": given("MasterUserSecretKmsKeyId") or None},
        },
    )
    return record


def _describe_backups(params: dict[str, Any]) -> Response:
    rds: Any = import_module(RDS)
    fields = ("DBInstanceIdentifier", "DbiResourceId")
    wanted = {field: rds._p(params, field) for field in fields if rds._p(params, field)}
    found = [(each, "active") for each in rds._instances.values()]
    found += [(each, "retained") for key, each in _retained.items() if key[:2] == _key({})[:2]]
    shown = "".join(
        _backup_xml(each, status)
        for each, status in found
        if each.get("BackupRetentionPeriod") and all(each[field] == value for field, value in wanted.items())
    )
    action = "DescribeDBInstanceAutomatedBackups"
    inner = f"<{action}Result><DBInstanceAutomatedBackups>{shown}</DBInstanceAutomatedBackups></{action}Result>"
    response: Response = rds._xml(200, f"{action}Response", inner)
    return response


def _backup_xml(record: Instance, status: str) -> str:
    latest = _latest(record)
    window = f"<EarliestTime>{record['InstanceCreateTime']}</EarliestTime>"
    window += f"<LatestTime>{latest}</LatestTime>" if latest else ""
    values = "".join(f"<{name}>{record[name]}</{name}>" for name in _OF_BACKUPS)
    pairs = ((escape(tag["Key"]), escape(tag["Value"])) for tag in record.get("TagList", ()))
    tags = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs)
    return (
        f"<DBInstanceAutomatedBackup>{values}<Region>{current_region()}</Region><Status>{status}</Status>"
        f"<TagList>{tags}</TagList><RestoreWindow>{window}</RestoreWindow></DBInstanceAutomatedBackup>"
    )


def _printing_progress(original: Any) -> Any:
    """Show an instance as being created until it runs, and the moment until which it can be restored."""

    def instance_xml(i: Instance) -> str:
        shown = dict(i)
        if is_attended(emulator_directory(), current_account_id()):
            running = read_restorable(emulator_directory())
            if (
                "ReadReplicaSourceDBInstanceIdentifier" in i
                and i.get("_restored")
                and i["DbiResourceId"] not in running
            ):
                shown["DBInstanceStatus"] = "creating"
            shown["LatestRestorableTime"] = _latest(i) or i.get("LatestRestorableTime")
        return str(original(shown))

    return instance_xml


def _named(record: Instance, name: str) -> Instance:
    """Return what of a record changes with its identifier."""
    arn, _, former = record["DBInstanceArn"].rpartition(":")
    endpoint = record["Endpoint"] | {"Address": record["Endpoint"]["Address"].replace(f"{former}.", f"{name}.", 1)}
    return {"DBInstanceIdentifier": name, "DBInstanceArn": f"{arn}:{name}", "Endpoint": endpoint}


def _with_backups(wanted: str) -> Instance | None:
    """Return the instance of an identifier or resource id, among those that are there and those whose backups are."""
    candidates: list[Instance] = [*import_module(RDS)._instances.values()]
    candidates += [each for key, each in _retained.items() if key[:2] == _key({})[:2]]
    for each in candidates:
        if wanted in (each["DBInstanceIdentifier"], each["DbiResourceId"]):
            return each
    return None


def _moment(params: dict[str, Any], source: Instance) -> float | None:
    """Return to which moment an instance is to be restored; nothing where its backups do not go so far."""
    rds: Any = import_module(RDS)
    latest = _latest_moment(source)
    if rds._p(params, "UseLatestRestorableTime") == "true":
        return latest
    wanted = datetime.fromisoformat(rds._p(params, "RestoreTime")).timestamp()
    return wanted if latest is not None and wanted <= latest else None


def _latest_moment(record: Instance) -> float | None:
    """Return until when an instance can be restored: what whoever runs it says, or now where nobody does."""
    if is_attended(emulator_directory(), current_account_id()):
        return read_restorable(emulator_directory()).get(record["DbiResourceId"])
    return time.time()


def _latest(record: Instance) -> str:
    moment = _latest_moment(record)
    return str(import_module(RDS)._format_time(moment)) if moment else ""


def _key(record: Instance) -> tuple[str, str, str]:
    return current_account_id(), current_region(), record.get("DbiResourceId", "")


DATABASE_RESTORES: tuple[Callable[[], None], ...] = (databases_lost_and_restored,)
