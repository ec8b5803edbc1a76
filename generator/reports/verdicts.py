"""The verdicts of all proofs as one table, and what breaks a claim below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from generator.checks.verdict import Verdict

SECTION = "claims"
"""The section of the page that lists all claims."""

MOST_COUNTEREXAMPLES = 5
"""Counterexamples that are shown of one claim: the first ones say enough to mend it."""


def print_verdicts(console: Console, verdicts: Sequence[Verdict]) -> bool:
    """Print each claim with its result and evidence, then every broken one in a box; return whether all hold."""
    console.print(_table(verdicts))
    broken = [verdict for verdict in verdicts if not verdict.holds]
    for verdict in broken:
        console.print(_box(verdict))
    settled = f"{len(verdicts) - len(broken)} of {len(verdicts)} claims hold"
    console.print(Text(settled, style="bold red" if broken else "green"))
    return not broken


def claims(verdicts: Sequence[Verdict]) -> str:
    """Return the claims as a Markdown table for each proof, without results: what is claimed whatever is found."""
    tables = []
    for proof in dict.fromkeys(verdict.proof for verdict in verdicts):
        rows = [f"| {v.claim} | {' '.join(v.requirements)} |" for v in verdicts if v.proof == proof]
        tables.append("\n".join([f"### {proof.capitalize()}", "", "| claim | serves |", "|---|---|", *rows]))
    return "\n\n".join(tables)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Claim", ratio=5)
    table.add_column("Serves", style="dim", ratio=1)
    table.add_column("Result", no_wrap=True)
    table.add_column("Evidence", ratio=3)
    previous = ""
    for verdict in verdicts:
        if verdict.proof != previous:
            table.add_row(Text(verdict.proof, style="bold underline"))
        table.add_row(
            Text(verdict.claim),
            " ".join(verdict.requirements),
            Text("holds", style="green") if verdict.holds else Text("broken", style="bold red"),
            Text(verdict.evidence),
        )
        previous = verdict.proof
    return table


def _box(verdict: Verdict) -> Panel:
    shown = verdict.counterexamples[:MOST_COUNTEREXAMPLES]
    rest = len(verdict.counterexamples) - len(shown)
    lines = [*shown, f"and {rest} more" if rest else ""]
    return Panel(
        Text("\n\n".join(line for line in lines if line)),
        title=Text(f"{verdict.proof}: {verdict.claim}", style="bold red"),
        title_align="left",
        border_style="red",
    )
