"""Actions do on the emulator what CodePipeline's actions do on AWS, in the accounts and roles that they are given."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from conftest import PRODUCTION, REGION, Account

from generator.delivery.deploy import Deployment
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_faults import Fault
from generator.rehearsal.pipeline import STANDARD, ActionFailedError, Execution, Job
from generator.rehearsal.pipeline_actions import Approval, Surroundings, providers
from generator.rehearsal.pipeline_artifacts import ArtifactStore, read_file
from generator.rehearsal.pipeline_definition import Action, Pipeline, Project
from tests.rehearsal.roles import EVERYTHING, Statement, account, allow, document, make_role, service

PYTHON = sys.executable
TOOLS = "555555555555"
BUCKET = "pipeline-actions-artifacts"
ROLES = ("pipeline", "build", "approver")
PIPELINE_ROLE, BUILD_ROLE, APPROVER_ROLE = (f"arn:aws:iam::{TOOLS}:role/actions-{name}" for name in ROLES)
CONSOLE = f"https://{REGION}.console.aws.amazon.com/s3/object/{BUCKET}?region={REGION}&prefix="
BUILDSPEC = "version: 0.2\nphases: {build: {commands: ['cp file.txt made.txt']}}\nartifacts: {files: [made.txt]}\n"
PROJECT = Project("actions-project", BUILDSPEC, {}, BUILD_ROLE, "actions-builds")
PIPELINE = Pipeline("trial", PIPELINE_ROLE, BUCKET, {}, (), {PROJECT.name: PROJECT})
CONNECTION = f"arn:aws:codeconnections:{REGION}:{TOOLS}:connection/trial"
DEPLOY, APPROVE = ("Deploy", "AWS", "CloudFormation"), ("Approval", "AWS", "Manual")
FROM_BUCKET, FROM_CONNECTION = ("Source", "AWS", "S3"), ("Source", "AWS", "CodeStarSourceConnection")
BUILD = ("Build", "AWS", "CodeBuild")


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{PRODUCTION}:role/{name}"


@dataclass
class Trial:
    """A pipeline's tools account, what its actions are given, and what came of them."""

    emulator: Emulator
    folder: Path
    answer: Approval = field(default_factory=lambda: Approval(approved=True))
    asked: list[Job] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    pipeline: Pipeline = PIPELINE
    approver_role_arn: str = APPROVER_ROLE
    execution: Execution = field(default_factory=lambda: Execution(STANDARD, {}))

    def client(self, service: str) -> Any:
        return self.emulator.client(service, TOOLS, REGION)

    def hand_on(self, name: str, **files: object) -> None:
        """Make an artifact of files; what is no text becomes JSON."""
        content = BytesIO()
        with ZipFile(content, "w") as archive:
            for file, value in files.items():
                archive.writestr(file.replace("__", "."), value if isinstance(value, str) else json.dumps(value))
        self.execution.artifacts[name] = ArtifactStore(self.client("s3"), BUCKET, "trial").put(name, content.getvalue())

    def run(self, action: Action) -> Mapping[str, str]:
        surroundings = Surroundings(
            emulator=self.emulator,
            account_id=TOOLS,
            region=REGION,
            source=self.folder,
            workspace=self.folder / "workspace",
            build_environment={"AWS_ENDPOINT_URL": self.emulator.endpoint_url, "AWS_DEFAULT_REGION": REGION},
            approve=self._approve,
            approver_role_arn=self.approver_role_arn,
            on_event=lambda event: None,
            on_line=self.lines.append,
            on_deployment=lambda job, deployment: self.deployments.append(deployment),
        )
        return providers(surroundings)[action.kind](
            Job(self.pipeline, self.execution, "Prod", action, action.configuration)
        )

    def _approve(self, job: Job) -> Approval:
        self.asked.append(job)
        return self.answer


