"""The pipeline as its template defines it: stages, actions, conditions and CodeBuild projects, read and understood.

What a rehearsal does not understand it must not skip: an unknown key, condition or result is an error here, before
anything runs.
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from generator.errors import UserError
from generator.resolver import Resolution

PIPELINE = "AWS::CodePipeline::Pipeline"
PROJECT = "AWS::CodeBuild::Project"

PIPELINE_KEYS = (
    "ArtifactStore ExecutionMode Name PipelineType RestartExecutionOnUpdate RoleArn Stages Tags Triggers Variables"
)
STAGE_KEYS = "Actions BeforeEntry Name OnFailure"
ACTION_KEYS = (
    "ActionTypeId Configuration InputArtifacts Name Namespace OutputArtifacts Region RoleArn RunOrder TimeoutInMinutes"
)
CONDITION_KEYS = "Result Rules"
RULE_KEYS = "Configuration Name RuleTypeId"
FAILURE_KEYS = "Result RetryConfiguration"

ENTRY_RESULTS = ("FAIL", "SKIP")
FAILURE_RESULTS = ("RETRY", "ROLLBACK")


@dataclass(frozen=True)
class Action:
    """One action of a stage. `kind` is category, owner and provider, such as `("Build", "AWS", "CodeBuild")`."""

    name: str
    kind: tuple[str, str, str]
    run_order: int
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    namespace: str
    role_arn: str


@dataclass(frozen=True)
class Rule:
    """One rule of a condition, such as `VariableCheck`."""

    name: str
    provider: str
    configuration: Mapping[str, str]


@dataclass(frozen=True)
class Condition:
    """What must hold for a stage to be entered, and the result where it does not: `FAIL` or `SKIP`."""

    result: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Stage:
    """A stage. `on_failure` is `RETRY`, `ROLLBACK` or empty; `retry_mode` is `FAILED_ACTIONS` or `ALL_ACTIONS`."""

    name: str
    actions: tuple[Action, ...]
    before_entry: tuple[Condition, ...]
    on_failure: str
    retry_mode: str

    def in_run_order(self) -> list[list[Action]]:
        """Return the actions in groups that run together, one group after the other."""
        ordered = sorted(self.actions, key=lambda action: action.run_order)
        return [list(group) for _, group in groupby(ordered, key=lambda action: action.run_order)]


@dataclass(frozen=True)
class Project:
    """A CodeBuild project, as far as a build on this machine needs it."""

    name: str
    buildspec: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Pipeline:
    """A pipeline and the projects that its actions start."""

    name: str
    role_arn: str
    artifact_bucket: str
    variables: Mapping[str, str]
    stages: tuple[Stage, ...]
    projects: Mapping[str, Project]

    def stage(self, name: str) -> Stage:
        """Return a stage by its name. Raises `UserError` where there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UserError(f"{name!r} is no stage of {self.name}; its stages: {', '.join(s.name for s in self.stages)}")


def read_pipeline(resolution: Resolution, physical_ids: Mapping[str, str]) -> Pipeline:
    """Return the one pipeline of a resolved template; `physical_ids` are those of its resources, by logical id.

    Raises `UserError` for what the rehearsal does not understand.
    """
    pipelines = resolution.of_type(PIPELINE)
    if len(pipelines) != 1:
        raise UserError(f"the template defines {len(pipelines)} pipelines; a rehearsal executes one")
    properties = pipelines[0].properties
    _refuse_unknown("the pipeline", properties, PIPELINE_KEYS)
    if (properties.get("PipelineType"), properties.get("ExecutionMode")) != ("V2", "QUEUED"):
        raise UserError("the pipeline must be of type V2 and queue its executions: others can overtake a promotion")
    stages = tuple(_stage(stage) for stage in properties["Stages"])
    _refuse_artifacts_without_maker(stages)
    projects = [_project(physical_ids[r.logical_id], r.properties) for r in resolution.of_type(PROJECT)]
    return Pipeline(
        name=properties["Name"],
        role_arn=properties["RoleArn"],
        artifact_bucket=properties["ArtifactStore"]["Location"],
        variables={variable["Name"]: variable["DefaultValue"] for variable in properties.get("Variables", [])},
        stages=stages,
        projects={project.name: project for project in projects},
    )


