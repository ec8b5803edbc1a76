"""The pipeline as its template defines it: stages, actions, conditions and CodeBuild projects, read and understood.

What a rehearsal does not understand it must not skip: an unknown key, condition or result is an error here, before
anything runs.
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from generator.errors import UserError
from generator.intrinsics import symbol
from generator.resolver import Resolution

PIPELINE = "AWS::CodePipeline::Pipeline"
PROJECT = "AWS::CodeBuild::Project"
RULE = "AWS::Events::Rule"
ROLE = "AWS::IAM::Role"

PIPELINE_KEYS = (
    "ArtifactStore ExecutionMode Name PipelineType RestartExecutionOnUpdate RoleArn Stages Tags Triggers Variables"
)
STAGE_KEYS = "Actions BeforeEntry Name OnFailure"
ACTION_KEYS = (
    "ActionTypeId Configuration InputArtifacts Name Namespace OutputArtifacts RoleArn RunOrder TimeoutInMinutes"
)
ENTRY_KEYS = "Conditions"
CONDITION_KEYS = "Result Rules"
RULE_KEYS = "Configuration Name RuleTypeId"
FAILURE_KEYS = "Result RetryConfiguration"
RETRY_KEYS = "RetryMode"

ENTRY_RESULTS = ("FAIL", "SKIP")
FAILURE_RESULTS = ("RETRY", "ROLLBACK")
RETRY_MODES = ("FAILED_ACTIONS", "ALL_ACTIONS")
RULE_PROVIDERS = ("VariableCheck",)
OPERATORS = ("EQ", "NE", "CONTAINS", "MATCHES")
"""https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html"""

CONFIGURATION_CHARACTERS = 1000
"""How long a value in an action's configuration may be.
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html"""


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
    role_arn: str = ""
    log_group: str = ""


@dataclass(frozen=True)
class Trigger:
    """A rule of EventBridge that starts the pipeline: its ARN, its target's ARN, and the role to do it with."""

    rule_arn: str
    target_arn: str
    role_arn: str


@dataclass(frozen=True)
class Pipeline:
    """A pipeline and the projects that its actions start."""

    name: str
    role_arn: str
    artifact_bucket: str
    variables: Mapping[str, str]
    stages: tuple[Stage, ...]
    projects: Mapping[str, Project]
    trigger: Trigger | None = None
    """What starts the pipeline after an upload; nothing where its source is a repository."""

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
    _refuse_repetitions(stages)
    _refuse_artifacts_without_maker(stages)
    arns = {
        symbol(f"{role.logical_id}.Arn"): f"arn:aws:iam::{resolution.account_id}:role/{physical_ids[role.logical_id]}"
        for role in resolution.of_type(ROLE)
    }
    projects = [_project(physical_ids[r.logical_id], r.properties, arns) for r in resolution.of_type(PROJECT)]
    return Pipeline(
        name=properties["Name"],
        role_arn=_known(arns, properties["RoleArn"]),
        artifact_bucket=properties["ArtifactStore"]["Location"],
        variables=dict(_variable(variable) for variable in properties.get("Variables", [])),
        stages=stages,
        projects={project.name: project for project in projects},
        trigger=_trigger(resolution, physical_ids, arns),
    )


def _trigger(resolution: Resolution, physical_ids: Mapping[str, str], role_arns: Mapping[str, str]) -> Trigger | None:
    place = f"{resolution.region}:{resolution.account_id}"
    for rule in resolution.of_type(RULE):
        for target in rule.properties["Targets"]:
            if target["Arn"].split(":")[2] == "codepipeline":
                return Trigger(
                    rule_arn=f"arn:aws:events:{place}:rule/{physical_ids[rule.logical_id]}",
                    target_arn=target["Arn"],
                    role_arn=_known(role_arns, target["RoleArn"]),
                )
    return None


def _known(role_arns: Mapping[str, str], value: str) -> str:
    """Return the ARN of a role that the template names, also where only the deployment knows it."""
    return role_arns.get(value, value)


def _variable(given: Mapping[str, Any]) -> tuple[str, str]:
    if "DefaultValue" not in given:
        raise UserError(f"variable {given['Name']} has no DefaultValue: an execution that a push starts has no other")
    return given["Name"], given["DefaultValue"]


def _stage(given: Mapping[str, Any]) -> Stage:
    where = f"stage {given['Name']}"
    _refuse_unknown(where, given, STAGE_KEYS)
    entry = given.get("BeforeEntry", {})
    _refuse_unknown(f"{where}: BeforeEntry", entry, ENTRY_KEYS)
    actions = tuple(_action(where, action) for action in given["Actions"])
    on_failure, retry_mode = _failure(where, given.get("OnFailure", {}))
    if on_failure == "ROLLBACK" and any(action.kind[0] == "Source" for action in actions):
        raise UserError(f"{where}: OnFailure: CodePipeline does not roll back a stage with a source")
    return Stage(
        name=given["Name"],
        actions=actions,
        before_entry=tuple(_condition(where, condition) for condition in entry.get("Conditions", [])),
        on_failure=on_failure,
        retry_mode=retry_mode,
    )


