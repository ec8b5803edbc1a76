"""What an upgrade does to an environment, known before anything is deployed: two resolutions, compared.

Unlike a change set, this sees through all nested stacks at once, follows a replacement to whatever refers to the
replaced resource, and says what is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.checks.changes import (
    ChangeAction,
    Impact,
    ParameterChange,
    PropertyChange,
    Replacement,
    ResourceChange,
)
from generator.checks.dangers import find_dangers
from generator.checks.permission_changes import permission_changes
from generator.checks.property_differences import (
    Difference,
    differences,
    differing_lines,
    is_long,
    leaves,
    normalized,
    spelled,
)
from generator.checks.renames import rename_notes
from generator.checks.update_behaviour import Behaviour, behaviour, changing_attributes, note, physical_name
from generator.resolver import NESTED_STACK, Resolution, Resource, references

ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
"""What a change set reports besides properties and tags. A change of `DependsOn` changes nothing that exists."""

RELEASE_PARAMETERS = ("TemplateBucketName", "TemplateKeyPrefix")
"""Parameters of a root that say where its templates are; they differ with every release."""


def compare(before: Resolution, after: Resolution) -> Impact:
    """Return what deploying the newer resolution does where the older one is deployed."""
    modified = _modified(before, after)
    added = [resource for address, resource in after.resources.items() if address not in before.resources]
    removed = [resource for address, resource in before.resources.items() if address not in after.resources]
    notes = rename_notes(removed, added, after.region)
    changes = [
        *(_change_of(ChangeAction.ADD, resource, notes) for resource in added),
        *modified.values(),
        *(_change_of(ChangeAction.REMOVE, resource, notes) for resource in removed),
    ]
    order = {address: number for number, address in enumerate([*after.resources, *before.resources])}
    changes.sort(key=lambda change: order[change.address])
    return Impact(
        tuple(changes),
        tuple(_parameter_changes(before, after)),
        tuple(permission_changes(before, after)),
        tuple(find_dangers(changes, before, after)),
    )


@dataclass(frozen=True)
class _Renewal:
    """What of a resource gets a new value: all of it when it is replaced, else single attributes."""

    replacement: Replacement
    attributes: frozenset[str]


def _modified(before: Resolution, after: Resolution) -> dict[str, ResourceChange]:
    """Return what changes of the resources that both have, by address.

    A replaced resource changes whatever refers to it, which may be replaced in turn: repeated until nothing is added.
    The number of replaced resources only grows, so that this ends.
    """
    common = [address for address in after.resources if address in before.resources]
    edited = {address: _edits(before.resources[address], after.resources[address], after.region) for address in common}
    renewals: dict[str, _Renewal] = {}
    while True:
        changes = {
            address: [
                *edited[address],
                *_consequences(after.resources[address], edited[address], renewals, after.region),
            ]
            for address in common
        }
        following = {address: _renewal(after.resources[address], found) for address, found in changes.items() if found}
        if following == renewals:
            break
        renewals = following
    return {
        address: _modification(before.resources[address], after.resources[address], found, after.region)
        for address, found in changes.items()
        if found or before.resources[address].type != after.resources[address].type
    }


def _edits(before: Resource, after: Resource, region: str) -> list[PropertyChange]:
    """Return what the templates and parameters themselves change of a resource.

    A nested stack's own properties, the address of its template and its parameters, change nothing but what it holds.
    """
    changed = [] if after.type == NESTED_STACK else differences(before.properties, after.properties)
    properties = [
        _property_change(edit, behaviour(after.type, edit.path, after.attributes, region), "") for edit in changed
    ]
    attributes = [
        _property_change(Difference((name,), old, new), Behaviour.NO_INTERRUPTION, "", name)
        for name in ATTRIBUTES
        for old, new in [(before.attributes.get(name), after.attributes.get(name))]
        if repr(old) != repr(new) and normalized(old) != normalized(new)
    ]
    return properties + attributes


def _consequences(
    resource: Resource, edits: Sequence[PropertyChange], renewals: Mapping[str, _Renewal], region: str
) -> Iterator[PropertyChange]:
    """Yield the properties whose text stays as it is while what it refers to becomes another."""
    if resource.type == NESTED_STACK or resource.referred.isdisjoint(renewals):
        return
    edited = {edit.path for edit in edits}
    for path, value in leaves(resource.properties).items():
        causes = list(_renewed(value, renewals))
        if not causes or spelled(path) in edited:
            continue
        cause, certainty = max(causes, key=lambda found: list(Replacement).index(found[1]))
        requires = behaviour(resource.type, path, resource.attributes, region)
        if requires == Behaviour.REPLACEMENT and certainty == Replacement.CONDITIONAL:
            requires = Behaviour.CONDITIONAL
        yield _property_change(Difference(path, value, value), requires, cause)


def _renewed(value: Any, renewals: Mapping[str, _Renewal]) -> Iterator[tuple[str, Replacement]]:
    """Yield the resources a value refers to whose value becomes another, and how certain that is."""
    for reference in sorted(references(value)):
        renewal = renewals.get(reference.address)
        if renewal is None:
            continue
        if renewal.replacement != Replacement.FALSE:
            yield reference.address, renewal.replacement
        elif reference.attribute.split(".")[0] in renewal.attributes:
            yield reference.address, Replacement.TRUE


def _renewal(resource: Resource, changes: Sequence[PropertyChange]) -> _Renewal:
    attributes = (
        attribute
        for change in changes
        if change.scope in ("Properties", "Tags")
        for attribute in changing_attributes(resource.type, _property_of(change))
    )
    return _Renewal(_replacement(changes), frozenset(attributes))


def _replacement(changes: Sequence[PropertyChange]) -> Replacement:
    required = {change.requires for change in changes}
    if Behaviour.REPLACEMENT in required:
        return Replacement.TRUE
    return Replacement.CONDITIONAL if Behaviour.CONDITIONAL in required else Replacement.FALSE


def _property_change(difference: Difference, requires: Behaviour, cause: str, scope: str = "") -> PropertyChange:
    long = is_long(difference.before) or is_long(difference.after)
    return PropertyChange(
        spelled(difference.path),
        scope or ("Tags" if difference.path[0] == "Tags" else "Properties"),
        None if long else difference.before,
        None if long else difference.after,
        differing_lines(difference.before, difference.after),
        requires,
        cause,
    )


def _modification(before: Resource, after: Resource, found: Sequence[PropertyChange], region: str) -> ResourceChange:
    replacement = _replacement(found) if before.type == after.type else Replacement.TRUE
    notes = [text for change in found for text in [note(after.type, _property_of(change))] if text]
    notes += _refusals(before, after, found, replacement, region)
    worst = max(
        (change.requires for change in found), key=lambda required: required.severity, default=Behaviour.REFUSED
    )
    return ResourceChange(
        ChangeAction.MODIFY, after.address, after.type, replacement, worst, tuple(found), tuple(dict.fromkeys(notes))
    )


def _refusals(
    before: Resource, after: Resource, found: Sequence[PropertyChange], replacement: Replacement, region: str
) -> Iterator[str]:
    """Yield why CloudFormation will refuse a modification, if it will."""
    if before.type != after.type:
        yield (f"CloudFormation refuses to make a {after.type} of a {before.type} under one logical id: rename it.")
    refused = [change.path for change in found if change.requires == Behaviour.REFUSED]
    if refused:
        yield (f"CloudFormation refuses this update: {', '.join(refused)} cannot change, not even by replacement.")
    name = physical_name(after.type, region)
    given = after.properties.get(name) if name else None
    kept = name and given and all(change.path != name for change in found)
    if replacement != Replacement.FALSE and kept:
        yield f"CloudFormation refuses to replace it while {name} stays {given!r}: two resources cannot have one name."


def _property_of(change: PropertyChange) -> str:
    """Return the property of the resource that a change is part of: `Tags` for `Tags[Name].Value`."""
    return change.path.partition(".")[0].partition("[")[0]


def _change_of(action: ChangeAction, resource: Resource, notes: Mapping[str, Sequence[str]]) -> ResourceChange:
    return ResourceChange(
        action,
        resource.address,
        resource.type,
        Replacement.FALSE,
        Behaviour.NO_INTERRUPTION,
        (),
        tuple(notes.get(resource.address, ())),
    )


def _parameter_changes(before: Resolution, after: Resolution) -> Iterator[ParameterChange]:
    old, new = before.parameters[""], after.parameters[""]
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in RELEASE_PARAMETERS and _plain(old.get(name)) != _plain(new.get(name)):
            yield ParameterChange(name, _plain(old.get(name)), _plain(new.get(name)))


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
