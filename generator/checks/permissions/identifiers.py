"""What the symbols of a resolution stand for once it is deployed: representative names, ids and ARNs.

A policy speaks of ARNs that only a deployment knows. Here each symbol gets an identifier of the form that AWS gives it:
names as CloudFormation makes them of stack and logical id, ids of the right length, the same ones every time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from generator.naming import PROJECT
from generator.resolver import PARTITIONS, REFERENCE, Resolution, Resource

TABLE = Path(__file__).with_name("identifiers.yaml")

LONGEST_NAME = 63
"""Of a bucket and of a database; a role's may have 64 characters. CloudFormation cuts stack and logical id to fit."""

SUFFIX = 12
STACK_PART, ID_PART = 24, 24
"""How CloudFormation shortens: the prefix stays, which is all that policies go by."""

DEPLOY_TIME = re.compile(r"⟨(?P<stack>[\w/]*?)/?AWS::(?P<name>StackName|StackId)⟩")


class Identifiers:
    """The identifiers of everything in one resolution."""

    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution
        self._partition = next(
            (name for prefix, name in PARTITIONS.items() if resolution.region.startswith(prefix)), "aws"
        )

    def arn(self, address: str) -> str:
        """Return a resource's ARN. Raises `KeyError` for a type without one, such as a bucket policy."""
        resource = self.resolution.resources[address]
        return self._arn(resource, _table()[resource.type]["arn"])

    def has_arn(self, address: str) -> bool:
        """Return whether the resource has an ARN of its own."""
        return self.resolution.resources[address].type in _table()

    def ref(self, address: str) -> str:
        """Return what `Ref` gives of a resource."""
        resource = self.resolution.resources[address]
        form = _table().get(resource.type, {"ref": "{name}"})
        if form["ref"] == "arn":
            return self._arn(resource, form["arn"])
        return str(form["ref"].format_map(self._parts(resource)))

    def concrete(self, value: Any) -> Any:
        """Return a value in which identifiers stand in the places of symbols."""
        if isinstance(value, str):
            if "⟨" not in value:
                return value
            named = REFERENCE.sub(lambda found: self._value(found["address"], found["attribute"] or ""), value)
            return DEPLOY_TIME.sub(lambda found: self._of_stack(found["stack"], found["name"]), named)
        if isinstance(value, Mapping):
            return {key: self.concrete(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.concrete(part) for part in value]
        return value

    def _value(self, address: str, attribute: str) -> str:
        if not attribute:
            return self.ref(address)
        resource = self.resolution.resources[address]
        form = _table().get(resource.type, {})
        if attribute in form.get("others", {}):
            return self._arn(resource, form["others"][attribute])
        if attribute.endswith("Arn") and "arn" in form:
            return self._arn(resource, form.get("get", form["arn"]))
        if resource.type == "AWS::EC2::SecurityGroup" and attribute in ("GroupId", "Id"):
            return self.ref(address)
        return f"{attribute.lower()}-{_digest(address + attribute)[:17]}"

    def _of_stack(self, stack: str, name: str) -> str:
        if name == "StackName":
            return self._stack_name(stack)
        return self._arn(self.resolution.resources[stack], _table()["AWS::CloudFormation::Stack"]["arn"])

    def _arn(self, resource: Resource, form: str) -> str:
        parts = self._parts(resource)
        if "{ref}" in form:
            parts["ref"] = _table()[resource.type]["ref"].format_map(parts)
        return f"arn:{self._partition}:{form.format_map(parts)}"

    def _parts(self, resource: Resource) -> dict[str, str]:
        unique = _digest(f"{self.resolution.stack_name}/{resource.address}")
        name = self._name(resource)
        properties = resource.properties
        return {
            "region": self.resolution.region,
            "account": self.resolution.account_id,
            "name": name,
            "lower": name.lower(),
            "brief": f"{PROJECT[:5]}-{resource.logical_id[:5]}-{unique[:SUFFIX].upper()}",
            "hex": unique[:17],
            "short": unique[:16],
            "six": unique[:6],
            "uuid": "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:32])),
            "host": urlsplit(str(properties.get("Url", ""))).netloc,
            "zone": str(properties.get("HostedZoneId", "")),
            "group": str(self.concrete(properties.get("GroupName", "default"))),
            "cluster": str(self.concrete(properties.get("Cluster", "default"))),
        }

    def _name(self, resource: Resource) -> str:
        given: Any = resource.properties
        for key in str(_table().get(resource.type, {}).get("given", "")).split("."):
            given = given.get(key) if isinstance(given, Mapping) else None
        if isinstance(given, str):
            return str(self.concrete(given))
        if resource.type == "AWS::CloudFormation::Stack":
            return self._stack_name(resource.address)
        if _table().get(resource.type, {}).get("own"):
            return f"{resource.logical_id}-{_digest(resource.address)[:SUFFIX]}"
        return self._generated(self._stack_name(resource.stack), resource.logical_id, resource.address)

    def _stack_name(self, stack: str) -> str:
        if not stack:
            return self.resolution.stack_name
        parent, _, logical_id = stack.rpartition("/")
        return self._generated(self._stack_name(parent), logical_id, stack)

    def _generated(self, stack_name: str, logical_id: str, address: str) -> str:
        suffix = _digest(f"{self.resolution.stack_name}/{address}/name")[:SUFFIX].upper()
        return f"{stack_name[:STACK_PART]}-{logical_id[:ID_PART]}-{suffix}"


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    forms: Mapping[str, Mapping[str, Any]] = yaml.load(TABLE.read_bytes(), Loader=yaml.CSafeLoader)
    return forms


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
