"""Where an environment should stand follows from what the execution did in its stage."""

from __future__ import annotations

import pytest
from conftest import Account

from generator.naming import root_stack_name
from generator.rehearsal.outcome import ABSENT, Expectation, State, expected, read_state, succeeded_before
from generator.rehearsal.pipeline import (
    FAILED,
    NOT_REACHED,
    ROLLBACK,
    SKIPPED,
    STANDARD,
    SUCCEEDED,
    ActionRun,
    Execution,
)

OLD, NEW = "releases/old/", "releases/new/"
BEFORE = State("UPDATE_COMPLETE", "1.0.0", OLD)
CREATED = State("CREATE_COMPLETE", "1.0.0", OLD)
ACTIONS = ("CreateChangeSet", "ExecuteChangeSet", "SmokeTest")


def execution(status: str, failed: str = "") -> Execution:
    """Return an execution that ended in stage Prod with a status, where the failed action was the last to run."""
    runs = []
    if status in (SUCCEEDED, FAILED):
        last = ACTIONS.index(failed) + 1 if failed else len(ACTIONS)
        ran = ACTIONS[:last] if status == SUCCEEDED or failed else ()
        runs = [ActionRun("Prod", name, "id", FAILED if name == failed else SUCCEEDED, 0.0) for name in ran]
    elsewhere = ActionRun("Staging", "CreateChangeSet", "id", FAILED, 0.0)
    return Execution(STANDARD, {}, stages={"Prod": status}, runs=[*runs, elsewhere])


TABLE = [
    # before, execution, can roll back → words, states that are right, states that are wrong
    (None, execution(SUCCEEDED), False, "runs the new release", ["CREATE_COMPLETE new"], ["CREATE_COMPLETE old", ""]),
    (BEFORE, execution(SUCCEEDED), True, "runs the new release", ["UPDATE_COMPLETE new"], ["UPDATE_COMPLETE old"]),
    (None, execution(NOT_REACHED), False, "has nothing yet", [""], ["CREATE_COMPLETE new", "ROLLBACK_COMPLETE new"]),
    (
        BEFORE,
        execution(NOT_REACHED),
        True,
        "is untouched",
        ["UPDATE_COMPLETE old"],
        ["UPDATE_COMPLETE new", "CREATE_COMPLETE old", ""],
    ),
    (BEFORE, execution(SKIPPED), True, "is untouched", ["UPDATE_COMPLETE old"], ["UPDATE_COMPLETE new"]),
    (BEFORE, execution(FAILED), True, "is untouched", ["UPDATE_COMPLETE old"], ["UPDATE_COMPLETE new"]),
    (
        BEFORE,
        execution(FAILED, "CreateChangeSet"),
        True,
        "is untouched",
        ["UPDATE_COMPLETE old"],
        ["UPDATE_ROLLBACK_COMPLETE old", "UPDATE_COMPLETE new"],
    ),
    (None, execution(FAILED, "CreateChangeSet"), False, "has nothing yet", [""], ["CREATE_COMPLETE new"]),
    (
        None,
        execution(FAILED, "ExecuteChangeSet"),
        False,
        "has undone its creation",
        ["ROLLBACK_COMPLETE new", ""],
        ["CREATE_COMPLETE new", "ROLLBACK_FAILED new"],
    ),
    (
        BEFORE,
        execution(FAILED, "ExecuteChangeSet"),
        True,
        "has undone the update",
        ["UPDATE_ROLLBACK_COMPLETE old", "UPDATE_COMPLETE old"],
        ["UPDATE_COMPLETE new", "UPDATE_ROLLBACK_COMPLETE new", "UPDATE_ROLLBACK_FAILED old", "CREATE_COMPLETE old"],
    ),
    (
        CREATED,
        execution(FAILED, "ExecuteChangeSet"),
        True,
        "has undone the update",
        ["CREATE_COMPLETE old", "UPDATE_ROLLBACK_COMPLETE old"],
        ["CREATE_COMPLETE new", ""],
    ),
    (
        BEFORE,
        execution(FAILED, "SmokeTest"),
        True,
        "runs the former release again",
        ["UPDATE_COMPLETE old"],
        ["UPDATE_COMPLETE new", "UPDATE_ROLLBACK_COMPLETE old"],
    ),
    (
        CREATED,
        execution(FAILED, "SmokeTest"),
        True,
        "runs the former release again",
        ["UPDATE_COMPLETE old", "CREATE_COMPLETE old"],
        ["UPDATE_COMPLETE new"],
    ),
    (
        BEFORE,
        execution(FAILED, "SmokeTest"),
        False,
        "keeps the new release: there is none to roll back to",
        ["UPDATE_COMPLETE new"],
        ["UPDATE_COMPLETE old"],
    ),
    (
        None,
        execution(FAILED, "SmokeTest"),
        False,
        "keeps the new release: there is none to roll back to",
        ["CREATE_COMPLETE new"],
        ["ROLLBACK_COMPLETE new", ""],
    ),
]


