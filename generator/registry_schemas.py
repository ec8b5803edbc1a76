"""The registry schemas of resource types that cfn-lint bundles: what properties may be, which cannot change, and
what CloudFormation must be permitted to do.

A schema is the resource type's own description in CloudFormation's registry, one per type and region.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

Path = tuple[str, ...]
"""Where a property stands: `("Budget", "BudgetName")`; `*` stands for every item of a list."""


@cache
def schema(type_name: str, region: str) -> dict[str, Any]:
    """Return the registry schema of a type in a region. Raises `KeyError` for a type that cfn-lint does not know."""
    manager: Any = import_module("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    missing: Any = import_module("cfnlint.schema").ResourceNotFoundError
    try:
        found: dict[str, Any] = manager.get_resource_schema(region, type_name).schema
    except missing as error:
        raise KeyError(type_name) from error
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