@pytest.fixture(scope="module", autouse=True)
def accounts(emulator: Emulator, production: Account) -> None:
    """The artifact bucket, which one role of the production account may read, and that account's roles."""
    s3 = emulator.client("s3", TOOLS, REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PRODUCTION}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": role_arn("actions-deployment")}},
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    tools, iam = emulator.client("iam", TOOLS, REGION), production.client("iam")
    make_role(tools, "actions-pipeline", service("codepipeline"), EVERYTHING)
    make_role(tools, "actions-build", service("codebuild"), EVERYTHING)
    answered = allow("codepipeline:PutApprovalResult", f"arn:aws:codepipeline:{REGION}:{TOOLS}:trial/Prod/Act")
    reports = allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/reviews/*")
    make_role(tools, "actions-approver", account(TOOLS), [answered, reports])
    make_role(iam, "actions-cloudformation", service("cloudformation"), EVERYTHING)
    for name in ("actions-deployment", "actions-stranger"):
        make_role(iam, name, account(TOOLS), EVERYTHING)
    emulator.client("logs", TOOLS, REGION).create_log_group(logGroupName=PROJECT.log_group)
    emulator.client("codebuild", TOOLS, REGION).create_project(
        name=PROJECT.name,
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "image", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=BUILD_ROLE,
    )


@pytest.fixture
def trial(emulator: Emulator, tmp_path: Path) -> Trial:
    return Trial(emulator, tmp_path)


def action(kind: tuple[str, str, str], inputs: str = "", outputs: str = "", **configuration: str) -> Action:
    return Action("Act", kind, 1, configuration, tuple(inputs.split()), tuple(outputs.split()), "", "")


# ---------------------------------------------------------------------------------------------------------------------
# CloudFormation
# ---------------------------------------------------------------------------------------------------------------------

TEMPLATE = """
Parameters:
  Purpose: {Type: String}
  Release: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Purpose}}
  Handed: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Release}}
Outputs:
  TopicArn: {Value: !Ref Topic}
  Purpose: {Value: !Ref Purpose}
"""
OVERRIDES = {"Release": {"Fn::GetParam": ["Release", "release.json", "Prefix"]}}


def create(stack: str, **others: str) -> Action:
    """Return the action that makes a change set; an empty value leaves a setting out."""
    settings = {
        "ActionMode": "CHANGE_SET_REPLACE",
        "StackName": stack,
        "ChangeSetName": "promotion",
        "TemplatePath": "Release::root.yaml",
        "TemplateConfiguration": "Release::prod.json",
        "Capabilities": "CAPABILITY_IAM,CAPABILITY_NAMED_IAM",
        "ParameterOverrides": json.dumps(OVERRIDES),
        "RoleArn": role_arn("actions-cloudformation"),
        **others,
    }
    found = action(DEPLOY, "Release", **{key: value for key, value in settings.items() if value})
    return replace(found, role_arn=role_arn("actions-deployment"))


def execute(stack: str) -> Action:
    found = action(DEPLOY, ActionMode="CHANGE_SET_EXECUTE", StackName=stack, ChangeSetName="promotion")
    return replace(found, role_arn=role_arn("actions-deployment"))


def release(trial: Trial, purpose: str = "first", prefix: str = "releases/one/", **settings: Any) -> None:
    """Hand on a release; `settings` are what stands beside the parameters in the template configuration."""
    configuration = {"Parameters": {"Purpose": purpose}, **settings}
    trial.hand_on("Release", root__yaml=TEMPLATE, prod__json=configuration, release__json={"Prefix": prefix})


def stack_of(account: Account, name: str) -> dict[str, Any]:
    found: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found


def deployed(trial: Trial, stack: str) -> Mapping[str, str]:
    trial.run(create(stack))
    return trial.run(execute(stack))


def test_a_stack_is_deployed_in_the_role_s_account_with_all_that_the_release_says(
    trial: Trial, production: Account
) -> None:
    release(trial, Tags={"project": "trial"})
    assert trial.run(create("actions-all")) == {}
    assert stack_of(production, "actions-all")["StackStatus"] == "REVIEW_IN_PROGRESS"
    outputs = trial.run(execute("actions-all"))
    stack = stack_of(production, "actions-all")
    assert outputs == production.outputs(stack)
    assert outputs["Purpose"] == "first"
    assert f":{PRODUCTION}:" in outputs["TopicArn"]
    assert stack["Tags"] == [{"Key": "project", "Value": "trial"}]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert parameters == {"Purpose": "first", "Release": "releases/one/"}
    assert [deployment.status for deployment in trial.deployments] == ["CREATE_COMPLETE"]


def test_overrides_win_over_the_configuration(trial: Trial) -> None:
    release(trial)
    trial.run(create("actions-overrides", ParameterOverrides=json.dumps({**OVERRIDES, "Purpose": "overridden"})))
    assert trial.run(execute("actions-overrides"))["Purpose"] == "overridden"


def test_a_change_set_takes_the_place_of_the_one_before(trial: Trial, production: Account) -> None:
    release(trial)
    deployed(trial, "actions-replace")
    for purpose in ("second", "third"):
        release(trial, purpose)
        trial.run(create("actions-replace"))
    listed = production.client("cloudformation").list_change_sets(StackName="actions-replace")["Summaries"]
    assert [each["ChangeSetName"] for each in listed] == ["promotion"]
    assert trial.run(execute("actions-replace"))["Purpose"] == "third"
    assert trial.deployments[-1].status == "UPDATE_COMPLETE"


def test_an_empty_change_set_is_no_failure(trial: Trial) -> None:
    release(trial)
    first = deployed(trial, "actions-empty")
    assert deployed(trial, "actions-empty") == first
    assert [deployment.status for deployment in trial.deployments] == ["CREATE_COMPLETE"] * 2


def test_what_failed_is_told_and_the_former_release_can_be_confirmed(trial: Trial, emulator: Emulator) -> None:
    release(trial)
    deployed(trial, "actions-undone")
    emulator.fail(Fault(PRODUCTION, "actions-undone", "", "Topic", "no capacity"))
    release(trial, "second")
    with pytest.raises(ActionFailedError, match=r"^actions-undone is UPDATE_ROLLBACK_COMPLETE: /Topic: no capacity$"):
        deployed(trial, "actions-undone")
    release(trial)
    assert deployed(trial, "actions-undone")["Purpose"] == "first"  # an empty change set, on an undone update


def test_a_stack_that_could_not_be_created_takes_no_change_set(trial: Trial, emulator: Emulator) -> None:
    emulator.fail(Fault(PRODUCTION, "actions-failed", "", "Topic", "no capacity"))
    release(trial)
    with pytest.raises(ActionFailedError, match=r"^actions-failed is ROLLBACK_COMPLETE: /Topic: no capacity$"):
        deployed(trial, "actions-failed")
    with pytest.raises(ActionFailedError, match="ROLLBACK_COMPLETE state and can not be updated"):
        trial.run(create("actions-failed"))


def test_a_stack_policy_is_set(trial: Trial, production: Account) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    release(trial, StackPolicy=policy)
    deployed(trial, "actions-policy")
    answer = production.client("cloudformation").get_stack_policy(StackName="actions-policy")
    assert json.loads(answer["StackPolicyBody"]) == policy


def test_a_change_set_that_does_not_exist_is_told(trial: Trial) -> None:
    with pytest.raises(ActionFailedError, match=r"^ChangeSet \[promotion\] does not exist$"):
        trial.run(execute("actions-nothing"))


def test_a_change_set_is_executed_once(trial: Trial) -> None:
    release(trial)
    deployed(trial, "actions-once")
    with pytest.raises(ActionFailedError, match="EXECUTE_COMPLETE"):
        trial.run(execute("actions-once"))
    assert len(trial.deployments) == 1


def test_only_a_role_that_the_bucket_lets_in_reads_artifacts(trial: Trial) -> None:
    release(trial)
    stranger = replace(create("actions-stranger"), role_arn=role_arn("actions-stranger"))
    with pytest.raises(ActionFailedError, match="AccessDenied"):
        trial.run(stranger)


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "an unknown mode": (
        {"ActionMode": "CREATE_UPDATE"},
        "does not know ActionMode CREATE_UPDATE; it knows CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE$",
    ),
    "no mode": ({"ActionMode": ""}, "^the configuration of action Act has no ActionMode$"),
    "no stack": ({"StackName": ""}, "^the configuration of action Act has no StackName$"),
    "no capability": ({"Capabilities": ""}, "^Requires capabilities: .*CAPABILITY_NAMED_IAM"),
    "a lesser capability": ({"Capabilities": "CAPABILITY_IAM"}, "^Requires capabilities: "),
    "another artifact": ({"TemplatePath": "Source::root.yaml"}, "^artifact Source is no input of action Act$"),
    "another file": ({"TemplatePath": "Release::other.yaml"}, "^artifact Release has no file other.yaml$"),
    "an artifact without file": ({"TemplatePath": "Release"}, "^artifact Release has no file $"),
    "a configuration that is no JSON": (
        {"TemplateConfiguration": "Release::root.yaml"},
        "^Release::root.yaml is no JSON: ",
    ),
    "a configuration with an unknown key": (
        {"TemplateConfiguration": "Release::release.json"},
        "^Release::release.json: Prefix is unknown; allowed: Parameters, Tags, StackPolicy$",
    ),
    "a value that the file does not have": (
        {"ParameterOverrides": '{"Release": {"Fn::GetParam": ["Release", "release.json", "Suffix"]}}'},
        "^ParameterOverrides: Release: Release::release.json has no Suffix$",
    ),
    "another function": (
        {"ParameterOverrides": '{"Release": {"Fn::GetArtifactAtt": ["Release", "URL"]}}'},
        "^ParameterOverrides: Release: the rehearsal knows text and Fn::GetParam alone$",
    ),
    "a parameter that the template does not have": ({"ParameterOverrides": '{"Other": "a"}'}, "."),
    "a parameter without value": ({"ParameterOverrides": ""}, "Release"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_action_fails_and_deploys_nothing(trial: Trial, production: Account, name: str) -> None:
    settings, message = BROKEN[name]
    release(trial)
    with pytest.raises(ActionFailedError, match=message):
        trial.run(create("actions-broken", **settings))
    listed = production.client("cloudformation").list_stacks()["StackSummaries"]
    states = [each["StackStatus"] for each in listed if each["StackName"] == "actions-broken"]
    assert set(states) <= {"REVIEW_IN_PROGRESS"}


def test_an_artifact_that_was_not_made_is_told(trial: Trial) -> None:
    with pytest.raises(ActionFailedError, match=r"^artifact Release has not been made: "):
        trial.run(create("actions-unmade"))


# ---------------------------------------------------------------------------------------------------------------------
# Sources, approval, builds
# ---------------------------------------------------------------------------------------------------------------------


def test_the_newest_object_of_a_bucket_becomes_the_source(trial: Trial) -> None:
    s3 = trial.client("s3")
    s3.create_bucket(Bucket="actions-source", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="actions-source", VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket="actions-source", Key="source.zip", Body=text)["VersionId"] for text in (b"1", b"2")
    ]
    take = action(FROM_BUCKET, outputs="Source", S3Bucket="actions-source", S3ObjectKey="source.zip")
    outputs = trial.run(take)
    assert (outputs["BucketName"], outputs["ObjectKey"]) == ("actions-source", "source.zip")
    assert outputs["VersionId"] == versions[-1]
    assert ArtifactStore(s3, BUCKET, "trial").get(trial.execution.artifacts["Source"]) == b"2"
    with pytest.raises(ActionFailedError, match="NoSuchKey"):
        trial.run(action(FROM_BUCKET, outputs="Source", S3Bucket="actions-source", S3ObjectKey="other.zip"))


def test_the_working_copy_becomes_the_source_of_a_connection(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(trial.folder.parent))
    (trial.folder / "file.txt").write_text("text")
    settings = {"BranchName": "main", "ConnectionArn": CONNECTION, "FullRepositoryId": "owner/name"}
    outputs = trial.run(action(FROM_CONNECTION, outputs="Source", **settings))
    assert outputs == {
        "BranchName": "main",
        "CommitId": "0" * 40,  # no repository, no commit
        "ConnectionArn": CONNECTION,
        "FullRepositoryName": "owner/name",
    }
    content = ArtifactStore(trial.client("s3"), BUCKET, "trial").get(trial.execution.artifacts["Source"])
    assert read_file(content, "file.txt") == b"text"


@pytest.mark.parametrize("outputs", ["", "One Other"])
def test_a_source_has_one_output(trial: Trial, outputs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(trial.folder.parent))
    with pytest.raises(ActionFailedError, match="must have one output artifact"):
        trial.run(action(FROM_CONNECTION, outputs=outputs, ConnectionArn=CONNECTION))


def test_an_approval_tells_its_topic_and_asks(trial: Trial) -> None:
    topic, inbox = _topic_with_inbox(trial)
    approve = action(APPROVE, CustomData="3 resources change", NotificationArn=topic)
    assert trial.run(approve) == {}
    assert [job.configuration["CustomData"] for job in trial.asked] == ["3 resources change"]
    message = trial.client("sqs").receive_message(QueueUrl=inbox)["Messages"][0]["Body"]
    assert json.loads(message)["Message"] == "trial waits for approval: 3 resources change"


@pytest.mark.parametrize(
    ("comment", "reason"), [("not on a Friday", "^rejected: not on a Friday$"), ("", "^rejected$")]
)
def test_a_rejection_fails_the_action(trial: Trial, comment: str, reason: str) -> None:
    trial.answer = Approval(approved=False, comment=comment)
    with pytest.raises(ActionFailedError, match=reason):
        trial.run(action(APPROVE))
    assert len(trial.asked) == 1


def test_who_approves_reads_the_report_and_answers_as_approver(trial: Trial) -> None:
    trial.client("s3").put_object(Bucket=BUCKET, Key="reviews/prod.md", Body=b"# prod")
    assert trial.run(action(APPROVE, ExternalEntityLink=f"{CONSOLE}reviews/prod.md")) == {}
    with pytest.raises(ActionFailedError, match="not authorized to perform: s3:GetObject"):
        trial.run(action(APPROVE, ExternalEntityLink=f"{CONSOLE}releases/platform.yaml"))
    assert len(trial.asked) == 1


@pytest.mark.parametrize("answered", ["arn:aws:codepipeline:*:*:another/Prod/Act", "*:trial/Prod/Another"])
def test_an_answer_counts_from_who_may_give_it(trial: Trial, answered: str) -> None:
    iam = trial.client("iam")
    make_role(iam, "actions-bystander", account(TOOLS), [allow("codepipeline:PutApprovalResult", answered)])
    trial.approver_role_arn = APPROVER_ROLE.replace("approver", "bystander")
    with pytest.raises(
        ActionFailedError, match=r"not authorized to perform: codepipeline:PutApprovalResult .*Prod/Act$"
    ):
        trial.run(action(APPROVE))


def test_who_is_not_let_into_the_role_is_not_asked(trial: Trial) -> None:
    make_role(trial.client("iam"), "actions-closed", account(PRODUCTION), EVERYTHING)
    trial.approver_role_arn = APPROVER_ROLE.replace("approver", "closed")
    with pytest.raises(ActionFailedError, match="not authorized to perform: sts:AssumeRole"):
        trial.run(action(APPROVE))
    assert trial.asked == []


def test_an_approval_whose_topic_is_gone_fails_and_asks_nobody(trial: Trial) -> None:
    with pytest.raises(ActionFailedError, match="NotFound"):
        trial.run(action(APPROVE, NotificationArn=f"arn:aws:sns:{REGION}:{TOOLS}:no-such-topic"))
    assert trial.asked == []


def test_a_build_needs_a_project(trial: Trial) -> None:
    with pytest.raises(ActionFailedError, match=r"^there is no CodeBuild project other$"):
        trial.run(action(BUILD, "Source", ProjectName="other"))


def test_a_build_makes_its_artifact_and_keeps_its_log(trial: Trial) -> None:
    trial.hand_on("Source", file__txt="text")
    trial.run(action(BUILD, "Source", "Made", ProjectName=PROJECT.name))
    content = ArtifactStore(trial.client("s3"), BUCKET, "trial").get(trial.execution.artifacts["Made"])
    assert read_file(content, "made.txt") == b"text"
    logs = trial.client("logs")
    stream = logs.describe_log_streams(logGroupName=PROJECT.log_group)["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=PROJECT.log_group, logStreamName=stream)["events"]
    assert "[Container] Running command cp file.txt made.txt" in [event["message"] for event in events]


# ---------------------------------------------------------------------------------------------------------------------
# Rights
# ---------------------------------------------------------------------------------------------------------------------

STACKS = f"arn:aws:cloudformation:{REGION}:{PRODUCTION}:stack/actions-*"
ARTIFACTS = f"arn:aws:s3:::{BUCKET}/*"
LOGS = f"arn:aws:logs:{REGION}:{TOOLS}:log-group:{PROJECT.log_group}:*"
PASSING = allow(
    "iam:PassRole",
    role_arn("actions-cloudformation"),
    StringEquals={"iam:PassedToService": "cloudformation.amazonaws.com"},
)
DEPLOYING = [allow("cloudformation:*", STACKS), allow("s3:GetObject", ARTIFACTS)]
BUILDING = [
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], LOGS),
    allow("s3:GetObject", ARTIFACTS),
    allow("s3:PutObject", ARTIFACTS),
]


@pytest.fixture
def with_rights(emulator: Emulator, accounts: None) -> Iterator[Callable[[str, list[Statement]], None]]:
    """Give a role other rights for the time of a test."""
    changed: list[tuple[Any, str, dict[str, str]]] = []

    def give(name: str, statements: list[Statement]) -> None:
        trusted = {"actions-build": service("codebuild"), "actions-pipeline": service("codepipeline")}.get(name)
        where = TOOLS if trusted else PRODUCTION
        kind = service("cloudformation") if name == "actions-cloudformation" else account(TOOLS)
        iam = emulator.client("iam", where, REGION)
        make_role(iam, name, trusted or kind, statements)
        changed.append((iam, name, trusted or kind))

    yield give
    for iam, name, trusted in changed:
        make_role(iam, name, trusted, EVERYTHING)


Giving = Callable[[str, list[Statement]], None]


def test_the_deployment_role_needs_to_pass_cloudformation_its_role(trial: Trial, with_rights: Giving) -> None:
    release(trial)
    with_rights("actions-deployment", DEPLOYING)
    with pytest.raises(ActionFailedError, match=r"actions-deployment/.* is not authorized to perform: iam:PassRole on"):
        trial.run(create("actions-passed"))
    with_rights("actions-deployment", [*DEPLOYING, PASSING])
    assert deployed(trial, "actions-passed")["Purpose"] == "first"


def test_what_cloudformation_s_role_may_not_make_fails_the_execution(trial: Trial, with_rights: Giving) -> None:
    release(trial)
    with_rights("actions-cloudformation", [allow("ssm:*")])
    refused = "^actions-refused is ROLLBACK_COMPLETE: /Topic: User: .*/actions-cloudformation/AWSCloudFormation is not "
    with pytest.raises(ActionFailedError, match=refused + "authorized to perform: sns:"):
        deployed(trial, "actions-refused")


