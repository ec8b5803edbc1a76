"""CloudFormation templates as YAML: short-form intrinsics, block scalars for scripts, the same bytes for the same
input.

PyYAML's C emitter does the work; what YAML 1.1 would read as something else (`yes`, `12:30`, `2012-10-17`) is quoted.
The emitter is given events: PyYAML's dumper makes a tree of nodes of every template before, and takes twice as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

SECTIONS = ("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions")
"""The order in which a reader wants the sections; `Resources` and `Outputs` follow."""

RESOURCE_ATTRIBUTES = ("Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy")
"""What a reader wants to know of a resource before its properties."""

SHORT_FORMS = {
    "Ref": "!Ref",
    "Condition": "!Condition",
    "Fn::And": "!And",
    "Fn::Base64": "!Base64",
    "Fn::Cidr": "!Cidr",
    "Fn::Contains": "!Contains",
    "Fn::EachMemberEquals": "!EachMemberEquals",
    "Fn::EachMemberIn": "!EachMemberIn",
    "Fn::Equals": "!Equals",
    "Fn::FindInMap": "!FindInMap",
    "Fn::GetAtt": "!GetAtt",
    "Fn::GetAZs": "!GetAZs",
    "Fn::If": "!If",
    "Fn::ImportValue": "!ImportValue",
    "Fn::Join": "!Join",
    "Fn::Not": "!Not",
    "Fn::Or": "!Or",
    "Fn::RefAll": "!RefAll",
    "Fn::Select": "!Select",
    "Fn::Split": "!Split",
    "Fn::Sub": "!Sub",
    "Fn::ValueOf": "!ValueOf",
    "Fn::ValueOfAll": "!ValueOfAll",
}


ONE_LINE = 96
"""Characters up to which a function with a list of arguments stands on one line, as in `!Equals [!Ref Zone, '']`."""


TEXT = "tag:yaml.org,2002:str"

START = (yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False))
END = (yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent())
MAPPING = yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
MAPPING_END = yaml.MappingEndEvent()
LIST = yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
ONE_LINE_LIST = yaml.SequenceStartEvent(None, None, implicit=True, flow_style=True)
LIST_END = yaml.SequenceEndEvent()

BEFORE_RESOURCE = re.compile(r"\n(?=  [^ \n:])")
"""Where the next resource begins: what belongs to one stands further right, or begins with the colon after a key that
is so long that YAML gives it a line of its own."""

BLANK_LINE = "\n\n"


class _OneLine(list[Any]):
    """A list that stands on one line: the values that a parameter allows, of which the roots have many."""


class _TemplateLoader(yaml.CSafeLoader):
    pass


def dump(template: Mapping[str, Any]) -> str:
    """Return the YAML text of a template given as plain dictionaries with long-form intrinsics.

    A blank line stands between resources, for the reader's sake. Raises `yaml.YAMLError` for what YAML has no form for.
    """
    sections = []
    for section, content in _in_reading_order(template).items():
        if section == "Resources" and content:
            header, _, resources = _yaml({section: content}).partition("\n")
            sections.append(f"{header}\n{BEFORE_RESOURCE.sub(BLANK_LINE, resources)}")
        elif section == "Parameters":
            sections.append(_yaml({section: {name: _with_one_line(declared) for name, declared in content.items()}}))
        else:
            sections.append(_yaml({section: content}))
    return "".join(sections)


def load(text: str) -> dict[str, Any]:
    """Return a template as plain dictionaries with long-form intrinsics. Raises `yaml.YAMLError`."""
    loaded = yaml.load(text, Loader=_TemplateLoader)
    if not isinstance(loaded, dict):
        raise yaml.YAMLError("a template is a mapping of sections")
    return loaded


def _in_reading_order(template: Mapping[str, Any]) -> dict[str, Any]:
    ordered = _first(SECTIONS, template)
    resources = ordered.pop("Resources", {})
    outputs = ordered.pop("Outputs", {})
    ordered["Resources"] = {name: _first(RESOURCE_ATTRIBUTES, resource) for name, resource in resources.items()}
    if outputs:
        ordered["Outputs"] = {name: _first(("Description",), declared) for name, declared in outputs.items()}
    return ordered


def _with_one_line(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _OneLine(value) if key == "AllowedValues" else value for key, value in declared.items()}


def _first(keys: tuple[str, ...], mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: mapping[key] for key in keys if key in mapping} | dict(mapping)


def _yaml(content: Mapping[str, Any]) -> str:
    events: list[yaml.Event] = [*START]
    _add(events, content)
    events += END
    text: str = yaml.emit(events, Dumper=yaml.CSafeDumper, width=10_000, allow_unicode=True)
    return text


def _add(events: list[yaml.Event], value: object) -> None:
    """Add the events of a value, a section or all below it. An intrinsic directly inside another keeps its long form,
    for a node has one tag.
    """
    if isinstance(value, str):
        events.append(_text(value))
    elif isinstance(value, dict):
        if len(value) == 1 and _add_short_form(events, *value.items()):
            return
        events.append(MAPPING)
        for key, item in value.items():
            _add(events, key)
            _add(events, item)
        events.append(MAPPING_END)
    elif isinstance(value, list):
        events.append(ONE_LINE_LIST if isinstance(value, _OneLine) else LIST)
        _add_items(events, value)
    else:
        events.append(_scalar(value))


def _add_short_form(events: list[yaml.Event], call: tuple[str, Any]) -> bool:
    """Add `{"Ref": "Vpc"}` as `!Ref Vpc`; return whether the only item of a mapping was such a call of a function."""
    function, argument = call
    tag = SHORT_FORMS.get(function)
    if tag is None:
        return False
    if function == "Fn::GetAtt":
        if not (isinstance(argument, list) and all(isinstance(part, str) for part in argument)):
            return False
        events.append(_tagged_text(tag, ".".join(argument)))
    elif isinstance(argument, str):
        events.append(_tagged_text(tag, argument))
    elif isinstance(argument, list) and function not in ("Ref", "Condition"):
        events.append(_tagged_list(tag, flow_style=len(json.dumps(argument)) <= ONE_LINE))
        _add_items(events, argument)
    else:
        return False
    return True


def _add_items(events: list[yaml.Event], items: Iterable[object]) -> None:
    for item in items:
        _add(events, item)
    events.append(LIST_END)


@cache
def _text(text: str) -> yaml.ScalarEvent:
    others = yaml.SafeDumper.yaml_implicit_resolvers.get(text[:1], ())
    reads_as_text = not any(pattern.match(text) for _, pattern in others)
    return yaml.ScalarEvent(None, TEXT, (reads_as_text, True), text, style=_style(text))


@cache
def _tagged_text(tag: str, text: str) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, tag, (False, False), text, style=_style(text))


@cache
def _tagged_list(tag: str, *, flow_style: bool) -> yaml.SequenceStartEvent:
    return yaml.SequenceStartEvent(None, tag, implicit=False, flow_style=flow_style)


def _scalar(value: object) -> yaml.ScalarEvent:
    """Return the event of a number, a boolean or nothing."""
    if not isinstance(value, int | float | None):
        raise yaml.representer.RepresenterError(f"a template can hold no {type(value).__name__}: {value!r}")
    node = yaml.representer.SafeRepresenter().represent_data(value)
    return yaml.ScalarEvent(None, node.tag, (True, False), node.value)


def _style(text: str) -> str | None:
    """Return the style of a block for text of several lines, unless it ends in blank lines that a block would lose."""
    body = text.removesuffix("\n")
    return "|" if "\n" in body and not body.endswith("\n") else None


def _construct_intrinsic(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    function = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if f"!{suffix}" not in SHORT_FORMS.values():
        raise yaml.constructor.ConstructorError(
            None, None, f"!{suffix} is no function that our templates use", node.start_mark
        )
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {function: text.split(".", 1) if function == "Fn::GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {function: loader.construct_sequence(node, deep=True)}
    raise yaml.constructor.ConstructorError(None, None, f"!{suffix} takes text or a list", node.start_mark)


_TemplateLoader.add_multi_constructor("!", _construct_intrinsic)
