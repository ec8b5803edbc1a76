"""A resource fails when a test asks for it: that one, in that stack and account, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DEVELOPMENT, Account, root_parameters

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_faults import Fault, read, write

ROOT = "web-platform-fault"


@pytest.mark.parametrize(
    ("stack", "account", "deployed", "logical_id", "concerned"),
    [
        ("", "1", ROOT, "Topic", True),
        ("", "2", ROOT, "Topic", False),
        ("", "1", ROOT, "Queue", False),
        ("", "1", f"{ROOT}-Network-ABC", "Topic", False),
        ("", "1", "web-platform", "Topic", False),
        ("Network", "1", f"{ROOT}-Network-ABC", "Topic", True),
        ("Network", "2", f"{ROOT}-Network-ABC", "Topic", False),
        ("Network", "1", f"{ROOT}-NetworkTwo-ABC", "Topic", False),
        ("Network", "1", f"{ROOT}-Database-ABC", "Topic", False),
        ("Network", "1", ROOT, "Topic", False),
    ],
)
def test_what_a_fault_concerns(stack: str, account: str, deployed: str, logical_id: str, concerned: bool) -> None:
    assert Fault("1", ROOT, stack, "Topic").concerns(account, deployed, logical_id) is concerned


def test_faults_are_kept_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    faults = [Fault("1", ROOT, "", "Topic"), Fault("2", ROOT, "Network", "Vpc", "no capacity: ä")]
    assert read(file) == []
    write(file, faults)
    assert read(file) == faults
    write(file, [])
    assert read(file) == []
    assert list(tmp_path.iterdir()) == [file]


def test_an_emulator_that_does_not_run_takes_no_faults() -> None:
    with pytest.raises(RuntimeError, match="has not been started"):
        Emulator().fail(Fault(DEVELOPMENT, ROOT, "", "Topic"))


@pytest.fixture(autouse=True)
def no_fault_left(emulator: Emulator) -> Iterator[None]:
    yield
    write(emulator._faults, [])


TEMPLATE = """

Resources:
  First: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: {first}}}}}
  Second: {{Type: AWS::SNS::Topic, DependsOn: First, Properties: {{DisplayName: {second}}}}}
"""


def template(first: str = "a", second: str = "a") -> str:
    return TEMPLATE.format(first=first, second=second)


def test_a_creation_fails_once(development: Account, emulator: Emulator) -> None:
    name = f"{ROOT}-creation"
    emulator.fail(Fault(DEVELOPMENT, name, "", "Second", "no capacity"))
    assert development.deploy(name, template())["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Second: no capacity" in development.failures(name)
    assert "First: " not in development.failures(name)
    assert emulator.faults() == []
    development.delete(name)
    assert development.deploy(name, template())["StackStatus"] == "CREATE_COMPLETE"


def test_an_update_fails_once_and_its_undoing_goes_through(development: Account, emulator: Emulator) -> None:
    name = f"{ROOT}-update"
    development.deploy(name, template())
    emulator.fail(Fault(DEVELOPMENT, name, "", "Second"))
    assert development.deploy(name, template("b", "b"), "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Second: This failure was asked for by the rehearsal." in development.failures(name)
    assert emulator.faults() == []
    assert _display_names(development, name) == ["a", "a"]
    assert development.deploy(name, template("b", "b"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert _display_names(development, name) == ["b", "b"]


def test_a_fault_waits_until_its_resource_changes(
    development: Account, production: Account, emulator: Emulator
) -> None:
    name = f"{ROOT}-waiting"
    for account in (development, production):
        account.deploy(name, template())
    fault = Fault(DEVELOPMENT, name, "", "Second")
    emulator.fail(fault)
    assert development.deploy(name, template("b"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert production.deploy(name, template("b", "b"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert development.deploy(f"{name}-other", template())["StackStatus"] == "CREATE_COMPLETE"
    assert emulator.faults() == [fault]
    assert development.deploy(name, template("b", "b"), "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert emulator.faults() == []


def test_a_resource_of_a_nested_stack_fails(development: Account, emulator: Emulator) -> None:
    name = f"{ROOT}-nested"
    body = """
Parameters: {EnvironmentName: {Type: String}, TemplateBucket: {Type: String}, TemplatePrefix: {Type: String}}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub "https://s3.${AWS::Region}.amazonaws.com/${TemplateBucket}/${TemplatePrefix}fault.yaml"
"""
    parameters = root_parameters(development)
    development.client("s3").put_object(
        Bucket=parameters["TemplateBucket"], Key=f"{parameters['TemplatePrefix']}fault.yaml", Body=template().encode()
    )
    emulator.fail(Fault(DEVELOPMENT, name, "Other", "Second"))
    emulator.fail(Fault(DEVELOPMENT, name, "Child", "Second"))
    assert development.deploy(name, body, **parameters)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [fault.stack for fault in emulator.faults()] == ["Other"]


def _display_names(account: Account, stack: str) -> list[str]:
    sns = account.client("sns")
    arns = [account.child(stack, name) for name in ("First", "Second")]
    return [sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in arns]
