"""The command `publish-application`: an application's archive and pages go to a deployed environment."""

from __future__ import annotations

from pathlib import Path

import click

from generator.command_help import examples
from generator.folders import PARAMS

APPLICATION_ARCHIVE = Path(".cache/application.tar.gz")


@click.command(
    "publish-application",
    epilog=examples(
        "publish-application --environment dev --archive shop.tar.gz",
        then="what it prints: the setting that lets web servers take the archive (docs/web-servers.md)",
    ),
)
@click.option("--environment", "-e", "name", required=True, help="Environment that gets the application.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    default=APPLICATION_ARCHIVE,
    show_default=True,
    help="The application's .tar.gz.",
)
def publish_application(name: str, archive: Path) -> None:
    """Publish an application's archive, and its pages, to the buckets of a deployed environment."""
    from generator.delivery import application_archive, session
    from generator.delivery.application import describe, destination
    from generator.delivery.application import publish_application as run
    from generator.environment import load_all, select
    from generator.terminal import working

    [configuration] = select(load_all(PARAMS), [name])
    application = application_archive.read(archive)
    region, has_domain = configuration.region, bool(configuration.environment.domain_name.literal)
    publishing = f"publishing {archive} to {name} in {region}"
    with working(publishing), session.explained(publishing):
        to = destination(session.client("cloudformation", region), name)
        application_url = "" if has_domain else to.application_url
        s3 = session.client("s3", region)
        published = run(s3, application, to.release_bucket, to.website_bucket, application_url)
    for line in describe(published, name):
        click.echo(line)
