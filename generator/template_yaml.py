"""CloudFormation templates as YAML: short-form intrinsics, block scalars for scripts, the same bytes for the same
input.

PyYAML's C emitter does the work; it quotes what YAML 1.1 would read as something else (`yes`, `12:30`, `2012-10-17`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


class _TemplateDumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


class _OneLine(list[Any]):
    """A list that stands on one line: the values that a parameter allows, of which the roots have many."""


class _TemplateLoader(yaml.CSafeLoader):
    pass


def dump(template: Mapping[str, Any]) -> str:
    """Return the YAML text of a template given as plain dictionaries with long-form intrinsics.

    A blank line stands between resources, for the reader's sake.
    """
    sections = []
    for section, content in _in_reading_order(template).items():
        if section == "Resources" and content:
            resources = [_yaml({section: {name: resource}}).partition("\n")[2] for name, resource in content.items()]
            sections.append(f"{section}:\n" + "\n".join(resources))
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


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.dump(content, Dumper=_TemplateDumper, sort_keys=False, width=10_000, allow_unicode=True)


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


def _represent_mapping(dumper: yaml.CSafeDumper, mapping: dict[str, Any]) -> yaml.Node:
    """Write `{"Ref": "Vpc"}` as `!Ref Vpc`. An intrinsic directly inside another needs its long form: a node has one
    tag.
    """
    if len(mapping) == 1:
        (function, argument), *_ = mapping.items()
        tag = SHORT_FORMS.get(function)
        if function == "Fn::GetAtt" and isinstance(argument, list) and all(isinstance(part, str) for part in argument):
            return dumper.represent_scalar("!GetAtt", ".".join(argument))
        if tag and isinstance(argument, str) and function != "Fn::GetAtt":
            return dumper.represent_scalar(tag, argument, style=_style(argument))
        if tag and isinstance(argument, list) and function not in ("Ref", "Condition"):
            compact = len(json.dumps(argument)) <= ONE_LINE
            return dumper.represent_sequence(tag, argument, flow_style=compact)
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping)


def _style(text: str) -> str | None:
    """Return the style of a block for text of several lines, unless it ends in blank lines that a block would lose."""
    body = text.removesuffix("\n")
    return "|" if "\n" in body and not body.endswith("\n") else None


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _represent_one_line(dumper: yaml.CSafeDumper, values: _OneLine) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


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


_TemplateDumper.add_representer(dict, _represent_mapping)
_TemplateDumper.add_representer(_OneLine, _represent_one_line)
_TemplateDumper.add_representer(str, _represent_text)
_TemplateLoader.add_multi_constructor("!", _construct_intrinsic)
