"""Bootstrapping ends in the right stack, protected and tagged, or says what to do; and may be repeated."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from generator.delivery.bootstrap import (
    after_target,
    after_tools,
    bootstrap_target,
    bootstrap_tools,
    parse_parameters,
)
from generator.delivery.deploy import Event, deploy, template_text
from generator.environment import REQUIRED_TAGS, TemplateConfiguration, load_all
from generator.errors import UserError
from generator.naming import BOUNDARIES_STACK, DEPLOYMENT_POLICIES_STACK, PIPELINE_STACK, TARGET_STACK, TOOLS_STACK
from generator.rehearsal.emulator import Emulator
from generator.release import MANIFEST, digest, to_json
from generator.rendering import render
from tests.delivery.conftest import REGION, ROOT, Account

STORES = """\
Parameters:
  DevAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
Resources:
  Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: {Version: '2012-10-17', Statement: []}}}
Outputs:
  ArtifactKeyArn: {Value: !GetAtt Key.Arn}
"""
PIPELINE = """\
Parameters:
  DevAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
  ArtifactKeyArn: {Type: String, AllowedPattern: 'arn:aws:kms:.+'}
  Fails: {Type: String, Default: 'no'}
Conditions:
  Fails: !Equals [!Ref Fails, 'yes']
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {KmsMasterKeyId: !Ref ArtifactKeyArn}}
  Broken:
    Type: AWS::IAM::Policy
    Condition: Fails
    Properties: {PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: []}, Roles: [missing]}
Outputs:
  TopicArn: {Value: !Ref Topic}
"""
TARGET = """\
Parameters:
  ToolsAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
  ArtifactKeyArn: {Type: String}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {AWS: !Ref ToolsAccountId}, Action: 'sts:AssumeRole'}]
Outputs:
  RoleArn: {Value: !GetAtt Role.Arn}
"""
BOUNDARIES = """\
Parameters:
  AdditionalRegions: {Type: String, Default: ''}
