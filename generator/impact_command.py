"""`python -m generator impact`: what deploying the current release, or other settings of it, would change."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click


@click.command()
@click.option(
    "--from", "before", metavar="RELEASE", help="Release to upgrade from; the newest released one by default."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Setting to change; without --from, nothing but the settings changes.",
)
@click.option("--format", "form", type=click.Choice(["tree", "markdown", "json"]), default="tree", show_default=True)
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
def impact(before: str | None, settings: tuple[str, ...], form: str, names: tuple[str, ...]) -> None:
    """Say what deploying the current release would change in each environment, and fail where data is at stake."""
    from generator.checks.environment_impact import impact_of
    from generator.checks.waivers import load as load_waivers
    from generator.cli import ANY_ACCOUNT, PARAMS, TEMPLATES_OUT, WAIVERS, console
    from generator.environment import load_all, select
    from generator.other_settings import parse
    from generator.release import folder_of, newest_released
    from generator.reports.impact import print_impacts
    from generator.reports.impact_json import to_json
    from generator.reports.impact_markdown import to_markdown

    other = parse(settings)
    current = folder_of(TEMPLATES_OUT)
    unchanged = current if other else newest_released(TEMPLATES_OUT, but=current)
    former = TEMPLATES_OUT / before if before else unchanged
    configurations = load_all(PARAMS)
    today = datetime.now(UTC).date()
    waivers = load_waivers(WAIVERS, [c.source.stem for c in configurations], today)
    found = impact_of(former, current, select(configurations, names), ANY_ACCOUNT, waivers, today, other)
    if form == "tree":
        print_impacts(console, found)
    else:
        click.echo(to_json(found) if form == "json" else to_markdown(found), nl=False)
    if any(environment.fails for environment in found):
        sys.exit(1)
