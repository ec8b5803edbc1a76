"""The impact of an upgrade as Markdown: a comment on a pull request, and what an approver in the pipeline reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from generator.checks.changes import ResourceChange
from generator.checks.environment_impact import EnvironmentImpact
from generator.reports import impact_words as words

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")


def to_markdown(impacts: Sequence[EnvironmentImpact]) -> str:
    """Return the report on all environments: what fails first, then each environment's changes."""
    return "\n".join(_report(impacts)).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, also inside a table's cell."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _report(impacts: Sequence[EnvironmentImpact]) -> Iterator[str]:
    failing = [one.environment for one in impacts if one.fails]
    yield "# Impact of the upgrade"
    yield ""
    yield f"**Must not go on: see {', '.join(failing)}.**" if failing else "Nothing dangerous that is not waived."
    yield ""
    for impact in impacts:
        yield from _environment(impact)


def _environment(impact: EnvironmentImpact) -> Iterator[str]:
    if impact.impact.empty:
        yield f"**{escaped(impact.environment)}**: nothing changes."
        yield ""
    else:
        yield f"## {escaped(words.title(impact))}"
        yield ""
        yield ", ".join(f"{number} {meaning}" for number, meaning in words.counts(impact.impact))
        yield ""
        yield from _dangers(impact)
        yield from _table(impact.impact.changes)
        yield from _list("Parameters", [words.parameter(change) for change in impact.impact.parameters])
        yield from _list("Permissions", [change.text for change in impact.impact.permissions])
        yield from _time(impact)
    yield from _list("Waivers", words.waiver_lines(impact))


def _dangers(impact: EnvironmentImpact) -> Iterator[str]:
    for judged in impact.dangers:
        if judged.objection:
            yield f"> **Danger, {escaped(judged.objection)}: {escaped(words.headline(judged))}**"
            for line in [*words.explanation(judged), words.advice(judged, impact.environment)]:
                yield ">"
                yield f"> {escaped(line)}"
            yield ""


def _table(changes: Sequence[ResourceChange]) -> Iterator[str]:
    if not changes:
        return
    yield "| | Resource | Type | Effect | Why |"
    yield "|---|---|---|---|---|"
    for change in changes:
        reasons = [words.why(edit) for edit in change.properties] + list(change.notes)
        cells = [words.sign(change), change.address, change.type.removeprefix("AWS::"), words.effect(change)]
        yield f"| {' | '.join(map(escaped, cells))} | {'<br>'.join(map(escaped, reasons))} |"
    yield ""
    for change in changes:
        for edit in change.properties:
            if edit.lines:
                fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "".join(edit.lines))), default=0))
                yield from (f"{escaped(change.address)}, {escaped(edit.path)}:", "", f"{fence}diff")
                yield from edit.lines
                yield from (fence, "")


def _list(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"### {heading}"
        yield ""
        yield from (f"- {escaped(line)}" for line in lines)
        yield ""


def _time(impact: EnvironmentImpact) -> Iterator[str]:
    yield "### Time"
    yield ""
    yield escaped(words.creation(impact.creation))
    yield ""
    yield "| Longest path | From | To | Seconds |"
    yield "|---|---:|---:|---:|"
    for step in impact.creation.path:
        yield f"| {escaped(step.address)} | {step.start:.0f} | {step.end:.0f} | {step.end - step.start:.0f} |"
    yield ""
    yield "| Stack | Complete after | Could take longer by |"
    yield "|---|---:|---:|"
    for stack in impact.creation.stacks:
        yield f"| {escaped(stack.stack)} | {stack.end:.0f} | {stack.slack:.0f} |"
    yield ""