def test_who_makes_change_sets_need_not_execute_them(trial: Trial, with_rights: Giving) -> None:
    release(trial)
    denied = {"Effect": "Deny", "Action": "cloudformation:ExecuteChangeSet", "Resource": "*"}
    with_rights("actions-deployment", [*DEPLOYING, PASSING, denied])
    trial.run(create("actions-made"))
    with pytest.raises(
        ActionFailedError, match=r"cloudformation:ExecuteChangeSet .* explicit deny in an identity-based"
    ):
        trial.run(execute("actions-made"))


def test_the_pipeline_s_role_assumes_only_what_it_may(trial: Trial, with_rights: Giving) -> None:
    release(trial)
    with_rights("actions-pipeline", [allow("sts:AssumeRole", role_arn("actions-deployment"))])
    with pytest.raises(
        ActionFailedError, match=r"sts:AssumeRole on resource: .*role/actions-stranger because no identity"
    ):
        trial.run(replace(create("actions-assumed"), role_arn=role_arn("actions-stranger")))
    trial.run(create("actions-assumed"))


def test_a_role_is_assumed_by_those_it_trusts(trial: Trial, production: Account) -> None:
    """A role of one environment trusts one pipeline; the role of another is refused, whatever it may do itself."""
    release(trial)
    make_role(production.client("iam"), "actions-of-another", account("666666666666"), EVERYTHING)
    with pytest.raises(ActionFailedError, match=r"not authorized to perform: sts:AssumeRole .*role/actions-of-another"):
        trial.run(replace(create("actions-trust"), role_arn=role_arn("actions-of-another")))


