"""How a rehearsal ended: where each environment stands, and where it should, whether all went well or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from generator.delivery.deploy import Deployment, find_deployed
from generator.naming import root_stack_name
from generator.rehearsal.pipeline import FAILED, STANDARD, SUCCEEDED, Execution
from generator.rehearsal.requests_table import Row
from generator.rehearsal.target import Finding
from generator.rehearsal.trouble import Trouble
from generator.rehearsal.upgrade import Difference

ABSENT = ""
"""For the status of a stack that does not exist."""

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
UNDONE = ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE")
"""CloudFormation undid the update by itself; a rollback of the stage may have confirmed the former release since."""


@dataclass(frozen=True)
class State:
    """An environment's root stack: `prefix` is the release it runs, down to its content."""

    status: str
    version: str
    prefix: str


@dataclass(frozen=True)
class Expectation:
    """Where an environment should end, in words and as a test. `prefix` is empty where no release should run."""

    words: str
    prefix: str
    statuses: tuple[str, ...]

    def met_by(self, state: State | None) -> bool:
        """Whether the environment stands where it should."""
        if state is None:
            return ABSENT in self.statuses
        return state.status in self.statuses and (not self.prefix or state.prefix == self.prefix)


def read_state(cloudformation: Any, environment: str) -> State | None:
    """Return where an environment stands, or nothing where nothing has been deployed."""
    stack = find_deployed(cloudformation, root_stack_name(environment))
    if stack is None:
        return None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    parameters = {given["ParameterKey"]: given.get("ParameterValue", "") for given in stack.get("Parameters", [])}
    return State(stack["StackStatus"], outputs.get("ReleaseVersion", ""), parameters.get("TemplateKeyPrefix", ""))


def expected(before: State | None, stage: str, execution: Execution, prefix: str, can_roll_back: bool) -> Expectation:
    """Return where a stage's environment should stand after an execution that promoted the release at `prefix`.

    `can_roll_back` says whether an earlier execution succeeded in the stage.
    """
    status = execution.stages.get(stage)
    if status == SUCCEEDED:
        return Expectation("runs the new release", prefix, COMPLETE)
    if status != FAILED:
        return _untouched(before)
    failures = [run.action for run in execution.runs if run.stage == stage and run.status == FAILED]
    failed = failures[-1] if failures else ""  # an entry condition refused the stage
    if failed in ("", "CreateChangeSet"):
        return _untouched(before)
    if failed == "ExecuteChangeSet":
        return _undone(before)
    if before is not None and can_roll_back:
        # Where both releases are the same nothing is deployed, and the status stays.
        return Expectation("runs the former release again", before.prefix, ("UPDATE_COMPLETE", before.status))
    return Expectation("keeps the new release: there is none to roll back to", prefix, COMPLETE)


def _untouched(before: State | None) -> Expectation:
    if before is None:
        return Expectation("has nothing yet", "", (ABSENT,))
    return Expectation("is untouched", before.prefix, (before.status,))


def _undone(before: State | None) -> Expectation:
    """Return where a failed deployment ends; one that failed before it touched the stack leaves all as it was."""
    if before is None:
        return Expectation("has undone its creation", "", ("ROLLBACK_COMPLETE", ABSENT))
    return Expectation("has undone the update", before.prefix, (*UNDONE, before.status))


def succeeded_before(history: Sequence[Execution], but: Execution, stage: str) -> bool:
    """Whether another execution succeeded in a stage, so that the stage can be rolled back to it."""
    return any(e is not but and e.kind == STANDARD and e.stages.get(stage) == SUCCEEDED for e in history)


@dataclass
class EnvironmentResult:
    """What a promotion meant for one environment. `differences` compares an upgrade with its prediction."""

    name: str
    before: State | None
    after: State | None
    expectation: Expectation
    deployment: Deployment | None
    findings: Sequence[Finding]
    differences: Sequence[Difference] | None

    @property
    def as_expected(self) -> bool:
        """Whether the environment stands where it should, is as promised, and every surprise has its explanation."""
        surprises = [difference for difference in self.differences or () if not difference.explanation]
        return self.expectation.met_by(self.after) and all(f.holds for f in self.findings) and not surprises


@dataclass
class Result:
    """How a rehearsal ended. `fault_left` says that the resource that should have failed was never touched."""

    execution: Execution
    environments: Sequence[EnvironmentResult]
    trouble: Trouble | None
    rejected: bool
    fault_left: bool
    rows: Sequence[Row] = ()
    """What visitors saw."""

    @property
    def as_expected(self) -> bool:
        """Whether the promotion went through, or stopped where trouble on purpose should, and visitors are served."""
        meant_to_fail = self.trouble is not None or self.rejected
        if self.execution.succeeded == meant_to_fail or self.fault_left or not all(row.holds for row in self.rows):
            return False
        return all(environment.as_expected for environment in self.environments)


@dataclass
class Deployments:
    """What an execution deployed, and what was found then, by environment."""

    of: dict[str, Deployment] = field(default_factory=dict)
    findings: dict[str, list[Finding]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """How a release did that was deployed as it is, without a pipeline: what was found, and what visitors saw."""

    deployments: Deployments
    rows: Sequence[Row]

    @property
    def as_expected(self) -> bool:
        """Whether services keep what was promised, and visitors get what they should."""
        kept = all(finding.holds for findings in self.deployments.findings.values() for finding in findings)
        return kept and all(row.holds for row in self.rows)
