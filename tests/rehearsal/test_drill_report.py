"""What drills found is told: what failed and why, what may be lost, and how long AWS takes, each with its source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.console import Console

from generator import drill_command
from generator.rehearsal.drills import objectives, run
from generator.rehearsal.drills.drill import Result, Step
from generator.rehearsal.drills.objectives import DAY, HOUR, MINUTE, Objective
from generator.rehearsal.drills.picture import FAILED, HERE, draw
from generator.rehearsal.drills.report import between, duration, markdown, print_results
from generator.rehearsal.drills.report_json import to_json
from generator.release import folder_of
from generator.template_yaml import load
from tests.documented_commands import documented
from tests.json_reports import read

ROOT = Path(__file__).parents[2]
PAGE, RELEASE = ROOT / "docs/drills.md", folder_of(ROOT / "templates_out")


def result(**changed: Any) -> Result:
    given: dict[str, Any] = {
        "drill": "session table",
        "objective": objectives.SESSIONS,
        "destroyed": "all 13 items",
        "restored": "12 items",
        "lost": "1 cart",
        "loss_seconds": 0.5,
        "seconds": 1.25,
        "steps": (Step("visitors fill carts", -1.0), Step("dynamodb delete-table: SessionTable-time", 0.5)),
    }
    return Result(**given | changed)


def printed(results: Sequence[Result]) -> tuple[bool, str]:
    output = StringIO()
    passed = print_results(Console(file=output, width=200), results)
    return passed, output.getvalue()


def test_a_loss_within_the_objective_passes() -> None:
    assert result(loss_seconds=300.0).passed
    passed, text = printed([result()])
    assert passed
    assert "25 to 65 min" in text
    assert "may be lost" not in text


@pytest.mark.parametrize("loss", [300.1, math.inf])
def test_a_loss_beyond_the_objective_fails_though_nothing_else_is_wrong(loss: float) -> None:
    passed, text = printed([result(), result(loss_seconds=loss)])
    assert not passed
    assert f"300 s may be lost, and what was written in {loss:.1f} s is" in text


def test_where_nothing_may_be_lost_any_loss_fails() -> None:
    assert result(objective=objectives.BUCKETS, loss_seconds=0.0).passed
    assert not result(objective=objectives.BUCKETS, loss_seconds=0.1).passed


def test_each_complaint_is_printed() -> None:
    passed, text = printed([result(complaints=("carts are [lost]",))])
    assert not passed
    assert "session table: carts are [lost]" in text


def test_the_page_names_commands_sources_and_what_is_allowed() -> None:
    text = markdown([result()], "prod")
    cells = ["[session table](#session-table)", "all 13 items", "12 items", "1 cart", "0.5 s", "5 min", "1.2"]
    assert f"| {' | '.join([*cells, '25 to 65 min', '2 h'])} |" in text
    assert "1. Visitors fill carts.\n2. `aws dynamodb delete-table`: SessionTable-time.\n" in text
    assert objectives.SESSIONS.sources[0] in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0"),
        (0.25, "0.2 s"),
        (59, "59.0 s"),
        (5 * MINUTE, "5 min"),
        (2 * HOUR, "2 h"),
        (DAY, "1 d"),
        (math.inf, "all"),
    ],
)
def test_times_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


OBJECTIVES = [each for each in vars(objectives).values() if isinstance(each, Objective)]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_allows_what_aws_takes_and_says_where_that_is_from(objective: Objective) -> None:
    shortest, longest = objective.on_aws
    assert 0 < shortest < longest <= objective.time
    assert objective.sources
    assert all(each.startswith("https://") for each in objective.sources)
    assert objective.because
    assert between(objective)


def test_what_is_said_of_web_servers_is_what_their_template_says() -> None:
    template = load((RELEASE / "web_tier.yaml").read_text(encoding="utf-8"))["Resources"]
    group = next(each["Properties"] for each in template.values() if each["Type"].endswith("::TargetGroup"))
    checks, apart = group["UnhealthyThresholdCount"], group["HealthCheckIntervalSeconds"]
    assert f"{checks} health checks {apart} seconds apart" in objectives.WEB_SERVER.because
    signal = template["WebServerGroup"]["UpdatePolicy"]["AutoScalingRollingUpdate"]["PauseTime"]
    assert signal == "PT10M"
    assert objectives.WEB_SERVER.on_aws[1] >= 10 * MINUTE + int(checks) * int(apart)
    assert objectives.RELEASE.on_aws[1] == 3 * 10 * MINUTE


def test_the_picture_has_a_row_for_each_drill_and_shows_what_failed() -> None:
    good = draw([result(), result(drill="buckets", objective=objectives.BUCKETS, loss_seconds=0.0)], "prod").decode()
    ElementTree.fromstring(good)
    assert "buckets" in good
    assert HERE.lower() in good
    assert FAILED.lower() not in good
    assert draw([result()], "prod") == draw([result()], "prod")
    assert FAILED.lower() in draw([result(complaints=("lost",))], "prod").decode()
    draw([result(loss_seconds=math.inf)], "prod")


def test_the_command_knows_the_drills_that_there_are() -> None:
    assert tuple(run.DRILLS) == drill_command.NAMES


def test_the_command_drills_what_the_documents_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def drilled(*given: Any, **_: Any) -> list[Result]:
        asked.append(given[3:5])
        return [result()]

    monkeypatch.setattr(run, "drill", drilled)
    page = tmp_path / "drills.md"
    page.write_text("<!-- drills: begin -->\n<!-- drills: end -->\n", encoding="utf-8")
    for name, path in (("ELSEWHERE", "dist.svg"), ("PICTURE", "drills.svg"), ("PAGE", "drills.md")):
        monkeypatch.setattr(drill_command, name, tmp_path / path)
    for command in (documented("make drill ONLY=database-lost"), documented("make drill")):
        assert CliRunner().invoke(drill_command.drill, command[1:]).exit_code == 0
    assert (tmp_path / "drills.svg").exists() is False
    assert CliRunner().invoke(drill_command.drill, documented("make drill WRITE=yes")[1:]).exit_code == 0
    assert (tmp_path / "drills.svg").exists()
    assert "session table" in page.read_text(encoding="utf-8")
    assert asked == [("prod", ("database-lost",)), ("prod", ()), ("prod", ())]


@pytest.mark.parametrize(("complaints", "code"), [((), 0), (("all is lost",), 1)])
def test_the_command_fails_where_a_drill_does(
    complaints: tuple[str, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def drilled(*given: Any) -> list[Result]:
        asked.append(given[3:5])
        return [result(complaints=complaints)]

    monkeypatch.setattr(run, "drill", drilled)
    monkeypatch.setattr(drill_command, "ELSEWHERE", tmp_path / "dist/drills.svg")
    done = CliRunner().invoke(drill_command.drill, ["-e", "dev", "--only", "buckets"])
    assert done.exit_code == code, done.output
    assert asked == [("dev", ("buckets",))]
    assert (tmp_path / "dist/drills.svg").exists()


def test_the_page_lists_every_drill() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headings = [
        line.removeprefix("### ").replace(",", "").replace(" ", "-") for line in page.splitlines() if line[:4] == "### "
    ]
    assert headings == list(run.DRILLS)
    assert "pictures/drills.svg" in page


def test_json_has_what_was_found_and_null_for_a_loss_of_everything() -> None:
    found = read("drill", to_json([result(), result(loss_seconds=math.inf)], "prod"))
    assert found["fails"]
    assert [each["passed"] for each in found["drills"]] == [True, False]
    assert [each["loss_seconds"] for each in found["drills"]] == [0.5, None]
    assert found["drills"][0]["steps"][1] == {"at": 0.5, "what": "dynamodb delete-table: SessionTable-time"}
