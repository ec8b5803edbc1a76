"""The commands `restore`: bring data of a deployed environment back, step by step, as the runbook says.

They work with the credentials of the administrator of the environment's account, or those of its break-glass role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from generator.command_help import examples
from generator.folders import PARAMS

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


@restore.command(
    "sessions",
    short_help="Put back the items that the session table has no more.",
    epilog=examples(
        f"restore sessions --environment prod --until {MOMENT}",
        then="runbook restore-the-session-table says how to see that all is back",
    ),
)
@_environment
@_until(required=True)
def sessions(name: str, moment: datetime) -> None:
    """Put back the items that the session table had at a moment and has no more."""
    from generator.restore.sessions import restore_items
    from generator.restore.stack_resources import physical_id

    client = _client(name)
    table = physical_id(client("cloudformation"), name, "Storage", "SessionTable")
    with _telling(f"restoring {table}") as say:
        found = restore_items(client("dynamodb"), table, moment, say)
    click.echo(f"{table}: {found.put_back} items are back; {found.newer} had been written anew and stay")


@restore.command(
    "database",
    short_help="Make the database anew from its automated backups.",
    epilog=examples(
        "restore database --environment prod",
        f"restore database --environment prod --until {MOMENT}",
        then="runbook restore-the-database says how to see that all is back, and when the former one may go",
    ),
)
@_environment
@_until(required=False)
def database(name: str, moment: datetime | None) -> None:
    """Make the database anew from its automated backups, under the name by which everybody knows it."""
    from generator.restore.database import restore_database

    with _telling(f"restoring the database of {name}") as say:
        found = restore_database(_client(name), name, moment, say)
    former = f"; the former one is {found.former}: delete it when nobody needs it" if found.former else ""
    when = f"as of {found.until:%Y-%m-%d %H:%M:%S} UTC" if found.until else "the earlier restore is finished"
    click.echo(f"{found.identifier}: {when}{former}")


@restore.command(
    "objects",
    short_help="Bring the objects of a bucket back to what they were.",
    epilog=examples(
        f"restore objects --environment prod --bucket website --until {MOMENT}",
        then="runbook restore-a-bucket says how to see that all is back",
    ),
)
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
    with _telling(f"restoring {bucket_name}") as say:
        found = restore_objects(client("s3"), bucket_name, moment, say, prefix)
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


@contextmanager
def _telling(doing: str) -> Iterator[Callable[[str], None]]:
    """Provide what prints each step to standard error, with a live line below it where somebody watches."""
    from generator.terminal import messages, working

    console = messages()
    with working(doing, console):
        yield lambda words: console.print(f"  {words}", markup=False, soft_wrap=True)
