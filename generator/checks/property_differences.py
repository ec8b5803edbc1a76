"""The properties of one resource in two releases, leaf by leaf: what differs, and where it refers to others."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
"""Where a leaf stands: `("Tags", "[Name]", "Value")`. An item of a list is in brackets: its name, else its number."""

ITEM_NAMES = ("Key", "Id", "Sid", "Name", "PolicyName", "AttributeName", "IndexName")
"""Properties that name an item of a list, so that a new item at the front does not change all that follow."""

LONGEST_VALUE = 200
"""Characters up to which a value is shown whole; longer text is shown as the lines that differ."""


@dataclass(frozen=True)
class Difference:
    """One leaf that differs. `before` and `after` are None where the leaf is absent."""

    path: Path
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the leaves that differ between two resources' properties, in the order of the newer one."""
    if repr(before) == repr(after):  # as text, because 1 == True
        return []
    old, new = leaves(before), leaves(after)
    return [
        Difference(path, old.get(path), new.get(path))
        for path in [*new, *(path for path in old if path not in new)]
        if normalized(old.get(path)) != normalized(new.get(path))
    ]


def leaves(properties: Mapping[str, Any]) -> dict[Path, Any]:
    """Return the properties' leaves by path. A list of plain values is one leaf, and so is a policy document."""
    return dict(_leaves(properties, ()))


def names(path: Path) -> Path:
    """Return a path without the items of lists, as registry schemas spell it."""
    return tuple(part for part in path if not part.startswith("["))


def spelled(path: Path) -> str:
    """Return a path as people read it: `Tags[Name].Value`."""
    return ".".join(path).replace(".[", "[")


def in_words(value: Any) -> str:
    """Return a value as templates write it: `true`, `80`, `["a"]`; `(not given)` for an absent one."""
    if value is None:
        return "(not given)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def normalized(value: Any) -> Any:
    """Return a value in which `true` and "true", and 80 and "80", are the same, as they are for CloudFormation."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return {key: normalized(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [normalized(item) for item in value]
    return value


def is_long(value: Any) -> bool:
    """Whether a value is too long to be shown whole: several lines of text, or a policy document."""
    text = _text(value)
    return len(text) > LONGEST_VALUE or ("\n" in text and isinstance(value, str))


def differing_lines(before: Any, after: Any) -> tuple[str, ...]:
    """Return the lines that differ between two long values, each with `+ ` or `- `; nothing where both are short."""
    if not (is_long(before) or is_long(after)):
        return ()
    compared = difflib.unified_diff(_text(before).splitlines(), _text(after).splitlines(), n=0, lineterm="")
    return tuple(f"{line[0]} {line[1:]}" for line in compared if not line.startswith(("---", "+++", "@@")))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value and "Statement" not in value:
        for key, part in value.items():
            yield from _leaves(part, (*path, str(key)))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for name, item in zip(_item_names(value), value, strict=True):
            yield from _leaves(item, (*path, f"[{name}]"))
    elif path:
        yield path, value


def _item_names(items: list[Mapping[str, Any]]) -> list[str]:
    for key in ITEM_NAMES:
        given = [item.get(key) for item in items]
        if all(isinstance(name, str) for name in given) and len(set(given)) == len(items):
            return [str(name) for name in given]
    return [str(number) for number in range(len(items))]