def _stage(given: Mapping[str, Any]) -> Stage:
    where = f"stage {given['Name']}"
    _refuse_unknown(where, given, STAGE_KEYS)
    failure = given.get("OnFailure", {})
    _refuse_unknown(f"{where}: OnFailure", failure, FAILURE_KEYS)
    result = failure.get("Result", "")
    if result and result not in FAILURE_RESULTS:
        raise UserError(f"{where}: OnFailure: Result {result!r} is unknown; allowed: {', '.join(FAILURE_RESULTS)}")
    conditions = given.get("BeforeEntry", {}).get("Conditions", [])
    return Stage(
        name=given["Name"],
        actions=tuple(_action(where, action) for action in given["Actions"]),
        before_entry=tuple(_condition(where, condition) for condition in conditions),
        on_failure=result,
        retry_mode=failure.get("RetryConfiguration", {}).get("RetryMode", "FAILED_ACTIONS"),
    )


def _action(stage: str, given: Mapping[str, Any]) -> Action:
    where = f"{stage}, action {given['Name']}"
    _refuse_unknown(where, given, ACTION_KEYS)
    type_id = given["ActionTypeId"]
    return Action(
        name=given["Name"],
        kind=(type_id["Category"], type_id["Owner"], type_id["Provider"]),
        run_order=int(given.get("RunOrder", 1)),
        configuration=_text_values(given.get("Configuration", {})),
        inputs=tuple(artifact["Name"] for artifact in given.get("InputArtifacts", [])),
        outputs=tuple(artifact["Name"] for artifact in given.get("OutputArtifacts", [])),
        namespace=given.get("Namespace", ""),
        role_arn=given.get("RoleArn", ""),
    )


def _condition(stage: str, given: Mapping[str, Any]) -> Condition:
    where = f"{stage}: BeforeEntry"
    _refuse_unknown(where, given, CONDITION_KEYS)
    if given["Result"] not in ENTRY_RESULTS:
        raise UserError(f"{where}: Result {given['Result']!r} is unknown; allowed: {', '.join(ENTRY_RESULTS)}")
    rules = []
    for rule in given["Rules"]:
        _refuse_unknown(f"{where}, rule {rule['Name']}", rule, RULE_KEYS)
        rules.append(Rule(rule["Name"], rule["RuleTypeId"]["Provider"], _text_values(rule["Configuration"])))
    return Condition(given["Result"], tuple(rules))


def _project(name: str, properties: Mapping[str, Any]) -> Project:
    environment = properties["Environment"]
    variables = environment.get("EnvironmentVariables", [])
    kinds = {variable.get("Type", "PLAINTEXT") for variable in variables} - {"PLAINTEXT"}
    if kinds:
        raise UserError(f"project {name}: environment variables of type {', '.join(kinds)} are unknown")
    return Project(
        name=name,
        buildspec=properties["Source"].get("BuildSpec", ""),
        environment={variable["Name"]: variable["Value"] for variable in variables},
    )


def _refuse_unknown(where: str, given: Mapping[str, Any], known: str) -> None:
    unknown = sorted(given.keys() - set(known.split()))
    if unknown:
        raise UserError(f"{where}: {unknown[0]} is nothing that a rehearsal understands; it knows {known}")


def _refuse_artifacts_without_maker(stages: Sequence[Stage]) -> None:
    """CodePipeline refuses an input that no earlier action makes."""
    made: set[str] = set()
    for stage in stages:
        for group in stage.in_run_order():
            for action in group:
                missing = sorted(set(action.inputs) - made)
                if missing:
                    raise UserError(
                        f"stage {stage.name}, action {action.name}: no earlier action makes artifact {missing[0]}"
                    )
            made |= set(_flat(action.outputs for action in group))


def _flat(names: Iterable[Iterable[str]]) -> list[str]:
    return [name for some in names for name in some]


def _text_values(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return a configuration as CodePipeline keeps it: every value is text."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in configuration.items()}