@pytest.mark.parametrize(
    ("missing", "message"),
    [(0, "logs:CreateLogStream"), (1, "s3:GetObject on resource"), (2, "s3:PutObject on resource")],
)
def test_a_build_needs_its_rights(trial: Trial, with_rights: Giving, missing: int, message: str) -> None:
    trial.hand_on("Source", file__txt="text")
    build = action(BUILD, "Source", "Made", ProjectName=PROJECT.name)
    with_rights("actions-build", [right for number, right in enumerate(BUILDING) if number != missing])
    with pytest.raises(ActionFailedError, match=f"assumed-role/actions-build/.* not authorized to perform: {message}"):
        trial.run(build)
    assert "Made" not in trial.execution.artifacts
    with_rights("actions-build", BUILDING)
    trial.run(build)


@pytest.mark.parametrize("action_name", ["StartBuild", "BatchGetBuilds"])
def test_the_pipeline_needs_to_start_builds(trial: Trial, with_rights: Giving, action_name: str) -> None:
    trial.hand_on("Source", file__txt="text")
    denied = {"Effect": "Deny", "Action": f"codebuild:{action_name}", "Resource": f"*:project/{PROJECT.name}"}
    with_rights("actions-pipeline", [*EVERYTHING, denied])
    with pytest.raises(
        ActionFailedError, match=f"actions-pipeline/.* not authorized to perform: codebuild:{action_name}"
    ):
        trial.run(action(BUILD, "Source", "Made", ProjectName=PROJECT.name))


