"""Ways to break the templates, for the tests that see a claim fail: what a claim promises is what it notices."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.intrinsics import Templates

Claim = Callable[[Templates], None]


def claims_of(*modules: ModuleType) -> dict[str, Claim]:
    """Return the claims of some modules by name: their functions whose name begins with `check_`."""
    return {
        name: getattr(module, name) for module in modules for name in sorted(dir(module)) if name.startswith("check_")
    }


class Mutation(NamedTuple):
    """One way to break the templates, and the claim that must notice."""

    name: str
    damage: Callable[[Templates], None]
    claim: Claim


def put(path: str, value: object) -> Callable[[Templates], None]:
    """Return the damage of setting a property: `template/LogicalId/Property/…`, indexes of lists as numbers."""

    def damage(templates: Templates) -> None:
        parent, key = _locate(templates, path)
        assert not isinstance(parent, dict) or key not in parent or parent[key] != value, "no damage"
        parent[key] = value

    return damage


def drop(path: str) -> Callable[[Templates], None]:
    """Return the damage of removing a property, a resource or an item of a list."""

    def damage(templates: Templates) -> None:
        parent, key = _locate(templates, path)
        del parent[key]

    return damage


def _locate(templates: Templates, path: str) -> tuple[Any, Any]:
    """Return the container and the key that a path ends in. Attributes of a resource are written with a leading dot."""
    module, name, *rest = path.split("/")
    if not rest:
        return templates[module]["Resources"], name
    if name in ("Parameters", "Outputs"):
        parent: Any = templates[module][name]
    elif rest[0].startswith("."):
        parent, rest = templates[module]["Resources"][name], [rest[0][1:], *rest[1:]]
    else:
        parent = templates[module]["Resources"][name]["Properties"]
    for key in rest[:-1]:
        parent = parent[int(key) if isinstance(parent, list) else key]
    return parent, int(rest[-1]) if isinstance(parent, list) else rest[-1]


def add(path: str, resource_type: str, **properties: object) -> Callable[[Templates], None]:
    """Return the damage of a resource too many."""

    def damage(templates: Templates) -> None:
        module, name = path.split("/")
        templates[module]["Resources"][name] = {"Type": resource_type, "Properties": properties}

    return damage


def refuse_tls_no_more(path: str) -> Callable[[Templates], None]:
    """Return the damage of taking from a policy the statement that refuses plain text."""

    def damage(templates: Templates) -> None:
        parent, key = _locate(templates, path)
        kept = [statement for statement in parent[key] if statement["Sid"] != "DenyInsecureTransport"]
        assert len(kept) == len(parent[key]) - 1
        parent[key] = kept

    return damage


def replace_text(path: str, old: str, new: str) -> Callable[[Templates], None]:
    """Return the damage of changing a part of a text."""

    def damage(templates: Templates) -> None:
        parent, key = _locate(templates, path)
        assert old in parent[key]
        parent[key] = parent[key].replace(old, new)

    return damage


def replace_in_script(old: str, new: str) -> Callable[[Templates], None]:
    """Return the damage of changing the web servers' script."""
    return replace_text("web_tier/LaunchTemplate/LaunchTemplateData/UserData/Fn::Base64/Fn::Join/1/1", old, new)


def swap(path: str, other: str) -> Callable[[Templates], None]:
    """Return the damage of two items of a list, or two properties, in each other's place."""

    def damage(templates: Templates) -> None:
        (here, key), (there, other_key) = _locate(templates, path), _locate(templates, other)
        here[key], there[other_key] = there[other_key], here[key]

    return damage


def assert_noticed(mutation: Mutation, templates: Templates) -> None:
    """Break a copy of the templates, and see the claim fail."""
    broken = deepcopy(templates)
    mutation.damage(broken)
    assert broken != templates
    with pytest.raises(AssertionError):
        mutation.claim(broken)
