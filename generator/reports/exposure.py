"""The matrix of the exposure proof: who can talk to whom, as a table on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from generator.checks.exposure.matrix import BEHIND_CLOUDFRONT, SENDERS, Ends, Exposure
from generator.checks.exposure.network import OUTSIDE, Place
from generator.checks.exposure.services import NONE, text

SECTION = "exposure matrix"
"""The section of the page that holds the tables."""

SHUT = "·"
"""What stands where nothing passes."""

SOMETIMES = " ¹"
"""What follows the name of a place that only some of the settings have."""

OUTSIDERS = ""
"""What stands where neither end is in the VPC."""

TITLES = {
    "ssm": "Access by Session Manager",
    "ssh": "Access by SSH",
    "none": "Without a bastion",
    BEHIND_CLOUDFRONT: "What changes where the load balancer takes CloudFront's requests alone",
}


def print_matrix(console: Console, exposures: Sequence[Exposure]) -> None:
    """Print one table for each access mode, and one for what CloudFront changes."""
    for exposure in exposures:
        caption = f"{SOMETIMES.strip()} where the setting asks for it" if exposure.sometimes else None
        table = Table(title=_title(exposure), title_justify="left", header_style="bold", caption=caption)
        table.add_column("from \\ to", style="bold")
        for target in exposure.takers:
            table.add_column(_name(exposure, target), overflow="fold")
        for source in _senders(exposure):
            table.add_row(_name(exposure, source), *(_cell(exposure, source, target) for target in exposure.takers))
        console.print(table)


def markdown(exposures: Sequence[Exposure]) -> str:
    """Return the tables as Markdown, for the page's section."""
    return "\n\n".join(_markdown_table(exposure) for exposure in exposures)


def _markdown_table(exposure: Exposure) -> str:
    targets = exposure.takers
    lines = [
        f"### {_title(exposure)}",
        "",
        " | ".join(["| from \\ to", *(_name(exposure, target) for target in targets)]) + " |",
        "|".join(["", "---", *("---" for _ in targets), ""]),
    ]
    for source in _senders(exposure):
        cells = (_cell(exposure, source, target) for target in targets)
        lines.append(" | ".join([f"| **{_name(exposure, source)}**", *cells]) + " |")
    return "\n".join(lines)


def _title(exposure: Exposure) -> str:
    return TITLES[exposure.kind]


def _senders(exposure: Exposure) -> list[Place]:
    standing = {ends.source for ends in exposure.matrix}
    return [place for place in SENDERS if place in standing]


def _name(exposure: Exposure, place: Place) -> str:
    return f"{place}{SOMETIMES}" if place in exposure.sometimes else str(place)


def _cell(exposure: Exposure, source: Place, target: Place) -> str:
    if source in OUTSIDE and target in OUTSIDE:
        return OUTSIDERS
    found = exposure.matrix.get(Ends(source, target), frozenset({NONE}))
    return " or ".join(sorted(text(one) if one else SHUT for one in found))
