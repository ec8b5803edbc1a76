"""The command `reference`: what can be set, what is made and who may do what, written to the documentation."""

from __future__ import annotations

from pathlib import Path

import click

from generator.folders import PARAMS, TEMPLATES_OUT

INDEX, PAGES = Path("docs/reference.md"), Path("docs/reference")


@click.command(hidden=True)  # who changes templates calls it, with make
def reference() -> None:
    """Write the reference: parameters, outputs, resources, alarms, ports and permissions of the current release."""
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.generated_section import update
    from generator.reports.reference import SECTION, index, pages

    release = folder_of(TEMPLATES_OUT)
    settings = {each.source.stem: each.parameters() for each in load_all(PARAMS)}
    written, listed = pages(release), index(release, settings)
    changed = [name for name, text in written.items() if _write(PAGES / name, text)]
    for gone in sorted(PAGES.glob("*.md")):
        if gone.name not in written:
            gone.unlink()
            changed.append(gone.name)
    if update(INDEX, SECTION, listed):
        changed.append(INDEX.name)
    told = f"written: {', '.join(changed)}" if changed else "nothing changed"
    click.echo(f"{INDEX} and {len(written)} pages in {PAGES}: {told}")


def _write(page: Path, text: str) -> bool:
    """Write a page and return whether anything changed."""
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return False
    page.parent.mkdir(exist_ok=True)
    page.write_text(text, encoding="utf-8")
    return True
