"""The command `drill`: destroy what a rehearsed environment has, bring it back, and say what was lost."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from generator.environment import ENVIRONMENTS

TEMPLATES_OUT, PARAMS = Path("templates_out"), Path("params")
PAGE, PICTURE = Path("docs/drills.md"), Path("docs/pictures/drills.svg")
ELSEWHERE = Path("dist/drills.svg")
NAMES = (
    "session-table",
    "database-damaged",
    "database-lost",
    "product-images",
    "buckets",
    "web-server",
    "release",
)
WIDTH_OF_LOGS = 170
"""Columns for tables where no terminal says how many there are."""


@click.command()
@click.option("--environment", "-e", type=click.Choice(ENVIRONMENTS), default=ENVIRONMENTS[-1], show_default=True)
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), help="Only this drill; may be repeated.")
@click.option("--write", is_flag=True, help="Write table and picture to the documentation.")
def drill(environment: str, names: tuple[str, ...], write: bool) -> None:
    """Destroy data, a server and the application in a rehearsed environment; restore them, and fail on loss."""
    from rich.console import Console

    from generator.environment import load_all, select
    from generator.errors import UserError
    from generator.rehearsal.drills.picture import draw
    from generator.rehearsal.drills.report import SECTION, markdown, print_results
    from generator.rehearsal.drills.run import drill as run
    from generator.release import folder_of
    from generator.reports.generated_section import update

    if write and names:
        raise UserError("--write is for all drills: leave out --only")
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, width=WIDTH_OF_LOGS)
    configurations = select(load_all(PARAMS), ENVIRONMENTS)
    results = run(Path.cwd(), folder_of(TEMPLATES_OUT), configurations, environment, names, console)
    passed = print_results(console, results)
    # The documentation shows what holds.
    picture = PICTURE if write and passed else ELSEWHERE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(draw(results, environment))
    console.print(f"picture: {picture}", soft_wrap=True)
    if not passed:
        sys.exit(1)
    if write:
        update(PAGE, SECTION, markdown(results, environment))
