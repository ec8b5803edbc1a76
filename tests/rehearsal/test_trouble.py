"""Trouble is asked for in words, and comes true where it should and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from generator.errors import UserError
from generator.rehearsal.emulator_faults import Fault
from generator.rehearsal.pipeline import ROLLBACK, STANDARD, ActionFailedError, Execution, Job
from generator.rehearsal.pipeline_definition import Action, Pipeline, Stage
from generator.rehearsal.trouble import DEPLOYING, Trouble, fault, parse_trouble, with_trouble

TEST, APPROVAL = ("Test", "AWS", "CodeBuild"), ("Approval", "AWS", "Manual")
RESOURCES = ["Network", "Network/Vpc", "Database", "Database/Database", "WebTier", "WebTier/Group"]


def stage(name: str, **actions: tuple[str, str, str]) -> Stage:
    found = [Action(each, kind, 1, {}, (), (), "", "") for each, kind in actions.items()]
    return Stage(name, tuple(found), (), "", "")


PIPELINE = Pipeline(
    "trial",
    "role",
    "bucket",
    {},
    (
        stage("Build", Build=("Build", "AWS", "CodeBuild")),
        stage("Staging", CreateChangeSet=DEPLOYING, ExecuteChangeSet=DEPLOYING, SmokeTest=TEST),
        stage("Review", ChangeReport=("Build", "AWS", "CodeBuild"), Approval=APPROVAL),
    ),
    {},
)


@pytest.mark.parametrize(
    ("text", "trouble", "again"),
    [
        ("Build", Trouble("Build", action="Build"), "Build:Build"),
        ("build", Trouble("Build", action="Build"), "Build:Build"),
        ("Review", Trouble("Review", action="ChangeReport"), "Review:ChangeReport"),
        ("review:Approval", Trouble("Review", action="Approval"), "Review:Approval"),
        ("staging", Trouble("Staging", logical_id="WebTier"), "Staging:WebTier"),
        ("Staging:", Trouble("Staging", logical_id="WebTier"), "Staging:WebTier"),
        ("STAGING:SmokeTest", Trouble("Staging", action="SmokeTest"), "Staging:SmokeTest"),
        ("Staging:Network", Trouble("Staging", logical_id="Network"), "Staging:Network"),
        (
            "Staging:Database/Database",
            Trouble("Staging", stack="Database", logical_id="Database"),
            "Staging:Database/Database",
        ),
    ],
)
def test_trouble_is_understood_and_said_again(text: str, trouble: Trouble, again: str) -> None:
    assert parse_trouble(text, PIPELINE, RESOURCES) == trouble
    assert trouble.text == again


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Canary", "^'Canary' is no stage of trial; its stages: Build, Staging, Review$"),
        ("", "^'' is no stage of trial"),
        (
            "Staging:Vpc",
            "^--fail-at Staging:Vpc: 'Vpc' is nothing that stage Staging does; "
            "allowed: CreateChangeSet, ExecuteChangeSet, SmokeTest; or a resource of the release, such as ",
        ),
        ("Staging:smoketest", "'smoketest' is nothing that stage Staging does"),
        ("Build:WebTier", "'WebTier' is nothing that stage Build does; allowed: Build$"),
    ],
)
def test_what_cannot_fail_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_trouble(text, PIPELINE, RESOURCES)


def test_a_resource_fails_in_the_account_and_stack_of_its_environment() -> None:
    trouble = Trouble("Staging", stack="Database", logical_id="Database")
    assert fault(trouble, "222222222222") == Fault("222222222222", "web-platform-staging", "Database", "Database")


class Providers:
    """One provider for all kinds, which notes what ran, and where the web servers were out of service then."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, bool]] = []
        self.down: list[str] = []

    @contextmanager
    def out_of_service(self, environment: str) -> Iterator[None]:
        self.down.append(environment)
        try:
            yield
        finally:
            self.down.remove(environment)

    def act(self, job: Job) -> Mapping[str, str]:
        healthy = job.stage.lower() not in self.down
        self.ran.append((f"{job.stage}.{job.action.name}", healthy))
        if not healthy:
            raise ActionFailedError("502")
        return {"Did": job.action.name}

    def run(self, trouble: Trouble | None, kind: str = STANDARD) -> dict[str, str]:
        """Run all actions; return the reasons of those that failed."""
        table = with_trouble({TEST: self.act, APPROVAL: self.act, DEPLOYING: self.act}, trouble, self.out_of_service)
        failed = {}
        for stage in PIPELINE.stages[1:]:
            for action in stage.actions:
                job = Job(PIPELINE, Execution(kind, {}), stage.name, action, {})
                try:
                    assert table.get(action.kind, self.act)(job) == {"Did": action.name}
                except ActionFailedError as error:
                    failed[f"{stage.name}.{action.name}"] = str(error)
        return failed


ALL = [
    "Staging.CreateChangeSet",
    "Staging.ExecuteChangeSet",
    "Staging.SmokeTest",
    "Review.ChangeReport",
    "Review.Approval",
]


@pytest.mark.parametrize("trouble", [None, Trouble("Staging", logical_id="WebTier"), Trouble("Build", action="Build")])
def test_without_a_troubled_action_all_is_as_it_was(trouble: Trouble | None) -> None:
    providers = Providers()
    assert providers.run(trouble) == {}
    assert providers.ran == [(name, True) for name in ALL]


def test_a_troubled_action_fails_without_being_run() -> None:
    providers = Providers()
    failed = providers.run(Trouble("Review", action="Approval"))
    assert failed == {"Review.Approval": "This failure was asked for by the rehearsal."}
    assert [name for name, _ in providers.ran] == ALL[:-1]


def test_a_smoke_test_fails_by_itself_and_only_then_are_web_servers_out_of_service() -> None:
    providers = Providers()
    assert providers.run(Trouble("Staging", action="SmokeTest")) == {"Staging.SmokeTest": "502"}
    assert providers.ran == [(name, name != "Staging.SmokeTest") for name in ALL]
    assert providers.down == []


@pytest.mark.parametrize("action", ["SmokeTest", "CreateChangeSet"])
def test_a_rollback_is_spared(action: str) -> None:
    providers = Providers()
    assert providers.run(Trouble("Staging", action=action), ROLLBACK) == {}
    assert providers.ran == [(name, True) for name in ALL]


def test_web_servers_are_back_after_an_unexpected_error() -> None:
    def defective(job: Job) -> Mapping[str, str]:
        raise ZeroDivisionError

    providers = Providers()
    staging = PIPELINE.stage("Staging")
    job = Job(PIPELINE, Execution(STANDARD, {}), "Staging", staging.actions[2], {})
    with pytest.raises(ZeroDivisionError):
        with_trouble({TEST: defective}, Trouble("Staging", action="SmokeTest"), providers.out_of_service)[TEST](job)
    assert providers.down == []
