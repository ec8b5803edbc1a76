"""What drills found, as tables: on the terminal, and for the documentation."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from generator.rehearsal.drills.drill import Result
from generator.rehearsal.drills.objectives import DAY, HOUR, MINUTE, Objective

SECTION = "drills"
CALL = re.compile(r"(backup|cloudfront|dynamodb|iam|rds|s3api|ssm) [a-z-]+(, [a-z-]+)*")
"""How the words of a step begin that is a call of AWS."""

NOT_SHOWN = (
    "Seconds are the emulator's: they order the steps, and say nothing of AWS, whose times stand beside them.",
    "DynamoDB's recovery reaches until now here, and until five minutes ago on AWS. RDS ships its log when the drill"
    " says so; PostgreSQL then really repeats it.",
    "AWS Backup's jobs are not exercised: a copy of a folder stands in for the recovery point of the file system.",
    "One store is lost at a time. The loss of a zone or of a region is not drilled; nor are the copies in the second"
    " region.",
)


def print_results(console: Console, results: Sequence[Result]) -> bool:
    """Print what each drill found, and what must not be; return whether all passed."""
    console.rule("[bold]What was lost, and how long it took[/]", align="left")
    headings = ("Drill", "Destroyed", "Restored", "Lost", "Of the last", "Allowed", "Seconds here", "On AWS")
    table = Table(*(Column(name, overflow="fold") for name in headings), box=None)
    for each in results:
        colour = "green" if each.passed else "red"
        loss = duration(each.loss_seconds)
        time = (f"{each.seconds:.1f}", between(each.objective))
        cells = (each.destroyed, each.restored, each.lost, loss, duration(each.objective.point), *time)
        table.add_row(f"[{colour}]{escape(each.drill)}[/]", *(escape(cell) for cell in cells))
    console.print(table)
    for each in results:
        for complaint in each.all_complaints:
            console.print(f"[red]{escape(each.drill)}[/]: {escape(complaint)}", soft_wrap=True)
    console.rule("[bold]What this does not show[/]", align="left")
    for line in NOT_SHOWN:
        console.print(f"- {line}", soft_wrap=not console.is_terminal)
    return all(each.passed for each in results)


def markdown(results: Sequence[Result], environment: str) -> str:
    """Return what drills found as a table, and how each went, for the documentation."""
    lines = [
        f"With the settings of {environment}:",
        "",
        "| drill | destroyed | restored | lost | of the last | allowed | seconds here | on AWS | allowed |",
        "|---|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for each in results:
        objective = each.objective
        cells = (
            f"[{each.drill}](#{anchor(each)})",
            each.destroyed,
            each.restored,
            each.lost,
            duration(each.loss_seconds),
            duration(objective.point),
            f"{each.seconds:.1f}",
            between(objective),
            duration(objective.time),
        )
        lines.append(f"| {' | '.join(cells)} |")
    for each in results:
        lines += ["", f"### {each.drill}", ""]
        lines += [f"{number}. {_sentence(step.words)}" for number, step in enumerate(each.steps, 1)]
        lines += ["", f"On AWS {between(each.objective)}: {each.objective.because} {_links(each.objective)}."]
    return "\n".join(lines)


def anchor(result: Result) -> str:
    """Return how a page's address names the heading of a drill."""
    return result.drill.replace(",", "").replace(" ", "-")


def between(objective: Objective) -> str:
    """Return how long AWS takes, in words."""
    shortest, longest = objective.on_aws
    unit, name = (HOUR, "h") if shortest >= HOUR else (MINUTE, "min")
    return f"{shortest / unit:g} to {longest / unit:g} {name}"


def duration(seconds: float) -> str:
    """Return a time in words, as short as can be."""
    if math.isinf(seconds):
        return "all"
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:.1f} s" if seconds else "0"


def _sentence(words: str) -> str:
    """Return a step as a sentence; one that calls AWS begins with the command."""
    command, colon, rest = words.partition(": ")
    if colon and CALL.fullmatch(command):
        return f"`aws {command}`: {rest}."
    return f"{words[0].upper()}{words[1:]}."


def _links(objective: Objective) -> str:
    return " ".join(f"[[{number}]]({source})" for number, source in enumerate(objective.sources, 1))
