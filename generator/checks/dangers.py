"""Which changes of an upgrade lose data, or make losing it easier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from generator.checks.changes import ChangeAction, PropertyChange, Replacement, ResourceChange
from generator.checks.data_at_stake import (
    FOUNDATIONS,
    Danger,
    fate,
    is_made_up,
    is_replica,
    is_stateful,
    weakened_policies,
    weakened_safeguards,
)
from generator.checks.property_differences import differences, in_words
from generator.checks.update_behaviour import Behaviour
from generator.checks.waivers import Action
from generator.resolver import NESTED_STACK, Resolution, Resource

REPLACING = (Behaviour.REPLACEMENT, Behaviour.CONDITIONAL)


def find_dangers(changes: Sequence[ResourceChange], before: Resolution, after: Resolution) -> list[Danger]:
    """Return every way in which the changes lose something or weaken its protection, in their order."""
    modified = {change.address: change for change in changes if change.action == ChangeAction.MODIFY}
    return [danger for change in changes for danger in _dangers_of(change, modified, before, after)]


def _dangers_of(
    change: ResourceChange, modified: Mapping[str, ResourceChange], before: Resolution, after: Resolution
) -> Iterator[Danger]:
    if change.action == ChangeAction.ADD or change.type == NESTED_STACK:
        return
    old = before.resources[change.address]
    worthless = is_replica(old.properties) or is_made_up(old.type, old.properties, old.attributes)
    if is_stateful(old.type, old.attributes) and not worthless:
        if change.action == ChangeAction.REMOVE:
            yield _removal(old, before)
        elif change.replacement != Replacement.FALSE:
            yield from _replacing(change, modified, after.resources[change.address])
    if change.action == ChangeAction.MODIFY:
        new = after.resources[change.address]
        changed = differences(old.properties, new.properties)
        for reason in [
            *weakened_policies(old.type, old.attributes, new.attributes),
            *weakened_safeguards(old.type, changed),
        ]:
            yield Danger(change.address, change.type, Action.WEAKEN, reason, "")


def _removal(resource: Resource, before: Resolution) -> Danger:
    stack = before.resources.get(resource.stack)
    kept = stack is not None and str(stack.attributes.get("DeletionPolicy", "")).startswith("Retain")
    reason = "it is no longer in the templates, or its condition no longer holds"
    data = fate(resource.type, resource.attributes, Action.REMOVE, kept_by_stack=kept)
    return Danger(resource.address, resource.type, Action.REMOVE, reason, data)


def _replacing(change: ResourceChange, modified: Mapping[str, ResourceChange], new: Resource) -> Iterator[Danger]:
    """Yield the danger of a replacement. A subnet that goes with its VPC is named in the cascade of the VPC alone."""
    if change.type in FOUNDATIONS and _roots(change.address, modified) - {change.address}:
        return
    reasons = [
        f"{edit.path} refers to {edit.cause}, which is replaced" if edit.cause else _edit_in_words(edit)
        for edit in change.properties
        if edit.requires in REPLACING
    ]
    certainty = "" if change.replacement == Replacement.TRUE else "may be replaced: "
    cascade = tuple(
        address
        for address, other in modified.items()
        if other.replacement != Replacement.FALSE
        and address != change.address
        and change.address in _roots(address, modified)
    )
    data = fate(change.type, new.attributes, Action.REPLACE)
    yield Danger(change.address, change.type, Action.REPLACE, certainty + "; ".join(reasons), data, cascade)


def _roots(address: str, modified: Mapping[str, ResourceChange]) -> frozenset[str]:
    """Return the edited resources whose replacement is the reason that this one is replaced."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [address]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        replacing = [edit.cause for edit in modified[current].properties if edit.requires in REPLACING]
        if "" in replacing or not replacing:
            found.add(current)
        waiting += [cause for cause in replacing if cause]
    return frozenset(found)


def _edit_in_words(edit: PropertyChange) -> str:
    if edit.lines:
        return f"{edit.path} changes, which requires a replacement"
    return f"{edit.path}: {in_words(edit.before)} → {in_words(edit.after)} requires a replacement"
