"""Wiring: what is wired wrongly fails at generation, in words."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from troposphere import Equals, Ref, Template

from generator.nesting import TEMPLATE_URL, WiringError, add_condition, conditional, nest, only_if, synthesize
from generator.parameter_types import EnvironmentName, KeyArn, SubnetIds, VpcId
from generator.stacks import database, encryption, network, security

STACK = '''
"""A stack for trials.

More about it.
"""
from __future__ import annotations
from dataclasses import dataclass
from troposphere import Ref, Template
from troposphere.ec2 import VPC
from generator.parameter_types import DatabaseStorage, EnvironmentName, VpcId, output, parameter

@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    database_storage: DatabaseStorage = parameter("Storage.", default="20")

@dataclass(frozen=True, kw_only=True)
class Outputs:
    vpc_id: VpcId = output("The VPC.")

def build(template: Template, parameters: Parameters) -> Outputs:
    vpc = template.add_resource(VPC("Vpc", CidrBlock="10.0.0.0/16"))
    return RESULT
'''
GOOD = "Outputs(vpc_id=VpcId(Ref(vpc)))"


@pytest.fixture
def make_stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(result: str = GOOD, source: str = STACK) -> ModuleType:
        module = ModuleType("generator.stacks.trial")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source.lstrip().replace("RESULT", result), "trial.py", "exec"), module.__dict__)
        return module

    return make


def test_synthesize_renders_the_boundary(make_stack: Any) -> None:
    template = synthesize(make_stack().build).to_dict()
    assert template["Description"] == "A stack for trials."
    assert template["Parameters"]["EnvironmentName"]["Description"] == "Name of the environment."
    assert "Default" not in template["Parameters"]["EnvironmentName"]
    assert template["Outputs"] == {"VpcId": {"Description": "The VPC.", "Value": {"Ref": "Vpc"}}}


def test_defaults_are_strings_whatever_the_type(make_stack: Any) -> None:
    """A default that is an integer makes taskcat ignore overrides."""
    declared = synthesize(make_stack().build).to_dict()["Parameters"]["DatabaseStorage"]
    assert declared["Type"] == "Number"
    assert declared["Default"] == "20"


def test_synthesize_refuses_outputs_of_another_module(make_stack: Any) -> None:
    stack = make_stack("__import__('generator.stacks.network').stacks.network.Outputs.__new__(SomethingElse)")
    stack.__dict__["SomethingElse"] = type("SomethingElse", (network.Outputs,), {})
    with pytest.raises(WiringError, match=r"generator\.stacks\.trial\.build returns SomethingElse, not Outputs"):
        synthesize(stack.build)


@pytest.mark.parametrize("result", ["None", "{'vpc_id': VpcId(Ref(vpc))}"])
def test_synthesize_refuses_what_is_no_outputs(make_stack: Any, result: str) -> None:
    with pytest.raises(WiringError, match="not Outputs"):
        synthesize(make_stack(result).build)


@pytest.mark.parametrize(
    ("value", "found"),
    [("Ref(vpc)", "Ref"), ("'vpc-1'", "str"), ("EnvironmentName(Ref(vpc))", "EnvironmentName"), ("None", "NoneType")],
)
def test_synthesize_refuses_an_output_of_a_wrong_type(make_stack: Any, value: str, found: str) -> None:
    with pytest.raises(WiringError, match=f"output vpc_id of generator.stacks.trial must be a VpcId, but is a {found}"):
        synthesize(make_stack(f"Outputs(vpc_id={value})").build)


def test_synthesize_refuses_a_module_without_docstring(make_stack: Any) -> None:
    with pytest.raises(WiringError, match=r"generator\.stacks\.trial has no docstring"):
        synthesize(make_stack(source=STACK.partition('"""\nfrom')[2].join(["from", ""])).build)


def test_nest_adds_the_stack_and_returns_its_outputs(make_stack: Any) -> None:
    root = Template()
    outputs = nest(root, encryption.build, encryption.Parameters(environment_name=EnvironmentName(Ref("Name"))))
    assert type(outputs) is encryption.Outputs
    assert type(outputs.data_key_arn) is KeyArn
    assert outputs.data_key_arn.to_dict() == {"Fn::GetAtt": ["Encryption", "Outputs.DataKeyArn"]}
    assert root.to_dict()["Resources"]["Encryption"] == {
        "Type": "AWS::CloudFormation::Stack",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "TemplateURL": {"Fn::Sub": TEMPLATE_URL + "encryption.yaml"},
            "Parameters": {"EnvironmentName": {"Ref": "Name"}},
        },
    }


