"""Promotions through the generated pipeline, good and bad: where does every environment end?

The source that is pushed is this project with a build that does not test itself again: `buildspec.yml` as it is runs in
`test_rehearse.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from generator import __version__
from generator.environment import ENVIRONMENTS, load_all
from generator.errors import UserError
from generator.naming import CLOUDFORMATION_ROLE, DELIVERY_BOUNDARY, root_stack_name
from generator.rehearsal.outcome import Result
from generator.rehearsal.pipeline import FAILED, NOT_REACHED, ROLLBACK, SKIPPED, SUCCEEDED
from generator.rehearsal.pipeline_actions import Approval
from generator.rehearsal.rehearse import Rehearsal, started
from generator.rehearsal.wishes import Wishes
from generator.release import folder_of
from tests.documented_commands import documented
from tests.rehearsal.environments import project_without_tests
from tests.rehearsal.wished import wished

ROOT = Path(__file__).parents[2]
TEMPLATES_OUT = ROOT / "templates_out"
PREVIOUS = TEMPLATES_OUT / "v1.1.0"
OLD, NEW = "1.1.0", __version__


def approving(_: str) -> Approval:
    return Approval(approved=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_without_tests(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def shared_report() -> StringIO:
    return StringIO()


@pytest.fixture
def report(shared_report: StringIO) -> StringIO:
    """What is printed during one test."""
    shared_report.seek(0)
    shared_report.truncate()
    return shared_report


@pytest.fixture
def fresh(project: Path, report: StringIO) -> Iterator[Rehearsal]:
    """Accounts in which nothing has been deployed."""
    with begun(project, report) as rehearsal:
        yield rehearsal


@pytest.fixture(scope="module")
def lived_in(project: Path, shared_report: StringIO) -> Iterator[Rehearsal]:
    """Accounts in which test after test brings the environments to the previous release, whatever happened before."""
    with begun(project, shared_report) as rehearsal:
        yield rehearsal


def begun(project: Path, report: StringIO) -> AbstractContextManager[Rehearsal]:
    return started(project, folder_of(TEMPLATES_OUT), load_all(ROOT / "params"), Console(file=report, width=200))


def versions(result: Result) -> dict[str, str]:
    """Return the release that each environment ended with."""
    return {e.name: e.after.version if e.after else "" for e in result.environments}


def before(result: Result) -> dict[str, str]:
    """Return the versions that environments ran before a promotion."""
    return {e.name: e.before.version if e.before else "" for e in result.environments}


def statuses(result: Result) -> dict[str, str]:
    return {e.name: e.after.status if e.after else "" for e in result.environments}


def images_of(rehearsal: Rehearsal, name: str) -> list[str]:
    """Return the images of the release that an environment runs."""
    cloudformation = rehearsal.accounts.client("cloudformation", name)
    [stack] = cloudformation.describe_stacks(StackName=root_stack_name(name))["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    return [parameters["ApplicationImage"], parameters["CollectorImage"]]


def everywhere(text: str) -> dict[str, str]:
    return dict.fromkeys(ENVIRONMENTS, text)


def test_a_release_is_rejected_then_promoted_to_production_and_then_again(fresh: Rehearsal, report: StringIO) -> None:
    asked: list[str] = []

    def approve(question: str) -> Approval:
        asked.append(question)
        return Approval(approved=len(asked) > 1, comment="not today")

    rejected = fresh.promote(Wishes(approve))
    assert rejected.as_expected, report.getvalue()
    assert versions(rejected) == {"dev": NEW, "staging": NEW, "prod": ""}
    assert all(len(e.findings) > 60 for e in rejected.environments if e.name != "prod")
    result = fresh.promote(Wishes(approve))
    assert result.as_expected, report.getvalue()
    assert versions(result) == everywhere(NEW)
    assert statuses(result) == everywhere("CREATE_COMPLETE")
    assert result.execution.stages["RegionalTest"] == SKIPPED
    images = {name: images_of(fresh, name) for name in ENVIRONMENTS}
    assert images == dict.fromkeys(ENVIRONMENTS, images["dev"]), "one release is one image everywhere"
    assert all("@sha256:" in image for image in images["dev"])
    again = fresh.promote(Wishes(approve))
    assert again.as_expected, report.getvalue()
    assert statuses(again) == everywhere("CREATE_COMPLETE")
    for question, said in zip(asked, ("first deployment", "first deployment", "nothing changes"), strict=True):
        assert f"prod: {said}" in question


def test_an_upgrade_does_what_was_predicted(lived_in: Rehearsal, report: StringIO) -> None:
    result = lived_in.promote(wished(documented("make rehearse FROM=v1.1.0"), approving).wishes)
    assert result.as_expected, report.getvalue()
    assert before(result) == everywhere(OLD)
    assert versions(result) == everywhere(NEW)
    assert [e.differences for e in result.environments] == [[], [], []]


def test_an_upgrade_needs_no_more_than_the_deployment_policies(lived_in: Rehearsal, report: StringIO) -> None:
    """All rights bring the release without boundaries; the upgrade from it goes with those of the pipeline's roles."""
    with lived_in._rights_of_then(PREVIOUS):
        lived_in.bring_to(PREVIOUS, "dev")
    result = lived_in.promote(wished(documented("make rehearse TO=dev"), approving).wishes)
    assert result.as_expected, report.getvalue()
    assert versions(result) == before(result) | {"dev": NEW}
    assert before(result)["dev"] == OLD
    assert statuses(result)["dev"] == "UPDATE_COMPLETE"
    role = lived_in.accounts.client("iam", "dev").get_role(RoleName=CLOUDFORMATION_ROLE)["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(f":policy/{DELIVERY_BOUNDARY}")


def test_without_them_a_deployment_stops_at_the_first_resource(fresh: Rehearsal, report: StringIO) -> None:
    iam = fresh.accounts.client("iam", "dev")
    for policy in iam.list_attached_role_policies(RoleName=CLOUDFORMATION_ROLE)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=CLOUDFORMATION_ROLE, PolicyArn=policy["PolicyArn"])
    result = fresh.promote(Wishes(approving))
    assert not result.as_expected
    assert statuses(result) == {"dev": "ROLLBACK_COMPLETE", "staging": "", "prod": ""}
    (failed,) = [run for run in result.execution.runs if run.status == FAILED]
    assert (failed.stage, failed.action) == ("Dev", "ExecuteChangeSet")
    assert f"{CLOUDFORMATION_ROLE}/AWSCloudFormation is not authorized to perform: cloudformation:" in failed.reason


