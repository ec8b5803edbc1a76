"""The generated definition is read as it is written, and what a rehearsal does not understand is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.errors import UserError
from generator.rehearsal.pipeline_definition import PIPELINE, PROJECT, Action, Condition, Pipeline, Rule, read_pipeline
from generator.release import folder_of
from generator.resolver import Resolution, Resource, resolve

ACCOUNTS = {"DevAccountId": "1" * 12, "StagingAccountId": "2" * 12, "ProdAccountId": "3" * 12}
STORES = {
    "ArtifactBucketName": "the-artifacts",
    "ArtifactKeyArn": f"arn:aws:kms:eu-west-1:{'9' * 12}:key/11111111-2222-3333-4444-555555555555",
    "TemplateBucketName": "the-templates",
    "SourceBucketName": "the-source",
}
RELEASE = folder_of(Path(__file__).parents[2] / "templates_out")
REGION = "eu-west-1"


def type_id(category: str, provider: str) -> dict[str, str]:
    return {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}


def rule(**others: Any) -> dict[str, Any]:
    configuration = {"Variable": "#{variables.A}", "Operator": "EQ", "Value": "yes"}
    return {
        "Name": "AskedFor",
        "RuleTypeId": type_id("Rule", "VariableCheck"),
        "Configuration": configuration,
        **others,
    }


DEFINITION: dict[str, Any] = {
    "Name": "trial",
    "PipelineType": "V2",
    "ExecutionMode": "QUEUED",
    "RoleArn": "arn:role",
    "ArtifactStore": {"Type": "S3", "Location": "bucket"},
    "Variables": [{"Name": "A", "DefaultValue": "no"}],
    "Stages": [
        {
            "Name": "Source",
            "Actions": [
                {
                    "Name": "Take",
                    "ActionTypeId": type_id("Source", "S3"),
                    "OutputArtifacts": [{"Name": "Files"}],
                    "Namespace": "Taken",
                }
            ],
        },
        {
            "Name": "Work",
            "BeforeEntry": {"Conditions": [{"Result": "SKIP", "Rules": [rule()]}]},
            "OnFailure": {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "ALL_ACTIONS"}},
            "Actions": [
                {
                    "Name": "Later",
                    "ActionTypeId": type_id("Test", "CodeBuild"),
                    "RunOrder": 2,
                    "InputArtifacts": [{"Name": "Files"}, {"Name": "Made"}],
                },
                {
                    "Name": "Make",
                    "ActionTypeId": type_id("Build", "CodeBuild"),
                    "Configuration": {"ProjectName": "project", "Odd": {"a": 1}},
                    "InputArtifacts": [{"Name": "Files"}],
                    "OutputArtifacts": [{"Name": "Made"}],
                    "RoleArn": "arn:other",
                },
            ],
        },
    ],
}

PROJECT_PROPERTIES: dict[str, Any] = {
    "Source": {"Type": "CODEPIPELINE", "BuildSpec": "version: 0.2"},
    "ServiceRole": "⟨WorkRole.Arn⟩",
    "Environment": {"EnvironmentVariables": [{"Name": "A", "Value": "a"}]},
}


def resolution(*resources: tuple[str, str, dict[str, Any]]) -> Resolution:
    found = [
        Resource("", logical_id, type_name, properties, {}, None, "trial.yaml", ())
        for logical_id, type_name, properties in resources
    ]
    return Resolution("trial", "1" * 12, REGION, {each.address: each for each in found}, {}, {})


def read(definition: dict[str, Any], project: dict[str, Any] | None = None) -> Pipeline:
    resources = resolution(
        ("Pipeline", PIPELINE, definition),
        ("Work", PROJECT, project or PROJECT_PROPERTIES),
        ("WorkRole", "AWS::IAM::Role", {}),
    )
    return read_pipeline(resources, {"Pipeline": "trial", "Work": "project-1", "WorkRole": "role-1"})


def test_a_definition_is_read_as_it_is_written() -> None:
    pipeline = read(DEFINITION)
    source, work = pipeline.stages
    assert (pipeline.name, pipeline.role_arn, pipeline.artifact_bucket) == ("trial", "arn:role", "bucket")
    assert pipeline.variables == {"A": "no"}
    assert source.actions == (Action("Take", ("Source", "AWS", "S3"), 1, {}, (), ("Files",), "Taken", ""),)
    assert (source.before_entry, source.on_failure) == ((), "")
    configuration = {"Variable": "#{variables.A}", "Operator": "EQ", "Value": "yes"}
    assert work.before_entry == (Condition("SKIP", (Rule("AskedFor", "VariableCheck", configuration),)),)
    assert (work.on_failure, work.retry_mode) == ("RETRY", "ALL_ACTIONS")
    assert [[action.name for action in group] for group in work.in_run_order()] == [["Make"], ["Later"]]
    assert work.actions[1].configuration == {"ProjectName": "project", "Odd": '{"a": 1}'}
    assert work.actions[1].role_arn == "arn:other"
    project = pipeline.projects["project-1"]
    assert (project.name, project.buildspec, project.environment) == ("project-1", "version: 0.2", {"A": "a"})


def test_a_stage_is_found_by_its_name() -> None:
    pipeline = read(DEFINITION)
    assert pipeline.stage("Work") is pipeline.stages[1]
    with pytest.raises(UserError, match=r"'work' is no stage of trial; its stages: Source, Work"):
        pipeline.stage("work")


# ---------------------------------------------------------------------------------------------------------------------
# Refusals
# ---------------------------------------------------------------------------------------------------------------------

Edit = Callable[[dict[str, Any]], object]


def source(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["Stages"][0]
    return found


def work(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["Stages"][1]
    return found


def entry(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = work(definition)["BeforeEntry"]["Conditions"][0]
    return found


def with_rule(**others: Any) -> Edit:
    return lambda definition: entry(definition).update(Rules=[rule(**others)])


def checked(operator: str, value: str) -> dict[str, str]:
    return {"Variable": "#{variables.A}", "Operator": operator, "Value": value}


REFUSED: dict[str, tuple[Edit, str]] = {
    "a key of the pipeline": (
        lambda d: d.update(ArtifactStores=[]),
        "^the pipeline: ArtifactStores is nothing that a rehearsal understands; it knows ArtifactStore ",
    ),
    "another type": (lambda d: d.update(PipelineType="V1"), "must be of type V2"),
    "another mode": (lambda d: d.update(ExecutionMode="SUPERSEDED"), "queue its executions"),
    "no mode": (lambda d: d.pop("ExecutionMode"), "queue its executions"),
    "a variable without default": (lambda d: d.update(Variables=[{"Name": "B"}]), "variable B has no DefaultValue"),
    "a key of a stage": (
        lambda d: work(d).update(OnSuccess={}),
        "^stage Work: OnSuccess is nothing that a rehearsal understands",
    ),
    "a key of an action": (
        lambda d: work(d)["Actions"][0].update(Commands=[]),
        "^stage Work, action Later: Commands is nothing",
    ),
    "an action in another region": (
        lambda d: work(d)["Actions"][0].update(Region="us-east-1"),
        "^stage Work, action Later: Region is nothing",
    ),
    "a key of the entry": (lambda d: work(d)["BeforeEntry"].update(Other=1), "^stage Work: BeforeEntry: Other is"),
    "a key of a condition": (lambda d: entry(d).update(Other=1), "^stage Work: BeforeEntry: Other is"),
    "a result of a condition": (
        lambda d: entry(d).update(Result="ROLLBACK"),
        "^stage Work: BeforeEntry: Result 'ROLLBACK' is unknown; allowed: FAIL, SKIP$",
    ),
    "a key of a rule": (with_rule(Commands=[]), "^stage Work: BeforeEntry, rule AskedFor: Commands is nothing"),
    "a provider of rules": (
        with_rule(RuleTypeId=type_id("Rule", "CloudWatchAlarm")),
        "rule AskedFor: Provider 'CloudWatchAlarm' is unknown; allowed: VariableCheck$",
    ),
    "an operator": (
        with_rule(Configuration=checked("GT", "1")),
        "rule AskedFor: Operator 'GT' is unknown; allowed: EQ, NE, CONTAINS, MATCHES$",
    ),
    "a broken expression": (
        with_rule(Configuration=checked("MATCHES", "(")),
        r"rule AskedFor: Value: '\(' is no regular expression",
    ),
    "a key of a failure": (
        lambda d: work(d)["OnFailure"].update(Conditions=[]),
        "^stage Work: OnFailure: Conditions is nothing",
    ),
    "a result of a failure": (
        lambda d: work(d).update(OnFailure={"Result": "SKIP"}),
        "^stage Work: OnFailure: Result 'SKIP' is unknown; allowed: RETRY, ROLLBACK$",
    ),
    "a key of a retry": (
        lambda d: work(d)["OnFailure"]["RetryConfiguration"].update(Times=3),
        "^stage Work: OnFailure: RetryConfiguration: Times is nothing",
    ),
    "a mode of a retry": (
        lambda d: work(d)["OnFailure"]["RetryConfiguration"].update(RetryMode="SOME"),
        "^stage Work: OnFailure: RetryMode 'SOME' is unknown; allowed: FAILED_ACTIONS, ALL_ACTIONS$",
    ),
    "a source that is rolled back": (
        lambda d: source(d).update(OnFailure={"Result": "ROLLBACK"}),
        "^stage Source: OnFailure: CodePipeline does not roll back a stage with a source$",
    ),
    "an artifact that nobody makes": (
        lambda d: work(d)["Actions"][1].update(OutputArtifacts=[]),
        "^stage Work, action Later: no earlier action makes artifact Made$",
    ),
    "an artifact that is made at the same time": (
        lambda d: (work(d)["Actions"][0].update(RunOrder=1), work(d)["Actions"].reverse()),
        "^stage Work, action Later: no earlier action makes artifact Made$",
    ),
    "an artifact of two actions": (
        lambda d: work(d)["Actions"][1].update(OutputArtifacts=[{"Name": "Made"}, {"Name": "Files"}]),
        "^the pipeline: 2 artifacts have the name Files",
    ),
    "a namespace of two actions": (
        lambda d: work(d)["Actions"][1].update(Namespace="Taken"),
        "^the pipeline: 2 namespaces have the name Taken",
    ),
    "a namespace that is an artifact": (
        lambda d: work(d)["Actions"][1].update(Namespace="Files"),
        "^the pipeline: Files is both a namespace and an artifact",
    ),
    "two stages of one name": (lambda d: work(d).update(Name="Source"), "^the pipeline: 2 stages have the name Source"),
    "two actions of one name": (
        lambda d: work(d)["Actions"][1].update(Name="Later"),
        "^the pipeline: 2 actions of stage Work have the name Later",
    ),
    "a value that is too long": (
        lambda d: work(d)["Actions"][1]["Configuration"].update(Odd="x" * 1001),
        "^stage Work, action Make: Odd has 1001 characters; allowed: 1000$",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused(name: str) -> None:
    edit, message = REFUSED[name]
    definition = copy.deepcopy(DEFINITION)
    edit(definition)
    with pytest.raises(UserError, match=message):
        read(definition)


UNDERSTOOD: dict[str, Edit] = {
    "no variables": lambda d: d.pop("Variables"),
    "no consequence of a failure": lambda d: work(d).pop("OnFailure"),
    "a retry without mode": lambda d: work(d).update(OnFailure={"Result": "RETRY"}),
    "a rollback": lambda d: work(d).update(OnFailure={"Result": "ROLLBACK"}),
    "no entry condition": lambda d: work(d).pop("BeforeEntry"),
    "a condition that fails": lambda d: entry(d).update(Result="FAIL"),
    "an expression": with_rule(Configuration=checked("MATCHES", "y.s")),
    "two actions without namespace": lambda d: source(d)["Actions"][0].pop("Namespace"),
    "actions of one name in two stages": lambda d: work(d)["Actions"][0].update(Name="Take"),
    "a value that is just short enough": lambda d: work(d)["Actions"][1]["Configuration"].update(Odd="x" * 1000),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_what_is_understood_is_read(name: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    UNDERSTOOD[name](definition)
    assert [stage.name for stage in read(definition).stages] == ["Source", "Work"]


def test_a_retry_without_mode_retries_what_failed() -> None:
    definition = copy.deepcopy(DEFINITION)
    work(definition)["OnFailure"] = {"Result": "RETRY"}
    assert read(definition).stages[1].retry_mode == "FAILED_ACTIONS"


def test_secrets_of_a_project_are_refused() -> None:
    variables = [{"Name": "A", "Type": "SECRETS_MANAGER", "Value": "secret"}]
    project = {**PROJECT_PROPERTIES, "Environment": {"EnvironmentVariables": variables}}
    with pytest.raises(UserError, match=r"^project project-1: environment variables of type SECRETS_MANAGER"):
        read(DEFINITION, project)


@pytest.mark.parametrize("count", [0, 2])
def test_a_template_has_one_pipeline(count: int) -> None:
    resources = resolution(*((f"Pipeline{number}", PIPELINE, DEFINITION) for number in range(count)))
    with pytest.raises(UserError, match=f"the template defines {count} pipelines; a rehearsal executes one"):
        read_pipeline(resources, {})


# ---------------------------------------------------------------------------------------------------------------------
# Ours
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "provider"), [({}, "S3"), ({"SourceRepository": "owner/name"}, "CodeStarSourceConnection")]
)
def test_the_generated_pipeline_is_understood(parameters: dict[str, str], provider: str) -> None:
    resolved = resolve(RELEASE, "pipeline", {**ACCOUNTS, **STORES, **parameters}, "9" * 12, REGION)
    pipeline = read_pipeline(resolved, {name: f"physical-{name}" for name in resolved.resources})
    stages = {stage.name: stage for stage in pipeline.stages}
    assert list(stages) == ["Source", "Build", "Dev", "Staging", "RegionalTest", "Review", "Prod"]
    assert {name: stage.on_failure for name, stage in stages.items() if stage.on_failure} == {
        "Build": "RETRY",
        "Dev": "ROLLBACK",
        "Staging": "ROLLBACK",
        "Prod": "ROLLBACK",
    }
    assert stages["Source"].actions[0].kind[2] == provider
    assert pipeline.artifact_bucket == "the-artifacts"
    assert [condition.result for condition in stages["RegionalTest"].before_entry] == ["SKIP"]
    assert pipeline.variables == {"RegionalTest": "no"}
    assert len(pipeline.projects) == 4
