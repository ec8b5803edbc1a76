"""The evaluators behind the permission proof: the rules of IAM that they must know, and that they agree."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from generator.checks.permissions.decide import decide
from generator.checks.permissions.evaluation import ANYBODY, Policy, Principal, Request, service
from generator.checks.permissions.iam_simulate import Simulator

TOOLS = Path(__file__).parents[2] / ".venv-checks"
HERE, THERE = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{HERE}:role/a-role"
KEY = f"arn:aws:kms:eu-west-1:{HERE}:key/01234567-89ab-cdef-0123-456789abcdef"
OBJECT = "arn:aws:s3:::a-bucket/an-object"


@cache
def simulator() -> Simulator:
    return Simulator(TOOLS)


def policy(kind: str, *statements: dict[str, Any]) -> Policy:
    return Policy.of(kind, kind, {"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str | None = "*", effect: str = "Allow", **others: Any) -> dict[str, Any]:
    where = {} if resource is None else {"Resource": resource}
    return {"Effect": effect, "Action": action, **where, **others}


def role(*policies: Policy, boundary: Policy | None = None) -> Principal:
    return Principal("a-role", ROLE, HERE, policies, boundary, policy("trust"))


def allowed(request: Request) -> bool:
    """Decide a request; the evaluators must agree."""
    decisions = decide([request], simulator())
    assert decisions.disagreements == []
    return decisions.of[request].allowed


EVERYTHING = policy("identity", allow("*"))
OF_THE_ACCOUNT = {"AWS": f"arn:aws:iam::{HERE}:root"}


def test_a_deny_outweighs_every_allow() -> None:
    denying = policy("identity", allow("s3:Get*", effect="Deny"))
    assert allowed(Request(role(EVERYTHING), "s3:GetObject", OBJECT, HERE))
    assert not allowed(Request(role(EVERYTHING, denying), "s3:GetObject", OBJECT, HERE))


def test_what_the_boundary_leaves_out_is_refused() -> None:
    boundary = policy("identity", allow("s3:PutObject"))
    assert not allowed(Request(role(EVERYTHING, boundary=boundary), "s3:GetObject", OBJECT, HERE))
    assert allowed(Request(role(EVERYTHING, boundary=boundary), "s3:PutObject", OBJECT, HERE))


def test_a_boundary_grants_nothing() -> None:
    assert not allowed(Request(role(boundary=EVERYTHING), "s3:GetObject", OBJECT, HERE))


def test_across_accounts_both_sides_must_allow() -> None:
    theirs = policy("resource", allow("s3:GetObject", f"{OBJECT}", Principal=OF_THE_ACCOUNT))
    assert not allowed(Request(role(EVERYTHING), "s3:GetObject", OBJECT, THERE))
    assert not allowed(Request(role(), "s3:GetObject", OBJECT, THERE, guard=theirs))
    assert allowed(Request(role(EVERYTHING), "s3:GetObject", OBJECT, THERE, guard=theirs))


def test_a_key_serves_nobody_whom_its_own_policy_does_not_let_in() -> None:
    administration = policy("resource", allow("kms:PutKeyPolicy", Principal=OF_THE_ACCOUNT))
    assert not allowed(Request(role(EVERYTHING), "kms:Decrypt", KEY, HERE, guard=administration))
    assert allowed(Request(role(EVERYTHING), "kms:PutKeyPolicy", KEY, HERE, guard=administration))


def test_a_role_is_assumed_by_whom_its_trust_names() -> None:
    trust = policy("trust", allow("sts:AssumeRole", None, Principal={"Service": "ec2.amazonaws.com"}))
    assert allowed(Request(service("ec2.amazonaws.com"), "sts:AssumeRole", ROLE, HERE, guard=trust))
    assert not allowed(Request(service("lambda.amazonaws.com"), "sts:AssumeRole", ROLE, HERE, guard=trust))
    assert not allowed(Request(role(EVERYTHING), "sts:AssumeRole", ROLE, HERE, guard=trust))


def test_anybody_gets_what_a_public_policy_gives() -> None:
    public = policy("resource", allow("s3:GetObject", OBJECT, Principal="*"))
    assert allowed(Request(ANYBODY, "s3:GetObject", OBJECT, HERE, guard=public))
    assert not allowed(Request(ANYBODY, "s3:PutObject", OBJECT, HERE, guard=public))


@pytest.mark.parametrize(("name", "expected"), [("me", True), ("somebody", False)])
def test_variables_stand_for_what_the_request_says(name: str, expected: bool) -> None:
    own = policy("identity", allow("iam:GetUser", f"arn:aws:iam::{HERE}:user/${{aws:username}}"))
    user = Principal("me", f"arn:aws:iam::{HERE}:user/me", HERE, (own,))
    target = f"arn:aws:iam::{HERE}:user/{name}"
    assert allowed(Request(user, "iam:GetUser", target, HERE, (("aws:username", "me"),))) is expected


@pytest.mark.parametrize("stated", [HERE, THERE])
def test_whose_bucket_it_is_says_the_request_and_not_the_arn(stated: str) -> None:
    ours = policy("identity", allow("s3:GetObject", Condition={"StringEquals": {"aws:ResourceAccount": HERE}}))
    context = (("aws:ResourceAccount", stated),)
    assert allowed(Request(role(ours), "s3:GetObject", OBJECT, HERE, context)) is (stated == HERE)


ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject", "S3:getobject", "s3:GetObj?ct"])
RESOURCES = st.sampled_from(["*", OBJECT, "arn:aws:s3:::a-*/*", "arn:aws:s3:::A-bucket/*", "arn:aws:s3:::b/*"])
CONDITIONS = st.sampled_from(
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
        {"Null": {"aws:MultiFactorAuthPresent": "false"}},
        {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/a-*"}},
        {"StringEquals": {"aws:PrincipalAccount": THERE}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
    ]
)
WITH_OR_WITHOUT_MFA = {
    "aws:MultiFactorAuthPresent": st.sampled_from(["true", "false"]),
    "aws:MultiFactorAuthAge": st.just("60"),
}
CONTEXTS = st.fixed_dictionaries(
    {
        "aws:SecureTransport": st.sampled_from(["true", "false"]),
        "aws:RequestedRegion": st.sampled_from(["eu-west-1", "ap-southeast-2"]),
    },
    optional=WITH_OR_WITHOUT_MFA,
)
# AWS does not say what a boundary does to whom a bucket lets in by "*", and the evaluators differ; no template has it.
WHOM = st.sampled_from([OF_THE_ACCOUNT, {"AWS": ROLE}, {"AWS": f"arn:aws:iam::{THERE}:root"}])
EVERYBODY = st.sampled_from(["*", {"AWS": "*"}])


@st.composite
def documents(draw: st.DrawFn, kind: str) -> Policy:
    statements = []
    for _ in range(draw(st.integers(1, 3))):
        effect = draw(st.sampled_from(["Allow", "Allow", "Deny"]))
        whom = WHOM | EVERYBODY if effect == "Deny" else WHOM
        principal = {"Principal": draw(whom)} if kind == "resource" else {}
        condition = draw(CONDITIONS)
        more = {**principal, **({"Condition": condition} if condition else {})}
        statements.append(allow(draw(ACTIONS), draw(RESOURCES), effect, **more))
    return policy(kind, *statements)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    boundary = draw(st.none() | documents("identity"))
    caller = role(*draw(st.lists(documents("identity"), max_size=2)), boundary=boundary)
    guard = draw(st.none() | documents("resource"))
    context = {**draw(CONTEXTS), "aws:PrincipalArn": ROLE, "aws:PrincipalAccount": HERE}
    action = draw(st.sampled_from(["s3:GetObject", "s3:PutObject"]))
    return Request(caller, action, OBJECT, draw(st.sampled_from([HERE, THERE])), tuple(sorted(context.items())), guard)


@settings(max_examples=6, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(requests(), min_size=30, max_size=40))
def test_the_evaluators_agree_on_policies_of_all_shapes(asked: list[Request]) -> None:
    assert decide(asked, simulator()).disagreements == []
