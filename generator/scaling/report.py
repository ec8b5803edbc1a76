"""The outcome as a table, on the terminal and as Markdown, with the verdicts on the claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from generator.scaling import claims
from generator.scaling.claims import Rehearsed
from generator.scaling.facts import MINUTE
from generator.scaling.outcome import Outcome, outcome

COLUMNS = (
    "lost",
    "late",
    "p95 wait",
    "servers",
    "instances",
    "help after",
    "gone after",
    "flapping",
    "replaced alive",
    "credits overdrawn",
)
NOTHING = "·"
"""What stands where something did not happen."""

Complaints = Mapping[str, Sequence[str]]
"""By environment: what speaks against a claim."""


def by_claim(against: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
    """Return by claim and environment what was found by environment and claim."""
    return {claim.sentence: {name: against[name][claim.sentence] for name in against} for claim in claims.CLAIMS}


def print_outcomes(console: Console, rehearsals: Sequence[Rehearsed]) -> None:
    """Print one row for each trace and environment."""
    table = Table(title="Scaling, rehearsed", title_justify="left", header_style="bold")
    table.add_column("trace", style="bold")
    table.add_column("environment")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for number, (trace, environment, figures) in enumerate(_rows(rehearsals)):
        if number and number % len(rehearsals) == 0:
            table.add_section()
        table.add_row(trace if number % len(rehearsals) == 0 else "", environment, *_cells(figures))
    console.print(table)


def print_verdicts(console: Console, found: Mapping[str, Complaints]) -> bool:
    """Print each claim with what speaks against it; return whether all hold. `found` is by the claims' sentences."""
    for claim in claims.CLAIMS:
        against = [f"{name}: {text}" for name, texts in found[claim.sentence].items() for text in texts]
        style, word = ("red", "fails") if against else ("green", "holds")
        console.print(f"[{style}]{word}[/{style}]  {claim.sentence} ({claim.requirements})", soft_wrap=True)
        for text in against:
            console.print(f"       {text}", markup=False, soft_wrap=True)
    return not any(texts for by_environment in found.values() for texts in by_environment.values())


def markdown(rehearsals: Sequence[Rehearsed], found: Mapping[str, Complaints]) -> str:
    """Return the outcomes and the claims for the documentation."""
    rows = [
        "| trace | environment | " + " | ".join(COLUMNS) + " |",
        "|---|---|" + "---:|" * len(COLUMNS),
        *(
            f"| {trace} | {environment} | {' | '.join(_cells(figures))} |"
            for trace, environment, figures in _rows(rehearsals)
        ),
    ]
    verdicts = [
        f"| {claim.sentence} | {claim.requirements} | {_verdict(found[claim.sentence])} |" for claim in claims.CLAIMS
    ]
    return "\n".join([*rows, "", "| claim | requirement | verdict |", "|---|---|---|", *verdicts])


def _rows(rehearsals: Sequence[Rehearsed]) -> list[tuple[str, str, Outcome]]:
    """Return trace, environment and figures: all environments of a trace together."""
    names = rehearsals[0].runs
    return [(name, each.design.environment, outcome(each.runs[name])) for name in names for each in rehearsals]


def _verdict(by_environment: Complaints) -> str:
    against = [f"{name}: {text}" for name, texts in by_environment.items() for text in texts]
    return "**fails**: " + "; ".join(against) if against else "holds"


def _cells(figures: Outcome) -> list[str]:
    return [
        _share(figures.lost),
        _share(figures.late),
        f"{figures.wait:.1f} s",
        str(figures.servers),
        str(figures.instances),
        _minutes(figures.helps),
        _minutes(figures.gone),
        str(figures.flapping),
        str(figures.replaced_alive),
        f"{figures.overdrawn:.0f}",
    ]


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _minutes(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds / MINUTE:.1f} min"