def test_a_rejected_approval_leaves_production_alone(lived_in: Rehearsal, report: StringIO) -> None:
    result = lived_in.promote(wished(documented("make rehearse FROM=v1.1.0 APPROVE=no")).wishes)
    assert result.as_expected, report.getvalue()
    assert versions(result) == {"dev": NEW, "staging": NEW, "prod": OLD}
    assert result.execution.stages["Review"] == FAILED
    assert result.execution.stages["Prod"] == NOT_REACHED
    assert "rejected: by --reject" in report.getvalue()


def test_a_deployment_that_fails_is_undone(lived_in: Rehearsal, report: StringIO) -> None:
    result = lived_in.promote(wished(documented("make rehearse FROM=v1.1.0 FAIL_AT=prod"), approving).wishes)
    assert result.as_expected, report.getvalue()
    assert versions(result) == {"dev": NEW, "staging": NEW, "prod": OLD}
    assert result.execution.stages["Prod"] == FAILED
    assert "first failure" in report.getvalue()
    assert lived_in.engine.history[-1].kind == ROLLBACK
    assert lived_in.engine.history[-1].stages == {"Prod": SUCCEEDED}


def test_a_first_deployment_that_fails_is_undone(fresh: Rehearsal, report: StringIO) -> None:
    result = fresh.promote(wished(documented("make rehearse FAIL_AT=staging:Database/Database"), approving).wishes)
    assert result.as_expected, report.getvalue()
    assert statuses(result) == {"dev": "CREATE_COMPLETE", "staging": "ROLLBACK_COMPLETE", "prod": ""}
    assert "Database / Database" in report.getvalue()


