"""Permissions compared by meaning: what a holder gains and loses, whatever the statements look like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.permission_changes import permission_changes
from generator.resolver import Resolution, Resource


def resolution(**resources: tuple[str, dict[str, Any]]) -> Resolution:
    found = {
        name: Resource("", name, type_name, properties, {}, None, "test.yaml", ())
        for name, (type_name, properties) in resources.items()
    }
    return Resolution("web-platform-test", "123456789012", "eu-west-1", found, {"": {}}, {"": {}})


def role(*statements: dict[str, Any], **properties: Any) -> Resolution:
    policy = {"PolicyName": "P", "PolicyDocument": {"Statement": list(statements)}}
    return resolution(Role=("AWS::IAM::Role", {"Policies": [policy], **properties}))


def lines(before: Resolution, after: Resolution) -> list[str]:
    return [change.text for change in permission_changes(before, after)]


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def test_the_order_depends_on_nothing_but_what_changes() -> None:
    """Sets have another order in each process: whatever two changes differ in must decide."""
    services = [f"{name}.amazonaws.com" for name in ("budgets", "cloudwatch", "costalerts", "events", "rds", "sns")]
    statements = [{**READ, "Principal": {"Service": name}, "Sid": name.partition(".")[0]} for name in services]
    found = lines(role(), role(*statements))
    assert found == [f"Role: + Allow s3:GetObject on * to Service {name}" for name in services]


def test_a_new_statement_is_one_line() -> None:
    assert lines(role(), role(READ)) == ["Role: + Allow s3:GetObject on *"]
    assert lines(role(READ), role()) == ["Role: - Allow s3:GetObject on *"]


def test_a_statement_may_stand_alone_without_a_list() -> None:
    alone = resolution(Role=("AWS::IAM::Role", {"Policies": [{"PolicyDocument": {"Statement": READ}}]}))
    assert lines(role(READ), alone) == []


def test_actions_on_the_same_resources_are_one_line() -> None:
    more = {**READ, "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["b", "a"]}
    assert lines(role(), role(more)) == ["Role: + Allow s3:GetObject, s3:PutObject on a, b"]


def test_another_effect_is_a_loss_and_a_gain() -> None:
    assert lines(role(READ), role({**READ, "Effect": "Deny"})) == [
        "Role: - Allow s3:GetObject on *",
        "Role: + Deny s3:GetObject on *",
    ]


def test_a_condition_is_part_of_the_permission() -> None:
    guarded = {**READ, "Condition": {"Bool": {"aws:SecureTransport": True}}}
    assert lines(role(READ), role(guarded)) == [
        "Role: - Allow s3:GetObject on *",
        'Role: + Allow s3:GetObject on * where {"Bool": {"aws:SecureTransport": ["true"]}}',
    ]


@pytest.mark.parametrize("same", ["true", ["true"], True])
def test_conditions_are_compared_by_meaning(same: Any) -> None:
    one, other = ({**READ, "Condition": {"Bool": {"aws:SecureTransport": value}}} for value in ("true", same))
    assert lines(role(one), role(other)) == []


def test_the_order_of_a_conditions_values_makes_no_difference() -> None:
    one, other = ({**READ, "Condition": {"StringEquals": {"k": list(order)}}} for order in ("ab", "ba"))
    assert lines(role(one), role(other)) == []


def test_inverted_elements_are_spelled_out() -> None:
    inverted = {"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": "a", "NotPrincipal": {"AWS": "x"}}
    assert lines(role(), role(inverted)) == [
        "Role: + Allow everything but iam:* on everything but a to everybody but AWS x"
    ]


def test_a_managed_policy_is_a_permission() -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert lines(role(), role(ManagedPolicyArns=[arn])) == [
        f"Role: + Allow everything that the managed policy allows on {arn}"
    ]


def test_who_may_assume_a_role_is_told() -> None:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    assert lines(role(), role(AssumeRolePolicyDocument=trust)) == [
        "Role: + Allow sts:AssumeRole to Service ec2.amazonaws.com"
    ]


def test_a_policy_belongs_to_the_roles_that_it_names() -> None:
    document = {"Statement": [READ]}
    policy = ("AWS::IAM::Policy", {"PolicyDocument": document, "Roles": ["⟨Security/WebServerRole⟩", "by-name"]})
    assert lines(resolution(), resolution(Use=policy)) == [
        "Security/WebServerRole: + Allow s3:GetObject on *",
        "by-name: + Allow s3:GetObject on *",
    ]
    unattached = ("AWS::IAM::ManagedPolicy", {"PolicyDocument": document})
    assert lines(resolution(), resolution(Use=unattached)) == ["Use: + Allow s3:GetObject on *"]


def test_a_statement_that_moves_to_another_policy_of_the_role_changes_nothing() -> None:
    first = ("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [READ]}, "Roles": ["⟨Role⟩"]})
    assert lines(resolution(One=first), resolution(Other=first)) == []


def test_everybody_is_called_so() -> None:
    bucket = {"PolicyDocument": {"Statement": [{**READ, "Principal": "*"}]}}
    assert lines(resolution(), resolution(Open=("AWS::S3::BucketPolicy", bucket))) == [
        "Open: + Allow s3:GetObject on * to everybody"
    ]


statements = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": st.lists(st.sampled_from(["a:A", "b:B", "c:C"]), min_size=1),
            "Resource": st.lists(st.sampled_from(["x", "y", "z"]), min_size=1),
        }
    ),
    max_size=4,
)


@given(one=statements, other=statements)
def test_what_one_way_gains_the_other_way_loses(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    forward = permission_changes(role(*one), role(*other))
    back = permission_changes(role(*other), role(*one))
    turned = {replace(change, sign="-" if change.sign == "+" else "+") for change in back}
    assert set(forward) == turned
    assert permission_changes(role(*one), role(*reversed(one))) == []
