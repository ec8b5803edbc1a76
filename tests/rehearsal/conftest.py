"""One emulator for all tests of this folder, and the trial platform that they deploy to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generator.environment import TemplateConfiguration, load
from generator.rehearsal.emulator import Emulator

TEMPLATES = Path(__file__).parent / "templates"
REGION = "eu-west-1"
DEVELOPMENT, PRODUCTION = "111111111111", "222222222222"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture(scope="session")
def dev() -> TemplateConfiguration:
    return load(Path(__file__).parents[2] / "params/dev.json")


@dataclass
class Account:
    """An account of the emulator, and how tests deploy to it."""

    emulator: Emulator
    account_id: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service, self.account_id, REGION)

    def deploy(
        self, name: str, template: str, kind: str = "CREATE", role_arn: str = "", **parameters: str
    ) -> dict[str, Any]:
        """Deploy through a change set, with a role or as administrator; return the stack as it is at the end."""
        cloudformation = self.client("cloudformation")
        given: dict[str, Any] = {"RoleARN": role_arn} if role_arn else {}
        change_set = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"change-{time.monotonic_ns()}",
            ChangeSetType=kind,
            TemplateBody=template,
            Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": "project", "Value": "trial"}],
            **given,
        )
        for _ in range(200):
            found = cloudformation.describe_change_set(ChangeSetName=change_set["Id"])
            if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
                break
            time.sleep(0.05)
        assert found["Status"] == "CREATE_COMPLETE", found.get("StatusReason")
        cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
        return self.settled(change_set["StackId"])

    def delete(self, name: str) -> dict[str, Any]:
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)
        return self.settled(stack_id)

    def settled(self, stack_id: str) -> dict[str, Any]:
        for _ in range(1200):
            stack: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(0.05)
        raise AssertionError(f"{stack_id} is still {stack['StackStatus']}")

    def failures(self, name: str) -> str:
        """The reasons of a stack's failed events, which name those of its children."""
        events = self.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        failed = (each for each in events if each["ResourceStatus"].endswith("_FAILED"))
        return "\n".join(f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason')}" for each in failed)

    def outputs(self, stack: dict[str, Any]) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def child(self, name: str, logical_id: str) -> str:
        resource = self.client("cloudformation").describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture(scope="session")
def development(emulator: Emulator) -> Account:
    return _prepared(Account(emulator, DEVELOPMENT))


@pytest.fixture(scope="session")
def production(emulator: Emulator) -> Account:
    return _prepared(Account(emulator, PRODUCTION))


def _prepared(account: Account) -> Account:
    s3 = account.client("s3")
    bucket = f"templates-{account.account_id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for file in TEMPLATES.glob("*.yaml"):
        s3.put_object(Bucket=bucket, Key=f"trial/{file.name}", Body=file.read_bytes())
    account.client("ssm").put_parameter(Name="/trial/feature", Type="String", Value="on")
    return account


def root_parameters(account: Account, **others: str) -> dict[str, str]:
    return {
        "EnvironmentName": "dev" if account.account_id == DEVELOPMENT else "production",
        "TemplateBucket": f"templates-{account.account_id}",
        "TemplatePrefix": "trial/",
        **others,
    }