def test_missing_input_fails() -> None:
    with pytest.raises(TypeError, match="environment_name"):
        encryption.Parameters()


def test_unknown_input_fails() -> None:
    with pytest.raises(TypeError, match="vpc_id"):
        encryption.Parameters(environment_name=EnvironmentName("dev"), vpc_id=VpcId("vpc-1"))  # type: ignore[call-arg]


def test_misspelled_output_fails() -> None:
    outputs = nest(Template(), encryption.build, encryption.Parameters(environment_name=EnvironmentName("dev")))
    with pytest.raises(AttributeError, match="data_key_arm"):
        _ = outputs.data_key_arm  # type: ignore[attr-defined]


def test_outputs_cannot_be_changed_on_their_way() -> None:
    outputs = nest(Template(), encryption.build, encryption.Parameters(environment_name=EnvironmentName("dev")))
    with pytest.raises(AttributeError):
        outputs.data_key_arn = outputs.logs_key_arn  # type: ignore[misc]


def test_input_of_a_wrong_type_fails() -> None:
    wires: dict[str, Any] = {name: Ref("Some") for name in database.Parameters.__dataclass_fields__}
    hints = {"isolated_subnet_ids": SubnetIds(Ref("Ids")), "environment_name": EnvironmentName("dev")}
    parameters = database.Parameters(**{**wires, **hints, "database_group_id": SubnetIds(Ref("Ids"))})
    with pytest.raises(
        WiringError,
        match=r"database_group_id of generator\.stacks\.database must be a SecurityGroupId, but is a SubnetIds",
    ):
        nest(Template(), database.build, parameters)


@pytest.mark.parametrize("value", ["dev", Ref("Name"), None])
def test_input_without_a_type_fails(value: Any) -> None:
    with pytest.raises(
        WiringError, match=r"environment_name of generator\.stacks\.encryption must be a EnvironmentName"
    ):
        nest(Template(), encryption.build, encryption.Parameters(environment_name=value))


def test_foreign_parameters_fail() -> None:
    foreign: Any = encryption.Parameters(environment_name=EnvironmentName("dev"))
    with pytest.raises(WiringError, match=r"Security takes generator\.stacks\.security\.Parameters"):
        nest(Template(), security.build, foreign)


def test_stack_nested_twice_fails() -> None:
    root = Template()
    parameters = encryption.Parameters(environment_name=EnvironmentName("dev"))
    nest(root, encryption.build, parameters)
    with pytest.raises(WiringError, match="Encryption is nested twice"):
        nest(root, encryption.build, parameters)


@pytest.mark.parametrize(("condition", "attribute"), [(None, {}), ("Asked", {"Condition": "Asked"})])
def test_stack_may_have_a_condition(condition: str | None, attribute: dict[str, str]) -> None:
    root = Template()
    nest(root, encryption.build, encryption.Parameters(environment_name=EnvironmentName("dev")), condition)
    stack = root.to_dict()["Resources"]["Encryption"]
    assert {key: value for key, value in stack.items() if key == "Condition"} == attribute


def test_condition_defined_twice_fails() -> None:
    """By itself, troposphere would silently overwrite the first."""
    template = Template()
    assert add_condition(template, "Some", Equals("a", "a")) == "Some"
    with pytest.raises(WiringError, match="condition Some is defined twice"):
        add_condition(template, "Some", Equals("a", "b"))


def test_only_if_gives_no_value_elsewhere() -> None:
    assert only_if("Some", "value").to_dict() == {"Fn::If": ["Some", "value", {"Ref": "AWS::NoValue"}]}


def test_conditional_is_an_attribute_or_nothing() -> None:
    assert conditional("Some") == {"Condition": "Some"}
    assert conditional(None) == {}


def test_template_url_is_path_style() -> None:
    """The emulator reads no other, and a bucket's name with dots breaks TLS in the other style."""
    assert TEMPLATE_URL.startswith("https://s3.${AWS::Region}.${AWS::URLSuffix}/${TemplateBucketName}/")
    assert TEMPLATE_URL.endswith("${TemplateKeyPrefix}")
