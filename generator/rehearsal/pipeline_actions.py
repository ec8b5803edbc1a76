"""What the actions of the pipeline do, by category, owner and provider: the table that a rehearsal knows.

Every action works on the emulator, or on this machine, for real: CodeBuild runs the commands of its buildspec,
CloudFormation deploys in the account of the role that the action assumes, an approval asks somebody. Every call is made
by the role that makes it on AWS: the pipeline's, the one that an action names and the pipeline's assumes, a build's.
https://docs.aws.amazon.com/codepipeline/latest/userguide/integrations-action-type.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
"""

from __future__ import annotations

import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from generator.delivery.deploy import (
    Deployment,
    Event,
    create_change_set,
    execute_change_set,
    find_change_set,
    template_text,
)
from generator.rehearsal.approver import approver, read_report
from generator.rehearsal.codebuild import Build, run_build
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from generator.rehearsal.pipeline import ActionFailedError, Job, Provider, Providers
from generator.rehearsal.pipeline_artifacts import ArtifactStore, files_below, pack, read_file, unpack
from generator.rehearsal.pipeline_definition import Project
from generator.source_files import source_files

CAPABILITY = "CAPABILITY_NAMED_IAM"
"""What every deployment of a rehearsal is allowed."""

CODEPIPELINE, CODEBUILD = "codepipeline.amazonaws.com", "codebuild.amazonaws.com"

LOG_EVENTS = 1_000
"""How many lines of a build's log are kept, from its end."""

TEMPLATE_CONFIGURATION_KEYS = ("Parameters", "Tags", "StackPolicy")
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html"""


@dataclass(frozen=True)
class Approval:
    """What a reviewer said."""

    approved: bool
    comment: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the actions work with, besides what the definition says."""

    emulator: Emulator
    account_id: str
    region: str
    source: Path
    """The working copy that stands in for the repository."""
    workspace: Path
    """Where builds run; removed afterwards by whoever made it."""
    build_environment: Mapping[str, str]
    """Variables that lead a build to the emulator."""
    approve: Callable[[Job], Approval]
    approver_role_arn: str
    """The role in which somebody approves."""
    on_event: Callable[[Event], None]
    on_line: Callable[[str], None]
    on_deployment: Callable[[Job, Deployment], None]
    programs: Path | None = None
    """A folder of programs that builds find before this machine's."""

    def pipeline_session(self, job: Job) -> Session:
        """Return a session of the pipeline's role, as CodePipeline assumes it for an action."""
        source = f"arn:aws:codepipeline:{self.region}:{self.account_id}:{job.pipeline.name}"
        return assumed_by_service(
            self.emulator, job.pipeline.role_arn, self.region, CODEPIPELINE, source, job.execution.id
        )

    def action_session(self, job: Job) -> Session:
        """Return a session of the role that the action names, which the pipeline's assumes; or of that one."""
        session = self.pipeline_session(job)
        return session.assume(job.action.role_arn, job.execution.id) if job.action.role_arn else session

    def approver_session(self) -> Session:
        """Return a session of the approvers' role, as somebody takes it who has just shown an MFA device."""
        return approver(self.emulator, self.approver_role_arn, self.region)

    def build_session(self, project: Project, build_id: str) -> Session:
        """Return a session of a build's role, as CodeBuild assumes it."""
        source = f"arn:aws:codebuild:{self.region}:{self.account_id}:project/{project.name}"
        name = f"AWSCodeBuild-{build_id.rpartition(':')[2]}"
        return assumed_by_service(self.emulator, project.role_arn, self.region, CODEBUILD, source, name)


