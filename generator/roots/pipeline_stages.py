"""The stages of the pipeline, in the order of promotion: part of the root `pipeline`.

A release is built once; every later stage works with what the build handed on. Each environment's stage makes and
executes a change set in the environment's account and then tests from outside; when any of that fails, the stage goes
back to the last release that succeeded in it. The change set that reviewers read is made in a stage of its own, because
a rollback runs all actions of its stage again and must not ask for approval (docs/decisions/0008).
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import AWSHelperFn, Ref, Sub
from troposphere.codebuild import Project
from troposphere.codepipeline import (
    Actions,
    ActionTypeId,
    BeforeEntryConditions,
    Condition,
    FailureConditions,
    InputArtifacts,
    OutputArtifacts,
    Pipeline,
    RetryConfiguration,
    RuleDeclaration,
    RuleTypeId,
    Stages,
    VariableDeclaration,
)

from generator.iam import arn
from generator.naming import (
    APPROVER_ROLE,
    CLOUDFORMATION_ROLE,
    DEPLOYMENT_ROLE,
    pascal_case,
    root_stack_name,
    template_file,
)
from generator.nesting import only_if
from generator.roots.pipeline_builds import HAS_CONTAINER_IMAGES

SOURCE, RELEASE = "Source", "Release"
"""The two artifacts: the repository, and what the build made of it."""

SOURCE_OBJECT = "source.zip"
HAS_REPOSITORY, HAS_SOURCE_BUCKET = "HasRepository", "HasSourceBucket"
"""The two conditions of which one holds: the source is in a repository, or it is uploaded to a bucket."""

REGIONAL_TEST = VariableDeclaration(
    Name="RegionalTest", DefaultValue="no", Description="yes: test the release in regions with taskcat before review."
)
OF_THE_RELEASE = ("TemplateBucketName", "TemplateKeyPrefix", "WebServerImageId", "ApplicationImage", "CollectorImage")
"""Parameters of the platform that the release says and no environment: the same in dev, staging and prod."""

REVIEW, APPROVAL = "Review", "Approval"
"""The stage in which people see what is going to change in production, and its action that asks them."""

CAPABILITIES = "CAPABILITY_IAM,CAPABILITY_NAMED_IAM"
APPROVAL_DAYS = 7
DAY_MINUTES = 24 * 60


def source_stage(connection: AWSHelperFn, bucket: AWSHelperFn) -> Stages:
    """Return the stage that takes the source: from the repository where one is given, from the bucket elsewhere."""
    of_repository = _action(
        "Source",
        ("Source", "CodeStarSourceConnection"),
        {
            "ConnectionArn": connection,
            "FullRepositoryId": Ref("SourceRepository"),
            "BranchName": Ref("SourceBranch"),
            "OutputArtifactFormat": "CODE_ZIP",
            "DetectChanges": "false",  # the trigger of the pipeline does
        },
        outputs=[SOURCE],
    )
    of_bucket = _action(
        "Source",
        ("Source", "S3"),
        {"S3Bucket": bucket, "S3ObjectKey": SOURCE_OBJECT, "PollForSourceChanges": "false"},
        outputs=[SOURCE],
    )
    return Stages(
        Name="Source", Actions=[only_if(HAS_REPOSITORY, of_repository), only_if(HAS_SOURCE_BUCKET, of_bucket)]
    )


def build_stage(images: Project, build: Project) -> Stages:
    """Return the stage that tests and publishes the release, after its images. What fails is tried once more."""
    return Stages(
        Name="Build",
        Actions=[
            only_if(HAS_CONTAINER_IMAGES, _build("Build", "Images", images, [SOURCE])),
            _build("Build", "Build", build, [SOURCE], outputs=[RELEASE], namespace="Build", run_order=2),
        ],
        OnFailure=FailureConditions(Result="RETRY", RetryConfiguration=RetryConfiguration(RetryMode="FAILED_ACTIONS")),
    )


def environment_stage(name: str, account_parameter: str, smoke_test: Project) -> Stages:
    """Return the stage that promotes to one environment; `account_parameter` names the parameter with its account."""
    stage = pascal_case(name)
    stack = {"StackName": root_stack_name(name), "ChangeSetName": root_stack_name(name)}
    role = _role(account_parameter, DEPLOYMENT_ROLE)
    settings = {
        **stack,
        "ActionMode": "CHANGE_SET_REPLACE",
        "Capabilities": CAPABILITIES,
        "ParameterOverrides": _compact({name: _of_release(name) for name in OF_THE_RELEASE}),
        "RoleArn": _role(account_parameter, CLOUDFORMATION_ROLE),
        "TemplateConfiguration": f"{RELEASE}::{name}.json",
        "TemplatePath": f"{RELEASE}::{template_file('platform')}",
    }
    execution = {**stack, "ActionMode": "CHANGE_SET_EXECUTE"}
    deploy = ("Deploy", "CloudFormation")
    tested = {"APPLICATION_URL": f"#{{{stage}.ApplicationUrl}}"}
    return Stages(
        Name=stage,
        Actions=[
            _action("CreateChangeSet", deploy, settings, inputs=[RELEASE], role=role, run_order=1),
            _action("ExecuteChangeSet", deploy, execution, namespace=stage, role=role, run_order=2),
            _build("Test", "SmokeTest", smoke_test, [RELEASE], variables=tested, run_order=3),
        ],
        OnFailure=FailureConditions(Result="ROLLBACK"),
    )


def regional_test_stage(test: Project) -> Stages:
    """Return the stage that tests in regions, which is skipped unless its variable asks for it."""
    asked_for = RuleDeclaration(
        Name="AskedFor",
        RuleTypeId=RuleTypeId(Category="Rule", Owner="AWS", Provider="VariableCheck", Version="1"),
        Configuration={"Variable": "#{variables.RegionalTest}", "Operator": "EQ", "Value": "yes"},
    )
    return Stages(
        Name="RegionalTest",
        BeforeEntry=BeforeEntryConditions(Conditions=[Condition(Result="SKIP", Rules=[asked_for])]),
        Actions=[_build("Test", "RegionalTest", test, [SOURCE])],
    )


def review_stage(report: Project, topic: AWSHelperFn) -> Stages:
    """Return the stage in which people see what is going to change in production, and let it pass or not (D18)."""
    approval = {
        "CustomData": f"#{{{REVIEW}.SUMMARY}}. Approve or reject as {APPROVER_ROLE}, with MFA.",
        "ExternalEntityLink": f"#{{{REVIEW}.REPORT_URL}}",
        "NotificationArn": topic,
    }
    execution = {"EXECUTION_ID": "#{codepipeline.PipelineExecutionId}"}
    return Stages(
        Name=REVIEW,
        Actions=[
            _build(
                "Build", "ChangeReport", report, [SOURCE, RELEASE], variables=execution, namespace=REVIEW, run_order=1
            ),
            _action(
                APPROVAL,
                ("Approval", "Manual"),
                approval,
                run_order=2,
                TimeoutInMinutes=APPROVAL_DAYS * DAY_MINUTES,
            ),
        ],
    )


def arn_of(pipeline: Pipeline, *inside: str) -> Sub:
    """Return the ARN of the pipeline, or with the names of a stage and an action that of the action."""
    return arn("/".join([f"codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:${{{pipeline.title}}}", *inside]))


def _role(account_parameter: str, name: str) -> Sub:
    return arn(f"iam::${{{account_parameter}}}:role/{name}")


def _of_release(name: str) -> dict[str, list[str]]:
    """Return CodePipeline's function that reads a value of the release's file.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-parameter-override-functions.html
    """
    return {"Fn::GetParam": [RELEASE, "release.json", name]}


def _compact(value: object) -> str:
    """Return JSON without spaces: CodePipeline takes 1,000 characters of overrides, CloudFormation 51,200 in all."""
    return json.dumps(value, separators=(",", ":"))


def _build(
    category: str,
    name: str,
    project: Project,
    inputs: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    outputs: Sequence[str] = (),
    namespace: str = "",
    run_order: int = 1,
) -> Actions:
    configuration: dict[str, Any] = {"ProjectName": Ref(project)}
    if len(inputs) > 1:
        configuration["PrimarySource"] = inputs[0]
    if variables:
        listed = [{"name": key, "value": value, "type": "PLAINTEXT"} for key, value in variables.items()]
        configuration["EnvironmentVariables"] = _compact(listed)
    return _action(
        name,
        (category, "CodeBuild"),
        configuration,
        inputs=inputs,
        outputs=outputs,
        namespace=namespace,
        run_order=run_order,
    )


def _action(
    name: str,
    kind: tuple[str, str],
    configuration: Mapping[str, Any],
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    namespace: str = "",
    role: Sub | None = None,
    run_order: int = 1,
    **others: Any,
) -> Actions:
    category, provider = kind
    optional: dict[str, Any] = {
        "InputArtifacts": [InputArtifacts(Name=artifact) for artifact in inputs],
        "OutputArtifacts": [OutputArtifacts(Name=artifact) for artifact in outputs],
        "Namespace": namespace,
        "RoleArn": role,
        "RunOrder": run_order if run_order > 1 else None,
        **others,
    }
    return Actions(
        Name=name,
        ActionTypeId=ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1"),
        Configuration=dict(configuration),
        **{key: value for key, value in optional.items() if value},
    )
