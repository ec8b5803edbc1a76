"""CodePipeline, as far as a promotion needs it: executes a definition stage by stage against the emulator.

Executions, variables, artifacts, entry conditions, retry and stage rollback follow CodePipeline's documented rules;
what an action does is the business of `pipeline_actions`.
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from generator.errors import UserError
from generator.rehearsal.pipeline_definition import Action, Condition, Pipeline, Rule, Stage

VARIABLE = re.compile(r"#\{([A-Za-z0-9@_-]+)\.([A-Za-z0-9@_.-]+)\}")

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda variable, value: variable == value,
    "NE": lambda variable, value: variable != value,
    "CONTAINS": lambda variable, value: value in variable,
    "MATCHES": lambda variable, value: re.fullmatch(value, variable) is not None,
}
"""What `VariableCheck` compares with.
https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html"""

SUCCEEDED, FAILED, SKIPPED, NOT_REACHED = "Succeeded", "Failed", "Skipped", "not reached"
STANDARD, ROLLBACK = "STANDARD", "ROLLBACK"


class ActionFailedError(Exception):
    """An action of the pipeline failed; the message is what CodePipeline's console would show."""


@dataclass
class ActionRun:
    """One run of one action: what happened, and how long it took."""

    stage: str
    action: str
    execution_id: str
    status: str
    seconds: float
    reason: str = ""


@dataclass
class Execution:
    """One execution of the pipeline. Artifacts are keys in the artifact bucket."""

    kind: str
    variables: Mapping[str, str]
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    runs: list[ActionRun] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def succeeded(self) -> bool:
        """Whether no stage failed."""
        return FAILED not in self.stages.values()


@dataclass(frozen=True)
class Job:
    """What an action gets to do: its configuration has every variable filled in."""

    pipeline: Pipeline
    execution: Execution
    stage: str
    action: Action
    configuration: Mapping[str, str]


Provider = Callable[[Job], Mapping[str, str]]
"""Does what an action does and returns its output variables. Raises `ActionFailedError`."""

Providers = Mapping[tuple[str, str, str], Provider]
"""By category, owner and provider of the action."""


class Observer(Protocol):
    """Sees an execution as it goes on."""

    def stage_begins(self, execution: Execution, stage: Stage) -> None:
        """Called before the first action of a stage."""

    def stage_skipped(self, execution: Execution, stage: Stage, reason: str) -> None:
        """Called for a stage whose entry condition does not hold."""

    def action_ends(self, run: ActionRun) -> None:
        """Called after each run of an action."""

    def stage_fails(self, execution: Execution, stage: Stage, consequence: str) -> None:
        """Called after a stage failed, with what the pipeline does about it."""


