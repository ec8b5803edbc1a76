"""The roles of the bootstrapped accounts, used for real: each does what it is for, and is refused what it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Account
from rich.console import Console

from generator.environment import load_all
from generator.naming import CLOUDFORMATION_ROLE, DEPLOYMENT_ROLE, REVIEW, REVIEW_ROLE, TOOLS, root_stack_name
from generator.rehearsal.approver import approver, read_report
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from generator.rehearsal.pipeline_actions import CODEBUILD, CODEPIPELINE
from generator.rehearsal.pipeline_definition import Project
from generator.rehearsal.rehearse import EVENTS, Rehearsal, started
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
TOPIC = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
PROD = root_stack_name("prod")


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    """Accounts as they are after the bootstrap."""
    console = Console(file=StringIO())
    with started(ROOT, folder_of(ROOT / "templates_out"), load_all(ROOT / "params"), console) as begun:
        yield begun


def arn_of(rehearsal: Rehearsal, account: str, role: str) -> str:
    return f"arn:aws:iam::{rehearsal.accounts.id_of(account)}:role/{role}"


def of_service(rehearsal: Rehearsal, role_arn: str, service: str) -> Session:
    accounts = rehearsal.accounts
    source = f"arn:aws:{service.split('.')[0]}:{accounts.region}:{accounts.id_of(TOOLS)}:trial"
    return assumed_by_service(accounts.emulator, role_arn, accounts.region, service, source, "trial")


@pytest.fixture(scope="module")
def pipeline(rehearsal: Rehearsal) -> Session:
    return of_service(rehearsal, rehearsal.engine.pipeline.role_arn, CODEPIPELINE)


def build(rehearsal: Rehearsal, of: str) -> Session:
    """Return a session of the role of the build whose project's id contains a name."""
    projects = rehearsal.engine.pipeline.projects
    (project,) = [each for name, each in projects.items() if f"-{of}Project" in name]
    assert isinstance(project, Project)
    return of_service(rehearsal, project.role_arn, CODEBUILD)


def refused(action: str) -> Any:
    return pytest.raises(ClientError, match=f"not authorized to perform: {action}")


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_pipeline_acts_as_the_deployment_role_alone(
    rehearsal: Rehearsal, pipeline: Session, environment: str
) -> None:
    deployment = pipeline.assume(arn_of(rehearsal, environment, DEPLOYMENT_ROLE), "trial")
    assert deployment.account_id == rehearsal.accounts.id_of(environment)
    for other in (REVIEW_ROLE, CLOUDFORMATION_ROLE):
        with refused("sts:AssumeRole"):
            pipeline.assume(arn_of(rehearsal, environment, other), "trial")


def test_the_deployment_role_touches_nothing_but_stacks(rehearsal: Rehearsal, pipeline: Session) -> None:
    deployment = pipeline.assume(arn_of(rehearsal, "prod", DEPLOYMENT_ROLE), "trial")
    with refused("ec2:DescribeVpcs"):
        deployment.client("ec2").describe_vpcs()
    with refused("iam:ListRoles"):
        deployment.client("iam").list_roles()
    with refused("cloudformation:CreateChangeSet"):
        deployment.client("cloudformation").create_change_set(
            StackName="of-somebody-else", ChangeSetName="trial", ChangeSetType="CREATE", TemplateBody=TOPIC
        )


def test_the_deployment_role_of_one_account_is_nobody_in_another(rehearsal: Rehearsal, pipeline: Session) -> None:
    deployment = pipeline.assume(arn_of(rehearsal, "dev", DEPLOYMENT_ROLE), "trial")
    with refused("sts:AssumeRole"):
        deployment.assume(arn_of(rehearsal, "prod", DEPLOYMENT_ROLE), "trial")


def test_the_review_reads_and_executes_nothing(rehearsal: Rehearsal) -> None:
    report = build(rehearsal, "ChangeReport")
    with refused("sts:AssumeRole"):
        report.assume(arn_of(rehearsal, "prod", DEPLOYMENT_ROLE), "trial")
    for name in ("dev", "staging"):
        with refused("sts:AssumeRole"):
            report.assume(arn_of(rehearsal, name, REVIEW_ROLE), "trial")
    cloudformation = report.assume(arn_of(rehearsal, "prod", REVIEW_ROLE), "trial").client("cloudformation")
    given = {
        "StackName": PROD,
        "ChangeSetType": "CREATE",
        "TemplateBody": TOPIC,
        "RoleARN": arn_of(rehearsal, "prod", CLOUDFORMATION_ROLE),
    }
    with refused("cloudformation:CreateChangeSet"):
        cloudformation.create_change_set(ChangeSetName=f"{PROD}-promotion", **given)
    made = cloudformation.create_change_set(ChangeSetName=f"{PROD}{REVIEW}", **given)["Id"]
    with refused("cloudformation:ExecuteChangeSet"):
        cloudformation.execute_change_set(ChangeSetName=made)
    cloudformation.delete_change_set(ChangeSetName=made)


