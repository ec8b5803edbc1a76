"""The registry schemas of resource types that cfn-lint bundles: what properties may be, which cannot change, and
what CloudFormation must be permitted to do.

A schema is the resource type's own description in CloudFormation's registry, one per type and region.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html

They are read as the files that they are: importing cfn-lint for them takes half a second, and its own reader prefers
newer schemas in the home folder of whoever runs it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Any

Path = tuple[str, ...]
"""Where a property stands: `("Budget", "BudgetName")`; `*` stands for every item of a list."""

FIRST_REGION = "us-east-1"
"""Whose schemas stand in for those of a region that cfn-lint does not know."""


@cache
def schema(type_name: str, region: str) -> dict[str, Any]:
    """Return the registry schema of a type in a region. Raises `KeyError` for a type that cfn-lint does not know.

    Whoever gets it shares it: copy before you change one.
    """
    name = "AWS::CloudFormation::CustomResource" if type_name.startswith("Custom::") else type_name
    file = cfn_lint_data() / "schemas" / "resources" / f"{_files(region)[name]}.json"
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


@cache
def paths(type_name: str, region: str, keyword: str) -> tuple[Path, ...]:
    """Return the properties that a keyword of the schema lists, such as `createOnlyProperties`."""
    pointers = schema(type_name, region).get(keyword, ())
    return tuple(tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers)


@cache
def handler_permissions(type_name: str, region: str) -> dict[str, tuple[str, ...]]:
    """Return the IAM actions that CloudFormation's handlers of a type call, such as `ec2:CreateVpc`, by operation.

    Operations are `create`, `read`, `update`, `delete` and `list`; a type that cannot be updated lacks that one. AWS
    calls the lists hints. Raises `KeyError` for an unknown type, and where the schema names no handlers.
    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
    """
    handlers = schema(type_name, region)["handlers"]
    return {operation: tuple(handler.get("permissions", ())) for operation, handler in sorted(handlers.items())}


@cache
def cfn_lint_data() -> FilePath:
    """Return the folder of the data in the installed cfn-lint, without importing it."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed: run make templates, which sets the environment up")
    return FilePath(spec.origin).parent / "data"


@cache
def _files(region: str) -> dict[str, str]:
    """Return the names of the schemas' files, by type; regions share them."""
    folder = cfn_lint_data() / "schemas" / "providers"
    file = folder / f"{region}.json"
    names: dict[str, str] = json.loads((file if file.exists() else folder / f"{FIRST_REGION}.json").read_bytes())
    return names
