"""What a deployed environment fills into the runbook: outputs and parameters of its root stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from generator.delivery.deploy import find_deployed
from generator.delivery.session import explained
from generator.errors import UserError
from generator.naming import root_stack_name
from generator.runbook.pages import PLACEHOLDER

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def values_of(cloudformation: CloudFormationClient, environment_name: str) -> dict[str, str]:
    """Return outputs and parameters of an environment by name, without those that are empty.

    Raises `UserError` where the credentials are missing or may not ask, and where the environment is not deployed.
    """
    stack_name, region = root_stack_name(environment_name), cloudformation.meta.region_name
    with explained(f"reading stack {stack_name} in {region}"):
        stack = find_deployed(cloudformation, stack_name)
    if stack is None:
        raise UserError(
            f"there is no stack {stack_name} in {region}: use the credentials of {environment_name}'s account, "
            "and --region where it is deployed elsewhere"
        )
    parameters = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return {name: value for name, value in {**parameters, **outputs}.items() if value}


def placeholders(text: str) -> set[str]:
    """Return the names that stand for values in a text."""
    return set(PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the values that there are; other placeholders stay."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
