"""docs/recovery.md says what the drills hold, what the plan does, and what the roles are called."""

from __future__ import annotations

import re

import pytest

from generator.backup_vault import DAYS_OF_DAILY, DAYS_OF_MONTHLY, DAYS_OF_WEEKLY
from generator.naming import BACKUP_ROLES
from generator.rehearsal.drills import objectives
from generator.rehearsal.drills.objectives import DAY, HOUR, MINUTE, Objective
from generator.stacks import recovery_plans, recovery_restore_tests
from tests.releases import ROOT

DOCUMENT = (ROOT / "docs/recovery.md").read_text(encoding="utf-8")


def row(*cells: str) -> list[str]:
    """Return the cells of the one table row that begins with these."""
    beginning = "| " + " | ".join(cells) + " |"
    [found] = [line for line in DOCUMENT.splitlines() if line.startswith(beginning)]
    return [cell.strip() for cell in found.strip("|").split("|")]


def in_words(seconds: int) -> str:
    if seconds == 0:
        return "0"
    unit, name = (HOUR, "hours") if seconds >= 2 * HOUR or seconds == DAY else (MINUTE, "minutes")
    return f"{seconds // unit} {name}"


@pytest.mark.parametrize(
    ("cells", "objective"),
    [
        (("session table",), objectives.SESSIONS),
        (("database", "damaged or deleted"), objectives.DATABASE_LOST),
        (("database", "damaged or deleted"), objectives.DATABASE_DAMAGED),
        (("product images",), objectives.IMAGES),
        (("buckets",), objectives.BUCKETS),
    ],
)
def test_recovery_points_and_times_are_those_of_the_drills(cells: tuple[str, ...], objective: Objective) -> None:
    assert row(*cells)[3:5] == [in_words(objective.point), in_words(objective.time)]


@pytest.mark.parametrize(
    ("words", "objective"), [("one that is lost is replaced", objectives.WEB_SERVER), ("pipeline", objectives.RELEASE)]
)
def test_what_holds_no_data_has_its_times_too(words: str, objective: Objective) -> None:
    assert objective.point == 0
    assert re.search(rf"{words} \({objective.time // MINUTE} minutes\)", DOCUMENT)


def test_backups_are_taken_and_kept_as_the_plan_says() -> None:
    assert row("daily")[1:3] == [_time(recovery_plans.DAILY), f"{DAYS_OF_DAILY} days (E16)"]
    assert row("weekly")[1:3] == [f"Sundays {_time(recovery_plans.WEEKLY)}", f"{DAYS_OF_WEEKLY // 7} weeks"]
    assert row("monthly")[1:3] == [f"on the 1st, {_time(recovery_plans.MONTHLY)}", f"{DAYS_OF_MONTHLY // 30} months"]
    assert f"on the first Wednesday of a month at {_time(recovery_restore_tests.EVERY_MONTH)} UTC" in DOCUMENT


def test_every_role_that_copies_is_explained() -> None:
    for name in BACKUP_ROLES:
        assert row(f"`{name}`")


def _time(cron: str) -> str:
    minute, hour = cron.removeprefix("cron(").split()[:2]
    return f"{int(hour):02}:{int(minute):02}"
