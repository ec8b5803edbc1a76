"""Databases of the emulator: what ministack 1.5.33 drops of a template."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError, call
from generator.rehearsal.emulator_guards import handler_of, replace_function
from generator.rehearsal.emulator_handlers import Created, Properties

RDS = "ministack.services.rds"

# What a replica takes from its source when the template does not say otherwise.
_INHERITED = {
    "Engine": "Engine",
    "EngineVersion": "EngineVersion",
    "AllocatedStorage": "AllocatedStorage",
    "MasterUsername": "MasterUsername",
    "StorageEncrypted": "StorageEncrypted",
    "KmsKeyId": "KmsKeyId",
    "StorageType": "StorageType",
}


def database_instances() -> None:
    """A DB instance has the managed secret, the replication source and the log exports that its template asks for."""
    handler = handler_of("AWS::RDS::DBInstance")
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        source = _source(props)
        physical_id, attributes = create(logical_id, _like_source(props, source), stack_name)
        record = import_module(RDS)._instances[physical_id]
        _keep_dropped(record, props)
        if source is not None:
            record["ReadReplicaSourceDBInstanceIdentifier"] = source["DBInstanceIdentifier"]
            source["ReadReplicaDBInstanceIdentifiers"].append(physical_id)
        return physical_id, attributes | managed_secret(record, props)

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        source = _source(new_props)
        old, new = _like_source(old_props, source), _like_source(new_props, source)
        new_id, attributes = update(physical_id, old, new, *rest)
        record = import_module(RDS)._instances[new_id]
        _keep_dropped(record, new_props)
        return new_id, attributes | managed_secret(record, new_props)

    def deleting(physical_id: str, props: Properties) -> None:
        record = import_module(RDS)._instances.get(physical_id, {})
        if record.get("DeletionProtection"):
            raise ApiError("Cannot delete protected DB Instance, please disable deletion protection and try again.")
        if "MasterUserSecret" in record:
            arn = record["MasterUserSecret"]["SecretArn"]
            call("secretsmanager", "DeleteSecret", SecretId=arn, ForceDeleteWithoutRecovery=True)
        source = _source(props)
        if source is not None and physical_id in source["ReadReplicaDBInstanceIdentifiers"]:
            source["ReadReplicaDBInstanceIdentifiers"].remove(physical_id)
        delete(physical_id, props)

    handler |= {"create": creating, "update": updating, "delete": deleting}
    replace_function(RDS, "_instance_xml", ("i",), _printing_database_details)


def _source(props: Properties) -> dict[str, Any] | None:
    wanted = props.get("SourceDBInstanceIdentifier")
    if not wanted:
        return None
    source: dict[str, Any] | None = import_module(RDS)._instances.get(str(wanted).rsplit(":", 1)[-1])
    if source is None:
        raise ApiError(f"DBInstance {wanted} not found.")
    return source


def _like_source(props: Properties, source: dict[str, Any] | None) -> Properties:
    if source is None:
        return props
    inherited = {name: source[field] for name, field in _INHERITED.items()}
    group = {"DBSubnetGroupName": source["DBSubnetGroup"]["DBSubnetGroupName"]}
    return inherited | group | props


def _keep_dropped(record: dict[str, Any], props: Properties) -> None:
    if "EnableCloudwatchLogsExports" in props:
        record["EnabledCloudwatchLogsExports"] = list(props["EnableCloudwatchLogsExports"])
    if "CACertificateIdentifier" in props:
        record["CACertificateIdentifier"] = props["CACertificateIdentifier"]
    for name in ("Iops", "StorageThroughput"):
        if name in props:
            record[name] = int(props[name])
    if "PerformanceInsightsRetentionPeriod" in props:
        record["PerformanceInsightsRetentionPeriod"] = int(props["PerformanceInsightsRetentionPeriod"])


def managed_secret(record: dict[str, Any], props: Properties) -> dict[str, str]:
    """Give an instance its managed secret, where that is asked for; return the attribute that names it."""
    if str(props.get("ManageMasterUserPassword", False)).lower() != "true":
        return {}
    if "MasterUserSecret" not in record:
        value = {"username": record["MasterUsername"], "password": uuid.uuid4().hex}
        key_id = (props.get("MasterUserSecret") or {}).get("KmsKeyId")
        name = f"rds!db-{uuid.uuid4()}"
        secret = call("secretsmanager", "CreateSecret", Name=name, SecretString=json.dumps(value), KmsKeyId=key_id)
        record["MasterUserSecret"] = {"SecretArn": secret["ARN"], "KmsKeyId": key_id or "aws/secretsmanager"}
    return {"MasterUserSecret.SecretArn": record["MasterUserSecret"]["SecretArn"]}


def _printing_database_details(original: Any) -> Any:
    def instance_xml(i: dict[str, Any]) -> str:
        xml = str(original(i))
        exports = "".join(f"<member>{each}</member>" for each in i.get("EnabledCloudwatchLogsExports", ()))
        xml = xml.replace(
            "<EnabledCloudwatchLogsExports/>", f"<EnabledCloudwatchLogsExports>{exports}</EnabledCloudwatchLogsExports>"
        )
        secret = i.get("MasterUserSecret")
        if not secret:
            return xml
        shown = "".join(f"<{key}>{value}</{key}>" for key, value in (secret | {"SecretStatus": "active"}).items())
        return f"{xml}<MasterUserSecret>{shown}</MasterUserSecret>"

    return instance_xml


DATABASES: tuple[Callable[[], None], ...] = (database_instances,)
