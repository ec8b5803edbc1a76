"""The roles in an environment's account: who may use them, that they suffice, and that they deploy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.delivery.bootstrap import TARGET_STACKS, TOOLS_STACKS, bootstrap_target
from generator.delivery.deploy import create_change_set, execute_change_set, template_text
from generator.deployment_permissions.policies import policy_names
from generator.environment import TemplateConfiguration, load_all
from generator.naming import (
    AUDIT_TRAIL_STACK,
    BREAK_GLASS_ROLE,
    DELIVERY_BOUNDARY,
    GLOBAL_EDGE_STACK,
    PROJECT,
    RECOVERY_REGION_STACK,
    pascal_case,
)
from generator.rehearsal.emulator import Emulator
from generator.rendering import render
from generator.roots import target_account
from tests import pipeline_claims as claims
from tests.intrinsics import Templates, of_type, resolved

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
TOOLS_ACCOUNT = "999900009999"
PARAMETERS = {
    "ToolsAccountId": TOOLS_ACCOUNT,
    "ArtifactBucketName": "the-artifacts",
    "ArtifactKeyArn": f"arn:aws:kms:{REGION}:{TOOLS_ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
    "TemplateBucketName": "the-templates",
}
TOPIC = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"

Claim = Callable[[Templates], None]


@pytest.mark.parametrize(
    "claim",
    [
        claims.check_target_roles_are_for_the_tools_account_alone,
        claims.check_only_emergencies_may_do_everything,
        claims.check_cloudformations_role_is_handed_to_cloudformation_only,
        claims.check_stacks_of_the_project_change_through_change_sets_only,
        claims.check_a_review_replaces_no_change_set_that_is_executed,
    ],
    ids=lambda claim: claim.__name__,
)
def test_d9_roles_do_what_they_are_for(templates: Templates, claim: Claim) -> None:
    claim(templates)


@pytest.mark.parametrize(("asked_for", "there"), [("true", True), ("false", False)])
def test_regional_tests_have_a_role_only_where_they_are_asked_for(
    templates: Templates, asked_for: str, there: bool
) -> None:
    assert ("RegionalTestRole" in resolved(templates["target_account"], RegionalTests=asked_for)) == there


def test_what_reads_releases_reads_the_buckets_and_the_key_it_is_given(templates: Templates) -> None:
    for title in ("DeploymentRole", "ReviewRole"):
        rights = claims.rights_of(templates["target_account"], title)
        [reading] = [statement for statement in rights if "s3:GetObject" in statement["Action"]]
        [decrypting] = [statement for statement in rights if "kms:Decrypt" in statement["Action"]]
        buckets = ("ArtifactBucketName", "TemplateBucketName")
        assert reading["Resource"] == [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::${{{name}}}/*"} for name in buckets]
        assert decrypting["Resource"] == [{"Ref": "ArtifactKeyArn"}], title


def test_regional_tests_touch_nothing_of_the_environment(templates: Templates) -> None:
    """Its stacks, buckets, log groups, parameters and snapshots have names of tests; the rest is tagged as a test's."""
    for statement in claims.rights_of(templates["target_account"], "RegionalTestRole"):
        # A certificate has no name, and the other three read or pass on.
        if statement["Sid"] in (
            "AskingWhatIsThere",
            "CertificatesOfTests",
            "HandCloudFormationItsRole",
            "PublicImages",
        ):
            continue
        tagged = statement.get("Condition", {}).get("StringLike") == {"aws:ResourceTag/Environment": "taskcat-*"}
        named = all(marked_as_test(resource["Fn::Sub"]) for resource in statement["Resource"])
        assert tagged or named, statement["Sid"]


def marked_as_test(arn: str) -> bool:
    return "taskcat-" in arn


def test_d9_every_role_is_bounded_as_those_who_deliver_are(templates: Templates) -> None:
    boundary = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{DELIVERY_BOUNDARY}"}
    for title, role in of_type(templates["target_account"], "AWS::IAM::Role").items():
        assert role["Properties"].get("PermissionsBoundary") == boundary, title


def test_d9_cloudformation_has_the_computed_policies_and_nothing_else(templates: Templates) -> None:
    """Named here, made by two roots, which are bootstrapped before."""
    role = templates["target_account"]["Resources"]["CloudFormationRole"]["Properties"]
    roots = (templates["deployment_policies"], templates["deployment_policies_services"])
    made = [policy for root in roots for policy in of_type(root, "AWS::IAM::ManagedPolicy").values()]
    names = [policy["Properties"]["ManagedPolicyName"] for policy in made]
    prefix = "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/"
    assert sorted(policy["Fn::Sub"] for policy in role["ManagedPolicyArns"]) == sorted(prefix + n for n in names)
    assert "Policies" not in role
    others = of_type(templates["target_account"], "AWS::IAM::Policy")
    assert all({"Ref": "CloudFormationRole"} not in policy["Properties"]["Roles"] for policy in others.values())


