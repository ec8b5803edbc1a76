"""The command `drill`: destroy what a rehearsed environment has, bring it back, and say what was lost."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from generator.command_help import examples
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.exit_codes import FAILED
from generator.folders import PARAMS, TEMPLATES_OUT

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


@click.command(
    epilog=examples(
        "drill",
        "drill --environment dev --only buckets --only web-server",
        "drill --json > drill.json",
        then="a loss beyond what is promised is red; docs/recovery.md has the promises, the runbook the way back",
    )
)
@click.option("--environment", "-e", type=click.Choice(ENVIRONMENTS), default=ENVIRONMENTS[-1], show_default=True)
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), help="Only this drill; may be repeated.")
@click.option("--write", is_flag=True, help="Write table and picture to the documentation.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON; tell what happens on standard error.")
def drill(environment: str, names: tuple[str, ...], write: bool, as_json: bool) -> None:
    """Destroy data, a server and the application in a rehearsed environment; restore them, and fail on loss."""
    from generator.environment import load_all, select
    from generator.rehearsal.drills.picture import draw
    from generator.rehearsal.drills.report import SECTION, markdown, print_results
    from generator.rehearsal.drills.report_json import to_json
    from generator.rehearsal.drills.run import drill as run
    from generator.release import folder_of
    from generator.reports.generated_section import update
    from generator.terminal import narration, next_step, working
    from generator.whole_files import write_whole

    if write and names:
        raise UserError("--write is for all drills: leave out --only")
    console = narration(as_json)
    configurations = select(load_all(PARAMS), ENVIRONMENTS)
    with working("starting the emulator", console) as say:
        found = run(Path.cwd(), folder_of(TEMPLATES_OUT), configurations, environment, names, console, say)
    passed = print_results(console, found)
    # The documentation shows what holds.
    picture = PICTURE if write and passed else ELSEWHERE
    write_whole(picture, draw(found, environment))
    console.print(f"picture: {picture}", soft_wrap=True)
    if as_json:
        click.echo(to_json(found, environment), nl=False)
    if not passed:
        sys.exit(FAILED)
    if write:
        update(PAGE, SECTION, markdown(found, environment))
    next_step("the same by hand, step by step: python -m generator runbook restore-the-database")