Resources:
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: the-boundary, PolicyDocument: {Version: '2012-10-17', Statement: []}}
"""
POLICIES = """\
Parameters:
  ArtifactKeyArn: {Type: String}
  TemplateBucketName: {Type: String, Default: the-templates}
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: the-policy, PolicyDocument: {Version: '2012-10-17', Statement: []}}
"""
TOOLS_PARAMETERS = {"DevAccountId": "111111111111"}
TARGET_PARAMETERS = {"ToolsAccountId": "999999999999", "ArtifactKeyArn": "arn:aws:kms:eu-west-1:999999999999:key/k"}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return written(tmp_path / "v9.9.9", {"pipeline.yaml": PIPELINE, "target_account.yaml": TARGET})


ALWAYS = {"boundaries.yaml": BOUNDARIES, "deployment_policies.yaml": POLICIES, "tools_account.yaml": STORES}
"""What every release has here, besides the roots that a test is about."""


def written(folder: Path, roots: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    templates = {**ALWAYS, **roots}
    for name, text in templates.items():
        (folder / name).write_text(text)
    entries = {name: {"root": True, "sha256": digest(text.encode())} for name, text in templates.items()}
    (folder / MANIFEST).write_text(to_json({"version": "9.9.9", "released": False, "templates": entries}))
    return folder


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load_all(ROOT / "params")[0]


def stack(account: Account, name: str) -> dict[str, Any]:
    return dict(account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0])


def tags(described: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described["Tags"]}


def stacks(account: Account) -> list[str]:
    return [each["StackName"] for each in account.client("cloudformation").describe_stacks()["Stacks"]]


def tools(account: Account, release: Path, events: list[Event], **parameters: str) -> Any:
    given = {**TOOLS_PARAMETERS, **parameters}
    owner = {"Owner": "platform-team", "CostCenter": "web", "Environment": "prod"}
    return bootstrap_tools(account.client("cloudformation"), release, given, events.append, owner)


def test_the_tools_account_gets_its_stack_tagged_and_protected(account: Account, release: Path) -> None:
    deployment = tools(account, release, [])
    described = stack(account, PIPELINE_STACK)
    assert described["StackStatus"] == deployment.status == "CREATE_COMPLETE"
    assert described["EnableTerminationProtection"] is True
    assert set(tags(described)) == set(REQUIRED_TAGS)
    assert tags(described)["Environment"] == "tools"
    assert deployment.outputs["ArtifactKeyArn"].startswith("arn:aws:kms:")


def test_the_pipeline_is_told_where_things_are_kept(account: Account, release: Path) -> None:
    events: list[Event] = []
    deployment = tools(account, release, events)
    complete = [
        e.logical_id for e in events if e.status == "CREATE_COMPLETE" and e.type == "AWS::CloudFormation::Stack"
    ]
    assert complete == [BOUNDARIES_STACK, TOOLS_STACK, PIPELINE_STACK]
    for name in complete:
        assert stack(account, name)["EnableTerminationProtection"] is True
    [key] = [output["OutputValue"] for output in stack(account, TOOLS_STACK)["Outputs"]]
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack(account, PIPELINE_STACK)["Parameters"]}
    assert given == {**TOOLS_PARAMETERS, "ArtifactKeyArn": key, "Fails": "no"}
    assert deployment.outputs == {"ArtifactKeyArn": key, "TopicArn": deployment.outputs["TopicArn"]}


def test_what_an_earlier_stack_gives_out_is_not_given_by_hand(account: Account, release: Path) -> None:
    with pytest.raises(UserError, match=r"pipeline\.yaml: parameter ArtifactKeyArn .* leave it out"):
        tools(account, release, [], ArtifactKeyArn=TARGET_PARAMETERS["ArtifactKeyArn"])
    assert stacks(account) == []


def test_what_an_earlier_stack_lacks_is_missed_before_anything_is_created(account: Account, tmp_path: Path) -> None:
    without = STORES.partition("Outputs:")[0]
    broken = written(tmp_path / "v9.9.9", {"pipeline.yaml": PIPELINE, "tools_account.yaml": without})
    with pytest.raises(UserError, match=r"pipeline\.yaml.*ArtifactKeyArn"):
        tools(account, broken, [])
    assert stacks(account) == []


def test_an_environments_account_gets_its_stack_with_the_tags_of_its_settings(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    deployment = bootstrap_target(account.client("cloudformation"), release, dev, TARGET_PARAMETERS, lambda _: None)
    described = stack(account, TARGET_STACK)
    assert described["EnableTerminationProtection"] is True
    assert tags(described) == dev.tags
    assert account.account_id in deployment.outputs["RoleArn"]


def test_an_account_gets_boundaries_then_rights_then_roles(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    events: list[Event] = []
    given = {**TARGET_PARAMETERS, "AdditionalRegions": "us-east-1", "TemplateBucketName": "another"}
    bootstrap_target(account.client("cloudformation"), release, dev, given, events.append)
    complete = [
        e.logical_id for e in events if e.status == "CREATE_COMPLETE" and e.type == "AWS::CloudFormation::Stack"
    ]
    assert complete == [BOUNDARIES_STACK, DEPLOYMENT_POLICIES_STACK, TARGET_STACK]
    for name, own in [
        (BOUNDARIES_STACK, {"AdditionalRegions": "us-east-1"}),
        (
            DEPLOYMENT_POLICIES_STACK,
            {"ArtifactKeyArn": TARGET_PARAMETERS["ArtifactKeyArn"], "TemplateBucketName": "another"},
        ),
        (TARGET_STACK, TARGET_PARAMETERS),
    ]:
        described = stack(account, name)
        assert described["EnableTerminationProtection"] is True
        assert tags(described) == dev.tags
        assert {p["ParameterKey"]: p["ParameterValue"] for p in described["Parameters"]} == own


def test_an_account_of_an_earlier_release_is_brought_up_to_date(
    account: Account, tmp_path: Path, dev: TemplateConfiguration
) -> None:
    """It has the roles alone; boundaries and rights are there before the roles are changed."""
    client = account.client("cloudformation")
    deploy(client, TARGET_STACK, template_text(TARGET), TARGET_PARAMETERS, dev.tags, lambda _: None)
    policies = "      ManagedPolicyArns: [!Sub 'arn:aws:iam::${AWS::AccountId}:policy/the-policy']\n"
    needing = TARGET.replace("    Properties:\n", f"    Properties:\n{policies}")
    newer = written(tmp_path / "newer", {"target_account.yaml": needing})
    events: list[Event] = []
    bootstrap_target(client, newer, dev, TARGET_PARAMETERS, events.append)
    done = [
        (e.logical_id, e.status) for e in events if e.type == "AWS::CloudFormation::Stack" and "COMPLETE" in e.status
    ]
    assert done[:2] == [(BOUNDARIES_STACK, "CREATE_COMPLETE"), (DEPLOYMENT_POLICIES_STACK, "CREATE_COMPLETE")]
    assert done[-1] == (TARGET_STACK, "UPDATE_COMPLETE")
    [role] = account.client("iam").list_roles()["Roles"]
    attached = account.client("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["the-policy"]


def test_a_stack_that_takes_no_update_is_told_before_anything_is_changed(account: Account, release: Path) -> None:
    with pytest.raises(UserError, match="ROLLBACK_COMPLETE"):
        tools(account, release, [], Fails="yes")
    account.client("cloudformation").update_termination_protection(
        StackName=BOUNDARIES_STACK, EnableTerminationProtection=False
    )
    account.client("cloudformation").delete_stack(StackName=BOUNDARIES_STACK)
    with pytest.raises(UserError, match=rf"{PIPELINE_STACK} is in ROLLBACK_COMPLETE"):
        tools(account, release, [])
    assert BOUNDARIES_STACK not in stacks(account)


def test_a_release_without_a_root_is_refused_by_name(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    manifest = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    del manifest["templates"]["deployment_policies.yaml"]
    (release / MANIFEST).write_text(to_json(manifest), encoding="utf-8")
    (release / "deployment_policies.yaml").unlink()
    with pytest.raises(UserError, match=r"v9\.9\.9 has no deployment_policies\.yaml"):
        bootstrap_target(account.client("cloudformation"), release, dev, TARGET_PARAMETERS, lambda _: None)
    assert stacks(account) == []


def test_a_second_time_nothing_changes(account: Account, release: Path) -> None:
    first = tools(account, release, [])
    events: list[Event] = []
    second = tools(account, release, events)
    assert events == []
    assert second.outputs == first.outputs
    assert stack(account, PIPELINE_STACK)["StackStatus"] == "CREATE_COMPLETE"


def test_another_release_updates_the_stack(account: Account, release: Path, tmp_path: Path) -> None:
    tools(account, release, [])
    added = PIPELINE.replace("Resources:\n", "Resources:\n  Added: {Type: 'AWS::SNS::Topic'}\n")
    newer = written(tmp_path / "newer", {"pipeline.yaml": added})
    assert tools(account, newer, []).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    "parameters", [{"DevAccountId": "1111"}, {}, {**TOOLS_PARAMETERS, "Unknown": "x"}], ids=["wrong", "none", "unknown"]
)
def test_wrong_parameters_are_refused_before_anything_is_created(
    account: Account, release: Path, parameters: dict[str, str]
) -> None:
    with pytest.raises(UserError, match=r"(tools_account|pipeline)\.yaml"):
        bootstrap_tools(account.client("cloudformation"), release, parameters, lambda _: None)
    assert stacks(account) == []


def test_a_changed_release_is_refused(account: Account, release: Path) -> None:
    (release / "pipeline.yaml").write_text("Resources: {}\n")
    with pytest.raises(UserError, match=r"pipeline\.yaml"):
        tools(account, release, [])
    assert stacks(account) == []


def test_a_failed_creation_names_the_cause_and_the_next_time_what_to_do(account: Account, release: Path) -> None:
    with pytest.raises(
        UserError, match=rf"{PIPELINE_STACK}: ROLLBACK_COMPLETE: Broken \(AWS::IAM::Policy\): .*missing"
    ):
        tools(account, release, [], Fails="yes")
    with pytest.raises(UserError, match=rf"{PIPELINE_STACK} is in ROLLBACK_COMPLETE: .*delete the stack"):
        tools(account, release, [])
    account.client("cloudformation").delete_stack(StackName=PIPELINE_STACK)
    assert tools(account, release, []).complete


def test_a_failed_update_leaves_the_stack_as_it_was_and_protected(
    account: Account, release: Path, tmp_path: Path
) -> None:
    tools(account, release, [])
    policy = "{PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: []}, Roles: [missing]}"
    added = f"Resources:\n  Added: {{Type: 'AWS::IAM::Policy', Properties: {policy}}}\n"
    broken = written(tmp_path / "broken", {"pipeline.yaml": PIPELINE.replace("Resources:\n", added)})
    with pytest.raises(UserError, match=r"UPDATE_ROLLBACK_COMPLETE: Added \(AWS::IAM::Policy\): .*missing"):
        tools(account, broken, [])
    assert stack(account, PIPELINE_STACK)["EnableTerminationProtection"] is True
    tools(account, release, [])


def test_parameters_are_names_and_values() -> None:
    assert parse_parameters(["A=1", "B=", "C=x=y"]) == {"A": "1", "B": "", "C": "x=y"}
    for wrong in (["A"], ["=1"], ["A B=1"], ["A=1", "A=2"]):
        with pytest.raises(UserError):
            parse_parameters(wrong)


def test_after_the_tools_account_come_the_environments_with_all_values(release: Path) -> None:
    parameters = {"DevAccountId": "111111111111", "StagingAccountId": "222222222222", "ProdAccountId": "333333333333"}
    outputs = {"ArtifactKeyArn": "arn:k", "SourceBucketName": "the-source"}
    lines = after_tools(release, parameters, outputs, "999999999999", REGION)
    commands = [line.strip() for line in lines if "make" in line]
    values = "PARAMETERS='ArtifactKeyArn=arn:k ToolsAccountId=999999999999'"
    assert commands == [f"make bootstrap-target ENVIRONMENT={name} {values}" for name in ("dev", "staging", "prod")]
    assert "dev's account 111111111111, in eu-west-1" in lines[0]
    assert "s3://the-source/source.zip" in lines[-1]
    with_connection = after_tools(release, {**parameters, "SourceRepository": "o/n"}, {}, "999999999999", REGION)
    assert "connection" in with_connection[0]
    assert not any("git archive" in line for line in with_connection)


def test_after_an_environments_account_comes_its_certificate(dev: TemplateConfiguration) -> None:
    assert "/web-platform/dev/certificate-arn" in "\n".join(after_target(dev))


def test_the_generated_roots_bootstrap_account_after_account_with_the_values_that_are_printed(
    account: Account, emulator: Emulator, tmp_path: Path, dev: TemplateConfiguration
) -> None:
    release = tmp_path / "generated"
    release.mkdir()
    for name, text in render().items():
        (release / name).write_text(text)
    target = Account(emulator, "444444444444")
    parameters = {f"{name}AccountId": target.account_id for name in ("Dev", "Staging", "Prod")}
    for _ in range(2):
        events: list[Event] = []
        deployment = bootstrap_tools(account.client("cloudformation"), release, parameters, events.append, dev.tags)
    assert events == [], "the second time nothing changes"
    lines = after_tools(release, parameters, deployment.outputs, account.account_id, REGION)
    [command] = [shlex.split(line) for line in lines if "ENVIRONMENT=dev" in line]
    given = parse_parameters(command[-1].removeprefix("PARAMETERS=").split())
    assert given["ToolsAccountId"] == account.account_id
    for _ in range(2):
        events = []
        bootstrap_target(target.client("cloudformation"), release, dev, given, events.append)
    assert events == [], "the second time nothing changes"
    roles = {role["RoleName"] for role in target.client("iam").list_roles()["Roles"]}
    assert {"web-platform-deployment", "web-platform-cloudformation"} <= roles
    assert f"s3://{deployment.outputs['SourceBucketName']}/source.zip" in lines[-1]
