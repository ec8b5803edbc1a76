"""`python -m generator impact`: what deploying the current release, or other settings of it, would change."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from generator.command_help import examples
from generator.exit_codes import CHANGES, FAILED
from generator.folders import PARAMS, TEMPLATES_OUT

WAIVERS = PARAMS / "waivers.yaml"
ANY_ACCOUNT = "000000000000"
"""Nothing depends on which account it is."""


@click.command(
    epilog=examples(
        "impact --from v1.1.0",
        "impact --set Compute=both --environment dev",
        "impact --json > impact.json",
        then="make cost COMPARE=v1.1.0, then make rehearse FROM=v1.1.0; docs/impact.md says how to read it",
    )
)
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
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
@click.option("--exit-code", is_flag=True, help=f"Exit with {CHANGES} where something changes, and may.")
def impact(
    before: str | None, settings: tuple[str, ...], form: str, as_json: bool, names: tuple[str, ...], exit_code: bool
) -> None:
    """Say what deploying the current release would change in each environment, and fail where data is at stake."""
    from generator.checks.environment_impact import impact_of
    from generator.checks.waivers import load as load_waivers
    from generator.environment import load_all, select
    from generator.former_release import find
    from generator.other_settings import parse
    from generator.progress import counted
    from generator.release import folder_of, newest_released
    from generator.reports.impact import print_impacts
    from generator.reports.impact_json import to_json
    from generator.reports.impact_markdown import to_markdown
    from generator.terminal import next_step, results, working

    other = parse(settings)
    current = folder_of(TEMPLATES_OUT)
    unchanged = current if other else newest_released(TEMPLATES_OUT, but=current)
    former = find(TEMPLATES_OUT, before) if before else unchanged
    configurations = load_all(PARAMS)
    today = datetime.now(UTC).date()
    waivers = load_waivers(WAIVERS, [c.source.stem for c in configurations], today)
    with working("comparing releases") as say:
        found = [
            impact
            for each in counted(select(configurations, names), "comparing environment", say)
            for impact in impact_of(former, current, [each], ANY_ACCOUNT, waivers, today, other)
        ]
    if as_json or form == "json":
        click.echo(to_json(found), nl=False)
    elif form == "markdown":
        click.echo(to_markdown(found), nl=False)
    else:
        print_impacts(results(), found)
    if any(environment.fails for environment in found):
        next_step("keep the data, or accept its loss in params/waivers.yaml with a reason and a date")
        sys.exit(FAILED)
    next_step("try it: make rehearse SET=…" if other else f"see it happen: make rehearse FROM={former.name}")
    if exit_code and not all(environment.impact.empty for environment in found):
        sys.exit(CHANGES)
