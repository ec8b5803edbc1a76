"""`python -m generator scaling`: what the release does under load, in figures, pictures and verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

SCALING_PAGE, PICTURES = Path("docs/scaling.md"), Path("docs/pictures")
SECTION = "scaling"
WIDTH_OF_LOGS = 170


@click.command()
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
def scaling(names: tuple[str, ...]) -> None:
    """Rehearse scaling: let load run against the release's alarms and policies; write figures and pictures to docs."""
    from rich.console import Console

    from generator.checks.settings import all_settings, resolved
    from generator.cli import PARAMS, TEMPLATES_OUT
    from generator.environment import load_all, select
    from generator.release import folder_of
    from generator.reports.generated_section import update
    from generator.scaling.claims import complaints, rehearse
    from generator.scaling.design import read
    from generator.scaling.pictures import draw
    from generator.scaling.report import by_claim, markdown, print_outcomes, print_verdicts

    configurations = load_all(PARAMS)
    wanted = {each.source.stem for each in select(configurations, names)}
    release = folder_of(TEMPLATES_OUT)
    settings = [setting for setting in all_settings(configurations)[: len(configurations)] if setting.name in wanted]
    rehearsals = [rehearse(read(resolved(release, setting), setting.name)) for setting in settings]
    found = by_claim({each.design.environment: complaints(each) for each in rehearsals})
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, width=WIDTH_OF_LOGS)
    print_outcomes(console, rehearsals)
    all_hold = print_verdicts(console, found)
    for each in rehearsals:
        draw(each, PICTURES / f"scaling-{each.design.environment}.svg")
    if not names:
        changed = update(SCALING_PAGE, SECTION, markdown(rehearsals, found))
        console.print(f"{SCALING_PAGE}: {'written' if changed else 'nothing changed'}", soft_wrap=True)
    if not all_hold:
        sys.exit(1)