def test_the_build_publishes_and_reaches_no_environment(rehearsal: Rehearsal) -> None:
    session, bucket = build(rehearsal, "Build"), rehearsal.outputs["TemplateBucketName"]
    session.client("s3").put_object(Bucket=bucket, Key="web-platform/trial.yaml", Body=b"")
    with refused("s3:PutObject"):
        session.client("s3").put_object(Bucket=bucket, Key="reviews/trial.md", Body=b"")
    for role in (DEPLOYMENT_ROLE, REVIEW_ROLE):
        with refused("sts:AssumeRole"):
            session.assume(arn_of(rehearsal, "prod", role), "trial")


def test_the_smoke_test_hands_on_nothing(rehearsal: Rehearsal) -> None:
    session = build(rehearsal, "SmokeTest")
    with refused("s3:PutObject"):
        session.client("s3").put_object(Bucket=rehearsal.outputs["ArtifactBucketName"], Key="trial", Body=b"")


def test_an_upload_starts_the_pipeline_and_does_nothing_else(rehearsal: Rehearsal) -> None:
    trigger = rehearsal.engine.pipeline.trigger
    assert trigger is not None
    session = of_service(rehearsal, trigger.role_arn, EVENTS)
    assert session.may("codepipeline:StartPipelineExecution", trigger.target_arn)
    assert not session.may("codepipeline:StartPipelineExecution", f"{trigger.target_arn}-other")
    assert not session.may("codepipeline:PutApprovalResult", trigger.target_arn)


def test_the_approver_answers_one_approval_and_does_nothing_else(rehearsal: Rehearsal) -> None:
    accounts, pipeline = rehearsal.accounts, rehearsal.engine.pipeline
    session = approver(accounts.emulator, rehearsal.outputs["ApproverRoleArn"], accounts.region)
    there = f"arn:aws:codepipeline:{accounts.region}:{accounts.id_of(TOOLS)}:{pipeline.name}"
    assert session.may("codepipeline:PutApprovalResult", f"{there}/Review/Approval")
    assert session.may("codepipeline:GetPipelineState", there)
    for other in (f"{there}/Prod/Approval", f"{there}/Review/Build", f"{there}-other/Review/Approval"):
        assert not session.may("codepipeline:PutApprovalResult", other)
    for action in ("StartPipelineExecution", "StopPipelineExecution", "UpdatePipeline"):
        assert not session.may(f"codepipeline:{action}", there)
    templates, artifacts = (rehearsal.outputs[name] for name in ("TemplateBucketName", "ArtifactBucketName"))
    accounts.client("s3", TOOLS).put_object(Bucket=templates, Key="reviews/trial.md", Body=b"# prod")
    console = f"https://{accounts.region}.console.aws.amazon.com/s3/object/{templates}?prefix=reviews/trial.md"
    assert read_report(session, console) == b"# prod"
    for bucket, key in ((templates, "web-platform/trial.yaml"), (artifacts, "trial")):
        with refused("s3:GetObject"):
            session.client("s3").get_object(Bucket=bucket, Key=key)
    with refused("s3:PutObject"):
        session.client("s3").put_object(Bucket=templates, Key="reviews/trial.md", Body=b"")


def test_nobody_becomes_approver_without_an_mfa_device(rehearsal: Rehearsal, pipeline: Session) -> None:
    role_arn = rehearsal.outputs["ApproverRoleArn"]
    with refused("sts:AssumeRole"):
        rehearsal.accounts.emulator.client_of_role("sts", role_arn, rehearsal.accounts.id_of(TOOLS), "eu-west-1")
    for session in (pipeline, build(rehearsal, "Build"), build(rehearsal, "ChangeReport")):
        with refused("sts:AssumeRole"):
            session.assume(role_arn, "trial")
        assert not session.may("codepipeline:PutApprovalResult", "*")


TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize(
    ("properties", "refusal"),
    [
        ({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}, "iam:CreateRole"),
        ({"Type": "AWS::IAM::User"}, "iam:CreateUser"),
        ({"Type": "AWS::SQS::Queue"}, "sqs:"),
    ],
)
def test_cloudformation_makes_nothing_that_the_platform_does_not_have(
    rehearsal: Rehearsal, properties: dict[str, Any], refusal: str
) -> None:
    prod = Account(rehearsal.accounts.emulator, rehearsal.accounts.id_of("prod"))
    name = f"web-platform-{properties['Type'].split('::')[-1].lower()}"
    template = json.dumps({"Resources": {"Trial": properties}})
    stack = prod.deploy(name, template, role_arn=arn_of(rehearsal, "prod", CLOUDFORMATION_ROLE))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"{CLOUDFORMATION_ROLE}/AWSCloudFormation is not authorized to perform: {refusal}" in prod.failures(name)