def _failure(stage: str, given: Mapping[str, Any]) -> tuple[str, str]:
    """Return what happens after a failure, which may be nothing, and the mode of a retry."""
    where = f"{stage}: OnFailure"
    _refuse_unknown(where, given, FAILURE_KEYS)
    retry = given.get("RetryConfiguration", {})
    _refuse_unknown(f"{where}: RetryConfiguration", retry, RETRY_KEYS)
    result, mode = given.get("Result", ""), retry.get("RetryMode", RETRY_MODES[0])
    if result:
        _refuse_other(f"{where}: Result", result, FAILURE_RESULTS)
    _refuse_other(f"{where}: RetryMode", mode, RETRY_MODES)
    return result, mode


def _action(stage: str, given: Mapping[str, Any]) -> Action:
    where = f"{stage}, action {given['Name']}"
    _refuse_unknown(where, given, ACTION_KEYS)
    type_id = given["ActionTypeId"]
    return Action(
        name=given["Name"],
        kind=(type_id["Category"], type_id["Owner"], type_id["Provider"]),
        run_order=int(given.get("RunOrder", 1)),
        configuration=_configuration(where, given.get("Configuration", {})),
        inputs=tuple(artifact["Name"] for artifact in given.get("InputArtifacts", [])),
        outputs=tuple(artifact["Name"] for artifact in given.get("OutputArtifacts", [])),
        namespace=given.get("Namespace", ""),
        role_arn=given.get("RoleArn", ""),
    )


def _condition(stage: str, given: Mapping[str, Any]) -> Condition:
    where = f"{stage}: BeforeEntry"
    _refuse_unknown(where, given, CONDITION_KEYS)
    _refuse_other(f"{where}: Result", given["Result"], ENTRY_RESULTS)
    return Condition(given["Result"], tuple(_rule(where, rule) for rule in given["Rules"]))


def _rule(condition: str, given: Mapping[str, Any]) -> Rule:
    where = f"{condition}, rule {given['Name']}"
    _refuse_unknown(where, given, RULE_KEYS)
    provider, configuration = given["RuleTypeId"]["Provider"], _configuration(where, given["Configuration"])
    _refuse_other(f"{where}: Provider", provider, RULE_PROVIDERS)
    _refuse_other(f"{where}: Operator", configuration["Operator"], OPERATORS)
    if configuration["Operator"] == "MATCHES":
        try:
            re.compile(configuration["Value"])
        except re.error as error:
            raise UserError(f"{where}: Value: {configuration['Value']!r} is no regular expression: {error}") from error
    return Rule(given["Name"], provider, configuration)


def _project(name: str, properties: Mapping[str, Any], role_arns: Mapping[str, str]) -> Project:
    environment = properties["Environment"]
    variables = environment.get("EnvironmentVariables", [])
    kinds = {variable.get("Type", "PLAINTEXT") for variable in variables} - {"PLAINTEXT"}
    if kinds:
        raise UserError(f"project {name}: environment variables of type {', '.join(kinds)} are unknown")
    return Project(
        name=name,
        buildspec=properties["Source"].get("BuildSpec", ""),
        environment={variable["Name"]: variable["Value"] for variable in variables},
        role_arn=_known(role_arns, properties["ServiceRole"]),
        log_group=properties.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName", ""),
    )


def _refuse_unknown(where: str, given: Mapping[str, Any], known: str) -> None:
    unknown = sorted(given.keys() - set(known.split()))
    if unknown:
        raise UserError(f"{where}: {unknown[0]} is nothing that a rehearsal understands; it knows {known}")


def _refuse_other(where: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UserError(f"{where} {value!r} is unknown; allowed: {', '.join(allowed)}")


def _refuse_repetitions(stages: Sequence[Stage]) -> None:
    """CodePipeline refuses two of one name: stages, actions of a stage, output artifacts, namespaces."""
    actions = [action for stage in stages for action in stage.actions]
    names = {
        "stages": [stage.name for stage in stages],
        "artifacts": _flat(action.outputs for action in actions),
        "namespaces": [action.namespace for action in actions if action.namespace],
    } | {f"actions of stage {stage.name}": [action.name for action in stage.actions] for stage in stages}
    for kind, found in names.items():
        for name, count in Counter(found).items():
            if count > 1:
                raise UserError(f"the pipeline: {count} {kind} have the name {name}; each needs one of its own")
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
    for name in sorted(set(names["namespaces"]) & set(names["artifacts"])):
        raise UserError(f"the pipeline: {name} is both a namespace and an artifact; CodePipeline refuses that")


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


def _configuration(where: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Return a configuration as CodePipeline keeps it: every value is text, and not too long."""
    configuration = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    for key, value in configuration.items():
        if len(value) > CONFIGURATION_CHARACTERS:
            raise UserError(f"{where}: {key} has {len(value)} characters; allowed: {CONFIGURATION_CHARACTERS}")
    return configuration
