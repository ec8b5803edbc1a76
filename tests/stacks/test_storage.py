"""E10, E11, D10: sessions, product images, releases and access logs."""

from __future__ import annotations

import pytest

from tests import claims
from tests.intrinsics import Templates, of_type, resolved


def test_d10_session_table_is_encrypted_and_recoverable(templates: Templates) -> None:
    claims.check_session_table_is_encrypted_and_recoverable(templates)


def test_d10_file_system_is_encrypted_and_backed_up(templates: Templates) -> None:
    claims.check_file_system_is_encrypted_and_backed_up(templates)


def test_e11_file_system_is_mounted_through_an_access_point(templates: Templates) -> None:
    claims.check_file_system_is_mounted_through_an_access_point(templates)


def test_d10_file_system_demands_tls(templates: Templates) -> None:
    claims.check_file_system_demands_tls(templates)


def test_d10_buckets_are_encrypted(templates: Templates) -> None:
    claims.check_buckets_are_encrypted(templates)


def test_d10_buckets_are_private_and_versioned(templates: Templates) -> None:
    claims.check_buckets_are_private_and_versioned(templates)


def test_d10_buckets_demand_tls(templates: Templates) -> None:
    claims.check_buckets_demand_tls(templates)


def test_e10_expired_sessions_disappear_by_themselves(templates: Templates) -> None:
    table = templates["storage"]["Resources"]["SessionTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_e10_key_attributes_are_the_declared_ones(templates: Templates) -> None:
    """DynamoDB refuses an attribute that is declared and no key, such as the one of the time to live."""
    table = templates["storage"]["Resources"]["SessionTable"]["Properties"]
    declared = {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]}
    assert declared == {key["AttributeName"] for key in table["KeySchema"]} == {"session_id"}


def test_deletion_protection_of_the_table_is_the_environments(templates: Templates) -> None:
    table = templates["storage"]["Resources"]["SessionTable"]["Properties"]
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


@pytest.mark.parametrize(("zones", "targets"), [("2", "AB"), ("3", "ABC")])
def test_e11_file_system_has_a_mount_target_in_each_zone(templates: Templates, zones: str, targets: str) -> None:
    resources = resolved(templates["storage"], ZoneCount=zones, RecoveryRegion="")
    found = [name for name, resource in resources.items() if resource["Type"] == "AWS::EFS::MountTarget"]
    assert found == [f"MountTarget{zone}" for zone in targets]
    for index, name in enumerate(found):
        properties = resources[name]["Properties"]
        assert properties["SubnetId"] == {"Fn::Select": [str(index), {"Ref": "IsolatedSubnetIds"}]}
        assert properties["SecurityGroups"] == [{"Ref": "FileSystemGroupId"}]


def test_e11_file_system_lets_in_the_applications_roles_only(templates: Templates) -> None:
    policy = templates["storage"]["Resources"]["FileSystem"]["Properties"]["FileSystemPolicy"]
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [
        {"AWS": [{"Ref": "WebServerRoleArn"}, {"Ref": "TaskRoleArn"}]}
    ]
    assert "elasticfilesystem:ClientRootAccess" not in allowed[0]["Action"]


def test_e11_whoever_mounts_the_images_is_not_root(templates: Templates) -> None:
    point = templates["storage"]["Resources"]["ImagesAccessPoint"]["Properties"]
    assert point["PosixUser"]["Uid"] != "0"
    assert point["RootDirectory"]["Path"] == "/product-images"
    owner = point["RootDirectory"]["CreationInfo"]
    assert (owner["OwnerUid"], owner["OwnerGid"]) == (point["PosixUser"]["Uid"], point["PosixUser"]["Gid"])


@pytest.mark.parametrize("name", ["LogBucket", "ReleaseBucket"])
def test_d13_old_versions_and_unfinished_uploads_do_not_pile_up(templates: Templates, name: str) -> None:
    rules = templates["storage"]["Resources"][name]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30
    assert rules[0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7
    assert any("ExpirationInDays" in rule for rule in rules) == (name == "LogBucket"), "releases are kept"


def test_d10_use_of_the_release_bucket_is_logged(templates: Templates) -> None:
    logging = templates["storage"]["Resources"]["ReleaseBucket"]["Properties"]["LoggingConfiguration"]
    assert logging["DestinationBucketName"] == {"Ref": "LogBucket"}
    policy = templates["storage"]["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]
    [deliver] = [statement for statement in policy["Statement"] if statement["Sid"] == "ReleaseBucketAccessLogs"]
    assert deliver["Resource"][0]["Fn::Sub"][0] == f"${{Bucket}}/{logging['LogFilePrefix']}*"
    assert deliver["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_d9_web_servers_may_use_exactly_this(templates: Templates) -> None:
    policy = templates["storage"]["Resources"]["UseStorage"]["Properties"]
    statements = {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}
    assert policy["Roles"] == [{"Ref": "WebServerRoleName"}]
    assert statements.keys() == {"UseSessions", "MountImages", "FetchReleases", "DecryptThroughServices"}
    assert statements["FetchReleases"]["Action"] == ["s3:GetObject"]
    assert "dynamodb:Scan" not in statements["UseSessions"]["Action"]
    assert statements["MountImages"]["Condition"]["StringEquals"].keys() == {"elasticfilesystem:AccessPointArn"}
    assert statements["DecryptThroughServices"]["Condition"]["StringEquals"].keys() == {"kms:ViaService"}


def test_d9_containers_may_use_the_same_but_for_releases(templates: Templates) -> None:
    """Their release is their image."""
    resources = templates["storage"]["Resources"]
    servers, tasks = (
        {s["Sid"]: s for s in resources[title]["Properties"]["PolicyDocument"]["Statement"]}
        for title in ("UseStorage", "TasksUseStorage")
    )
    assert resources["TasksUseStorage"]["Properties"]["Roles"] == [{"Ref": "TaskRoleName"}]
    assert tasks.keys() == servers.keys() - {"FetchReleases"}
    assert all(tasks[sid] == servers[sid] for sid in ("UseSessions", "MountImages"))
    [through] = tasks["DecryptThroughServices"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert through == {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}


def test_no_bucket_policy_allows_people(templates: Templates) -> None:
    for name, policy in of_type(templates["storage"], "AWS::S3::BucketPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Deny" or statement["Principal"].keys() == {"Service"}, name