@pytest.mark.parametrize("title", ["DeploymentRole", "ReviewRole"])
def test_the_bootstraps_stacks_are_an_administrators(templates: Templates, title: str) -> None:
    """They are named as the platform's are: what may be done to those must not be done to them."""
    [denied] = [each for each in claims.rights_of(templates["target_account"], title) if each["Effect"] == "Deny"]
    assert denied["Action"] == ["cloudformation:*"]
    stacks = [resource["Fn::Sub"].partition(":stack/")[2] for resource in denied["Resource"]]
    others = {AUDIT_TRAIL_STACK, GLOBAL_EDGE_STACK, RECOVERY_REGION_STACK}
    bootstrapped = {stack for _, stack in (*TARGET_STACKS, *TOOLS_STACKS)} | others
    assert sorted(stacks) == sorted(f"{stack}/*" for stack in bootstrapped)


def test_the_emergencys_role_says_what_it_is(templates: Templates) -> None:
    role = templates["target_account"]["Resources"]["BreakGlassRole"]["Properties"]
    assert role["RoleName"] == BREAK_GLASS_ROLE
    assert "alarm" in role["Description"]
    assert {"Key": "Use", "Value": "emergency"} in role["Tags"]


def test_outputs_are_the_declared_ones(templates: Templates) -> None:
    declared = [pascal_case(name) for name in target_account.Outputs.__dataclass_fields__]
    assert list(templates["target_account"]["Outputs"]) == declared


# Deployed to the emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    for name, text in render().items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load_all(ROOT / "params")[0]


@pytest.mark.parametrize(("account_id", "regional_tests"), [("555500000003", "false"), ("555500000004", "true")])
def test_roles_deploy(
    emulator: Emulator, release: Path, dev: TemplateConfiguration, account_id: str, regional_tests: str
) -> None:
    given = {**PARAMETERS, "RegionalTests": regional_tests}
    client = emulator.client("cloudformation", account_id, REGION)
    outputs = bootstrap_target(client, release, dev, given, lambda _: None).outputs
    assert outputs["DeploymentRoleArn"] == f"arn:aws:iam::{account_id}:role/{PROJECT}-deployment"
    assert outputs["CloudformationRoleArn"] == f"arn:aws:iam::{account_id}:role/{PROJECT}-cloudformation"
    iam = emulator.client("iam", account_id, REGION)
    names = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert {f"{PROJECT}-deployment", f"{PROJECT}-review", f"{PROJECT}-cloudformation"} <= names
    assert (f"{PROJECT}-regional-test" in names) == (regional_tests == "true")
    attached = iam.list_attached_role_policies(RoleName=f"{PROJECT}-cloudformation")["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} == set(policy_names())
    [trust] = iam.get_role(RoleName=f"{PROJECT}-deployment")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{TOOLS_ACCOUNT}:root"}
    callers = [f"arn:aws:iam::{TOOLS_ACCOUNT}:role/{PROJECT}-pipeline"]
    assert trust["Condition"]["ArnEquals"]["aws:PrincipalArn"] == callers


def test_the_deployment_role_may_call_what_a_deployment_calls(emulator: Emulator, templates: Templates) -> None:
    """The emulator enforces no IAM: so the calls of a real deployment are noted, and looked up in the role."""
    client = emulator.client("cloudformation", "555500000005", REGION)
    called: set[str] = set()
    client.meta.events.register("before-call.cloudformation", lambda model, **_: called.add(model.name))
    change_set = create_change_set(client, f"{PROJECT}-dev", "trial", template_text(TOPIC), {}, {"Environment": "dev"})
    to_review = set(called)
    assert execute_change_set(client, change_set, lambda _: None).complete
    assert {"CreateChangeSet", "DescribeChangeSet"} <= to_review
    assert "ExecuteChangeSet" in called - to_review
    assert called <= actions(templates, "DeploymentRole", "cloudformation")
    assert to_review <= actions(templates, "ReviewRole", "cloudformation")


def test_the_deployment_role_may_call_what_codepipelines_action_calls(templates: Templates) -> None:
    """As its reference lists them.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
    """
    by_the_action = {"CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks"}
    assert {*by_the_action, "SetStackPolicy"} <= actions(templates, "DeploymentRole", "cloudformation")
    assert "PassRole" in actions(templates, "DeploymentRole", "iam")


def actions(templates: Templates, role: str, service: str) -> set[str]:
    """Return what a role may call of a service."""
    assert role in of_type(templates["target_account"], "AWS::IAM::Role")
    rights: list[dict[str, Any]] = claims.rights_of(templates["target_account"], role)
    allowed = [action.partition(":") for statement in rights for action in statement["Action"]]
    return {name for prefix, _, name in allowed if prefix == service}
