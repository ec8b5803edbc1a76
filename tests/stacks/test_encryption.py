"""D10: keys that rotate, that no administrator can decrypt with, and that outlive what they protect."""

from __future__ import annotations

import pytest

from generator.stacks import encryption
from tests import claims
from tests.intrinsics import Templates, of_type


def test_d10_keys_rotate(templates: Templates) -> None:
    claims.check_keys_rotate(templates)


def test_d9_administrators_cannot_decrypt(templates: Templates) -> None:
    claims.check_key_administrators_cannot_decrypt(templates)


def test_d10_data_and_keys_outlive_their_stacks(templates: Templates) -> None:
    claims.check_data_outlives_its_stack(templates)


@pytest.mark.parametrize("name", ["DataKey", "LogsKey", "BackupKey", "NotificationsKey"])
def test_deleted_key_can_be_brought_back_for_as_long_as_kms_allows(templates: Templates, name: str) -> None:
    assert templates["encryption"]["Resources"][name]["Properties"]["PendingWindowInDays"] == 30


@pytest.mark.parametrize("name", ["DataKey", "LogsKey", "BackupKey", "NotificationsKey"])
def test_account_can_always_change_the_key_policy(templates: Templates, name: str) -> None:
    """A key whose policy nobody may change is lost; KMS refuses to create one."""
    first = templates["encryption"]["Resources"][name]["Properties"]["KeyPolicy"]["Statement"][0]
    assert first["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"} <= set(first["Action"])
    assert "Condition" not in first


def test_data_key_is_used_through_the_services_that_hold_data(templates: Templates) -> None:
    statements = templates["encryption"]["Resources"]["DataKey"]["Properties"]["KeyPolicy"]["Statement"]
    through = [{"Fn::Sub": f"{name}.${{AWS::Region}}.amazonaws.com"} for name in encryption.SERVICES_WITH_DATA]
    by_sid = {statement["Sid"]: statement for statement in statements}
    for sid in ("UseThroughServicesByIamPolicies", "GrantsForServicesByIamPolicies"):
        assert by_sid[sid]["Condition"]["StringEquals"] == {"kms:ViaService": through}
    assert by_sid["GrantsForServicesByIamPolicies"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_logs_key_is_used_by_cloudwatch_logs_of_this_account(templates: Templates) -> None:
    statements = templates["encryption"]["Resources"]["LogsKey"]["Properties"]["KeyPolicy"]["Statement"]
    [use] = [statement for statement in statements if statement["Sid"] == "UseByCloudWatchLogs"]
    assert use["Principal"] == {"Service": {"Fn::Sub": "logs.${AWS::Region}.amazonaws.com"}}
    [group] = use["Condition"]["ArnLike"].values()
    assert "${AWS::AccountId}" in group["Fn::Sub"]


def test_d12_notifications_key_is_used_by_what_publishes_for_this_account(templates: Templates) -> None:
    """EventBridge alone does not say for whom it asks, and would be refused by a condition."""
    statements = templates["encryption"]["Resources"]["NotificationsKey"]["Properties"]["KeyPolicy"]["Statement"]
    uses = {s["Principal"]["Service"]: s for s in statements if s["Sid"].startswith("PublishingBy")}
    assert {name.removesuffix(".amazonaws.com") for name in uses} == set(encryption.PUBLISHERS)
    for service, use in uses.items():
        assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        condition = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert use.get("Condition") == (None if service == "events.amazonaws.com" else condition)


def test_each_key_has_an_alias_and_an_output(templates: Templates) -> None:
    template = templates["encryption"]
    keys = of_type(template, "AWS::KMS::Key")
    aliases = of_type(template, "AWS::KMS::Alias").values()
    assert {alias["Properties"]["TargetKeyId"]["Ref"] for alias in aliases} == keys.keys()
    for key in keys:
        assert template["Outputs"][f"{key}Arn"]["Value"] == {"Fn::GetAtt": [key, "Arn"]}
