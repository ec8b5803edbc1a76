"""Whether two tools have made the same templates: nothing is compared in speed that is not the same in content."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Template = Mapping[str, Any]
MOST_SHOWN = 3


class _Reader(yaml.CSafeLoader):
    """Reads what others write too, such as a function of a mapping, and is nobody's own reader."""


def _function(reader: _Reader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.MappingNode):
        return {name: reader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {name: reader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {name: node.value.split(".", 1) if suffix == "GetAtt" else node.value}


_Reader.add_multi_constructor("!", _function)


def read(path: Path) -> dict[str, Any]:
    """Return a template as plain dictionaries with long-form intrinsics, from YAML or JSON."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else parsed(text)


def parsed(text: str) -> dict[str, Any]:
    """Return a template given as YAML with any of CloudFormation's functions in short or long form."""
    loaded: dict[str, Any] = yaml.load(text, Loader=_Reader)
    return loaded


def complaints(expected: Mapping[str, Template], found: Mapping[str, Template], loosely: bool = False) -> list[str]:
    """Return how the templates found differ from those expected, by name; an empty list where they are the same.

    `loosely` as CloudFormation compares: `80` is `"80"`, and tags have no order.
    """
    if set(expected) != set(found):
        return [f"templates differ: {', '.join(sorted(set(expected) ^ set(found)))}"]
    if loosely:
        expected, found = _as_cloudformation_sees(expected), _as_cloudformation_sees(found)
    different = [
        f"{path}: {one!r:.80} is {other!r:.80}"
        for name in sorted(expected)
        for path, one, other in _differences(expected[name], found[name], name)
    ]
    more = [f"and {len(different) - MOST_SHOWN} more"] if len(different) > MOST_SHOWN else []
    return different[:MOST_SHOWN] + more


def types(templates: Mapping[str, Template]) -> Counter[str]:
    """Return how many resources there are of each type."""
    return Counter(each["Type"] for template in templates.values() for each in template["Resources"].values())


def same_set(expected: Sequence[Template], found: Sequence[Template]) -> list[str]:
    """Return complaints where templates without names are not the same ones."""
    missing = len(_texts(expected) - _texts(found)), len(_texts(found) - _texts(expected))
    return [f"{missing[0]} templates are missing, {missing[1]} are others"] if any(missing) else []


def documents(text: str) -> list[Template]:
    """Return the templates that a tool has printed one after the other, each as YAML or as YAML in a string."""
    return [parsed(each) if isinstance(each, str) else each for each in yaml.load_all(text, Loader=_Reader) if each]


def _texts(templates: Sequence[Template]) -> Counter[str]:
    return Counter(json.dumps(each, sort_keys=True) for each in templates)


def _as_cloudformation_sees(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_cloudformation_sees(each) for key, each in value.items()}
    if isinstance(value, list):
        seen = [_as_cloudformation_sees(each) for each in value]
        tags = seen and all(isinstance(each, dict) and set(each) == {"Key", "Value"} for each in seen)
        return sorted(seen, key=lambda tag: str(tag["Key"])) if tags else seen
    return str(value).lower() if isinstance(value, (bool, int, float)) else value


def _differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            if key in one and key in other:
                yield from _differences(one[key], other[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}", one.get(key), other.get(key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(*pair, f"{path}/{place}")
    elif one != other or type(one) is not type(other):
        yield path, one, other
