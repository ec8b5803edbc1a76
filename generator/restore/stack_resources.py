"""What a deployed environment has: the physical ids in its nested stacks."""

from __future__ import annotations

from typing import Any

from generator.naming import root_stack_name


def nested_stack(cloudformation: Any, environment: str, stack: str) -> str:
    """Return the id of a stack that an environment's root nests, by its logical id there: `Database`."""
    name = root_stack_name(environment)
    found = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=stack)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def physical_id(cloudformation: Any, environment: str, stack: str, logical_id: str) -> str:
    """Return the physical id of a resource of a nested stack."""
    child = nested_stack(cloudformation, environment, stack)
    found = cloudformation.describe_stack_resource(StackName=child, LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])
