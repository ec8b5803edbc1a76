"""An execution goes through the stages as CodePipeline's documentation says, whatever fails on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.rehearsal.pipeline import (
    FAILED,
    NOT_REACHED,
    ROLLBACK,
    SKIPPED,
    STANDARD,
    SUCCEEDED,
    ActionFailedError,
    ActionRun,
    Engine,
    Execution,
    Job,
    Providers,
    filled,
)
from generator.rehearsal.pipeline_definition import Action, Condition, Pipeline, Rule, Stage

KIND = ("Test", "AWS", "Fake")


@dataclass
class Notes:
    """What an observer was told, in order."""

    lines: list[str] = field(default_factory=list)

    def stage_begins(self, execution: Execution, stage: Stage) -> None:
        self.lines.append(f"{stage.name} begins")

    def stage_skipped(self, execution: Execution, stage: Stage, reason: str) -> None:
        self.lines.append(f"{stage.name} skipped: {reason}")

    def action_ends(self, run: ActionRun) -> None:
        self.lines.append(f"{run.stage}.{run.action} {run.status}")

    def stage_fails(self, execution: Execution, stage: Stage, consequence: str) -> None:
        self.lines.append(f"{stage.name} fails: {consequence}")


class Fake:
    """A provider that remembers its jobs, and fails those actions, as often as it is told to."""

    def __init__(self, failures: Mapping[str, int] | None = None) -> None:
        self.failures = Counter(failures or {})
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> Mapping[str, str]:
        self.jobs.append(job)
        name = f"{job.stage}.{job.action.name}"
        if self.failures[name]:
            self.failures[name] -= 1
            raise ActionFailedError(f"{name} was told to fail")
        return {"Name": name, "Execution": job.execution.id}

    @property
    def table(self) -> Providers:
        return {KIND: self}

    @property
    def ran(self) -> list[str]:
        return [f"{job.stage}.{job.action.name}" for job in self.jobs]


def action(
    name: str, run_order: int = 1, namespace: str = "", kind: tuple[str, str, str] = KIND, **settings: str
) -> Action:
    return Action(name, kind, run_order, settings, (), (), namespace, "")


def stage(
    name: str,
    *actions: Action,
    on_failure: str = "",
    retry_mode: str = "FAILED_ACTIONS",
    before_entry: Iterable[Condition] = (),
) -> Stage:
    return Stage(name, actions, tuple(before_entry), on_failure, retry_mode)


def engine(*stages: Stage, variables: Mapping[str, str] | None = None) -> tuple[Engine, list[str]]:
    notes = Notes()
    return Engine(Pipeline("trial", "role", "bucket", variables or {}, stages, {}), notes), notes.lines


def condition(result: str, *checks: tuple[str, str, str]) -> Condition:
    rules = [
        Rule(f"Rule{number}", "VariableCheck", {"Variable": variable, "Operator": operator, "Value": value})
        for number, (variable, operator, value) in enumerate(checks)
    ]
    return Condition(result, tuple(rules))


# ---------------------------------------------------------------------------------------------------------------------
# Stages and actions
# ---------------------------------------------------------------------------------------------------------------------


def test_stages_and_run_orders_follow_one_another() -> None:
    trial, notes = engine(
        stage("One", action("Second", 2), action("First", 1), action("Beside", 2)),
        stage("Two", action("Last", 7)),
    )
    execution = trial.start(Fake().table)
    assert notes == [
        "One begins",
        "One.First Succeeded",
        "One.Second Succeeded",
        "One.Beside Succeeded",
        "Two begins",
        "Two.Last Succeeded",
    ]
    assert execution.stages == {"One": SUCCEEDED, "Two": SUCCEEDED}
    assert execution.succeeded
    assert execution.kind == STANDARD


def test_a_failure_lets_its_group_finish_and_nothing_after_it() -> None:
    fake = Fake({"One.Broken": 1})
    trial, notes = engine(
        stage("One", action("Broken", 1), action("Beside", 1), action("After", 2)), stage("Two", action("Never"))
    )
    execution = trial.start(fake.table)
    assert fake.ran == ["One.Broken", "One.Beside"]
    assert execution.stages == {"One": FAILED, "Two": NOT_REACHED}
    assert not execution.succeeded
    assert [run.reason for run in execution.runs] == ["One.Broken was told to fail", ""]
    assert notes[-1] == "One fails: the execution ends"


def test_an_execution_ends_after_the_stage_that_is_asked_for() -> None:
    trial, _ = engine(*(stage(name, action("Act")) for name in ("One", "Two", "Three")))
    execution = trial.start(Fake().table, last="Two")
    assert execution.stages == {"One": SUCCEEDED, "Two": SUCCEEDED, "Three": NOT_REACHED}
    assert execution.succeeded


def test_an_error_that_is_no_failed_action_is_not_swallowed() -> None:
    def defective(job: Job) -> Mapping[str, str]:
        raise ZeroDivisionError

    trial, _ = engine(stage("One", action("Act")))
    with pytest.raises(ZeroDivisionError):
        trial.start({KIND: defective})


def test_an_unknown_provider_is_refused_before_anything_runs() -> None:
    fake = Fake()
    trial, _ = engine(stage("One", action("Act")), stage("Two", action("Odd", kind=("Invoke", "AWS", "Lambda"))))
    with pytest.raises(
        UserError, match=r"stage Two, action Odd: .* no provider Invoke/AWS/Lambda; it has Test/AWS/Fake"
    ):
        trial.start(fake.table)
    assert fake.ran == []
    assert trial.history == []


# ---------------------------------------------------------------------------------------------------------------------
# Variables
# ---------------------------------------------------------------------------------------------------------------------


def test_variables_have_defaults_and_unknown_ones_are_refused() -> None:
    fake = Fake()
    trial, _ = engine(
        stage("One", action("Act", Both="#{variables.A} and #{variables.B}")), variables={"A": "a", "B": "b"}
    )
    trial.start(fake.table, {"B": "other"})
    assert fake.jobs[0].configuration == {"Both": "a and other"}
    with pytest.raises(UserError, match=r"'C' is no variable of trial; allowed: A, B"):
        trial.start(fake.table, {"C": "c"})
    assert len(trial.history) == 1


def test_outputs_are_handed_on_by_namespace_and_only_so() -> None:
    fake = Fake()
    trial, _ = engine(
        stage("One", action("Maker", namespace="Made"), action("Reader", 2, Text="<#{Made.Name}>")),
        stage("Two", action("Reader", Text="#{One.Name}")),
    )
    execution = trial.start(fake.table)
    assert [job.configuration for job in fake.jobs] == [{}, {"Text": "<One.Maker>"}]
    assert execution.runs[-1].reason == "the variable #{One.Name} has no value"
    assert execution.stages["Two"] == FAILED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#{codepipeline.PipelineExecutionId}", "id"),
        ("#{variables.Plain}", "value"),
        ("#{Space@1.Key-2}", "spaced"),
        ("#{variables.Plain}#{variables.Plain}", "valuevalue"),
        ("#{variables.Nested}", "#{variables.Plain}"),
        ("$#{variables.Plain}", "$value"),
        ("${variables.Plain} #variables #{} #{plain}", "${variables.Plain} #variables #{} #{plain}"),
        ("", ""),
    ],
)
def test_references_are_replaced_once_and_other_text_stays(text: str, expected: str) -> None:
    values = {"Plain": "value", "Nested": "#{variables.Plain}"}
    execution = Execution(STANDARD, values, outputs={"Space@1": {"Key-2": "spaced"}}, id="id")
    assert filled(text, execution) == expected


@pytest.mark.parametrize("text", ["#{variables.Other}", "#{Nothing.Plain}", "#{codepipeline.Other}"])
def test_a_reference_without_value_fails_the_action(text: str) -> None:
    with pytest.raises(ActionFailedError, match="has no value"):
        filled(text, Execution(STANDARD, {"Plain": "value"}))


# ---------------------------------------------------------------------------------------------------------------------
# Entry conditions
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [
        ("EQ", "eu-west-1", True),
        ("EQ", "eu", False),
        ("NE", "eu-west-1", False),
        ("NE", "eu", True),
        ("CONTAINS", "west", True),
        ("CONTAINS", "w.st", False),
        ("MATCHES", "eu-.+-[0-9]", True),
        ("MATCHES", "eu", False),
    ],
)
def test_operators_of_a_variable_check(operator: str, value: str, holds: bool) -> None:
    entry = condition("SKIP", ("#{variables.Region}", operator, value))
    trial, _ = engine(stage("One", action("Act"), before_entry=[entry]), variables={"Region": "eu-west-1"})
    assert trial.start(Fake().table).stages["One"] == (SUCCEEDED if holds else SKIPPED)


YES, NO, UNKNOWN = ("#{variables.A}", "EQ", "a"), ("#{variables.A}", "EQ", "b"), ("#{Nothing.A}", "NE", "a")


@pytest.mark.parametrize(
    ("conditions", "status", "next_status"),
    [
        ([condition("SKIP", YES)], SUCCEEDED, SUCCEEDED),
        ([condition("SKIP", NO)], SKIPPED, SUCCEEDED),
        ([condition("FAIL", NO)], FAILED, NOT_REACHED),
        ([condition("SKIP", YES, NO)], SKIPPED, SUCCEEDED),
        ([condition("SKIP", YES), condition("FAIL", NO)], FAILED, NOT_REACHED),
        ([condition("SKIP", UNKNOWN)], SKIPPED, SUCCEEDED),
        ([condition("FAIL", UNKNOWN)], FAILED, NOT_REACHED),
    ],
)
def test_what_follows_from_entry_conditions(conditions: Sequence[Condition], status: str, next_status: str) -> None:
    fake = Fake()
    trial, notes = engine(
        stage("One", action("Act"), before_entry=conditions), stage("Two", action("Act")), variables={"A": "a"}
    )
    execution = trial.start(fake.table)
    assert execution.stages == {"One": status, "Two": next_status}
    assert ("One.Act" in fake.ran) == (status == SUCCEEDED)
    assert ("One begins" in notes) == (status == SUCCEEDED)


def test_a_stage_that_was_not_entered_is_neither_retried_nor_rolled_back() -> None:
    entry = [condition("FAIL", ("#{variables.Go}", "EQ", "yes"))]
    for on_failure in ("RETRY", "ROLLBACK"):
        trial, _ = engine(
            stage("One", action("Act"), on_failure=on_failure, before_entry=entry), variables={"Go": "yes"}
        )
        trial.start(Fake().table)
        fake = Fake()
        trial.start(fake.table, {"Go": "no"})
        assert fake.ran == []
        assert len(trial.history) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Retry and rollback
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "failures", "ran", "status"),
    [
        ("FAILED_ACTIONS", {"S.B": 1}, "A B C | B D", SUCCEEDED),
        ("FAILED_ACTIONS", {"S.B": 2}, "A B C | B", FAILED),
        ("FAILED_ACTIONS", {"S.A": 1}, "A | A B C D", SUCCEEDED),
        ("FAILED_ACTIONS", {"S.A": 1, "S.D": 1}, "A | A B C D", FAILED),
        ("FAILED_ACTIONS", {"S.B": 1, "S.C": 1}, "A B C | B C D", SUCCEEDED),
        ("FAILED_ACTIONS", {}, "A B C D", SUCCEEDED),
        ("ALL_ACTIONS", {"S.B": 1}, "A B C | A B C D", SUCCEEDED),
        ("ALL_ACTIONS", {"S.D": 2}, "A B C D | A B C D", FAILED),
    ],
)
def test_a_stage_is_retried_once(mode: str, failures: dict[str, int], ran: str, status: str) -> None:
    fake = Fake(failures)
    trial, notes = engine(
        stage("S", action("A"), action("B", 2), action("C", 2), action("D", 3), on_failure="RETRY", retry_mode=mode)
    )
    execution = trial.start(fake.table)
    assert fake.ran == [f"S.{name}" for name in ran.replace("|", "").split()]
    assert execution.stages == {"S": status}
    told = "S fails: all of its actions" if mode == "ALL_ACTIONS" else "S fails: its failed actions"
    assert sum(line.startswith(told) for line in notes) == ran.count("|")


def promotion() -> tuple[Engine, list[str]]:
    """Return a pipeline like ours: a build, and a stage that is rolled back."""
    settings = {"Id": "#{codepipeline.PipelineExecutionId}", "Of": "#{Built.Execution}", "Who": "#{variables.Who}"}
    return engine(
        stage("Build", action("Build", namespace="Built")),
        stage("Prod", action("Deploy", **settings), action("Check", 2), on_failure="ROLLBACK"),
        stage("End", action("End")),
        variables={"Who": "nobody"},
    )


class Building(Fake):
    """A fake whose build makes an artifact."""

    def __call__(self, job: Job) -> Mapping[str, str]:
        if job.stage == "Build":
            job.execution.artifacts["Release"] = f"release of {job.execution.variables['Who']}"
        return super().__call__(job)


def test_a_stage_is_rolled_back_to_the_last_execution_that_succeeded_in_it() -> None:
    trial, notes = promotion()
    first = trial.start(Building().table, {"Who": "first"})
    second = trial.start(Building({"End.End": 1}).table, {"Who": "second"})
    assert second.stages["End"] == FAILED  # but it succeeded in Prod
    fake = Building({"Prod.Check": 1})
    third = trial.start(fake.table, {"Who": "third"})
    rollback = trial.history[-1]
    assert trial.history == [first, second, third, rollback]
    assert third.stages == {"Build": SUCCEEDED, "Prod": FAILED, "End": NOT_REACHED}
    assert (rollback.kind, rollback.stages, rollback.succeeded) == (ROLLBACK, {"Prod": SUCCEEDED}, True)
    assert fake.ran == ["Build.Build", "Prod.Deploy", "Prod.Check", "Prod.Deploy", "Prod.Check"]
    assert fake.jobs[-1].execution is rollback
    assert rollback.artifacts == {"Release": "release of second"}
    assert fake.jobs[-2].configuration == {"Id": rollback.id, "Of": second.id, "Who": "second"}
    assert "Prod fails: the stage is rolled back to its last successful execution" in notes


def test_a_rollback_is_never_rolled_back_to() -> None:
    trial, _ = promotion()
    trial.start(Building().table, {"Who": "first"})
    trial.start(Building({"Prod.Check": 1}).table, {"Who": "second"})
    assert trial.history[-1].stages == {"Prod": SUCCEEDED}
    trial.history[-1].variables = {"Who": "the rollback"}
    trial.start(Building({"Prod.Check": 1}).table, {"Who": "third"})
    assert [execution.kind for execution in trial.history] == [STANDARD, STANDARD, ROLLBACK, STANDARD, ROLLBACK]
    assert trial.history[-1].variables == {"Who": "first"}


def test_a_rollback_that_fails_is_not_rolled_back() -> None:
    trial, _ = promotion()
    trial.start(Building().table)
    fake = Building({"Prod.Check": 2})
    trial.start(fake.table)
    assert trial.history[-1].stages == {"Prod": FAILED}
    assert len(trial.history) == 3
    assert fake.ran.count("Prod.Check") == 2


def test_without_an_earlier_success_there_is_nothing_to_roll_back_to() -> None:
    trial, notes = promotion()
    for _ in range(2):
        trial.start(Building({"Prod.Deploy": 1}).table)
        assert notes[-1] == "Prod fails: no earlier execution succeeded here: nothing to roll back to"
    assert len(trial.history) == 2


def test_a_rollback_leaves_its_target_as_it_was() -> None:
    trial, _ = promotion()
    first = trial.start(Building().table)
    before = (dict(first.outputs), dict(first.artifacts), list(first.runs))

    class Writing(Building):
        def __call__(self, job: Job) -> Mapping[str, str]:
            if job.execution.kind == ROLLBACK:
                job.execution.artifacts["More"] = "key"
                job.execution.outputs["More"] = {}
            return super().__call__(job)

    trial.start(Writing({"Prod.Check": 1}).table)
    assert trial.history[-1].artifacts.keys() == {"Release", "More"}
    assert (first.outputs, first.artifacts, first.runs) == before


def test_a_replay_runs_its_stages_with_old_artifacts_and_can_be_rolled_back_to() -> None:
    trial, _ = engine(
        stage("Build", action("Build")),
        stage("Prod", action("Deploy"), action("Check", 2), on_failure="ROLLBACK"),
        stage("End", action("End")),
        variables={"Who": "nobody"},
    )
    fake = Fake()
    replay = trial.replay(fake.table, {"Release": "of old"}, ["Prod"])
    assert replay.stages == {"Build": SKIPPED, "Prod": SUCCEEDED, "End": SKIPPED}
    assert fake.ran == ["Prod.Deploy", "Prod.Check"]
    assert fake.jobs[0].execution.artifacts == {"Release": "of old"}
    trial.start(Building({"Prod.Check": 1}).table)
    assert trial.history[-1].kind == ROLLBACK
    assert trial.history[-1].artifacts == {"Release": "of old"}


def test_a_replay_ends_where_it_fails() -> None:
    trial, _ = engine(*(stage(name, action("Act")) for name in ("One", "Two", "Three")))
    replay = trial.replay(Fake({"One.Act": 1}).table, {}, ["One", "Three"])
    assert replay.stages == {"One": FAILED, "Two": SKIPPED, "Three": SKIPPED}
    assert not replay.succeeded


# ---------------------------------------------------------------------------------------------------------------------
# Whatever the pipeline is, and whatever fails
# ---------------------------------------------------------------------------------------------------------------------

FAILURE_MODES = [("", ""), ("RETRY", "FAILED_ACTIONS"), ("RETRY", "ALL_ACTIONS"), ("ROLLBACK", "")]


@st.composite
def stage_lists(draw: st.DrawFn) -> list[Stage]:
    stages = []
    for number in range(draw(st.integers(1, 4))):
        orders = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
        on_failure, mode = draw(st.sampled_from(FAILURE_MODES))
        actions = [action(f"A{place}", order) for place, order in enumerate(orders)]
        stages.append(stage(f"S{number}", *actions, on_failure=on_failure, retry_mode=mode))
    return stages


FAILURES = st.dictionaries(
    st.builds("S{}.A{}".format, st.integers(0, 3), st.integers(0, 3)), st.integers(1, 3), max_size=6
)

Run = tuple[str, str]


def runs_of(execution: Execution) -> list[Run]:
    return [(run.stage, run.action) for run in execution.runs]


@given(stage_lists(), FAILURES)
def test_a_failed_stage_is_the_last_and_no_action_runs_more_than_twice(
    stages: list[Stage], failures: dict[str, int]
) -> None:
    trial, _ = engine(*stages)
    execution = trial.start(Fake(failures).table)
    statuses = list(execution.stages.values())
    reached = [status for status in statuses if status != NOT_REACHED]
    assert statuses == reached + [NOT_REACHED] * (len(statuses) - len(reached))
    assert FAILED not in reached[:-1]
    assert execution.succeeded == (reached == [SUCCEEDED] * len(stages))
    retried = {stage.name for stage in stages if stage.on_failure == "RETRY"}
    for (name, _), times in Counter(runs_of(execution)).items():
        assert times <= (2 if name in retried else 1)
        assert execution.stages[name] != NOT_REACHED


@given(stage_lists(), FAILURES)
def test_a_stage_succeeds_if_the_last_run_of_each_of_its_actions_does(
    stages: list[Stage], failures: dict[str, int]
) -> None:
    trial, _ = engine(*stages)
    execution = trial.start(Fake(failures).table)
    last = {(run.stage, run.action): run.status for run in execution.runs}
    for each in stages:
        found = [last.get((each.name, one.name)) for one in each.actions]
        assert (execution.stages[each.name] == SUCCEEDED) == (found == [SUCCEEDED] * len(found))


@given(stage_lists(), FAILURES)
def test_an_action_runs_when_all_of_lower_run_order_have_succeeded(
    stages: list[Stage], failures: dict[str, int]
) -> None:
    trial, _ = engine(*stages)
    execution = trial.start(Fake(failures).table)
    for each in stages:
        order = {one.name: one.run_order for one in each.actions}
        runs = [run for run in execution.runs if run.stage == each.name]
        for place, run in enumerate(runs):
            earlier = {other.action: other.status for other in runs[:place]}
            lower = [name for name in order if order[name] < order[run.action]]
            assert [earlier.get(name) for name in lower] == [SUCCEEDED] * len(lower)


@given(stage_lists(), st.lists(FAILURES, min_size=1, max_size=4))
def test_a_rollback_runs_the_failed_stage_with_what_succeeded_there_and_history_holds_all(
    stages: list[Stage], attempts: list[dict[str, int]]
) -> None:
    trial, _ = engine(*stages, variables={"Attempt": ""})
    for number, failures in enumerate(attempts):
        known = list(trial.history)
        execution = trial.start(Fake(failures).table, {"Attempt": str(number)})
        new = trial.history[len(known) :]
        assert trial.history[: len(known)] == known
        assert new[0] is execution
        failed = next((each for each in stages if execution.stages[each.name] == FAILED), None)
        targets = [
            earlier
            for earlier in known
            if failed and earlier.kind == STANDARD and earlier.stages[failed.name] == SUCCEEDED
        ]
        if failed is None or failed.on_failure != "ROLLBACK" or not targets:
            assert new == [execution]
            continue
        _, rollback = new
        assert rollback.kind == ROLLBACK
        assert rollback.stages.keys() == {failed.name}
        assert {name for name, _ in runs_of(rollback)} == {failed.name}
        assert max(Counter(runs_of(rollback)).values()) == 1
        assert rollback.id not in {earlier.id for earlier in [*known, execution]}
        assert rollback.variables == targets[-1].variables
