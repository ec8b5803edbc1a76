"""D9: the permissions boundaries, their size, and what each lets through."""

from __future__ import annotations

import json

import pytest

from tests import access_claims
from tests.intrinsics import Templates, resolved

MANAGED_POLICY_CHARACTERS = 6144
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; white space does not count."""

LONGEST = {
    "AWS::Partition": "aws-us-gov",
    "AWS::AccountId": "111122223333",
    "AWS::Region": "ap-southeast-2",
    "AdditionalRegions": ",".join(["ap-southeast-2"] * 10),
    "RecoveryRegion": "ap-northeast-1",
}


def test_d9_boundaries_have_the_names_that_roles_give(templates: Templates) -> None:
    access_claims.check_boundaries_have_the_names_that_roles_give(templates)


def test_d9_workloads_stay_in_their_account_and_away_from_iam(templates: Templates) -> None:
    access_claims.check_workloads_stay_in_their_account_and_away_from_iam(templates)


def test_d9_what_the_platforms_roles_may_do_is_within_their_boundary(templates: Templates) -> None:
    access_claims.check_what_the_platforms_roles_may_do_is_within_their_boundary(templates)


def test_e2_users_reach_themselves_and_roles_with_mfa(templates: Templates) -> None:
    access_claims.check_users_reach_themselves_and_roles_with_mfa(templates)


def test_d9_delivery_cannot_leave_its_border(templates: Templates) -> None:
    access_claims.check_delivery_cannot_leave_its_border(templates)


@pytest.mark.parametrize("title", ["WorkloadBoundary", "OperatorBoundary", "DeliveryBoundary"])
def test_a_boundary_fits_a_managed_policy_wherever_it_is_deployed(templates: Templates, title: str) -> None:
    policy = resolved(templates["boundaries"], **LONGEST)[title]["Properties"]["PolicyDocument"]
    assert len("".join(json.dumps(policy).split())) <= MANAGED_POLICY_CHARACTERS


@pytest.mark.parametrize(
    ("additional", "regions"), [("", ["eu-west-1"]), ("us-east-1,ap-south-1", ["eu-west-1", "us-east-1", "ap-south-1"])]
)
def test_d9_regions_are_the_stacks_own_and_those_that_are_asked_for(
    templates: Templates, additional: str, regions: list[str]
) -> None:
    given = {"AWS::Region": "eu-west-1", "AdditionalRegions": additional, "RecoveryRegion": "eu-central-1"}
    found = resolved(templates["boundaries"], **given)
    for title in ("WorkloadBoundary", "DeliveryBoundary"):
        statement = found[title]["Properties"]["PolicyDocument"]["Statement"][0]
        wanted = statement["Condition"]["StringEquals"]["aws:RequestedRegion"]
        assert wanted == regions


@pytest.mark.parametrize(("recovery", "region"), [("", "eu-west-1"), ("eu-central-1", "eu-central-1")])
def test_d10_what_copies_data_acts_in_the_second_region_and_nobody_else_does(
    templates: Templates, recovery: str, region: str
) -> None:
    given = {"AWS::Region": "eu-west-1", "AdditionalRegions": "", "RecoveryRegion": recovery, "AWS::Partition": "aws"}
    found = resolved(templates["boundaries"], **given, **{"AWS::AccountId": "111122223333"})
    [statement] = [
        each
        for policy in found.values()
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if each["Sid"] == "WhereCopiesAre"
    ]
    assert statement["Condition"]["StringEquals"] == {"aws:RequestedRegion": region}
    names = ("backup", "restore", "replication", "break-glass")
    copying = [f"arn:aws:iam::111122223333:role/web-platform-{name}" for name in names]
    assert statement["Condition"]["ArnEquals"] == {"aws:PrincipalArn": copying}


def test_boundaries_are_the_same_in_every_account(templates: Templates) -> None:
    """They stand in the tools account too, and know no environment."""
    declared = templates["boundaries"]["Parameters"]
    assert {name: each["Default"] for name, each in declared.items()} == {"AdditionalRegions": "", "RecoveryRegion": ""}
