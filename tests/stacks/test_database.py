"""D3, D10, E9, E16: PostgreSQL, encrypted, private, backed up, its password never in a template."""

from __future__ import annotations

import json

import pytest

from tests import claims
from tests.intrinsics import Templates, of_type, resolved, walk


def test_d10_database_is_encrypted(templates: Templates) -> None:
    claims.check_database_is_encrypted(templates)


def test_e9_database_is_private(templates: Templates) -> None:
    claims.check_database_is_private(templates)


def test_d10_database_demands_tls(templates: Templates) -> None:
    claims.check_database_demands_tls(templates)


def test_e16_backups_of_a_week_outlive_the_database(templates: Templates) -> None:
    claims.check_backups_of_a_week_outlive_the_database(templates)


def test_d10_master_password_is_managed_or_generated_and_never_both(templates: Templates) -> None:
    claims.check_master_password_is_managed_or_generated_and_never_both(templates)


@pytest.mark.parametrize(("wanted", "names"), [("true", {"Database", "ReadReplica"}), ("false", {"Database"})])
def test_d3_replica_and_its_logs_exist_where_asked_for(templates: Templates, wanted: str, names: set[str]) -> None:
    resources = resolved(templates["database"], DatabaseReadReplica=wanted, OfficeHoursOnly="false")
    instances = {name: found for name, found in resources.items() if found["Type"] == "AWS::RDS::DBInstance"}
    assert instances.keys() == names
    logs = {name for name, found in resources.items() if found["Type"] == "AWS::Logs::LogGroup"}
    assert logs == {log for instance in instances.values() for log in instance["DependsOn"]}


def test_d3_replica_takes_from_its_source_what_rds_copies(templates: Templates) -> None:
    """RDS refuses a replica in the same region that says any of these itself."""
    replica = templates["database"]["Resources"]["ReadReplica"]["Properties"]
    assert replica["SourceDBInstanceIdentifier"] == {"Ref": "Database"}
    assert replica.keys().isdisjoint(
        {"AllocatedStorage", "DBName", "DBSubnetGroupName", "EngineVersion", "KmsKeyId", "MasterUsername",
         "MasterUserPassword", "ManageMasterUserPassword", "StorageEncrypted"}
    )  # fmt: skip


def test_e9_engine_is_postgresql_of_the_parameter_groups_family(templates: Templates) -> None:
    resources = templates["database"]["Resources"]
    assert resources["Database"]["Properties"]["Engine"] == "postgres"
    major = resources["Database"]["Properties"]["EngineVersion"].partition(".")[0]
    assert resources["DatabaseParameters"]["Properties"]["Family"] == f"postgres{major}"


@pytest.mark.parametrize("hours", ["true", "false"])
def test_windows_of_backup_and_maintenance_do_not_overlap(templates: Templates, hours: str) -> None:
    resources = resolved(templates["database"], DatabaseReadReplica="false", OfficeHoursOnly=hours)
    database = resources["Database"]["Properties"]
    backup = database["PreferredBackupWindow"].split("-")
    maintenance = [end.partition(":")[2] for end in database["PreferredMaintenanceWindow"].split("-")]
    assert backup[0] < backup[1] <= maintenance[0] < maintenance[1]


def test_settings_of_the_environment_reach_the_database(templates: Templates) -> None:
    database = templates["database"]["Resources"]["Database"]["Properties"]
    for key, parameter in (
        ("AllocatedStorage", "DatabaseStorage"),
        ("DBInstanceClass", "DatabaseInstanceClass"),
        ("DeletionProtection", "DeletionProtection"),
        ("MultiAZ", "DatabaseMultiAz"),
    ):
        assert database[key] == {"Ref": parameter}
    assert database["StorageType"] == "gp3"
    assert database["MaxAllocatedStorage"] >= templates["database"]["Parameters"]["DatabaseStorage"]["MaxValue"]


@pytest.mark.parametrize("instance", ["Database", "ReadReplica"])
def test_e15_logs_of_an_instance_go_to_groups_that_were_there_first(templates: Templates, instance: str) -> None:
    """RDS creates the groups that it does not find, and keeps what it writes to them for ever."""
    template = templates["database"]
    resource = template["Resources"][instance]
    identifier = resource["Properties"]["DBInstanceIdentifier"]["Fn::Sub"]
    groups = of_type(template, "AWS::Logs::LogGroup")
    names = {groups[title]["Properties"]["LogGroupName"]["Fn::Sub"] for title in resource["DependsOn"]}
    exported = resource["Properties"]["EnableCloudwatchLogsExports"]
    assert names == {f"/aws/rds/instance/{identifier}/{log}" for log in exported}