def test_the_pipeline_needs_to_use_its_connection(trial: Trial, with_rights: Giving) -> None:
    with_rights("actions-pipeline", [allow("s3:*")])
    settings = {"BranchName": "main", "ConnectionArn": CONNECTION, "FullRepositoryId": "owner/name"}
    with pytest.raises(ActionFailedError, match="not authorized to perform: codeconnections:UseConnection"):
        trial.run(action(FROM_CONNECTION, outputs="Source", **settings))


def test_the_commands_of_a_build_have_its_role(trial: Trial) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    project = replace(
        PROJECT, buildspec=f'version: 0.2\nphases:\n  build:\n    commands:\n      - {PYTHON} -c "{code}"\n'
    )
    trial.hand_on("Source", file__txt="text")
    trial.pipeline = replace(PIPELINE, projects={PROJECT.name: project})
    trial.run(action(BUILD, "Source", ProjectName=PROJECT.name))
    assert any(f"arn:aws:sts::{TOOLS}:assumed-role/actions-build/AWSCodeBuild-" in line for line in trial.lines)


def _topic_with_inbox(trial: Trial) -> tuple[str, str]:
    sns, sqs = trial.client("sns"), trial.client("sqs")
    topic = sns.create_topic(Name="actions-approval")["TopicArn"]
    inbox = sqs.create_queue(QueueName="actions-approval")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sending = {**allow("sqs:SendMessage", arn), "Principal": service("sns")}
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": document(sending)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(topic), str(inbox)
