"""A database of the emulator is renamed, lost and restored as RDS does it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Account

from generator.rehearsal import emulator_database_restores, emulator_databases
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PROVISIONERS, PatchError

account_ids = (f"5{number:011d}" for number in itertools.count())


TEMPLATE = """
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      DBInstanceIdentifier: shop
      DBInstanceClass: db.t3.micro
      Engine: postgres
      EngineVersion: "17"
      MasterUsername: dbmaster
      ManageMasterUserPassword: true
      AllocatedStorage: "20"
      BackupRetentionPeriod: 7
      PreferredBackupWindow: 02:00-03:00
      MultiAZ: true
      StorageEncrypted: true
      Tags: [{Key: Backup, Value: daily}]
"""


@pytest.fixture
def rds(emulator: Emulator) -> Any:
    """RDS of an account with one database, of which daily backups are kept."""
    account = Account(emulator, next(account_ids))
    stack = account.deploy("shop", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.failures("shop")
    return account.client("rds")


def described(rds: Any, name: str) -> dict[str, Any]:
    [found] = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return dict(found)


def backups(rds: Any, **wanted: str) -> list[dict[str, Any]]:
    return list(rds.describe_db_instance_automated_backups(**wanted)["DBInstanceAutomatedBackups"])


def restored(rds: Any, source: dict[str, Any], **others: Any) -> dict[str, Any]:
    given = {"TargetDBInstanceIdentifier": "shop", "UseLatestRestorableTime": True} | others
    return dict(
        rds.restore_db_instance_to_point_in_time(SourceDbiResourceId=source["DbiResourceId"], **given)["DBInstance"]
    )


def test_who_takes_the_name_takes_the_endpoint(rds: Any) -> None:
    before = described(rds, "shop")
    rds.modify_db_instance(DBInstanceIdentifier="shop", NewDBInstanceIdentifier="former", ApplyImmediately=True)
    former = described(rds, "former")
    assert former["DbiResourceId"] == before["DbiResourceId"]
    assert former["Endpoint"]["Address"].startswith("former.")
    assert former["Endpoint"]["Address"] == before["Endpoint"]["Address"].replace("shop.", "former.", 1)
    with pytest.raises(rds.exceptions.DBInstanceNotFoundFault):
        described(rds, "shop")
    after = restored(rds, before)
    assert after["Endpoint"] == before["Endpoint"]
    assert after["DBInstanceArn"] == before["DBInstanceArn"]
    assert after["DbiResourceId"] != before["DbiResourceId"]


def test_a_restored_instance_has_the_settings_it_is_given_and_few_of_its_source(rds: Any) -> None:
    source = described(rds, "shop")
    plain = restored(rds, source, TargetDBInstanceIdentifier="plain")
    kept = ("DBInstanceClass", "EngineVersion", "StorageEncrypted", "BackupRetentionPeriod", "MasterUsername")
    assert {name: plain[name] for name in kept} == {name: source[name] for name in kept}
    assert (plain["MultiAZ"], plain["TagList"], plain["VpcSecurityGroups"]) == (False, [], [])
    told = restored(
        rds,
        source,
        TargetDBInstanceIdentifier="told",
        MultiAZ=True,
        DeletionProtection=True,
        EnableIAMDatabaseAuthentication=True,
        VpcSecurityGroupIds=["sg-1"],
        EnableCloudwatchLogsExports=["postgresql"],
        MaxAllocatedStorage=1300,
        ManageMasterUserPassword=True,
        Tags=[{"Key": "Backup", "Value": "daily"}],
    )
    assert told["MultiAZ"]
    assert told["DeletionProtection"]
    assert told["IAMDatabaseAuthenticationEnabled"]
    assert [each["VpcSecurityGroupId"] for each in told["VpcSecurityGroups"]] == ["sg-1"]
    assert told["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert told["MaxAllocatedStorage"] == 1300
    assert told["MasterUserSecret"]["SecretArn"].startswith("arn:aws:secretsmanager:")
    assert told["TagList"] == [{"Key": "Backup", "Value": "daily"}]


def test_backups_outlive_their_instance_where_that_is_wished(rds: Any) -> None:
    before = described(rds, "shop")
    [active] = backups(rds, DBInstanceIdentifier="shop")
    assert active["Status"] == "active"
    assert {"Key": "Backup", "Value": "daily"} in active["TagList"]
    rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    [retained] = backups(rds, DbiResourceId=before["DbiResourceId"])
    assert (retained["Status"], retained["DBInstanceIdentifier"]) == ("retained", "shop")
    after = restored(rds, before)
    assert after["DBInstanceIdentifier"] == "shop"


def test_backups_go_with_their_instance_otherwise(rds: Any) -> None:
    before = described(rds, "shop")
    rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    assert backups(rds) == []
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        restored(rds, before)


def test_what_cannot_be_restored_is_refused(rds: Any) -> None:
    source = described(rds, "shop")
    with pytest.raises(rds.exceptions.DBInstanceAlreadyExistsFault):
        restored(rds, source)
    later = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(ClientError, match="InvalidRestoreFault"):
        rds.restore_db_instance_to_point_in_time(
            SourceDbiResourceId=source["DbiResourceId"], TargetDBInstanceIdentifier="other", RestoreTime=later
        )
    rds.modify_db_instance(DBInstanceIdentifier="shop", BackupRetentionPeriod=0, ApplyImmediately=True)
    assert backups(rds) == []
    with pytest.raises(ClientError, match="PointInTimeRestoreNotEnabled"):
        restored(rds, source, TargetDBInstanceIdentifier="other")


def test_a_replica_stays_with_its_source_until_that_is_gone(rds: Any) -> None:
    rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="shop")
    rds.modify_db_instance(DBInstanceIdentifier="shop", NewDBInstanceIdentifier="former", ApplyImmediately=True)
    assert described(rds, "replica")["ReadReplicaSourceDBInstanceIdentifier"] == "former"
    rds.delete_db_instance(DBInstanceIdentifier="former", SkipFinalSnapshot=True)
    assert not described(rds, "replica").get("ReadReplicaSourceDBInstanceIdentifier")


HELPERS = ("_p", "_error", "_xml", "_parse_tags", "_parse_member_list", "_single_instance_response")
ACTIONS = ("DeleteDBInstance", "ModifyDBInstance", "CreateDBInstanceReadReplica")


@pytest.mark.parametrize("name", HELPERS)
def test_the_patch_notices_a_helper_that_has_changed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(import_module(emulator_databases.RDS), name, lambda other, parameters, than, before: None)
    with pytest.raises(PatchError, match=f"{name} takes"):
        emulator_database_restores.databases_lost_and_restored()


@pytest.mark.parametrize("action", ACTIONS)
def test_the_patch_notices_an_action_that_is_gone(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    module = import_module(emulator_databases.RDS)
    monkeypatch.setattr(module, "_ACTION_MAP", {k: v for k, v in module._ACTION_MAP.items() if k != action})
    with pytest.raises(PatchError, match=f"no action {action}"):
        emulator_database_restores.databases_lost_and_restored()


def test_the_patch_notices_an_action_that_ministack_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(emulator_databases.RDS)
    learned = {"RestoreDBInstanceToPointInTime": lambda params: None}
    monkeypatch.setattr(module, "_ACTION_MAP", module._ACTION_MAP | learned)
    with pytest.raises(PatchError, match="has RestoreDBInstanceToPointInTime by itself now"):
        emulator_database_restores.databases_lost_and_restored()


def test_the_handler_of_instances_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = import_module(PROVISIONERS)._RESOURCE_HANDLERS
    changed = dict(handlers["AWS::RDS::DBInstance"], create=lambda logical_id, props, stack_name, extra: None)
    monkeypatch.setitem(handlers, "AWS::RDS::DBInstance", changed)
    with pytest.raises(PatchError, match="create of AWS::RDS::DBInstance takes"):
        emulator_databases.database_instances()