@pytest.mark.parametrize("instance", ["Database", "ReadReplica"])
def test_identifier_is_one_that_rds_accepts(templates: Templates, instance: str) -> None:
    """At most 63 letters, digits and single hyphens, also with the longest name of an environment."""
    identifier = templates["database"]["Resources"][instance]["Properties"]["DBInstanceIdentifier"]["Fn::Sub"]
    longest = identifier.replace("${EnvironmentName}", "a" * 16)
    assert len(longest) <= 63
    assert longest.replace("-", "").isalnum()
    assert "--" not in longest


@pytest.mark.parametrize("replica", ["true", "false"])
def test_d5_applications_find_endpoint_and_secret_in_ssm(templates: Templates, replica: str) -> None:
    database = templates["database"]
    resources = resolved(database, DatabaseReadReplica=replica, OfficeHoursOnly="false", EnvironmentName="dev")
    published = {
        resource["Properties"]["Name"]: resource["Properties"]["Value"]
        for resource in resources.values()
        if resource["Type"] == "AWS::SSM::Parameter"
    }
    managed = {"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]}
    secret = {"Ref": "MasterSecret"} if replica == "true" else managed
    assert published == {
        "/web-platform/dev/database/endpoint": {"Fn::GetAtt": ["Database", "Endpoint.Address"]},
        "/web-platform/dev/database/secret": secret,
    }
    statements = resources["UseDatabase"]["Properties"]["PolicyDocument"]["Statement"]
    grants = {statement["Sid"]: statement for statement in statements}
    assert grants["ReadSecret"]["Resource"] == [secret]
    assert grants["DecryptSecret"]["Resource"] == [{"Ref": "DataKeyArn"}]
    assert "kms:ViaService" in grants["DecryptSecret"]["Condition"]["StringEquals"]


def test_web_servers_log_in_as_one_user_of_this_database(templates: Templates) -> None:
    statement = templates["database"]["Resources"]["UseDatabase"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert statement["Action"] == ["rds-db:connect"]
    [resource] = statement["Resource"]
    text, values = resource["Fn::Sub"]
    assert text.endswith(":dbuser:${ResourceId}/application")
    assert values == {"ResourceId": {"Fn::GetAtt": ["Database", "DbiResourceId"]}}
    database = templates["database"]["Resources"]["Database"]["Properties"]
    assert database.get("EnableIAMDatabaseAuthentication") is True
    assert not text.endswith(f"/{database['MasterUsername']}")


def test_generated_secret_is_encrypted_and_names_the_master_user(templates: Templates) -> None:
    resources = templates["database"]["Resources"]
    secret = resources["MasterSecret"]["Properties"]
    assert secret["KmsKeyId"] == {"Ref": "DataKeyArn"}
    username = json.loads(secret["GenerateSecretString"]["SecretStringTemplate"])["username"]
    assert username == resources["Database"]["Properties"]["MasterUsername"]
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32


def test_no_password_is_an_output_or_a_parameter(templates: Templates) -> None:
    template = templates["database"]
    assert not [name for name in template["Parameters"] if "password" in name.lower()]
    shown = [value for value in walk(template["Outputs"]) if isinstance(value, str)]
    assert not [value for value in shown if "resolve:" in value]


def test_e15_database_is_monitored_in_detail(templates: Templates) -> None:
    for name, instance in of_type(templates["database"], "AWS::RDS::DBInstance").items():
        assert instance["Properties"]["MonitoringInterval"] == 60, name
        assert instance["Properties"]["EnablePerformanceInsights"] is True, name
        assert instance["Properties"]["MonitoringRoleArn"] == {"Fn::GetAtt": ["MonitoringRole", "Arn"]}, name
    role = templates["database"]["Resources"]["MonitoringRole"]["Properties"]
    [policy] = role["ManagedPolicyArns"]
    assert policy["Fn::Sub"].endswith(":policy/service-role/AmazonRDSEnhancedMonitoringRole")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
