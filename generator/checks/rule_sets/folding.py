"""One flat template of all that a release becomes in one setting, for tools that judge one plain template at a time.

On templates as they are released, with parameters and conditions undecided, third-party rule sets report failures that
are none and pass over what they cannot follow. A folded template holds the resolved resources of all nested stacks:

- Resources whose condition is false are absent, so every setting is folded by itself.
- The nested stacks themselves are absent: what they hold is there.
- A symbol is `Ref` or `Fn::GetAtt` again, now of the folded resource; inside longer text, a part of `Fn::Join`, which
  is the one form of text with references that all tools read.
- Numbers and booleans that came from a parameter, and are text in a resolution, are numbers and booleans, as
  CloudFormation converts them.
- `Metadata` is absent, because tools read suppressions there; what we accept stands in our waivers alone. `DependsOn`
  is absent too: no rule asks for an order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.registry_schemas import schema
from generator.resolver import NESTED_STACK, REFERENCE, Resolution, Resource

BASE64 = re.compile(r"⟨Fn::Base64 (?P<text>.*)⟩", re.DOTALL)
"""The symbol of text to be encoded whose content is not all known."""

SSM = re.compile(r"⟨ssm:(?P<path>[^⟩]+)⟩")
OTHER_SYMBOL = re.compile(r"⟨(?:\w+/)*(?P<name>[^⟨⟩]+)⟩")

NUMBER = re.compile(r"-?\d+(\.\d+)?")
BOOLEANS = {"true": True, "false": False}

KEPT_ATTRIBUTES = ("CreationPolicy", "DeletionPolicy", "UpdatePolicy", "UpdateReplacePolicy")


@dataclass(frozen=True)
class Folded:
    """A flat template, and where its resources come from."""

    template: Mapping[str, Any]
    addresses: Mapping[str, str]
    """The address of each resource, such as `Network/Vpc`, by its logical id in the flat template: `NetworkVpc`."""
    types: Mapping[str, str]
    """The type of each resource, by its address."""


def fold(resolution: Resolution) -> Folded:
    """Return the resources of all nested stacks as one flat template.

    Raises `ValueError` where two resources would have one logical id.
    """
    resources = [resource for resource in resolution.resources.values() if resource.type != NESTED_STACK]
    addresses: dict[str, str] = {}
    for resource in resources:
        former = addresses.setdefault(folded_id(resource.address), resource.address)
        if former != resource.address:
            raise ValueError(f"{former} and {resource.address} have the same logical id when folded")
    known = {resource.address: resource for resource in resources}
    folding = _Folding(known, resolution.region)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {folded_id(resource.address): folding.resource(resource) for resource in resources},
    }
    return Folded(template, addresses, {resource.address: resource.type for resource in resources})


def folded_id(address: str) -> str:
    """Return the logical id of a resource in the flat template: `Network/Vpc` becomes `NetworkVpc`."""
    return address.replace("/", "")


@dataclass(frozen=True)
class _Folding:
    """What the values of one resolution are folded with."""

    known: Mapping[str, Resource]
    region: str

    def resource(self, resource: Resource) -> dict[str, Any]:
        properties = self.value(typed(resource.properties, resource.type, self.region))
        kept = {name: self.value(resource.attributes[name]) for name in KEPT_ATTRIBUTES if name in resource.attributes}
        return {"Type": resource.type, **kept, **({"Properties": properties} if properties else {})}

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if not isinstance(value, str):
            return value
        if encoded := BASE64.fullmatch(value):
            return {"Fn::Base64": self.text(encoded["text"])}
        return self.text(value)

    def text(self, text: str) -> Any:
        """Return text with its symbols as references: the text itself, one reference, or `Fn::Join` of both."""
        parts: list[Any] = []
        end = 0
        for symbol in REFERENCE.finditer(text):
            if symbol["address"] in self.known:
                parts += [_without_symbols(text[end : symbol.start()]), _reference(symbol)]
                end = symbol.end()
        parts = [part for part in (*parts, _without_symbols(text[end:])) if part]
        if len(parts) <= 1:
            return parts[0] if parts else ""
        return {"Fn::Join": ["", parts]}


def _reference(symbol: re.Match[str]) -> dict[str, Any]:
    logical_id = folded_id(symbol["address"])
    return {"Fn::GetAtt": [logical_id, symbol["attribute"]]} if symbol["attribute"] else {"Ref": logical_id}


def _without_symbols(text: str) -> str:
    """Return text in which what only a deployment tells is a name of the same meaning."""
    text = SSM.sub(lambda match: f"{{{{resolve:ssm:{match['path']}}}}}", text)
    while OTHER_SYMBOL.search(text):
        text = OTHER_SYMBOL.sub(lambda match: re.sub(r"[^\w.-]+", "-", match["name"]), text)
    return text


def typed(properties: Mapping[str, Any], type_name: str, region: str) -> Any:
    """Return properties with text as numbers and booleans where the registry schema of the type asks for these.

    Those of a type that cfn-lint does not know stay as they are.
    """
    try:
        definition = schema(type_name, region)
    except KeyError:
        return properties
    return _typed(properties, definition, definition)


def _typed(value: Any, wanted: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    wanted = _dereferenced(wanted, root)
    if isinstance(value, Mapping):
        of_property = wanted.get("properties", {})
        return {key: _typed(item, of_property.get(key, {}), root) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_typed(item, wanted.get("items", {}), root) for item in value]
    kind = wanted.get("type")
    if isinstance(value, str) and kind == "boolean":
        return BOOLEANS.get(value, value)
    if isinstance(value, str) and kind in ("integer", "number") and NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _dereferenced(wanted: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in wanted:
        place: Any = root
        for step in wanted["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        wanted = place
    return wanted
