"""Removed and added resources that are probably the same one: renamed, or moved to another stack.

CloudFormation knows a resource by its logical id within its stack. A new id, or another stack, is a new resource to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from generator.checks.property_differences import leaves, normalized
from generator.checks.update_behaviour import physical_name
from generator.resolver import NESTED_STACK, Resource

ALIKE = 0.6
"""Share of equal properties from which a removed and an added resource are taken for the same one."""

REFACTORING = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html"


def rename_notes(removed: Sequence[Resource], added: Sequence[Resource], region: str) -> dict[str, list[str]]:
    """Return notes, by address, for removed and added resources that look alike or want one physical name."""
    notes: dict[str, list[str]] = defaultdict(list)
    for old, new, share in _pairs(removed, added):
        what = "renamed" if old.stack == new.stack else "moved to another stack"
        notes[old.address].append(
            f"Looks {what}: {new.address} has {share:.0%} of its properties. CloudFormation makes a new resource and "
            f"deletes this one; a stack refactoring keeps it ({REFACTORING})."
        )
        notes[new.address].append(
            f"Looks like {old.address}, {what}: a new resource, without what the former one holds."
        )
    for new in added:
        for old in removed:
            name = _same_name(old, new, region)
            if name:
                notes[new.address].append(
                    f"CloudFormation creates before it deletes: {name} is still taken by {old.address}, and this fails."
                )
    return notes


def _pairs(removed: Sequence[Resource], added: Sequence[Resource]) -> list[tuple[Resource, Resource, float]]:
    """Return the pairs that are alike, the most alike first; a resource is in one pair at most."""
    candidates = [
        (old, new, _share(old.properties, new.properties))
        for old in removed
        for new in added
        if old.type == new.type != NESTED_STACK
    ]
    candidates.sort(key=lambda pair: (-pair[2], pair[0].logical_id != pair[1].logical_id))
    pairs: list[tuple[Resource, Resource, float]] = []
    taken: set[str] = set()
    for old, new, share in candidates:
        if share >= ALIKE and not taken & {old.address, new.address}:
            pairs.append((old, new, share))
            taken |= {old.address, new.address}
    return pairs


def _share(before: Mapping[str, object], after: Mapping[str, object]) -> float:
    old, new = leaves(before), leaves(after)
    equal = [path for path, value in new.items() if path in old and normalized(old[path]) == normalized(value)]
    return len(equal) / max(len(old), len(new), 1)


def _same_name(old: Resource, new: Resource, region: str) -> str | None:
    name = physical_name(new.type, region)
    if old.type != new.type or name is None:
        return None
    given = new.properties.get(name)
    return f"the {name} {given!r}" if given and given == old.properties.get(name) else None
