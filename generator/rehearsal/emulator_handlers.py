"""What a handler of a resource type is given, what it returns, and what handlers of several services share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
"""The physical id, which Ref answers, and the attributes, which Fn::GetAtt answers."""


@dataclass(frozen=True)
class Request:
    """One resource that a stack asks for, its properties resolved."""

    type_name: str
    logical_id: str
    stack_name: str
    properties: Properties

    def name(self, property_name: str, max_length: int = 128) -> str:
        """Return the name that the template gives, or one made as CloudFormation makes them."""
        given = self.properties.get(property_name)
        return str(given) if given else self.generated_name(max_length)

    def generated_name(self, max_length: int = 128) -> str:
        """Return a name made as CloudFormation makes them; another one where the resource replaces its predecessor."""
        provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
        return str(provisioners._physical_name(self.stack_name, self.logical_id, max_len=max_length))


@dataclass(frozen=True)
class ApiType:
    """How a type is created, deleted and changed in place through the API; without `update` it is replaced."""

    create: Callable[[Request], Created]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Request], Created] | None = None
    has_tags: bool = False


def hexadecimal(*seeds: str) -> str:
    """Return what looks like the random part of an AWS id; the same seeds give the same."""
    return hashlib.sha256("\n".join(seeds).encode()).hexdigest()[:17]


def picked(properties: Properties, *names: str) -> Properties:
    """Return those of the named properties that are given."""
    return {name: properties[name] for name in names if name in properties}


def tag_map(tags: Any) -> dict[str, str]:
    """Return key → value for a template's list of tags."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}
