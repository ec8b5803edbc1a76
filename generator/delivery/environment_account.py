"""Which environment an AWS account is for: its bootstrap says so, in the tags of the stack it leaves there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.delivery.deploy import find_deployed
from generator.delivery.session import explained
from generator.errors import UserError
from generator.naming import PIPELINE_STACK, TARGET_STACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def refuse_unprepared_account(cloudformation: CloudFormationClient, environment_name: str) -> None:
    """Raise `UserError` unless the account of the credentials was bootstrapped for the environment."""
    region = cloudformation.meta.region_name
    if not refuse_account_of_another(cloudformation, environment_name):
        with explained(f"looking at the account's stacks in {region}"):
            is_of_tools = find_deployed(cloudformation, PIPELINE_STACK) is not None
        raise UserError(
            f"the account of these credentials is {'the tools account' if is_of_tools else 'not bootstrapped'} in "
            f"{region}: use those of {environment_name}'s account, after make bootstrap-target "
            f"ENVIRONMENT={environment_name}"
        )


def refuse_account_of_another(cloudformation: CloudFormationClient, environment_name: str) -> bool:
    """Raise `UserError` where the account was bootstrapped for another environment; return whether it was at all."""
    with explained(f"looking at the account's stacks in {cloudformation.meta.region_name}"):
        target = find_deployed(cloudformation, TARGET_STACK)
    if target is None:
        return False
    other = {tag["Key"]: tag["Value"] for tag in target.get("Tags", [])}.get("Environment")
    if other != environment_name:
        account_id = target["StackId"].split(":")[4]
        raise UserError(
            f"account {account_id} was bootstrapped for {other or 'no environment'}, not for {environment_name}: "
            f"use the credentials of {environment_name}'s account"
        )
    return True