def providers(surroundings: Surroundings) -> Providers:
    """Return the table of providers."""

    def bound(act: Callable[[Surroundings, Job], Mapping[str, str]]) -> Provider:
        def provider(job: Job) -> Mapping[str, str]:
            try:
                return act(surroundings, job)
            except (ClientError, BotoCoreError, zipfile.BadZipFile) as error:
                raise ActionFailedError(str(error)) from error

        return provider

    return {
        ("Source", "AWS", "S3"): bound(source_from_bucket),
        ("Source", "AWS", "CodeStarSourceConnection"): bound(source_from_connection),
        ("Build", "AWS", "CodeBuild"): bound(codebuild),
        ("Test", "AWS", "CodeBuild"): bound(codebuild),
        ("Deploy", "AWS", "CloudFormation"): bound(cloudformation),
        ("Approval", "AWS", "Manual"): bound(manual_approval),
    }


def source_from_bucket(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    """Take the newest version of the object that holds the source, from a bucket that keeps versions."""
    bucket, key = _setting(job, "S3Bucket"), _setting(job, "S3ObjectKey")
    session = surroundings.pipeline_session(job)
    s3 = session.client("s3")
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise ActionFailedError(f"the source bucket {bucket} keeps no versions")
    found = s3.get_object(Bucket=bucket, Key=key)
    _hand_on(session, job, found["Body"].read())
    return {"BucketName": bucket, "ObjectKey": key, "VersionId": found.get("VersionId", ""), "ETag": found["ETag"]}


def source_from_connection(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    """Take the working copy, as the connection would take the branch after a push."""
    session, connection = surroundings.pipeline_session(job), _setting(job, "ConnectionArn")
    # Two names of one service: which one IAM looks at is the connection's.
    action = f"{connection.split(':')[2]}:UseConnection"
    if not session.may(action, connection):
        raise ActionFailedError(f"{session.role_arn} is not authorized to perform: {action} on resource: {connection}")
    _hand_on(session, job, pack(surroundings.source, source_files(surroundings.source)))
    return {
        "BranchName": _setting(job, "BranchName"),
        "CommitId": _commit(surroundings.source),
        "ConnectionArn": connection,
        "FullRepositoryName": _setting(job, "FullRepositoryId"),
    }


def codebuild(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    """Run a build: the commands of the project's buildspec, in the input artifacts, with the action's variables.

    The pipeline's role starts it; artifacts, log and commands are the business of the build's own role.
    """
    project = job.pipeline.projects.get(_setting(job, "ProjectName"))
    if project is None:
        raise ActionFailedError(f"there is no CodeBuild project {_setting(job, 'ProjectName')}")
    primary = _primary_source(job)
    build_id = _started_build(surroundings.pipeline_session(job), project)
    session = surroundings.build_session(project, build_id)
    s3 = session.client("s3")
    place = surroundings.workspace / job.execution.id / f"{job.stage}-{job.action.name}-{len(job.execution.runs)}"
    inputs = {name: unpack(_artifact(s3, job, name), place / "sources" / name) for name in job.action.inputs}
    result = run_build(
        Build(
            source=inputs.pop(primary),
            secondary_sources=inputs,
            buildspec=project.buildspec,
            environment={**_build_environment(surroundings, project.environment, job), **session.variables},
            caches=surroundings.source,
            programs=surroundings.programs,
        ),
        place / "build",
        surroundings.on_line,
    )
    _keep_log(session, project, build_id, result.log)
    if not result.succeeded:
        raise ActionFailedError(result.reason)
    if job.action.outputs:
        if result.artifacts is None:
            raise ActionFailedError("the buildspec declares no artifacts")
        _hand_on(session, job, pack(result.artifacts, files_below(result.artifacts)))
    return result.exported_variables


def _started_build(session: Session, project: Project) -> str:
    """Start a build as the pipeline does, and ask for it; return its id. The emulator's CodeBuild runs nothing."""
    service = session.client("codebuild")
    build_id: str = service.start_build(projectName=project.name)["build"]["id"]
    service.batch_get_builds(ids=[build_id])
    return build_id


def _keep_log(session: Session, project: Project, build_id: str, log: str) -> None:
    """Write the log where the project says, as CodeBuild does with the rights of the build's role."""
    if not project.log_group:
        return
    logs, stream = session.client("logs"), build_id.rpartition(":")[2]
    logs.create_log_stream(logGroupName=project.log_group, logStreamName=stream)
    now = time.time_ns() // 1_000_000
    events = [{"timestamp": now, "message": line} for line in log.splitlines() if line][-LOG_EVENTS:]
    if events:
        logs.put_log_events(logGroupName=project.log_group, logStreamName=stream, logEvents=events)


def cloudformation(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    """Make or execute a change set in the environment's account, as the role that the action assumes there."""
    modes = {"CHANGE_SET_REPLACE": _replace_change_set, "CHANGE_SET_EXECUTE": _execute_change_set}
    mode = _setting(job, "ActionMode")
    if mode not in modes:
        raise ActionFailedError(f"the rehearsal does not know ActionMode {mode}; it knows {', '.join(modes)}")
    return modes[mode](surroundings, job)


def manual_approval(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    """Tell the topic that somebody is waited for, who takes the approvers' role, reads the report, and is asked."""
    if topic := job.configuration.get("NotificationArn"):
        text = f"{job.pipeline.name} waits for approval: {job.configuration.get('CustomData', '')}"
        surroundings.pipeline_session(job).client("sns").publish(
            TopicArn=topic, Subject="Approval needed", Message=text
        )
    session = surroundings.approver_session()
    if link := job.configuration.get("ExternalEntityLink"):
        read_report(session, link)
    answer = surroundings.approve(job)
    _answered(surroundings, session, job)
    if not answer.approved:
        raise ActionFailedError(f"rejected: {answer.comment}" if answer.comment else "rejected")
    return {}


def _answered(surroundings: Surroundings, session: Session, job: Job) -> None:
    """Refuse an answer that CodePipeline would not take from who gives it. The emulator has none that could be told."""
    action = "codepipeline:PutApprovalResult"
    place = f"{job.pipeline.name}/{job.stage}/{job.action.name}"
    resource = f"arn:aws:codepipeline:{surroundings.region}:{surroundings.account_id}:{place}"
    if not session.may(action, resource):
        raise ActionFailedError(f"{session.role_arn} is not authorized to perform: {action} on resource: {resource}")


def _replace_change_set(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    if CAPABILITY not in job.configuration.get("Capabilities", "").split(","):
        raise ActionFailedError(f"Requires capabilities: the rehearsal deploys with {CAPABILITY}, the action without")
    session = surroundings.action_session(job)
    client, s3 = session.client("cloudformation"), session.client("s3")
    stack, name = _setting(job, "StackName"), _setting(job, "ChangeSetName")
    template = _file(s3, job, _setting(job, "TemplatePath")).decode()
    settings = _template_configuration(s3, job)
    change_set = create_change_set(
        client,
        stack,
        name,
        template_text(template),
        settings.get("Parameters", {}) | _overrides(s3, job),
        settings.get("Tags", {}),
        _setting(job, "RoleArn"),
    )
    if not (change_set.can_be_executed or change_set.is_empty):
        raise ActionFailedError(change_set.reason)
    if settings.get("StackPolicy"):
        client.set_stack_policy(StackName=stack, StackPolicyBody=json.dumps(settings["StackPolicy"]))
    return {}


def _execute_change_set(surroundings: Surroundings, job: Job) -> Mapping[str, str]:
    client = surroundings.action_session(job).client("cloudformation")
    stack, name = _setting(job, "StackName"), _setting(job, "ChangeSetName")
    change_set = find_change_set(client, stack, name)
    if change_set is None:
        raise ActionFailedError(f"ChangeSet [{name}] does not exist")
    deployment = execute_change_set(client, change_set, surroundings.on_event)
    surroundings.on_deployment(job, deployment)
    if not deployment.complete:
        failure = deployment.first_failure
        reason = f": {failure.stack}/{failure.logical_id}: {failure.reason}" if failure else ""
        raise ActionFailedError(f"{stack} is {deployment.status}{reason}")
    return deployment.outputs


def _template_configuration(s3: Any, job: Job) -> dict[str, Any]:
    path = job.configuration.get("TemplateConfiguration")
    settings = _json(s3, job, path) if path else {}
    unknown = sorted(settings.keys() - set(TEMPLATE_CONFIGURATION_KEYS))
    if unknown:
        raise ActionFailedError(f"{path}: {unknown[0]} is unknown; allowed: {', '.join(TEMPLATE_CONFIGURATION_KEYS)}")
    return settings


def _overrides(s3: Any, job: Job) -> dict[str, str]:
    """Return the parameters that the action gives besides the configuration's; `Fn::GetParam` looks in an artifact."""
    values: dict[str, str] = {}
    for name, value in json.loads(job.configuration.get("ParameterOverrides", "{}")).items():
        if isinstance(value, str):
            values[name] = value
        elif isinstance(value, dict) and list(value) == ["Fn::GetParam"]:
            artifact, file, key = value["Fn::GetParam"]
            found = _json(s3, job, f"{artifact}::{file}")
            if key not in found:
                raise ActionFailedError(f"ParameterOverrides: {name}: {artifact}::{file} has no {key}")
            values[name] = found[key]
        else:
            raise ActionFailedError(f"ParameterOverrides: {name}: the rehearsal knows text and Fn::GetParam alone")
    return values


def _json(s3: Any, job: Job, path: str) -> dict[str, Any]:
    try:
        content = json.loads(_file(s3, job, path))
    except ValueError as error:
        raise ActionFailedError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise ActionFailedError(f"{path} must be an object of JSON")
    return content


def _file(s3: Any, job: Job, path: str) -> bytes:
    """Return a file of an artifact, given as `Artifact::file`."""
    artifact, _, name = path.partition("::")
    try:
        return read_file(_artifact(s3, job, artifact), name)
    except KeyError as error:
        raise ActionFailedError(f"artifact {artifact} has no file {name}") from error


def _artifact(s3: Any, job: Job, name: str) -> bytes:
    """Return an artifact, read by a client of whoever needs it."""
    if name not in job.action.inputs:
        raise ActionFailedError(f"artifact {name} is no input of action {job.action.name}")
    if name not in job.execution.artifacts:
        raise ActionFailedError(f"artifact {name} has not been made: the action that makes it did not run")
    return _store(s3, job).get(job.execution.artifacts[name])


def _hand_on(session: Session, job: Job, content: bytes) -> None:
    if len(job.action.outputs) != 1:
        raise ActionFailedError(f"action {job.action.name} must have one output artifact, not {job.action.outputs}")
    name = job.action.outputs[0]
    job.execution.artifacts[name] = _store(session.client("s3"), job).put(name, content)


def _store(s3: Any, job: Job) -> ArtifactStore:
    return ArtifactStore(s3, job.pipeline.artifact_bucket, job.pipeline.name)


def _primary_source(job: Job) -> str:
    """Return the artifact in which a build runs; the action must name it where it has several."""
    inputs = job.action.inputs
    name = job.configuration.get("PrimarySource", inputs[0] if len(inputs) == 1 else "")
    if name not in inputs:
        raise ActionFailedError(f"PrimarySource {name!r} is no input of action {job.action.name}; it has {inputs}")
    return name


def _setting(job: Job, key: str) -> str:
    if key not in job.configuration:
        raise ActionFailedError(f"the configuration of action {job.action.name} has no {key}")
    return job.configuration[key]


def _build_environment(surroundings: Surroundings, project: Mapping[str, str], job: Job) -> dict[str, str]:
    given = json.loads(job.configuration.get("EnvironmentVariables", "[]"))
    kinds = {variable.get("type", "PLAINTEXT") for variable in given} - {"PLAINTEXT"}
    if kinds:
        raise ActionFailedError(f"the rehearsal does not know environment variables of type {', '.join(kinds)}")
    values = {variable["name"]: variable["value"] for variable in given}
    return {**project, **values, **surroundings.build_environment}


def _commit(folder: Path) -> str:
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "0" * 40
