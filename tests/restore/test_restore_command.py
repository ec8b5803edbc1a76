"""The commands `restore`: times with their zone, the account that they are for, and what they say in the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from generator import restore_command
from generator.restore import database, objects, sessions, stack_resources
from generator.restore.database import DatabaseRestored
from generator.restore.objects import ObjectsRestored
from generator.restore.sessions import ItemsRestored
from tests.documented_commands import documented

MOMENT = "2026-01-02T03:04:05Z"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the procedures are asked for, which do nothing here."""
    found: list[Any] = []

    def recorded(result: Any) -> Callable[..., Any]:
        def procedure(*given: Any) -> Any:
            found.append(given)
            return result

        return procedure

    monkeypatch.setattr(restore_command, "_client", lambda name: lambda service: f"{service} of {name}")
    monkeypatch.setattr(
        stack_resources, "physical_id", lambda _, name, stack, logical_id: f"{name}/{stack}/{logical_id}"
    )
    monkeypatch.setattr(sessions, "restore_items", recorded(ItemsRestored(12, 1)))
    monkeypatch.setattr(objects, "restore_objects", recorded(ObjectsRestored(("a", "b"), ("c",))))
    until = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr(database, "restore_database", recorded(DatabaseRestored("shop", until, "shop-former")))
    return found


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(restore_command.restore, arguments)


def test_sessions(asked: list[Any]) -> None:
    command = documented(
        "python -m generator restore sessions --environment {EnvironmentName} --until 2026-11-21T20:15:00Z", "prod"
    )
    done = invoke(*command[1:])
    assert done.exit_code == 0, done.output
    [(client, table, moment, _)] = asked
    assert (client, table) == ("dynamodb of prod", "prod/Storage/SessionTable")
    assert moment == datetime(2026, 11, 21, 20, 15, tzinfo=UTC)
    assert "12 items are back; 1 had been written anew and stay" in done.output


@pytest.mark.parametrize(
    ("options", "until"), [((), None), (("--until", MOMENT), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))]
)
def test_database(asked: list[Any], options: tuple[str, ...], until: datetime | None) -> None:
    done = invoke("database", "-e", "dev", *options)
    assert done.exit_code == 0, done.output
    assert asked[0][1:3] == ("dev", until)
    said = "shop: as of 2026-01-02 03:04:05 UTC; the former one is shop-former: delete it when nobody needs it\n"
    assert done.stdout == said


@pytest.mark.parametrize(
    ("bucket", "where"), [("website", "Edge/WebsiteBucket"), ("releases", "Storage/ReleaseBucket")]
)
def test_objects(asked: list[Any], bucket: str, where: str) -> None:
    done = invoke("objects", "-e", "dev", "--bucket", bucket, "--until", MOMENT, "--prefix", "assets/")
    assert done.exit_code == 0, done.output
    assert asked[0][0:2] == ("s3 of dev", f"dev/{where}")
    assert asked[0][4] == "assets/"
    assert "2 objects undeleted, 1 reverted" in done.output


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("yesterday", "is no time; give one such as 2026-"),
        ("2026-01-02T03:04:05", "names no time zone; give one such as 2026-"),
        ("2999-01-02T03:04:05Z", "is in the future"),
    ],
)
def test_a_time_that_would_restore_something_else_is_refused(asked: list[Any], given: str, complaint: str) -> None:
    done = invoke("sessions", "-e", "prod", "--until", given)
    assert done.exit_code == 2
    assert complaint in done.output
    assert asked == []


def test_a_time_of_another_zone_is_the_same_moment(asked: list[Any]) -> None:
    assert invoke("sessions", "-e", "prod", "--until", "2026-01-02T05:04:05+02:00").exit_code == 0
    assert asked[0][2] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "command", [("sessions", "-e", "dev"), ("objects", "-e", "dev", "--until", MOMENT), ("database",)]
)
def test_what_must_be_said_is_asked_for(asked: list[Any], command: tuple[str, ...]) -> None:
    done = invoke(*command)
    assert done.exit_code == 2
    assert "Missing option" in done.output
    assert asked == []
