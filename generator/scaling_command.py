"""`python -m generator scaling`: what the release does under load, in figures, pictures and verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from generator.command_help import examples
from generator.exit_codes import FAILED
from generator.folders import PARAMS, TEMPLATES_OUT

SCALING_PAGE, PICTURES = Path("docs/scaling.md"), Path("docs/pictures")
SECTION = "scaling"


@click.command(
    epilog=examples(
        "scaling",
        "scaling --environment prod --json",
        then="read docs/scaling.md; thresholds are in generator/stacks/web_tier.py and params/",
    )
)
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print figures and verdicts as JSON, and write nothing.")
def scaling(names: tuple[str, ...], as_json: bool) -> None:
    """Rehearse scaling: let load run against the release's alarms and policies; write figures and pictures to docs."""
    from generator.checks.settings import all_settings, resolved
    from generator.environment import load_all, select
    from generator.progress import counted
    from generator.release import folder_of
    from generator.reports.generated_section import update
    from generator.scaling.claims import complaints, rehearse
    from generator.scaling.design import read
    from generator.scaling.pictures import draw
    from generator.scaling.report import by_claim, markdown, print_outcomes, print_verdicts
    from generator.scaling.report_json import to_json
    from generator.terminal import next_step, results, working
    from generator.whole_files import write_whole

    configurations = load_all(PARAMS)
    wanted = {each.source.stem for each in select(configurations, names)}
    release = folder_of(TEMPLATES_OUT)
    settings = [setting for setting in all_settings(configurations)[: len(configurations)] if setting.name in wanted]
    with working("letting load run") as say:
        counted_settings = counted(settings, "letting load run against environment", say)
        rehearsals = [rehearse(read(resolved(release, setting), setting.name)) for setting in counted_settings]
        found = by_claim({each.design.environment: complaints(each) for each in rehearsals})
        for each in [] if as_json else counted(rehearsals, "drawing picture", say):
            write_whole(PICTURES / f"scaling-{each.design.environment}.svg", draw(each))
    all_hold = not any(texts for by_environment in found.values() for texts in by_environment.values())
    if as_json:
        click.echo(to_json(rehearsals, found), nl=False)
    else:
        console = results()
        print_outcomes(console, rehearsals)
        print_verdicts(console, found)
        if not names:
            changed = update(SCALING_PAGE, SECTION, markdown(rehearsals, found))
            click.echo(f"{SCALING_PAGE}: {'written' if changed else 'nothing changed'}")
        next_step(f"look at {PICTURES}/scaling-*.svg; lose a server under real requests: make load")
    if not all_hold:
        sys.exit(FAILED)
