"""The commands `restore`: bring data of a deployed environment back, step by step, as the runbook says.

They work with the credentials of the administrator of the environment's account, or those of its break-glass role.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

PARAMS = Path("params")
MOMENT = "2026-11-21T20:15:00Z"


class Moment(click.ParamType[datetime]):
    """A time with its zone, no later than now: an hour's difference would restore what was lost."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; give one such as {MOMENT}", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} names no time zone; give one such as {MOMENT}", param, ctx)
        if moment > datetime.now(UTC) + timedelta(seconds=1):
            self.fail(f"{value!r} is in the future", param, ctx)
        return moment.astimezone(UTC)


def _environment(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--environment", "-e", "name", required=True, help="Environment whose data it is.")(command)


def _until(required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    what = f"The moment to go back to, such as {MOMENT}" + ("." if required else "; the latest by default.")
    return click.option("--until", "moment", type=Moment(), required=required, help=what)


@click.group()
def restore() -> None:
    """Bring data of a deployed environment back, with the credentials of its account's administrator."""


@restore.command("sessions")
@_environment
@_until(required=True)
def sessions(name: str, moment: datetime) -> None:
    """Put back the items that the session table had at a moment and has no more."""
    from generator.restore.sessions import restore_items
    from generator.restore.stack_resources import physical_id

    client = _client(name)
    table = physical_id(client("cloudformation"), name, "Storage", "SessionTable")
    found = restore_items(client("dynamodb"), table, moment, _say)
    click.echo(f"{table}: {found.put_back} items are back; {found.newer} had been written anew and stay")


@restore.command("database")
@_environment
@_until(required=False)
def database(name: str, moment: datetime | None) -> None:
    """Make the database anew from its automated backups, under the name by which everybody knows it."""
    from generator.restore.database import restore_database

    found = restore_database(_client(name), name, moment, _say)
    former = f"; the former one is {found.former}: delete it when nobody needs it" if found.former else ""
    when = f"as of {found.until:%Y-%m-%d %H:%M:%S} UTC" if found.until else "the earlier restore is finished"
    click.echo(f"{found.identifier}: {when}{former}")


@restore.command("objects")
@_environment
@_until(required=True)
@click.option("--bucket", type=click.Choice(["website", "releases"]), required=True, help="Which of its buckets.")
@click.option("--prefix", default="", help="Only objects whose keys begin so.")
def objects(name: str, moment: datetime, bucket: str, prefix: str) -> None:
    """Bring the objects of a bucket back to what they were at a moment, from their versions."""
    from generator.restore.objects import restore_objects
    from generator.restore.stack_resources import physical_id

    client = _client(name)
    where = {"website": ("Edge", "WebsiteBucket"), "releases": ("Storage", "ReleaseBucket")}[bucket]
    bucket_name = physical_id(client("cloudformation"), name, *where)
    found = restore_objects(client("s3"), bucket_name, moment, _say, prefix)
    click.echo(f"{bucket_name}: {len(found.undeleted)} objects undeleted, {len(found.reverted)} reverted")


def _client(name: str) -> Callable[[str], Any]:
    """Return what makes clients in an environment's account. Raises `UserError` where it is another's."""
    from generator.delivery import session
    from generator.delivery.environment_account import refuse_unprepared_account
    from generator.environment import load_all, select

    [configuration] = select(load_all(PARAMS), [name])

    def client(service: str) -> Any:
        return session.client(service, configuration.region)

    refuse_unprepared_account(client("cloudformation"), name)
    return client


def _say(words: str) -> None:
    click.echo(f"  {words}", err=True)
