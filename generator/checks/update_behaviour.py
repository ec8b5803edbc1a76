"""What an update of a property does to its resource: nothing, an interruption, a replacement, or a refusal.

The registry schema says which properties are create-only; `update_behaviour.yaml` says what it leaves open.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path as File
from typing import Any

import yaml

from generator import registry_schemas
from generator.checks.property_differences import Path, names

TABLE = File(__file__).with_name("update_behaviour.yaml")

AUTO_SCALING_GROUP = "AWS::AutoScaling::AutoScalingGroup"


class Behaviour(StrEnum):
    """What CloudFormation's documentation says after "Update requires", from the mildest to the worst."""

    NO_INTERRUPTION = "No interruption"
    SOME_INTERRUPTIONS = "Some interruptions"
    CONDITIONAL = "Conditional replacement"
    REPLACEMENT = "Replacement"
    REFUSED = "Refused"

    @property
    def severity(self) -> int:
        """Return how bad it is, to compare."""
        return list(Behaviour).index(self)


def behaviour(type_name: str, path: Path, attributes: Mapping[str, Any], region: str) -> Behaviour:
    """Return what an update of the property does. `attributes` are the resource's: an update policy may replace it.

    A type without a schema, such as a custom resource, is updated in place: its provider decides.
    """
    changed = names(path)
    rules = _rules(type_name)
    if type_name == AUTO_SCALING_GROUP and _will_replace(attributes) and changed[0] in rules["some_interruptions"]:
        return Behaviour.REPLACEMENT
    if changed[0] in rules["refused"]:
        return Behaviour.REFUSED
    if changed[0] in rules["replacement"] or _listed(type_name, changed, region, "createOnlyProperties"):
        return Behaviour.REPLACEMENT
    if changed[0] in rules["some_interruptions"]:
        return Behaviour.SOME_INTERRUPTIONS
    if _listed(type_name, changed, region, "conditionalCreateOnlyProperties"):
        return Behaviour.CONDITIONAL
    return Behaviour.NO_INTERRUPTION


def note(type_name: str, name: str) -> str | None:
    """Return what the table says to whoever changes the property, if anything."""
    found: str | None = _rules(type_name)["notes"].get(name)
    return found


def changing_attributes(type_name: str, name: str) -> list[str]:
    """Return the attributes (`Fn::GetAtt`) that get a new value when the property is updated in place.

    An attribute that is called as the property is one of them: the CidrBlock of a VPC.
    """
    return [name, *_rules(type_name)["changing_attributes"].get(name, [])]


def physical_name(type_name: str, region: str) -> str | None:
    """Return the property that names the resource for good: `DBInstanceIdentifier`; None where nothing does.

    Two resources cannot have one name, so that CloudFormation cannot replace a resource whose name is given.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
    """
    kind = type_name.rpartition("::")[2]
    create_only = _paths(type_name, region, "createOnlyProperties")
    identifiers = _paths(type_name, region, "primaryIdentifier")
    candidates = [*(identifiers if len(identifiers) == 1 else ()), ("Name",), (f"{kind}Name",)]
    if type_name == "AWS::EC2::SecurityGroup":
        candidates.append(("GroupName",))
    return next((path[0] for path in candidates if path in create_only), None)


def _listed(type_name: str, changed: Path, region: str, keyword: str) -> bool:
    for pointer in _paths(type_name, region, keyword):
        listed = tuple(part for part in pointer if part != "*")
        if changed[: len(listed)] == listed or listed[: len(changed)] == changed:
            return True
    return False


def _paths(type_name: str, region: str, keyword: str) -> tuple[Path, ...]:
    try:
        return registry_schemas.paths(type_name, region, keyword)
    except KeyError:
        return ()


def _will_replace(attributes: Mapping[str, Any]) -> bool:
    """Whether an Auto Scaling group is replaced as a whole.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
    """
    policy = (attributes.get("UpdatePolicy") or {}).get("AutoScalingReplacingUpdate") or {}
    return str(policy.get("WillReplace", "")).lower() == "true"


def _rules(type_name: str) -> Mapping[str, Any]:
    given = _table()["types"].get(type_name, {})
    lists = ("replacement", "some_interruptions", "refused")
    return {
        **{key: given.get(key, []) for key in lists},
        **{key: given.get(key, {}) for key in ("notes", "changing_attributes")},
    }


@cache
def _table() -> Any:
    return yaml.load(TABLE.read_bytes(), Loader=yaml.CSafeLoader)
