"""The command `exposure`: who can reach whom, in all settings."""

from __future__ import annotations

from pathlib import Path

import click

from generator.command_help import examples
from generator.folders import PARAMS, TEMPLATES_OUT

EXPOSURE_PAGE = Path("docs/exposure.md")


@click.command(
    epilog=examples(
        "exposure",
        "exposure --json",
        then="read the difference: git diff docs/exposure.md; make check says whether it is meant to be so",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON, and write nothing.")
def exposure(as_json: bool) -> None:
    """Show who can reach whom in all settings, and write it to the documentation."""
    from generator.checks.exposure import exposures
    from generator.checks.settings import all_settings, resolved
    from generator.environment import load_all
    from generator.progress import counted
    from generator.release import folder_of
    from generator.reports.exposure import SECTION, markdown, print_matrix
    from generator.reports.exposure_json import to_json
    from generator.reports.generated_section import update
    from generator.terminal import next_step, results, working

    release, settings = folder_of(TEMPLATES_OUT), all_settings(load_all(PARAMS))
    with working("reading the release") as say:
        read = [(setting, resolved(release, setting)) for setting in counted(settings, "reading setting", say)]
        say(f"following packets in {len(read)} settings")
        found = exposures(read)
    if as_json:
        click.echo(to_json(found), nl=False)
        return
    print_matrix(results(), found)
    changed = update(EXPOSURE_PAGE, SECTION, markdown(found))
    click.echo(f"{EXPOSURE_PAGE}: {'written' if changed else 'nothing changed'}")
    if changed:
        next_step(f"read the difference: git diff {EXPOSURE_PAGE}; is it meant to be so: make check")
