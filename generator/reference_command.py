"""The command `reference`: what can be set, what comes out and what raises an alarm, written to the documentation."""

from __future__ import annotations

from pathlib import Path

import click

TEMPLATES_OUT, PARAMS = Path("templates_out"), Path("params")
PAGE = Path("docs/reference.md")


@click.command(hidden=True)  # who changes templates calls it, with make
def reference() -> None:
    """Write the reference of parameters, outputs and alarms, from the current release."""
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.generated_section import update
    from generator.reports.reference import SECTION, markdown

    settings = {each.source.stem: each.parameters() for each in load_all(PARAMS)}
    changed = update(PAGE, SECTION, markdown(folder_of(TEMPLATES_OUT), settings))
    click.echo(f"{PAGE}: {'written' if changed else 'nothing changed'}")
