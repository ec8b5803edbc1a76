"""The command `diagram`: the architecture drawing of the current release, and the small chart of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from generator.command_help import examples
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.folders import PARAMS, TEMPLATES_OUT
from generator.reports.generated_section import with_section
from generator.whole_files import write_whole

DRAWING = Path("docs/pictures/architecture.drawio")
SCHEMA = 1
PAGES, SECTION = (Path("docs/architecture.md"),), "overview of stacks"
"""Pages that show the small chart, and their section for it."""


@click.command(
    epilog=examples(
        "diagram",
        "diagram --environment dev --output dev.drawio",
        "diagram --mermaid",
        then="open docs/pictures/architecture.drawio with draw.io; SVG and PNG: make diagram PICTURES=yes",
    )
)
@click.option("--environment", "-e", type=click.Choice(ENVIRONMENTS), default=ENVIRONMENTS[-1], show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another setting than in params.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Another file than the documentation's."
)
@click.option("--check", is_flag=True, help="Write nothing; fail where the drawing is not that of the release.")
@click.option("--mermaid", is_flag=True, help="Print the small chart of stacks, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was drawn and written as JSON.")
def diagram(
    environment: str, settings: tuple[str, ...], output: Path | None, check: bool, mermaid: bool, as_json: bool
) -> None:
    """Draw the architecture of the current release for draw.io, and its small chart."""
    from generator.diagram.drawing import drawing_of
    from generator.diagram.drawio import to_xml
    from generator.diagram.mermaid import chart
    from generator.other_settings import parse
    from generator.terminal import next_step, working

    documented = not settings and environment == ENVIRONMENTS[-1]
    if not (documented or output or mermaid):
        raise UserError(
            f"the documentation shows {ENVIRONMENTS[-1]} as it is: give --output a file for another drawing"
        )
    with working("drawing the architecture"):
        pages = drawing_of(TEMPLATES_OUT, PARAMS, environment, parse(settings))
    small = chart(pages[0])
    if mermaid:
        click.echo(small)
        return
    target = output or DRAWING
    changed = _put(target, to_xml(pages), check)
    if output is None:
        for page in PAGES:
            text = with_section(page.read_text(encoding="utf-8"), SECTION, f"```mermaid\n{small}\n```")
            changed = _put(page, text.encode(), check) or changed
    if as_json:
        content = {"schema": SCHEMA, "environment": environment, "file": str(target), "changed": changed}
        click.echo(json.dumps({**content, "pages": [page.title for page in pages]}, indent=2))
        return
    click.echo(f"{target}: {'written' if changed else 'nothing changed'}, {len(pages)} pages for {environment}")
    if changed and not check:
        next_step("open it with draw.io; bring the pictures up to date: make diagram PICTURES=yes")


def _put(target: Path, content: bytes, check: bool) -> bool:
    """Write a file and return whether that changed it. Raises `UserError` where it is only checked and differs."""
    if target.exists() and target.read_bytes() == content:
        return False
    if check:
        raise UserError(f"{target}: does not show this release; run make diagram and commit what it writes")
    return write_whole(target, content)
