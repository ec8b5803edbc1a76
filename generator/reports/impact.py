"""The impact of an upgrade on the terminal: a coloured tree for each environment, dangers in boxes, a count line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from generator.checks.changes import Impact, ResourceChange
from generator.checks.environment_impact import EnvironmentImpact, JudgedDanger
from generator.reports import impact_words as words

MOST_PROPERTIES = 4
"""Changed properties that are shown of one resource; Markdown and JSON have them all."""

MOST_LINES = 8
"""Lines that are shown of a long text that differs."""

COLOURS = {"+": "green", "~": "yellow", "±": "bold red", "-": "red"}


def print_impacts(console: Console, impacts: Sequence[EnvironmentImpact]) -> bool:
    """Print what an upgrade does to each environment and return whether it may go on.

    Environments in which nothing changes share one line.
    """
    unchanged = [one.environment for one in impacts if one.impact.empty]
    for impact in impacts:
        if not impact.impact.empty:
            _print_changed(console, impact)
        _print_waivers(console, impact)
    if unchanged:
        console.print(f"{', '.join(unchanged)}: nothing changes", highlight=False)
    failing = [one.environment for one in impacts if one.fails]
    if failing:
        console.print(f"[bold red]This upgrade must not go on[/]: see {', '.join(failing)}", soft_wrap=True)
    return not failing


def _print_changed(console: Console, impact: EnvironmentImpact) -> None:
    console.rule(f"[bold]{escape(words.title(impact))}[/]", align="left")
    console.print(_tree(impact))
    console.print(_count_line(impact.impact))
    for permission in impact.impact.permissions:
        colour = "green" if permission.sign == "-" else "yellow"
        console.print(f"  [{colour}]{escape(permission.text)}[/]", soft_wrap=True, highlight=False)
    for judged in impact.dangers:
        if judged.objection:
            console.print(_box(judged, impact.environment))
    console.print(f"[dim]{escape(words.creation(impact.creation))}[/]", soft_wrap=True, highlight=False)
    path = " → ".join(f"{step.address} {step.end - step.start:.0f}" for step in impact.creation.path)
    console.print(f"[dim]Longest path in seconds: {escape(path)}[/]", soft_wrap=True, highlight=False)


def _print_waivers(console: Console, impact: EnvironmentImpact) -> None:
    for line in words.waiver_lines(impact):
        console.print(f"{impact.environment}: {escape(line)}", soft_wrap=True, highlight=False)


def _tree(impact: EnvironmentImpact) -> Tree:
    tree = Tree(Text(f"web platform of {impact.environment}"), guide_style="dim")
    if impact.impact.parameters:
        branch = tree.add(Text("parameters"))
        for parameter in impact.impact.parameters:
            branch.add(Text(words.parameter(parameter)))
    branches: dict[str, Tree] = {}
    for change in impact.impact.changes:
        stack, _, name = change.address.rpartition("/")
        if stack and stack not in branches:
            branches[stack] = tree.add(Text(stack, style="bold"))
        leaf = (branches[stack] if stack else tree).add(_line(change, name))
        _add_reasons(leaf, change)
    return tree


def _line(change: ResourceChange, name: str) -> Text:
    colour = COLOURS[words.sign(change)]
    kind = change.type.removeprefix("AWS::")
    return Text.assemble(
        (f"{words.sign(change)} ", colour), name, (f"  {kind}  ", "dim"), (words.effect(change), colour)
    )


def _add_reasons(leaf: Tree, change: ResourceChange) -> None:
    # What replaces comes first: it is what the reader must see.
    properties = sorted(change.properties, key=lambda edit: -edit.requires.severity)
    for edit in properties[:MOST_PROPERTIES]:
        leaf.add(Text(words.why(edit), style="dim" if edit.cause else ""))
        for line in edit.lines[:MOST_LINES]:
            leaf.add(Text(f"  {line}", style="green" if line.startswith("+") else "red"))
        if len(edit.lines) > MOST_LINES:
            leaf.add(Text(f"  and {len(edit.lines) - MOST_LINES} lines more", style="dim"))
    if len(properties) > MOST_PROPERTIES:
        leaf.add(Text(f"and {len(properties) - MOST_PROPERTIES} properties more", style="dim"))
    for note in change.notes:
        leaf.add(Text(note, style="magenta"))


def _count_line(impact: Impact) -> Text:
    colours = ("green", "yellow", "bold red", "red")
    line = Text("  ")
    for (number, meaning), colour in zip(words.counts(impact), colours, strict=True):
        separator = ", " if line.plain.strip() else ""
        line.append(f"{separator}").append(str(number), colour if number else "dim").append(f" {meaning}")
    return line


def _box(judged: JudgedDanger, environment: str) -> Panel:
    text = Text(words.headline(judged), style="bold")
    for line in words.explanation(judged):
        text.append(f"\n{line}", "not bold")
    text.append(f"\n{words.advice(judged, environment)}", "dim not bold")
    return Panel(text, title=f"danger, {judged.objection}", title_align="left", border_style="red")
