"""The words of the impact report, the same on the terminal and in Markdown."""

from __future__ import annotations

from typing import Any

from generator.checks.changes import ChangeAction, Impact, ParameterChange, PropertyChange, Replacement, ResourceChange
from generator.checks.deployment_time import DeploymentTime
from generator.checks.environment_impact import EnvironmentImpact, JudgedDanger
from generator.checks.property_differences import in_words
from generator.checks.update_behaviour import Behaviour
from generator.checks.waivers import Action

LONGEST_VALUE = 60
"""Characters of a value that a line has room for."""

DONE = {Action.REPLACE: "replaced", Action.REMOVE: "removed", Action.WEAKEN: "weakened"}


def sign(change: ResourceChange) -> str:
    """Return `+`, `-`, `~` for a change in place, and `±` for a replacement."""
    if change.action != ChangeAction.MODIFY:
        return "+" if change.action == ChangeAction.ADD else "-"
    return "~" if change.replacement == Replacement.FALSE else "±"


def effect(change: ResourceChange) -> str:
    """Return what happens to the resource: `add`, `remove`, `in place`, `REPLACE`."""
    if change.action != ChangeAction.MODIFY:
        return change.action.lower()
    if change.replacement != Replacement.FALSE:
        return "REPLACE" if change.replacement == Replacement.TRUE else "MAY REPLACE"
    if change.requires == Behaviour.REFUSED:
        return "REFUSED"
    return "in place, interrupts" if change.requires == Behaviour.SOME_INTERRUPTIONS else "in place"


def why(change: PropertyChange) -> str:
    """Return one changed property as a line: `CidrBlock: 10.10.0.0/16 → 10.11.0.0/16`."""
    if change.cause:
        return f"{change.path}: new value of {change.cause}"
    if change.lines:
        return f"{change.path}: {len(change.lines)} lines differ"
    return f"{change.path}: {shown(change.before)} → {shown(change.after)}"


def parameter(change: ParameterChange) -> str:
    """Return one changed parameter as a line."""
    if change.before is None:
        return f"+ {change.name}: {shown(change.after)}"
    if change.after is None:
        return f"- {change.name}: {shown(change.before)}"
    return f"~ {change.name}: {shown(change.before)} → {shown(change.after)}"


def shown(value: Any) -> str:
    """Return a value in a line's room."""
    text = in_words(value) or '""'
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def counts(impact: Impact) -> list[tuple[int, str]]:
    """Return how many resources are added, changed, replaced and removed, with the words for it."""
    return [
        (impact.count(ChangeAction.ADD), "to add"),
        (impact.count(ChangeAction.MODIFY), "to change"),
        (impact.count(ChangeAction.MODIFY, replaced=True), "to replace"),
        (impact.count(ChangeAction.REMOVE), "to remove"),
    ]


def headline(judged: JudgedDanger) -> str:
    """Return a danger's title: `Database/Database would be replaced`."""
    return f"{judged.danger.address} would be {DONE[judged.danger.action]}"


def explanation(judged: JudgedDanger) -> list[str]:
    """Return a danger's lines: what happens, what is lost, and what goes with it."""
    danger = judged.danger
    lines = [danger.reason, *([danger.data] if danger.data else [])]
    if danger.cascade:
        lines.append(f"replaced with it ({len(danger.cascade)}): {', '.join(danger.cascade)}")
    return lines


def advice(judged: JudgedDanger, environment: str) -> str:
    """Return what to do about a danger that fails."""
    danger = judged.danger
    first = {
        Action.REPLACE: "Undo the change, or move the data to a resource beside it first.",
        Action.REMOVE: "Put it back, or make sure that nobody needs it.",
        Action.WEAKEN: "Undo the change, or be sure that the protection is not needed.",
    }[danger.action]
    waiver = f"address: {danger.address}, action: {danger.action}, environments: [{environment}]"
    return f"{first} If it is meant, say why in params/waivers.yaml ({waiver})."


def creation(time: DeploymentTime) -> str:
    """Return the deployment time in one sentence."""
    slowest = max(time.path, key=lambda step: step.end - step.start, default=None)
    because = f", {minutes(slowest.end - slowest.start)} of it {slowest.address}" if slowest else ""
    duration = f"about {minutes(time.typical)} ({minutes(time.low)} to {minutes(time.high)})"
    return (
        f"Creating it from nothing takes {duration}{because}; "
        f"{time.ratio:.2f} times one flat stack. Creation times of {time.checked}."
    )


def minutes(seconds: float) -> str:
    """Return a time as people say it: `45 s`, `12 min`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def title(impact: EnvironmentImpact) -> str:
    """Return the line above an environment's changes."""
    return f"{impact.environment}: {impact.before} → {impact.after}, {impact.region}"


def waiver_lines(impact: EnvironmentImpact) -> list[str]:
    """Return what is to be said of waivers: those that hold, that are over, and that match nothing."""
    holding = [judged for judged in impact.dangers if judged.waiver and not judged.objection]
    return [
        *(
            f"waived until {judged.waiver.expires}: {headline(judged)} ({judged.waiver.reason})"
            for judged in holding
            if judged.waiver
        ),
        *(
            f"expired on {waiver.expires}, remove or renew it: {waiver.key} in params/waivers.yaml, "
            f"{waiver.action} {waiver.address}"
            for waiver in impact.expired
        ),
        *(
            f"matches nothing here, remove it once every environment has the change: {waiver.key} in "
            f"params/waivers.yaml, {waiver.action} {waiver.address}"
            for waiver in impact.unused
        ),
    ]
