"""The impact of an upgrade: dangerous edits of the released templates are caught, harmless ones are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.checks.changes import ChangeAction, Impact, Replacement, ResourceChange
from generator.checks.data_at_stake import HOLDS
from generator.checks.impact import compare
from generator.checks.property_differences import leaves, spelled
from generator.checks.update_behaviour import Behaviour, behaviour
from generator.resolver import NESTED_STACK, Resolution
from generator.retention import RETENTION
from tests.releases import (
    REGION,
    Edit,
    Templates,
    at_resource,
    edited_release,
    moved_table,
    released,
    renamed,
    resolution,
    setting,
    without_storage,
)

KEYS = [{"AttributeName": "customer_id", "KeyType": "HASH"}]
PUBLIC_ACCESS = "PublicAccessBlockConfiguration.BlockPublicPolicy"
ENCRYPTION = "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.SSEAlgorithm"

DANGEROUS: dict[str, tuple[Edit, str, str, str]] = {
    # name: (edit, address, action, what the reason says)
    "logical id of the database": (
        renamed("database", "Database", "MainDatabase"),
        "Database/Database",
        "remove",
        "no longer in the templates",
    ),
    "table key": (
        setting("storage", "SessionTable", "KeySchema", KEYS),
        "Storage/SessionTable",
        "replace",
        "KeySchema",
    ),
    "table name": (
        setting("storage", "SessionTable", "TableName", "sessions"),
        "Storage/SessionTable",
        "replace",
        "TableName: (not given) → sessions",
    ),
    "database subnet group": (
        setting("database", "Database", "DBSubnetGroupName", "other-subnets"),
        "Database/Database",
        "replace",
        "DBSubnetGroupName",
    ),
    "storage encryption off": (
        setting("database", "Database", "StorageEncrypted", False),
        "Database/Database",
        "replace",
        "StorageEncrypted: true → false",
    ),
    "storage encryption off, as a weakening": (
        setting("database", "Database", "StorageEncrypted", False),
        "Database/Database",
        "weaken",
        "no longer encrypted",
    ),
    "bucket renamed": (
        setting("storage", "ReleaseBucket", "BucketName", "our-releases"),
        "Storage/ReleaseBucket",
        "replace",
        "BucketName",
    ),
    "logical id of the data key": (
        renamed("encryption", "DataKey", "MainKey"),
        "Encryption/DataKey",
        "remove",
        "no longer in the templates",
    ),
    "what the data key's new id replaces": (
        renamed("encryption", "DataKey", "MainKey"),
        "Storage/FileSystem",
        "replace",
        "KmsKeyId: ⟨Encryption/DataKey.Arn⟩ → ⟨Encryption/MainKey.Arn⟩",
    ),
    "file system's performance mode": (
        setting("storage", "FileSystem", "PerformanceMode", "maxIO"),
        "Storage/FileSystem",
        "replace",
        "PerformanceMode",
    ),
    "file system's encryption": (
        setting("storage", "FileSystem", "Encrypted", False),
        "Storage/FileSystem",
        "replace",
        "Encrypted: true → false",
    ),
    "subnet's zone": (
        setting("network", "IsolatedSubnetA", "AvailabilityZone", "eu-west-1c"),
        "Network/IsolatedSubnetA",
        "replace",
        "AvailabilityZone: eu-west-1a → eu-west-1c",
    ),
    "security group's description": (
        setting("security", "DatabaseGroup", "GroupDescription", "Who may reach the database"),
        "Security/DatabaseGroup",
        "replace",
        "GroupDescription",
    ),
    "database engine": (
        setting("database", "Database", "Engine", "mysql"),
        "Database/Database",
        "replace",
        "may be replaced: Engine: postgres → mysql",
    ),
    "database identifier": (
        setting("database", "Database", "DBInstanceIdentifier", "shop"),
        "Database/Database",
        "replace",
        "DBInstanceIdentifier: web-platform-prod-database → shop",
    ),
    "master username": (
        setting("database", "Database", "MasterUsername", "root"),
        "Database/Database",
        "replace",
        "MasterUsername: dbmaster → root",
    ),
    "retention of the table": (
        at_resource("storage", "SessionTable", "DeletionPolicy", "Delete"),
        "Storage/SessionTable",
        "weaken",
        "DeletionPolicy: RetainExceptOnCreate → Delete",
    ),
    "retention of the database on replacement, left out": (
        at_resource("database", "Database", "UpdateReplacePolicy", None),
        "Database/Database",
        "weaken",
        "UpdateReplacePolicy: Snapshot → Delete",
    ),
    "point-in-time recovery off": (
        setting("storage", "SessionTable", "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", False),
        "Storage/SessionTable",
        "weaken",
        "backups of the last 35 days are deleted",
    ),
    "point-in-time recovery left out": (
        setting("storage", "SessionTable", "PointInTimeRecoverySpecification", None),
        "Storage/SessionTable",
        "weaken",
        "true → (not given)",
    ),
    "fewer days of backups": (
        setting("database", "Database", "BackupRetentionPeriod", 1),
        "Database/Database",
        "weaken",
        "BackupRetentionPeriod: 7 → 1",
    ),
    "stack Storage removed": (without_storage, "Storage/SessionTable", "remove", "no longer in the templates"),
    "table moved to another stack": (moved_table, "Storage/SessionTable", "remove", "no longer in the templates"),
    "log group renamed": (
        setting("database", "PostgresqlLogGroup", "LogGroupName", "/database/postgresql"),
        "Database/PostgresqlLogGroup",
        "replace",
        "LogGroupName",
    ),
    "log events kept for a shorter time": (
        setting("web_tier", "WebServerLogGroup", "RetentionInDays", 1),
        "WebTier/WebServerLogGroup",
        "weaken",
        "RetentionInDays: 7 → 1",
    ),
    "table's deletion protection off": (
        setting("storage", "SessionTable", "DeletionProtectionEnabled", False),
        "Storage/SessionTable",
        "weaken",
        "nothing stops its deletion",
    ),
    "database's deletion protection left out": (
        setting("database", "Database", "DeletionProtection", None),
        "Database/Database",
        "weaken",
        "nothing stops its deletion",
    ),
    "database made public": (
        setting("database", "Database", "PubliclyAccessible", True),
        "Database/Database",
        "weaken",
        "public address",
    ),
    "bucket encrypted in another way": (
        setting("storage", "ReleaseBucket", ENCRYPTION, "AES256"),
        "Storage/ReleaseBucket",
        "weaken",
        "SSEAlgorithm: aws:kms → AES256",
    ),
    "bucket without versions": (
        setting("storage", "ReleaseBucket", "VersioningConfiguration.Status", "Suspended"),
        "Storage/ReleaseBucket",
        "weaken",
        "loses the former one",
    ),
    "bucket that may be public": (
        setting("storage", "ReleaseBucket", PUBLIC_ACCESS, False),
        "Storage/ReleaseBucket",
        "weaken",
        "opened to everybody",
    ),
    "objects expire sooner": (
        setting("storage", "LogBucket", "LifecycleConfiguration.Rules.1.ExpirationInDays", 3),
        "Storage/LogBucket",
        "weaken",
        "ExpirationInDays: 90 → 3",
    ),
    "key no longer rotated": (
        setting("encryption", "DataKey", "EnableKeyRotation", False),
        "Encryption/DataKey",
        "weaken",
        "no longer rotated",
    ),
    "another master password": (
        setting("database", "MasterSecret", "GenerateSecretString.PasswordLength", 40),
        "Database/MasterSecret",
        "weaken",
        "a new value is generated",
    ),
    "load balancer's scheme": (
        setting("ingress", "LoadBalancer", "Scheme", "internal"),
        "Ingress/LoadBalancer",
        "replace",
        "Scheme: internet-facing → internal",
    ),
}


def upgrade(folder: Path, edit: Edit, environment: str = "prod") -> Impact:
    return compare(released(environment), resolution(edited_release(folder, edit), environment))


def change_of(impact: Impact, address: str) -> ResourceChange:
    [found] = [change for change in impact.changes if change.address == address]
    return found


def addresses(impact: Impact) -> set[str]:
    return {change.address for change in impact.changes}


@pytest.mark.parametrize(("edit", "address", "action", "reason"), DANGEROUS.values(), ids=DANGEROUS.keys())
def test_a_dangerous_edit_is_caught(tmp_path: Path, edit: Edit, address: str, action: str, reason: str) -> None:
    dangers = upgrade(tmp_path, edit).dangers
    reasons = [danger.reason for danger in dangers if (danger.address, danger.action) == (address, action)]
    assert any(reason in text for text in reasons), dangers


def new_stack(templates: Templates) -> None:
    templates["extra"] = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    stack = dict(templates["platform"]["Resources"]["Encryption"])
    url = stack["Properties"]["TemplateURL"]["Fn::Sub"].replace("encryption.yaml", "extra.yaml")
    stack["Properties"] = {"TemplateURL": {"Fn::Sub": url}}
    templates["platform"]["Resources"]["Extra"] = stack


def new_parameter(templates: Templates) -> None:
    templates["platform"]["Parameters"]["BackupDays"] = {"Type": "Number", "Default": "7"}
    templates["database"]["Parameters"]["BackupDays"] = {"Type": "Number"}
    stack = templates["platform"]["Resources"]["Database"]["Properties"]
    stack["Parameters"]["BackupDays"] = {"Ref": "BackupDays"}
    templates["database"]["Resources"]["Database"]["Properties"]["BackupRetentionPeriod"] = {"Ref": "BackupDays"}


def reordered(templates: Templates) -> None:
    for template in templates.values():
        template["Resources"] = dict(reversed(template["Resources"].items()))
        for resource in template["Resources"].values():
            resource["Properties"] = dict(reversed(resource.get("Properties", {}).items()))


def new_output(templates: Templates) -> None:
    templates["storage"]["Outputs"]["SessionTableArn"] = {"Value": {"Fn::GetAtt": ["SessionTable", "Arn"]}}


HARMLESS: dict[str, tuple[Edit, set[str]]] = {
    # name: (edit, what changes)
    "tag": (setting("database", "Database", "Tags.0.Value", "shop"), {"Database/Database"}),
    "alarm threshold": (setting("web_tier", "SustainedLoad", "Threshold", 75), {"WebTier/SustainedLoad"}),
    "description": (
        setting("web_tier", "SustainedLoad", "AlarmDescription", "Servers are busy."),
        {"WebTier/SustainedLoad"},
    ),
    "new output": (new_output, set()),
    "new parameter with the same value": (new_parameter, set()),
    "other order": (reordered, set()),
    "new stack": (new_stack, {"Extra", "Extra/Topic"}),
    "more days of backups": (setting("database", "Database", "BackupRetentionPeriod", 14), {"Database/Database"}),
    "log events kept longer": (
        setting("web_tier", "WebServerLogGroup", "RetentionInDays", 30),
        {"WebTier/WebServerLogGroup"},
    ),
    "table kept always": (at_resource("storage", "SessionTable", "DeletionPolicy", "Retain"), {"Storage/SessionTable"}),
    "the database's policy left to CloudFormation, which takes a snapshot": (
        at_resource("database", "Database", "DeletionPolicy", None),
        {"Database/Database"},
    ),
    "number as text": (setting("database", "Database", "BackupRetentionPeriod", "7"), set()),
    "waiting for more": (at_resource("storage", "ReleaseBucket", "DependsOn", ["LogBucket"]), set()),
    "maintenance window": (
        setting("database", "Database", "PreferredMaintenanceWindow", "mon:03:30-mon:04:30"),
        {"Database/Database"},
    ),
}


@pytest.mark.parametrize(("edit", "changed"), HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_edit_is_no_danger(tmp_path: Path, edit: Edit, changed: set[str]) -> None:
    impact = upgrade(tmp_path, edit)
    assert impact.dangers == ()
    assert addresses(impact) == changed


@pytest.mark.parametrize(
    ("environment", "parameter", "value"),
    [
        ("prod", "WebServerInstanceType", "t3.small"),
        ("prod", "ScaleOutCpuPercent", "75"),
        ("dev", "DatabaseMultiAz", "true"),
        ("dev", "DatabaseStorage", "40"),
        ("dev", "NatGateways", "per-zone"),
        ("dev", "DeletionProtection", "true"),
        ("dev", "AvailabilityZoneC", "eu-west-1c"),
    ],
)
def test_a_harmless_setting_is_no_danger_and_is_listed(environment: str, parameter: str, value: str) -> None:
    impact = compare(released(environment), resolution(environment=environment, **{parameter: value}))
    assert impact.dangers == ()
    assert [(change.name, change.after) for change in impact.parameters] == [(parameter, value)]
    assert impact.changes


# ---------------------------------------------------------------------------------------------------------------------
# Replacement, and what follows from it
# ---------------------------------------------------------------------------------------------------------------------


def test_a_new_address_range_replaces_the_whole_network_and_the_cascade_is_named() -> None:
    impact = compare(released("dev"), resolution(environment="dev", VpcCidr="10.11.0.0/16"))
    [danger] = impact.dangers
    assert (danger.address, danger.action) == ("Network/Vpc", "replace")
    assert danger.reason == "CidrBlock: 10.10.0.0/16 → 10.11.0.0/16 requires a replacement"
    replaced = {change.address for change in impact.changes if change.replacement == Replacement.TRUE}
    assert set(danger.cascade) == replaced - {"Network/Vpc"}
    assert {
        "Network/PublicSubnetA",
        "Security/WebServerGroup",
        "Storage/MountTargetA",
        "WebTier/WebServers",
    } <= replaced
    assert change_of(impact, "Database/DatabaseSubnets").replacement == Replacement.FALSE
    assert "RDS refuses" in change_of(impact, "Database/DatabaseSubnets").notes[0]


def test_each_danger_names_what_follows_from_it_and_no_more() -> None:
    after = with_value(released(), "Storage/FileSystem", ("PerformanceMode",), "maxIO")
    after = with_value(after, "Security/BastionGroup", ("GroupDescription",), "Whoever operates")
    cascades = {danger.address: set(danger.cascade) for danger in compare(released(), after).dangers}
    assert cascades == {
        "Storage/FileSystem": {
            "Storage/MountTargetA",
            "Storage/MountTargetB",
            "Storage/MountTargetC",
            "Storage/ImagesAccessPoint",
        },
        "Security/BastionGroup": {
            "Security/BastionOutHttps",
            "Security/BastionOutDatabasePostgreSql",
            "Security/DatabaseInBastionPostgreSql",
        },
    }


def test_what_refers_to_a_replaced_resource_changes_with_it_and_says_so(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("storage", "FileSystem", "PerformanceMode", "maxIO"))
    target = change_of(impact, "Storage/MountTargetA")
    assert (target.replacement, target.properties[0].path) == (Replacement.TRUE, "FileSystemId")
    assert target.properties[0].cause == "Storage/FileSystem"
    template = change_of(impact, "WebTier/LaunchTemplate")
    assert (template.replacement, template.requires) == (Replacement.FALSE, Behaviour.NO_INTERRUPTION)
    [script] = template.properties
    assert (script.before, script.after, script.lines) == (None, None, ()), "a long text that stays is not repeated"
    group = change_of(impact, "WebTier/WebServerGroup")
    assert (group.replacement, group.requires) == (Replacement.FALSE, Behaviour.SOME_INTERRUPTIONS)
    assert {edit.cause for edit in group.properties} == {"WebTier/LaunchTemplate"}


def test_a_replacing_update_policy_replaces_the_group(tmp_path: Path) -> None:
    policy = {"AutoScalingReplacingUpdate": {"WillReplace": True}}

    def edit(templates: Templates) -> None:
        at_resource("web_tier", "WebServerGroup", "UpdatePolicy", policy)(templates)
        setting("web_tier", "LaunchTemplate", "LaunchTemplateData.EbsOptimized", False)(templates)

    assert change_of(upgrade(tmp_path, edit), "WebTier/WebServerGroup").replacement == Replacement.TRUE


def test_a_conditional_replacement_makes_those_that_follow_conditional(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("database", "Database", "Engine", "mysql"))
    assert change_of(impact, "Database/Database").replacement == Replacement.CONDITIONAL
    assert change_of(impact, "Database/ReadReplica").replacement == Replacement.CONDITIONAL
    assert change_of(impact, "Database/EndpointParameter").replacement == Replacement.FALSE


def test_what_is_named_after_a_resource_that_may_be_replaced_may_be_replaced() -> None:
    named = with_value(released(), "Database/SecretParameter", ("Name",), "/⟨Database/Database⟩")
    impact = compare(named, with_value(named, "Database/Database", ("Engine",), "mysql"))
    assert change_of(impact, "Database/SecretParameter").replacement == Replacement.CONDITIONAL
    certain = compare(named, with_value(named, "Database/Database", ("DBInstanceIdentifier",), "shop"))
    assert change_of(certain, "Database/SecretParameter").replacement == Replacement.TRUE


def test_an_edited_property_is_told_once_though_it_refers_to_what_is_replaced() -> None:
    after = with_value(released(), "Storage/FileSystem", ("PerformanceMode",), "maxIO")
    after = with_value(after, "Storage/MountTargetA", ("FileSystemId",), "other-⟨Storage/FileSystem⟩")
    [edit] = change_of(compare(released(), after), "Storage/MountTargetA").properties
    assert (edit.path, edit.cause) == ("FileSystemId", "")


def test_a_change_in_place_leaves_those_alone_that_refer_to_the_resource(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("network", "Vpc", "EnableDnsHostnames", False))
    assert addresses(impact) == {"Network/Vpc"}


def test_an_attribute_that_is_called_as_the_changed_property_changes_with_it() -> None:
    before = released("dev")
    endpoint = before.resources["Database/EndpointParameter"]
    other = replace(
        endpoint, logical_id="Copy", properties={"Type": "String", "Value": "⟨Database/EndpointParameter.Value⟩"}
    )
    with_copy = replace(before, resources={**before.resources, "Database/Copy": other})
    changed = replace(endpoint, properties={**endpoint.properties, "Value": "elsewhere"})
    after = replace(with_copy, resources={**with_copy.resources, "Database/EndpointParameter": changed})
    impact = compare(with_copy, after)
    assert change_of(impact, "Database/Copy").properties[0].cause == "Database/EndpointParameter"


def test_a_replaced_resource_whose_name_is_given_is_refused(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("database", "Database", "MasterUsername", "root"))
    [note] = change_of(impact, "Database/Database").notes
    assert note.startswith("CloudFormation refuses to replace it while DBInstanceIdentifier stays")


def test_a_replaced_resource_with_a_new_name_is_not_refused(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("database", "Database", "DBInstanceIdentifier", "shop"))
    assert change_of(impact, "Database/Database").notes == ()


def test_what_can_never_change_is_called_refused(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, setting("encryption", "DataKey", "KeySpec", "RSA_4096"))
    key = change_of(impact, "Encryption/DataKey")
    assert (key.requires, key.replacement) == (Behaviour.REFUSED, Replacement.FALSE)
    assert "KeySpec cannot change" in key.notes[0]


def test_another_type_under_one_logical_id_is_refused(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, at_resource("web_tier", "SustainedLoad", "Type", "AWS::CloudWatch::CompositeAlarm"))
    alarm = change_of(impact, "WebTier/SustainedLoad")
    assert alarm.replacement == Replacement.TRUE
    assert "CloudFormation refuses to make a AWS::CloudWatch::CompositeAlarm" in alarm.notes[0]


# ---------------------------------------------------------------------------------------------------------------------
# What is kept, what is renamed
# ---------------------------------------------------------------------------------------------------------------------


def test_it_says_what_is_kept_and_what_is_lost(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, without_storage)
    fates = {danger.address: danger.data for danger in impact.dangers}
    assert fates["Storage/SessionTable"].startswith("kept as an orphan outside CloudFormation (RetainExceptOnCreate)")
    removed = {change.address for change in impact.changes if change.action == ChangeAction.REMOVE}
    assert {"Storage", "Storage/FileSystem", "Storage/LogBucket"} <= removed


@pytest.mark.parametrize(
    ("logical_id", "data"),
    [("Database", "a final snapshot is kept"), ("UpgradeLogGroup", "lost for ever: its log events")],
)
def test_the_fate_follows_the_policy_of_the_template(tmp_path: Path, logical_id: str, data: str) -> None:
    dangers = upgrade(tmp_path, renamed("database", logical_id, "Other")).dangers
    [danger] = [danger for danger in dangers if danger.address == f"Database/{logical_id}"]
    assert danger.data.startswith(data)


def test_a_stack_that_is_retained_keeps_what_it_holds(tmp_path: Path) -> None:
    before = resolution(edited_release(tmp_path, at_resource("platform", "Database", "DeletionPolicy", "Retain")))
    after = replace(
        before, resources={key: value for key, value in before.resources.items() if not key.startswith("Database")}
    )
    fates = {danger.address: danger.data for danger in compare(before, after).dangers}
    assert fates["Database/UpgradeLogGroup"].startswith("kept as an orphan")
    assert "Database" not in fates, "a stack holds nothing itself"


def test_what_its_template_keeps_is_stateful_whatever_its_type() -> None:
    alarm = released().resources["WebTier/SustainedLoad"]
    kept = replace(alarm, attributes={**alarm.attributes, "DeletionPolicy": "Retain"})
    before = replace(released(), resources={**released().resources, "WebTier/SustainedLoad": kept})
    after = replace(before, resources={a: r for a, r in before.resources.items() if a != "WebTier/SustainedLoad"})
    assert [danger.address for danger in compare(before, after).dangers] == ["WebTier/SustainedLoad"]
    without = {a: r for a, r in released().resources.items() if a != "WebTier/SustainedLoad"}
    assert compare(released(), replace(released(), resources=without)).dangers == ()


def test_a_read_replica_holds_nothing_of_its_own() -> None:
    impact = compare(released("prod"), resolution(environment="prod", DatabaseReadReplica="false"))
    dangerous = {danger.address for danger in impact.dangers}
    assert "Database/ReadReplica" in addresses(impact) - dangerous
    assert "Database/MasterSecret" in dangerous


def test_a_key_that_is_given_first_weakens_nothing_and_one_that_goes_does() -> None:
    without = with_value(released(), "WebTier/WebServerLogGroup", ("KmsKeyId",), None)
    assert compare(without, released()).dangers == ()
    [danger] = compare(released(), without).dangers
    assert (danger.action, danger.reason[:8]) == ("weaken", "KmsKeyId")


@pytest.mark.parametrize("days", ["⟨Database/Days⟩", "many"])
def test_a_number_that_is_not_known_yet_counts_as_absent(days: str) -> None:
    before = with_value(released(), "WebTier/WebServerLogGroup", ("RetentionInDays",), days)
    [danger] = compare(before, released()).dangers
    assert danger.action == "weaken", "from an unknown number to a known one may be shorter"


def test_a_member_of_a_cluster_holds_nothing_of_its_own() -> None:
    before = with_value(released(), "Database/Database", ("DBClusterIdentifier",), "shop")
    gone = replace(before, resources={a: r for a, r in before.resources.items() if a != "Database/Database"})
    assert compare(before, gone).dangers == ()


def test_a_rename_is_recognized_and_the_taken_name_is_named(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, renamed("database", "Database", "MainDatabase"))
    removed, added = change_of(impact, "Database/Database"), change_of(impact, "Database/MainDatabase")
    assert (removed.action, added.action) == (ChangeAction.REMOVE, ChangeAction.ADD)
    assert removed.notes[0].startswith("Looks renamed: Database/MainDatabase has 100% of its properties.")
    assert any("'web-platform-prod-database' is still taken by Database/Database" in note for note in added.notes)


def test_a_move_to_another_stack_is_recognized(tmp_path: Path) -> None:
    impact = upgrade(tmp_path, moved_table)
    assert "moved to another stack" in change_of(impact, "Storage/SessionTable").notes[0]
    assert change_of(impact, "Database/SessionTable").action == ChangeAction.ADD


def test_resources_that_differ_are_no_rename(tmp_path: Path) -> None:
    def edit(templates: Templates) -> None:
        renamed("database", "DatabaseParameters", "Other")(templates)
        properties = {"Family": "postgres18", "Parameters": {"shared_buffers": "1"}}
        templates["database"]["Resources"]["Other"]["Properties"] = properties

    assert change_of(upgrade(tmp_path, edit), "Database/Other").notes == ()


def test_every_type_that_our_templates_keep_is_known_to_hold_something() -> None:
    assert set(RETENTION) - {NESTED_STACK} <= set(HOLDS)


# ---------------------------------------------------------------------------------------------------------------------
# Permissions and long text
# ---------------------------------------------------------------------------------------------------------------------

STATEMENTS = "Properties.PolicyDocument.Statement"


def test_permissions_are_told_by_role(tmp_path: Path) -> None:
    statement = {"Sid": "More", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::b/*"]}

    def edit(templates: Templates) -> None:
        document = templates["storage"]["Resources"]["UseStorage"]["Properties"]["PolicyDocument"]
        document["Statement"].append(statement)
        document["Statement"][0]["Action"].remove("dynamodb:Query")

    assert [change.text for change in upgrade(tmp_path, edit).permissions] == [
        "Security/WebServerRole: - Allow dynamodb:Query on ⟨Storage/SessionTable.Arn⟩",
        "Security/WebServerRole: + Allow s3:PutObject on arn:aws:s3:::b/*",
    ]


def test_statements_split_renamed_and_reordered_permit_the_same(tmp_path: Path) -> None:
    def edit(templates: Templates) -> None:
        document = templates["storage"]["Resources"]["UseStorage"]["Properties"]["PolicyDocument"]
        first, *others = document["Statement"]
        halves = [{**first, "Sid": f"Half{n}", "Action": first["Action"][n::2]} for n in (0, 1)]
        document["Statement"] = [*reversed(others), *halves]

    impact = upgrade(tmp_path, edit)
    assert impact.permissions == ()
    assert addresses(impact) == {"Storage/UseStorage"}


def test_whom_a_resource_lets_in_is_told_by_resource(tmp_path: Path) -> None:
    edit = setting("storage", "FileSystem", "FileSystemPolicy.Statement.0.Principal", {"AWS": "*"})
    lines = [change.text for change in upgrade(tmp_path, edit).permissions]
    assert len(lines) == 2
    assert lines[1].startswith(
        "Storage/FileSystem: + Allow elasticfilesystem:ClientMount, elasticfilesystem:ClientWrite"
    )
    assert "to AWS *" in lines[1]


def test_long_text_is_shown_by_the_lines_that_differ(tmp_path: Path) -> None:
    def edit(templates: Templates) -> None:
        data = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        pieces = data["UserData"]["Fn::Base64"]["Fn::Join"][1]
        pieces[-1] = pieces[-1].replace("readonly ATTEMPTS=10", "readonly ATTEMPTS=20")

    changed = change_of(upgrade(tmp_path, edit), "WebTier/LaunchTemplate").properties
    [edit_of_script] = changed
    assert edit_of_script.lines == ("- readonly ATTEMPTS=10", "+ readonly ATTEMPTS=20")
    assert (edit_of_script.before, edit_of_script.after) == (None, None)


# ---------------------------------------------------------------------------------------------------------------------
# For any input
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_nothing_changes_where_nothing_differs(environment: str) -> None:
    assert compare(released(environment), resolution(environment=environment)).empty


def create_only() -> list[tuple[str, tuple[str, ...]]]:
    """Every plain property of every resource that cannot be changed in place."""
    return [
        (address, path)
        for address, resource in released().resources.items()
        if resource.type != NESTED_STACK
        for path, value in leaves(resource.properties).items()
        if isinstance(value, str | int | bool)
        and not any(part.startswith("[") for part in path)
        and behaviour(resource.type, path, resource.attributes, REGION)
        in (Behaviour.REPLACEMENT, Behaviour.CONDITIONAL)
    ]


def with_value(before: Resolution, address: str, path: tuple[str, ...], value: Any) -> Resolution:
    def changed(properties: Any, rest: tuple[str, ...]) -> Any:
        return {**properties, rest[0]: changed(properties.get(rest[0], {}), rest[1:])} if rest else value

    resource = before.resources[address]
    edited = replace(resource, properties=changed(resource.properties, path))
    return replace(before, resources={**before.resources, address: edited})


@settings(max_examples=60)
@given(place=st.sampled_from(create_only()), value=st.text(min_size=1).map("other-".__add__))
def test_every_change_of_a_create_only_property_is_a_replacement(
    place: tuple[str, tuple[str, ...]], value: str
) -> None:
    address, path = place
    impact = compare(released(), with_value(released(), address, path, value))
    change = change_of(impact, address)
    assert change.replacement in (Replacement.TRUE, Replacement.CONDITIONAL)
    assert spelled(path) in {edit.path for edit in change.properties}


def test_there_are_many_create_only_properties() -> None:
    assert len(create_only()) > 150


@settings(max_examples=30)
@given(gone=st.sampled_from(sorted(a for a, r in released().resources.items() if r.type != NESTED_STACK)))
def test_a_resource_that_leaves_is_removed_one_way_and_added_the_other(gone: str) -> None:
    rest = replace(released(), resources={a: r for a, r in released().resources.items() if a != gone})
    assert change_of(compare(released(), rest), gone).action == ChangeAction.REMOVE
    assert change_of(compare(rest, released()), gone).action == ChangeAction.ADD
