"""The command `release`: what is released stays as it is."""

from __future__ import annotations

import click

from generator.command_help import examples
from generator.folders import TEMPLATES_OUT


@click.command(
    epilog=examples(
        "release", then="commit templates_out/, then raise __version__ in generator/__init__.py for the next change"
    )
)
def release() -> None:
    """Mark the current release as released: from then on it cannot change."""
    from generator.release import folder_of, mark_released

    folder = folder_of(TEMPLATES_OUT)
    mark_released(folder)
    click.echo(f"{folder}: released; commit it, and raise __version__ before the next change")
