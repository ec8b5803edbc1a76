"""What the handlers of our resource types call: the lists of the registry's schemas, corrected where they are wrong.

The schemas name actions by type and operation; AWS calls them hints. `corrections.yaml` says, with a reason each, which
of them no template of ours needs, which need a statement of their own, and what the schemas miss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from generator.deployment_permissions.iam_actions import matching
from generator.errors import UserError
from generator.registry_schemas import handler_permissions, schema

CORRECTIONS = Path(__file__).parent / "corrections.yaml"
REGION = "us-east-1"
"""Whose schemas are read: AWS publishes new ones there first, and the lists do not differ by region."""

OPERATIONS = ("create", "read", "update", "delete")
"""What CloudFormation does with a resource of a stack. Listing is for scans and imports, which we do not use."""

Correction = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """An action, which may hold a wildcard, and the operations that call it, such as `AWS::EC2::VPC.create`."""

    action: str
    callers: tuple[str, ...]

    @property
    def before_tags(self) -> bool:
        """Whether the creation of a resource that gets tags calls it: the tags may not be there yet."""
        creating = [caller.removesuffix(".create") for caller in self.callers if caller.endswith(".create")]
        return any(schema(type_name, REGION).get("tagging", {}).get("taggable", True) for type_name in creating)


@dataclass(frozen=True)
class Needs:
    """`generic` is scoped by rules (`scopes.py`); `by_hand` by statements written for it, here by the action's name.

    `compacted` are patterns in whose place no single description needs to stand.
    """

    generic: tuple[Need, ...]
    by_hand: Mapping[str, str]
    compacted: tuple[str, ...] = ()


def needs(types: Iterable[str], corrections: Mapping[str, Any] | None = None) -> Needs:
    """Return what deploying resources of these types needs.

    Raises `UserError` for a type or an action that nobody has thought of, and for a correction that corrects nothing.
    """
    known = load_corrections() if corrections is None else corrections
    callers = _listed(sorted(set(types)), known)
    by_hand = {action: entry["statement"] for entry in known["by_hand"] for action in entry["actions"]}
    generic = []
    for action, by in sorted(callers.items()):
        if action in by_hand:
            continue
        if not matching(action):
            raise UserError(
                f"{CORRECTIONS.name}: {action}, which {by[0]} calls, is no action that IAM knows: drop it there with a"
                " reason, or add its service to generator/deployment_permissions/refresh.py"
            )
        generic.append(Need(action, tuple(by)))
    compacted = tuple(entry["pattern"] for entry in known["compacted"])
    return Needs(tuple(generic), {action: sid for action, sid in by_hand.items() if action in callers}, compacted)


@cache
def load_corrections() -> Mapping[str, Any]:
    """Return `corrections.yaml`."""
    loaded: Mapping[str, Any] = yaml.load(CORRECTIONS.read_bytes(), Loader=yaml.CSafeLoader)
    return loaded


def _listed(types: list[str], known: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the actions and who calls them, without what is dropped and with what is added."""
    callers: dict[str, list[str]] = defaultdict(list)
    dropped = _by_service(known["dropped"])
    entries: dict[str, list[Correction]] = {}  # by the action that they are about: many types call the same
    for type_name in types:
        for operation, actions in _handlers(type_name, known["missing"]).items():
            for action in actions:
                if action not in entries:
                    possible = dropped.get(_service(action), ())
                    entries[action] = [entry for pattern, entry in possible if _is_about(pattern, action)]
                dropping = [entry for entry in entries[action] if type_name in entry.get("types", (type_name,))]
                # What reads is called after every change and asks for all there is, whatever the template says.
                asked_anyway = operation == "read" and matching(action) and not any("reads" in e for e in dropping)
                if asked_anyway or not dropping:
                    callers[action].append(f"{type_name}.{operation}")
    for entry in known["added"]:
        if entry["type"] in types:
            for action in entry["actions"]:
                callers[action].append(f"{entry['type']}.added")
    return callers


def _handlers(type_name: str, missing: Mapping[str, Correction]) -> dict[str, tuple[str, ...]]:
    """Return the actions of a type's operations. Raises `UserError` where nobody says what they are."""
    if type_name in missing:
        return {"update": tuple(missing[type_name]["actions"])}
    try:
        handlers = handler_permissions(type_name, REGION)
    except KeyError as error:
        raise UserError(
            f"{CORRECTIONS.name}: {type_name}: no registry schema says what its handlers call; name the actions under"
            " `missing`, with reason and source"
        ) from error
    return {operation: handlers[operation] for operation in OPERATIONS if operation in handlers}


def _by_service(corrections: Iterable[Correction]) -> dict[str, list[tuple[str, Correction]]]:
    """Return the patterns of corrections, each with its own: an action is looked for among those of its service."""
    found: dict[str, list[tuple[str, Correction]]] = defaultdict(list)
    for correction in corrections:
        for pattern in correction["actions"]:
            found[_service(pattern)].append((pattern, correction))
    return found


def _service(action: str) -> str:
    return action.partition(":")[0]


def _is_about(pattern: str, action: str) -> bool:
    return pattern == action or ("*" in pattern and fnmatchcase(action, pattern))


def unused_corrections(types: Iterable[str]) -> list[str]:
    """Return the patterns of `dropped` that no schema of these types lists: they have nothing left to correct."""
    wanted = sorted(set(types))
    known = load_corrections()
    listed = {
        (type_name, action)
        for type_name in wanted
        for operation, actions in _handlers(type_name, known["missing"]).items()
        for action in actions
        if operation != "read" or not matching(action)
    }
    return [
        pattern
        for entry in known["dropped"]
        for pattern in entry["actions"]
        if not any(
            type_name in entry.get("types", (type_name,)) and _is_about(pattern, action) for type_name, action in listed
        )
    ]