def test_a_smoke_test_that_fails_brings_the_former_release_back(lived_in: Rehearsal, report: StringIO) -> None:
    result = lived_in.promote(
        wished(documented("make rehearse FROM=v1.1.0 FAIL_AT=staging:SmokeTest"), approving).wishes
    )
    assert result.as_expected, report.getvalue()
    assert versions(result) == {"dev": NEW, "staging": OLD, "prod": OLD}
    failed = [run for run in result.execution.runs if run.status == FAILED]
    assert [(run.stage, run.action) for run in failed] == [("Staging", "SmokeTest")]
    assert "/healthz: answered 502, expected 200" in report.getvalue()
    rollback = lived_in.engine.history[-1]
    assert (rollback.kind, rollback.stages) == (ROLLBACK, {"Staging": SUCCEEDED})
    # The way out of trouble is the next push: it goes through, and staging gets the new release after all.
    mended = lived_in.promote(wished(documented("make rehearse APPROVE=yes")).wishes)
    assert mended.as_expected, report.getvalue()
    assert versions(mended) == everywhere(NEW)


def test_e18_the_release_is_promoted_as_it_is_without_a_build(lived_in: Rehearsal, report: StringIO) -> None:
    """As the demo does it: no build, so that nobody waits for all tests; else the pipeline is what it always is."""
    failing = documented("make rehearse AS_IS=yes APPROVE=yes FROM=v1.1.0 TO=staging FAIL_AT=staging:SmokeTest")
    rolled_back = lived_in.promote(wished(failing).wishes)
    assert rolled_back.as_expected, report.getvalue()
    assert versions(rolled_back) | {"prod": ""} == {"dev": NEW, "staging": OLD, "prod": ""}
    assert {run.stage for run in rolled_back.execution.runs} == {"Dev", "Staging"}
    promoted = lived_in.promote(wished(documented("make rehearse AS_IS=yes APPROVE=yes")).wishes)
    assert promoted.as_expected, report.getvalue()
    assert versions(promoted) == everywhere(NEW)
    assert promoted.execution.stages["Build"] == SKIPPED


def test_a_build_that_fails_is_retried_once_and_changes_nothing(lived_in: Rehearsal, report: StringIO) -> None:
    result = lived_in.promote(Wishes(approving, fail_at="build:Build"))
    assert result.as_expected, report.getvalue()
    assert [e.after for e in result.environments] == [e.before for e in result.environments]
    assert [e.deployment for e in result.environments] == [None, None, None]
    assert [run.status for run in result.execution.runs if run.action == "Build"] == [FAILED, FAILED]


def test_trouble_that_cannot_happen_is_refused(lived_in: Rehearsal) -> None:
    for wrong, expected in (("nowhere", "is no stage"), ("staging:Databse", "nothing that stage Staging does")):
        with pytest.raises(UserError, match=expected):
            lived_in.promote(Wishes(approving, fail_at=wrong))


def test_trouble_that_does_not_happen_fails_the_rehearsal(lived_in: Rehearsal, report: StringIO) -> None:
    """The network is not touched by an upgrade that does not change it, so it cannot fail."""
    result = lived_in.promote(Wishes(approving, fail_at="dev:Network/Vpc", previous=PREVIOUS, to="dev", as_is=True))
    assert not result.as_expected
    assert "never failed" in report.getvalue()


def test_an_environment_that_does_not_end_where_it_should_fails_the_rehearsal(
    lived_in: Rehearsal, report: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the pipeline to roll nothing back, the rehearsal had to say so."""
    from generator.rehearsal import pipeline

    def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(pipeline.Engine, "_after_failure", nothing)
    result = lived_in.promote(Wishes(approving, fail_at="dev:SmokeTest", previous=PREVIOUS, to="dev", as_is=True))
    assert not result.as_expected
    assert versions(result)["dev"] == NEW