def state(text: str) -> State | None:
    """Return the state that a cell of the table means; empty where there is no stack."""
    status, _, release = text.partition(" ")
    return State(status, "", {"old": OLD, "new": NEW}[release]) if text else None


@pytest.mark.parametrize(("before", "done", "can_roll_back", "words", "right", "wrong"), TABLE)
def test_where_an_environment_should_stand(
    before: State | None, done: Execution, can_roll_back: bool, words: str, right: list[str], wrong: list[str]
) -> None:
    expectation = expected(before, "Prod", done, NEW, can_roll_back)
    assert expectation.words == words
    assert [text for text in right if not expectation.met_by(state(text))] == []
    assert [text for text in wrong if expectation.met_by(state(text))] == []


def test_the_last_failure_of_a_retried_stage_counts() -> None:
    done = execution(FAILED, "CreateChangeSet")
    done.runs += execution(FAILED, "SmokeTest").runs
    assert expected(BEFORE, "Prod", done, NEW, can_roll_back=True).words == "runs the former release again"


def test_nothing_is_an_answer_only_where_nothing_is_expected() -> None:
    assert Expectation("", "", (ABSENT,)).met_by(None)
    assert not Expectation("", "", ("CREATE_COMPLETE",)).met_by(None)
    assert not Expectation("", "", (ABSENT,)).met_by(BEFORE)


@pytest.mark.parametrize(
    ("kind", "status", "result"), [(STANDARD, SUCCEEDED, True), (STANDARD, FAILED, False), (ROLLBACK, SUCCEEDED, False)]
)
def test_only_another_execution_that_succeeded_can_be_rolled_back_to(kind: str, status: str, result: bool) -> None:
    earlier, this = Execution(kind, {}, stages={"Prod": status}), execution(SUCCEEDED)
    assert succeeded_before([earlier, this], this, "Prod") is result
    assert not succeeded_before([earlier, this], this, "Dev")
    assert not succeeded_before([this], this, "Prod")


TEMPLATE = """
Parameters: {TemplateKeyPrefix: {Type: String}}
Resources: {Topic: {Type: AWS::SNS::Topic}}
Outputs: {ReleaseVersion: {Value: 1.2.3}}
"""


def test_a_state_is_read_from_the_root_stack(development: Account) -> None:
    cloudformation = development.client("cloudformation")
    environment = "outcome"
    assert read_state(cloudformation, environment) is None
    cloudformation.create_change_set(
        StackName=root_stack_name(environment),
        ChangeSetName="only",
        ChangeSetType="CREATE",
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": "TemplateKeyPrefix", "ParameterValue": NEW}],
    )
    assert read_state(cloudformation, environment) is None  # nothing has been deployed
    cloudformation.delete_stack(StackName=root_stack_name(environment))
    development.deploy(root_stack_name(environment), TEMPLATE, TemplateKeyPrefix=NEW)
    assert read_state(cloudformation, environment) == State("CREATE_COMPLETE", "1.2.3", NEW)
