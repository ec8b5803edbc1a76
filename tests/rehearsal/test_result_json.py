"""The result of a rehearsal as JSON: of a promotion, and of a release that was deployed as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from generator.delivery.deploy import Deployment, Event
from generator.rehearsal.outcome import Deployments, EnvironmentResult, Expectation, Result, State, Trial
from generator.rehearsal.pipeline import FAILED, STANDARD, SUCCEEDED, ActionRun, Execution
from generator.rehearsal.requests_table import Row
from generator.rehearsal.result_json import to_json
from generator.rehearsal.target import Finding
from generator.rehearsal.upgrade import Difference
from tests.json_reports import read

FAILURE = Event(
    "Database", "Database", "AWS::RDS::DBInstance", "CREATE_FAILED", "why", datetime(2026, 11, 22, tzinfo=UTC)
)
DEPLOYED = Deployment("web-platform-dev", "CREATE_COMPLETE", 5.5, outputs={"ReleaseVersion": "1.2.0"})
UNDONE = Deployment("web-platform-prod", "ROLLBACK_COMPLETE", 2.0, events=[FAILURE])
ROW = Row("dev", "W3", "HTTP is upgraded", "GET http://{load_balancer}/", "301", "301", holds=True)


def test_a_promotion_that_failed_says_where_and_why() -> None:
    runs = [
        ActionRun("Dev", "ExecuteChangeSet", "id", SUCCEEDED, 5.7),
        ActionRun("Prod", "ExecuteChangeSet", "id", FAILED, 2.1, "it failed"),
    ]
    execution = Execution(STANDARD, {}, stages={"Dev": SUCCEEDED, "Prod": FAILED}, runs=runs)
    runs_it = Expectation("runs the new release", "new/", ("CREATE_COMPLETE",))
    environments = [
        EnvironmentResult(
            name="dev",
            before=None,
            after=State("CREATE_COMPLETE", "1.2.0", "new/"),
            expectation=runs_it,
            deployment=DEPLOYED,
            findings=[Finding("W1", 1, 1), Finding("W2", frozenset({443}), None)],
            differences=[Difference("Network/Vpc", "AWS::EC2::VPC", "", "modified")],
        ),
        EnvironmentResult("prod", None, None, runs_it, UNDONE, [], None),
    ]
    found = read(
        "rehearse", to_json(Result(execution, environments, None, rejected=False, fault_left=False, rows=[ROW]))
    )
    assert found["fails"]
    assert found["stages"] == {"Dev": "Succeeded", "Prod": "Failed"}
    assert found["actions"][1]["reason"] == "it failed"
    dev, prod = found["environments"]
    assert (dev["claims"], [each["claim"] for each in dev["broken_claims"]]) == (2, ["W2"])
    assert dev["differences_from_prediction"][0]["address"] == "Network/Vpc"
    assert prod["first_failure"]["address"] == "Database/Database"
    assert prod["after"] is None
    assert found["requests"][0]["holds"]


def test_a_release_that_was_deployed_as_it_is_has_no_stages() -> None:
    done = Deployments({"dev": DEPLOYED}, {"dev": [Finding("W1", 1, 1)]})
    found = read("rehearse", to_json(Trial(done, [ROW])))
    assert not found["fails"]
    assert found["stages"] == {}
    [dev] = found["environments"]
    assert (dev["after"]["version"], dev["as_expected"], dev["first_failure"]) == ("1.2.0", True, None)