class Engine:
    """Executes one pipeline and remembers its executions, which stage rollback goes back to."""

    def __init__(self, pipeline: Pipeline, observer: Observer) -> None:
        self.pipeline = pipeline
        self.history: list[Execution] = []
        self._providers: Providers = {}
        self._observer = observer

    def start(self, providers: Providers, variables: Mapping[str, str] | None = None, last: str = "") -> Execution:
        """Execute the pipeline from its first stage to its last, to the one named, or to the one that fails.

        Raises `UserError` for a variable that the pipeline does not declare, and for an action that has no provider.
        """
        self._refuse_unknown_providers(providers)
        self._providers = providers
        given = dict(variables or {})
        unknown = sorted(given.keys() - self.pipeline.variables.keys())
        if unknown:
            allowed = ", ".join(self.pipeline.variables)
            raise UserError(f"{unknown[0]!r} is no variable of {self.pipeline.name}; allowed: {allowed}")
        execution = Execution(STANDARD, {**self.pipeline.variables, **given})
        execution.stages = dict.fromkeys((stage.name for stage in self.pipeline.stages), NOT_REACHED)
        self.history.append(execution)
        for stage in self.pipeline.stages:
            if not self._enter(execution, stage) or stage.name == last:
                break
        return execution

    def replay(self, providers: Providers, artifacts: Mapping[str, str], stages: Collection[str]) -> Execution:
        """Run some stages with artifacts of earlier times, and remember that as an execution like any other.

        Its source and build lie in the past; a stage can be rolled back to it.
        """
        self._providers = providers
        execution = Execution(STANDARD, self.pipeline.variables, artifacts=dict(artifacts))
        execution.stages = dict.fromkeys((stage.name for stage in self.pipeline.stages), SKIPPED)
        self.history.append(execution)
        for stage in self.pipeline.stages:
            if stage.name in stages and not self._enter(execution, stage):
                break
        return execution

    def _refuse_unknown_providers(self, providers: Providers) -> None:
        for stage in self.pipeline.stages:
            for action in stage.actions:
                if action.kind not in providers:
                    known = ", ".join("/".join(kind) for kind in sorted(providers))
                    where = f"stage {stage.name}, action {action.name}"
                    raise UserError(f"{where}: the rehearsal has no provider {'/'.join(action.kind)}; it has {known}")

    def _enter(self, execution: Execution, stage: Stage) -> bool:
        """Run a stage and return whether the execution goes on."""
        for condition in stage.before_entry:
            # A condition is met when all of its rules succeed.
            broken = [rule for rule in condition.rules if not _holds(rule, execution)]
            if broken:
                return self._refused_at_entry(execution, stage, condition, broken[0])
        self._observer.stage_begins(execution, stage)
        failed = self._run_stage(execution, stage)
        if failed and stage.on_failure == "RETRY":
            only_failed = stage.retry_mode == "FAILED_ACTIONS"
            retried = "its failed actions are retried once" if only_failed else "all of its actions are retried once"
            self._observer.stage_fails(execution, stage, retried)
            failed = self._run_stage(execution, stage, failed if only_failed else None)
        execution.stages[stage.name] = FAILED if failed else SUCCEEDED
        if failed:
            self._after_failure(execution, stage)
        return not failed

    def _refused_at_entry(self, execution: Execution, stage: Stage, condition: Condition, rule: Rule) -> bool:
        if condition.result == "SKIP":
            execution.stages[stage.name] = SKIPPED
            self._observer.stage_skipped(execution, stage, f"{rule.name} does not hold")
            return True
        execution.stages[stage.name] = FAILED
        self._observer.stage_fails(execution, stage, f"it is not entered: {rule.name} does not hold")
        return False

    def _run_stage(self, execution: Execution, stage: Stage, only: list[Action] | None = None) -> list[Action]:
        """Run the actions of a stage, group after group; return those that failed and those that did not get a turn."""
        groups = stage.in_run_order()
        waiting = [action for group in groups for action in group if only is None or action in only]
        for group in groups:
            turn = [action for action in group if action in waiting]
            failed = [action for action in turn if not self._run_action(execution, stage, action)]
            waiting = [action for action in waiting if action not in turn or action in failed]
            if failed:
                return waiting
        return []

    def _run_action(self, execution: Execution, stage: Stage, action: Action) -> bool:
        started = time.monotonic()
        run = ActionRun(stage.name, action.name, execution.id, SUCCEEDED, 0.0)
        try:
            configuration = {key: filled(value, execution) for key, value in action.configuration.items()}
            job = Job(self.pipeline, execution, stage.name, action, configuration)
            outputs = self._providers[action.kind](job)
            if action.namespace:
                execution.outputs[action.namespace] = outputs
        except ActionFailedError as error:
            run.status, run.reason = FAILED, str(error)
        run.seconds = time.monotonic() - started
        execution.runs.append(run)
        self._observer.action_ends(run)
        return run.status == SUCCEEDED

    def _after_failure(self, execution: Execution, stage: Stage) -> None:
        if stage.on_failure != "ROLLBACK":
            self._observer.stage_fails(execution, stage, "the execution ends")
            return
        target = self._last_success(stage, execution)
        if target is None:
            self._observer.stage_fails(execution, stage, "no earlier execution succeeded here: nothing to roll back to")
            return
        self._observer.stage_fails(execution, stage, "the stage is rolled back to its last successful execution")
        rollback = Execution(ROLLBACK, target.variables, dict(target.outputs), dict(target.artifacts))
        self.history.append(rollback)
        failed = self._run_stage(rollback, stage)
        rollback.stages[stage.name] = FAILED if failed else SUCCEEDED

    def _last_success(self, stage: Stage, but: Execution) -> Execution | None:
        """Return the last execution that succeeded in a stage; one that was itself a rollback is no target."""
        for execution in reversed(self.history):
            if execution is not but and execution.kind == STANDARD and execution.stages.get(stage.name) == SUCCEEDED:
                return execution
        return None


def filled(text: str, execution: Execution) -> str:
    """Return a configuration value with `#{Namespace.Name}` replaced. Raises `ActionFailedError` for an unknown one."""

    def value(found: re.Match[str]) -> str:
        namespace, name = found[1], found[2]
        if (namespace, name) == ("codepipeline", "PipelineExecutionId"):
            return execution.id
        values = execution.variables if namespace == "variables" else execution.outputs.get(namespace, {})
        if name not in values:
            raise ActionFailedError(f"the variable {found[0]} has no value")
        return values[name]

    return VARIABLE.sub(value, text)


def _holds(rule: Rule, execution: Execution) -> bool:
    """Whether a `VariableCheck` succeeds; a rule whose variable has no value fails, as an action would."""
    configuration = rule.configuration
    try:
        variable = filled(configuration["Variable"], execution)
    except ActionFailedError:
        return False
    return OPERATORS[configuration["Operator"]](variable, configuration["Value"])
