"""IAM documents: named statements, partitions left open, plain text refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awacs.s3
import awacs.sts
import pytest
from awacs.aws import Bool, Condition, Principal, Statement
from troposphere import GetAtt, Ref, Sub, encode_to_dict

from generator.iam import (
    account_root,
    allow,
    allow_principal,
    arn,
    attach,
    delivery_boundary,
    deny,
    deny_all_but,
    deny_elsewhere,
    deny_insecure_transport,
    document,
    from_this_account,
    join_session_manager,
    operator_boundary,
    people_with_mfa,
    service_principal,
    workload_boundary,
)
from generator.parameter_types import RoleName


def plain(statement: Statement) -> dict[str, Any]:
    return dict(encode_to_dict(statement))


def test_arn_leaves_the_partition_open() -> None:
    assert arn("s3:::some/*").to_dict() == {"Fn::Sub": "arn:${AWS::Partition}:s3:::some/*"}


def test_arn_takes_values_for_its_variables() -> None:
    with_table = arn("dynamodb:::table/${Table}", Table=Ref("T")).to_dict()
    assert with_table == {"Fn::Sub": ["arn:${AWS::Partition}:dynamodb:::table/${Table}", {"Table": {"Ref": "T"}}]}


def test_account_root_is_this_account() -> None:
    assert account_root().to_dict() == {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}


def test_allow_is_a_named_statement_of_an_identity_policy() -> None:
    assert plain(allow("Fetch", [awacs.s3.GetObject], [GetAtt("Some", "Arn")])) == {
        "Sid": "Fetch",
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": [{"Fn::GetAtt": ["Some", "Arn"]}],
    }


def test_allow_takes_a_condition() -> None:
    condition = Condition(Bool({"aws:SecureTransport": "true"}))
    assert plain(allow("Fetch", [awacs.s3.GetObject], ["*"], condition))["Condition"] == {
        "Bool": {"aws:SecureTransport": "true"}
    }


def test_deny_is_a_named_statement_too() -> None:
    denied = plain(deny("Keep", [awacs.s3.DeleteObject], ["*"]))
    assert denied == {"Sid": "Keep", "Effect": "Deny", "Action": ["s3:DeleteObject"], "Resource": ["*"]}
    condition = Condition(Bool({"aws:SecureTransport": "false"}))
    assert plain(deny("Keep", [awacs.s3.DeleteObject], ["*"], condition)) == {
        **denied,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_deny_all_but_names_what_it_leaves_alone() -> None:
    condition = Condition(Bool({"aws:SecureTransport": "false"}))
    assert plain(deny_all_but("Rest", [awacs.s3.GetObject], ["*"], condition)) == {
        "Sid": "Rest",
        "Effect": "Deny",
        "NotAction": ["s3:GetObject"],
        "Resource": ["*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_deny_elsewhere_names_where_it_says_nothing() -> None:
    assert plain(deny_elsewhere("Others", [awacs.s3.DeleteObject], ["arn:aws:s3:::a/*"])) == {
        "Sid": "Others",
        "Effect": "Deny",
        "Action": ["s3:DeleteObject"],
        "NotResource": ["arn:aws:s3:::a/*"],
    }


def test_d9_people_with_mfa_have_shown_their_device_and_not_long_ago() -> None:
    statement = plain(people_with_mfa(900))
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert statement["Action"] == ["sts:AssumeRole"]
    assert statement["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "900"},
    }


def test_d9_people_with_mfa_may_be_named() -> None:
    named = plain(people_with_mfa(900, Principal("AWS", "arn:aws:iam::111122223333:user/alice")))
    assert named.pop("Principal") == {"AWS": "arn:aws:iam::111122223333:user/alice"}
    assert named == {key: value for key, value in plain(people_with_mfa(900)).items() if key != "Principal"}


def test_allow_principal_without_resources_is_a_trust_policys() -> None:
    assert plain(allow_principal("Ec2", service_principal("ec2"), [awacs.sts.AssumeRole])) == {
        "Sid": "Ec2",
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
    }


def test_allow_principal_with_resources_is_a_resource_policys() -> None:
    statement = plain(allow_principal("Read", service_principal("ec2"), [awacs.s3.GetObject], ["*"]))
    assert statement["Resource"] == ["*"]


def test_d10_plain_text_is_refused_to_everybody() -> None:
    assert plain(deny_insecure_transport([awacs.s3.Action("*")], ["*"])) == {
        "Sid": "DenyInsecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": ["*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_document_is_of_the_current_version() -> None:
    """Without it, or with 2008-10-17, IAM reads variables such as ${aws:username} as plain text."""
    found = encode_to_dict(document(allow("Fetch", [awacs.s3.GetObject], ["*"])))
    assert found["Version"] == "2012-10-17"
    assert [statement["Sid"] for statement in found["Statement"]] == ["Fetch"]


def test_attach_adds_a_policy_to_the_role_of_another_stack() -> None:
    policy = attach("UseSome", RoleName(Ref("Role")), allow("Fetch", [awacs.s3.GetObject], ["*"])).to_dict()
    assert policy["Type"] == "AWS::IAM::Policy"
    assert policy["Properties"]["PolicyName"] == "UseSome"
    assert policy["Properties"]["Roles"] == [{"Ref": "Role"}]


def test_d9_service_acts_for_this_account_alone() -> None:
    """Otherwise another account could have the service use what is ours."""
    assert encode_to_dict(from_this_account()) == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("service", ["ec2", "vpc-flow-logs", "monitoring.rds"])
def test_service_principal_is_the_services_host(service: str) -> None:
    assert encode_to_dict(service_principal(service)) == {"Service": f"{service}.amazonaws.com"}


@pytest.mark.parametrize(
    ("boundary", "name"),
    [(workload_boundary, "workload"), (operator_boundary, "operator"), (delivery_boundary, "delivery")],
)
def test_d9_boundary_is_the_policy_of_this_account_with_its_fixed_name(boundary: Callable[[], Sub], name: str) -> None:
    expected = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/web-platform-{name}"
    assert boundary().to_dict() == {"Fn::Sub": expected}


def test_session_manager_is_joined_and_used_on_no_other_machine() -> None:
    """Registering and speaking: nothing that would start a session or run a command elsewhere."""
    statement = plain(join_session_manager())
    assert {action.partition(":")[0] for action in statement["Action"]} == {"ssm", "ssmmessages"}
    assert not [action for action in statement["Action"] if "Session" in action or "Command" in action]
