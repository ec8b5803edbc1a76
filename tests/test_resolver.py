"""The model of a release: the real one for the real environments, then each function, each error, and the emulator."""

from __future__ import annotations

import base64
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, reduce
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator import template_yaml
from generator.delivery.deploy import Deployment, deploy
from generator.delivery.publish import pin_image, upload
from generator.environment import load_all
from generator.errors import UserError
from generator.intrinsics import has_symbol
from generator.naming import PROJECT, root_stack_name
from generator.nesting import TEMPLATE_URL
from generator.rehearsal.emulator import Emulator
from generator.resolver import NESTED_STACK, Reference, Resolution, references, resolve

PROJECT_FOLDER = Path(__file__).parents[1]
RELEASE = PROJECT_FOLDER / "templates_out/v1.1.0"
ACCOUNT_ID, REGION = "111111111111", "eu-west-1"
IMAGE_ID = "ami-0123456789abcdef0"
CONFIGURATIONS = {c.environment.environment_name.literal: c for c in load_all(PROJECT_FOLDER / "params")}


def settings(environment: str) -> dict[str, str]:
    release = {
        "TemplateBucketName": "templates",
        "TemplateKeyPrefix": "web-platform/v1.1.0/",
        "WebServerImageId": IMAGE_ID,
    }
    declared = template_yaml.load((RELEASE / "platform.yaml").read_text(encoding="utf-8"))["Parameters"]
    parameters = CONFIGURATIONS[environment].parameters()  # the settings of today, of which the release knows most
    return {name: value for name, value in parameters.items() if name in declared} | release


@cache
def released(environment: str) -> Resolution:
    return resolve(RELEASE, "platform", settings(environment), ACCOUNT_ID, REGION)


# ---------------------------------------------------------------------------------------------------------------------
# The real release
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("environment", "count"), [("dev", 127), ("staging", 127), ("prod", 154)])
def test_an_environment_has_as_many_resources_as_were_ever_deployed(environment: str, count: int) -> None:
    resources = released(environment).resources
    assert len(resources) == count
    assert all(address == resource.address for address, resource in resources.items())


def test_a_third_zone_and_its_subnets_exist_only_in_prod() -> None:
    dev, prod = released("dev").resources, released("prod").resources
    assert dev.keys() < prod.keys()
    assert "Network/PublicSubnetC" in prod.keys() - dev.keys()
    assert prod["Network/PublicSubnetC"].condition == "ThreeZones"
    assert prod["Network/PublicSubnetC"].template == "network.yaml"


def test_resources_are_in_the_order_of_the_templates() -> None:
    addresses = list(released("dev").resources)
    assert addresses[:8] == ["Encryption", "Network", "Security", "Egress", "Database", "Storage", "Ingress", "WebTier"]
    stacks = list(dict.fromkeys(address.partition("/")[0] for address in addresses[8:]))
    assert stacks == addresses[:8]
    declared = yaml.compose((RELEASE / "network.yaml").read_text(encoding="utf-8"))
    assert isinstance(declared, yaml.MappingNode)
    resources = next(value for key, value in declared.value if key.value == "Resources")
    names = [f"Network/{key.value}" for key, _ in resources.value]
    found = [address for address in addresses if address.startswith("Network/")]
    assert found == [name for name in names if name in found]


def test_a_value_is_followed_through_outputs_and_parameters() -> None:
    prod = released("prod")
    subnets = [f"⟨Network/PrivateSubnet{zone}⟩" for zone in "ABC"]
    assert prod.parameters["WebTier"]["VpcId"] == "⟨Network/Vpc⟩"
    assert prod.parameters["WebTier"]["PrivateSubnetIds"] == subnets
    assert prod.stack_outputs["Network"]["PrivateSubnetIds"] == ",".join(subnets)
    assert prod.resources["WebTier"].properties["Parameters"]["PrivateSubnetIds"] == ",".join(subnets)
    group = prod.resources["WebTier/WebServerGroup"]
    assert group.properties["VPCZoneIdentifier"] == subnets
    assert (group.properties["MinSize"], group.properties["MaxSize"]) == ("2", "3")
    assert group.attributes["CreationPolicy"] == {"ResourceSignal": {"Count": "2", "Timeout": "PT10M"}}
    assert prod.outputs["ApplicationUrl"] == "https://⟨Ingress/LoadBalancer.DNSName⟩/"
    assert prod.outputs["VpcId"] == "⟨Network/Vpc⟩"
    assert prod.resources["Egress/PrivateDefaultRouteC"].properties["RouteTableId"] == "⟨Network/PrivateRouteTableC⟩"


def test_what_is_known_is_calculated() -> None:
    subnet = released("dev").resources["Network/PrivateSubnetB"].properties
    assert (subnet["CidrBlock"], subnet["AvailabilityZone"]) == ("10.10.80.0/20", "eu-west-1b")
    assert subnet["Tags"] == [{"Key": "Name", "Value": "web-platform-dev-private-b"}]
    url = released("dev").resources["Network"].properties["TemplateURL"]
    assert url == "https://s3.eu-west-1.amazonaws.com/templates/web-platform/v1.1.0/network.yaml"
    assert released("dev").stack_name == "web-platform-dev"


def test_no_function_is_left_and_every_symbol_names_a_resource_that_exists() -> None:
    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from keys(item)

    for environment in CONFIGURATIONS:
        resolution = released(environment)
        for resource in resolution.resources.values():
            left = [key for key in keys([resource.properties, resource.attributes]) if key.startswith("Fn::")]
            assert left == [], resource.address
            assert "${Environment" not in str(resource.properties), resource.address
        assert {name for names in resolution.dependencies().values() for name in names} <= resolution.resources.keys()


def waits_between_stacks(resolution: Resolution) -> dict[str, tuple[str, ...]]:
    """Return, for each nested stack by its path, the nested stacks beside it that must be complete first.

    Unlike what values refer to, this counts a known value too: a stack that is handed the number of zones by an output
    of `Network` waits for `Network`.
    """
    nested = {resource.address: resource for resource in resolution.of_type(NESTED_STACK)}
    return {path: tuple(name for name in stack.waits_for if name in nested) for path, stack in nested.items()}


def test_nested_stacks_wait_for_those_whose_outputs_they_take() -> None:
    stacks = waits_between_stacks(released("dev"))
    assert stacks["Encryption"] == ()
    assert stacks["Network"] == ("Encryption",)
    # Egress takes no value of Security but a group, and WebTier waits for Egress by DependsOn alone.
    assert stacks["Egress"] == ("Network", "Security")
    assert stacks["WebTier"] == ("Egress", "Encryption", "Ingress", "Network", "Security", "Storage")
    order = list(TopologicalSorter(stacks).static_order())
    assert order[:2] == ["Encryption", "Network"]
    assert set(order) == {resource.address for resource in released("dev").of_type(NESTED_STACK)}


def test_a_resource_depends_on_what_it_names_and_on_what_it_waits_for() -> None:
    dev = released("dev")
    assert dev.dependencies()["WebTier/WebServerGroup"] == {
        "Network/PrivateSubnetA",
        "Network/PrivateSubnetB",
        "WebTier/ForwardToWebServers",
        "WebTier/LaunchTemplate",
        "WebTier/WebServers",
        "WebTier/WriteLogsAndMetrics",
    }
    assert dev.resources["WebTier/WebServerGroup"].waits_for == (
        "WebTier/ForwardToWebServers",
        "WebTier/LaunchTemplate",
        "WebTier/WebServers",
        "WebTier/WriteLogsAndMetrics",
    )
    assert "Storage/FileSystem" in dev.dependencies()["WebTier/LaunchTemplate"], "named in the user data"
    list(TopologicalSorter(dev.dependencies()).static_order())  # no circle


def test_views_select_by_type_and_stack() -> None:
    dev = released("dev")
    assert [subnet.logical_id for subnet in dev.of_type("AWS::EC2::Subnet")] == [
        f"{tier}Subnet{zone}" for tier in ("Public", "Private", "Isolated") for zone in "AB"
    ]
    assert [resource.address for resource in dev.of_stack("")] == list(dev.stack_outputs)[1:]
    assert sum(len(dev.of_stack(stack)) for stack in dev.parameters) == len(dev.resources)


def test_known_values_stand_wherever_their_symbols_would() -> None:
    known = {
        "⟨Network/Vpc⟩": "vpc-1",
        "⟨Network/PrivateSubnetA⟩": "subnet-a",
        "⟨Ingress/LoadBalancer.DNSName⟩": "lb.example.com",
        "⟨Storage/FileSystem⟩": "fs-0123456789abcdef0",
    }
    dev = resolve(RELEASE, "platform", settings("dev"), ACCOUNT_ID, REGION, known)
    assert dev.resources["WebTier/WebServers"].properties["VpcId"] == "vpc-1"
    subnets = dev.resources["WebTier/WebServerGroup"].properties["VPCZoneIdentifier"]
    assert subnets == ["subnet-a", "⟨Network/PrivateSubnetB⟩"]
    assert dev.outputs["ApplicationUrl"] == "https://lb.example.com/"
    template = dev.resources["WebTier/LaunchTemplate"].properties["LaunchTemplateData"]
    assert "FILE_SYSTEM_ID='fs-0123456789abcdef0'" in template["UserData"]
    assert not any(symbol in str(dev) for symbol in known)
    assert waits_between_stacks(dev) == waits_between_stacks(released("dev")), "who waits for whom is the same"


def test_user_data_is_encoded_once_all_of_it_is_known() -> None:
    found = references(released("dev").resources["WebTier/LaunchTemplate"].properties["LaunchTemplateData"]["UserData"])
    known = {f"⟨{address}⟩": "known-1" for address, _ in found} | {
        "⟨WebTier/AWS::StackName⟩": "the-stack",
        "⟨Storage/FileSystem⟩": "fs-0123456789abcdef0",
        "⟨Storage/ImagesAccessPoint⟩": "fsap-0123456789abcdef0",
    }
    dev = resolve(RELEASE, "platform", settings("dev"), ACCOUNT_ID, REGION, known)
    script = base64.b64decode(dev.resources["WebTier/LaunchTemplate"].properties["LaunchTemplateData"]["UserData"])
    assert b"readonly STACK_NAME='the-stack'\n" in script
    assert b"readonly ACCESS_POINT_ID='fsap-0123456789abcdef0'\n" in script


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"VpcCidr": None}, "platform.yaml: Parameters/VpcCidr: parameter VpcCidr has neither a value nor a Default"),
        ({"VpcSize": "16"}, "platform.yaml: parameter VpcSize is not declared; allowed: EnvironmentName, VpcCidr, "),
        ({"VpcCidr": "8.8.0.0/16"}, "Parameters/VpcCidr: '8.8.0.0/16' is not allowed; allowed: A private IPv4 network"),
        ({"NatGateways": "two"}, "'two' is not allowed; allowed: single or per-zone."),
        ({"WebServerMaximum": "4"}, "'4' is not allowed; allowed: 2 or 3 web servers"),
        ({"WebServerMaximum": "many"}, "'many' is not allowed"),
        ({"AvailabilityZoneB": "eu-west-1a"}, "Rules/ZonesDifferAB: Availability zones must be different ones."),
        ({"WebServerMinimum": "2"}, "Rules/RoomForRollingUpdate: WebServerMaximum must be above WebServerMinimum."),
        ({"DomainName": "www.example.com"}, "Rules/DomainHasHostedZone: A domain needs the Route 53 hosted zone"),
    ],
)
def test_parameters_that_cloudformation_refuses_are_refused(changes: dict[str, str | None], message: str) -> None:
    changed = {key: value for key, value in {**settings("dev"), **changes}.items() if value is not None}
    with pytest.raises(UserError, match=re.escape(message)):
        resolve(RELEASE, "platform", changed, ACCOUNT_ID, REGION)


# ---------------------------------------------------------------------------------------------------------------------
# Small templates
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Release:
    """A release folder of templates written for one test."""

    folder: Path

    def template(self, name: str = "root", **sections: Any) -> None:
        content = {"Resources": {"Thing": {"Type": "Test::Thing"}}} | sections
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def resolve(self, region: str = REGION, known: dict[str, str] | None = None, **parameters: str) -> Resolution:
        return resolve(self.folder, "root", parameters, ACCOUNT_ID, region, known or {})

    def value(self, value: Any, region: str = REGION, **sections: Any) -> Any:
        """Return what a value of an output becomes."""
        self.template(Outputs={"Found": {"Value": value}}, **sections)
        return self.resolve(region).outputs["Found"]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def nested(name: str, **parameters: Any) -> dict[str, Any]:
    url = {"Fn::Sub": f"{TEMPLATE_URL}{name}.yaml"}
    return {"Type": NESTED_STACK, "Properties": {"TemplateURL": url, "Parameters": parameters}}


def thing(properties: Any) -> dict[str, Any]:
    return {"Type": "Test::Thing", "Properties": properties}


NOTHING = {"Ref": "AWS::NoValue"}
CHILD = nested("child")["Properties"]
BUCKET = {
    "TemplateBucketName": {"Type": "String", "Default": "templates"},
    "TemplateKeyPrefix": {"Type": "String", "Default": "v1/"},
}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"Ref": "Thing"}, "⟨Thing⟩"),
        ({"Fn::GetAtt": ["Thing", "Endpoint.Address"]}, "⟨Thing.Endpoint.Address⟩"),
        ({"Fn::GetAtt": "Thing.Endpoint.Address"}, "⟨Thing.Endpoint.Address⟩"),
        ({"Fn::GetAtt": ["Thing", {"Fn::Join": ["", ["A", "rn"]]}]}, "⟨Thing.Arn⟩"),
        ({"Fn::Sub": "x/${Thing}/${Thing.Arn}/${!Literal}"}, "x/⟨Thing⟩/⟨Thing.Arn⟩/${Literal}"),
        ({"Fn::Sub": ["${Thing}-${Own}", {"Own": {"Ref": "Thing"}, "Thing": "mine"}]}, "mine-⟨Thing⟩"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "Small"]}, ["t3.micro"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Thing"}, "Small"]}, "⟨Fn::FindInMap Sizes ⟨Thing⟩ Small⟩"),
        ({"Fn::If": ["Always", "yes", {"Ref": "Nowhere"}]}, "yes"),
        ({"Fn::If": ["Never", {"Ref": "Nowhere"}, {"Fn::If": ["Always", "inner", "x"]}]}, "inner"),
        ({"Key": {"Ref": "AWS::NoValue"}, "Kept": [{"Fn::If": ["Never", 1, NOTHING]}, 2]}, {"Kept": [2]}),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "⟨Fn::Select 0 ⟨Fn::GetAZs ⟩⟩"),
        ({"Fn::Base64": {"Fn::Sub": "${AWS::AccountId}"}}, base64.b64encode(ACCOUNT_ID.encode()).decode()),
        ({"Condition": {"Null": {"a": {"Ref": "AWS::Region"}}}}, {"Condition": {"Null": {"a": REGION}}}),
        ({"Ref": "AWS::StackName"}, "web-platform-root"),
        ({"Ref": "AWS::StackId"}, "⟨AWS::StackId⟩"),
        ("{{resolve:ssm:/path}}", "{{resolve:ssm:/path}}"),
        (True, True),
    ],
)
def test_a_value_resolves(release: Release, value: Any, result: Any) -> None:
    sections: dict[str, Any] = {
        "Mappings": {"Sizes": {REGION: {"Small": ["t3.micro"]}}},
        "Conditions": {"Always": {"Fn::Equals": ["1", 1]}, "Never": {"Fn::Not": [{"Condition": "Always"}]}},
    }
    assert release.value(value, **sections) == result


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_partition_and_suffix_follow_the_region(release: Release, region: str, partition: str, suffix: str) -> None:
    value = {"Fn::Sub": "${AWS::Region} ${AWS::Partition} ${AWS::URLSuffix} ${AWS::AccountId}"}
    assert release.value(value, region) == f"{region} {partition} {suffix} {ACCOUNT_ID}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nowhere"}, "Outputs/Found: Nowhere is neither a parameter nor a resource"),
        ({"Fn::GetAtt": ["Nowhere", "Arn"]}, "Nowhere is neither a parameter nor a resource"),
        ({"Fn::Sub": "${Nowhere.Arn}"}, "Nowhere is neither a parameter nor a resource"),
        ({"Ref": "Absent"}, "Absent is used, but does not exist: its condition Never does not hold"),
        ({"Fn::GetAtt": ["Absent", "Arn"]}, "Absent is used, but does not exist"),
        ({"Fn::Sub": "${Absent}"}, "Absent is used, but does not exist"),
        ({"Fn::If": ["Unknown", 1, 2]}, "condition Unknown is not defined"),
        ({"Fn::If": ["Circle", 1, 2]}, "Conditions/Round: condition Circle depends on itself"),
        ({"Fn::If": ["Late", 1, 2]}, "Conditions/Late: the condition depends on ⟨ssm:/x⟩, which is known only after"),
        ({"Fn::If": ["Strange", 1, 2]}, "Conditions/Strange: {'Fn::Contains': [['a'], 'a']} is no condition"),
        ({"Fn::FindInMap": ["Sizes", "x", "y"]}, "Fn::FindInMap finds no Sizes; the mapping has nothing"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue of 'x' is nothing that the resolver knows"),
        ({"Fn::Equals": ["1", "1"]}, "Fn::Equals of ['1', '1'] is nothing that the resolver knows"),
        ({"Fn::Sub": {"a": "b"}}, "Fn::Sub of {'a': 'b'} is nothing"),
        ({"Fn::Select": ["9", ["a"]]}, "Fn::Select: there is no item 9"),
        ({"Fn::Sub": "${AWS::NoValue}"}, "text or a number is needed, but there is AWS::NoValue"),
        ({"Fn::Join": [",", ["a"]], "Other": 1}, "Fn::Join must stand alone, but stands beside 1 others"),
    ],
)
def test_what_cloudformation_would_refuse_is_a_user_error(release: Release, value: Any, message: str) -> None:
    sections: dict[str, Any] = {
        "Parameters": {"Path": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/x"}},
        "Conditions": {
            "Never": {"Fn::Equals": ["1", "2"]},
            "Circle": {"Fn::Not": [{"Condition": "Round"}]},
            "Round": {"Fn::Not": [{"Condition": "Circle"}]},
            "Late": {"Fn::Equals": [{"Ref": "Path"}, "value"]},
            "Strange": {"Fn::Contains": [["a"], "a"]},
        },
        "Resources": {"Thing": {"Type": "Test::Thing"}, "Absent": {"Type": "Test::Thing", "Condition": "Never"}},
    }
    with pytest.raises(UserError, match=re.escape(message)) as error:
        release.value(value, **sections)
    assert str(error.value).startswith(f"{release.folder / 'root.yaml'}: ")


LEAVES = st.tuples(st.sampled_from("AB"), st.sampled_from("xy"))
FORMULAS = st.recursive(
    LEAVES.map(lambda leaf: ("Fn::Equals", leaf)),
    lambda parts: st.one_of(
        st.tuples(st.just("Fn::Not"), st.lists(parts, min_size=1, max_size=1)),
        st.tuples(st.sampled_from(["Fn::And", "Fn::Or"]), st.lists(parts, min_size=2, max_size=4)),
    ),
    max_leaves=12,
)
"""A formula over two parameters: a function with its operands."""


def naive(formula: Any, values: dict[str, str]) -> bool:
    function, operands = formula
    if function == "Fn::Equals":
        return bool(values[operands[0]] == operands[1])
    if function == "Fn::Not":
        return not naive(operands[0], values)
    combine: Callable[[bool, bool], bool] = operator.and_ if function == "Fn::And" else operator.or_
    return reduce(combine, [naive(part, values) for part in operands])


def as_conditions(formula: Any, conditions: dict[str, Any]) -> dict[str, str]:
    """Define each part as a condition of its own, as a template may, and return the name of the whole."""
    function, operands = formula
    if function == "Fn::Equals":
        operands = [{"Ref": operands[0]}, operands[1]]
    else:
        operands = [as_conditions(part, conditions) for part in operands]
    name = f"Condition{len(conditions)}"
    conditions[name] = {function: operands}
    return {"Condition": name}


@given(FORMULAS, st.sampled_from("xyz"), st.sampled_from("xyz"))
def test_conditions_decide_as_plain_logic_does(tmp_path_factory: Any, formula: Any, a: str, b: str) -> None:
    conditions: dict[str, Any] = {}
    name = as_conditions(formula, conditions)["Condition"]
    folder = Release(tmp_path_factory.mktemp("release"))
    things = {"Always": {"Type": "Test::Thing"}, "Sometimes": {"Type": "Test::Thing", "Condition": name}}
    folder.template(
        Parameters={"A": {"Type": "String"}, "B": {"Type": "String"}}, Conditions=conditions, Resources=things
    )
    assert ("Sometimes" in folder.resolve(A=a, B=b).resources) == naive(formula, {"A": a, "B": b})


def test_what_a_function_gives_may_be_known_too(release: Release) -> None:
    release.template(Outputs={"Zone": {"Value": {"Fn::Select": ["0", {"Fn::GetAZs": ""}]}}})
    known = {"⟨Fn::Select 0 ⟨Fn::GetAZs ⟩⟩": "eu-west-1a"}
    assert release.resolve(known=known).outputs == {"Zone": "eu-west-1a"}


def test_the_same_symbol_on_both_sides_is_equal(release: Release) -> None:
    same = {"Fn::Equals": [{"Ref": "Path"}, {"Fn::Sub": "${Path}"}]}
    parameters = {"Path": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/x"}}
    assert release.value({"Fn::If": ["Same", 1, 2]}, Parameters=parameters, Conditions={"Same": same}) == 1


def test_a_known_value_decides_a_condition_that_hung_on_a_deployment(release: Release) -> None:
    parameters = {"Path": {"Type": "AWS::SSM::Parameter::Value<String>"}}
    things = {"Thing": {"Type": "Test::Thing", "Condition": "Late"}}
    release.template(
        Parameters=parameters, Resources=things, Conditions={"Late": {"Fn::Equals": [{"Ref": "Path"}, "v"]}}
    )
    assert list(release.resolve(Path="/x", known={"⟨ssm:/x⟩": "v"}).resources) == ["Thing"]
    assert list(release.resolve(Path="/x", known={"⟨ssm:/x⟩": "w"}).resources) == []


# Parameters


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ({"Type": "String", "Default": 7}, None, "7"),
        ({"Type": "Number"}, "7", "7"),
        ({"Type": "CommaDelimitedList"}, "a, b", ["a", "b"]),
        ({"Type": "CommaDelimitedList"}, "", [""]),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, "subnet-1,subnet-2", ["subnet-1", "subnet-2"]),
        ({"Type": "List<Number>", "MaxValue": 5}, "1,5", ["1", "5"]),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[ab]"}, "a,b", ["a", "b"]),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "AllowedPattern": "/.*"}, "/the/path", "⟨ssm:/the/path⟩"),
        ({"Type": "AWS::SSM::Parameter::Value<List<Number>>"}, "/the/path", ["⟨ssm:/the/path⟩"]),
        ({"Type": "String", "AllowedPattern": "[0-9]+"}, "⟨Other/Thing⟩", "⟨Other/Thing⟩"),
        ({"Type": "String", "AllowedValues": [True, 2]}, "true", "true"),
    ],
)
def test_a_parameter_takes_the_value_of_its_type(
    release: Release, declared: Any, given: str | None, value: Any
) -> None:
    release.template(Parameters={"Given": declared}, Outputs={"Found": {"Value": {"Ref": "Given"}}})
    resolution = release.resolve() if given is None else release.resolve(Given=given)
    assert resolution.parameters == {"": {"Given": value}}
    assert resolution.outputs == {"Found": value}


@pytest.mark.parametrize(
    ("declared", "given", "allowed"),
    [
        ({"Type": "String", "AllowedPattern": "[a-z]"}, "ab", "AllowedPattern [a-z]"),
        ({"Type": "String", "AllowedPattern": "a"}, "a\n", "AllowedPattern a"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "AllowedValues ['a', 'b']"),
        ({"Type": "String", "MinLength": "2", "MaxLength": 3}, "a", "MinLength 2, MaxLength 3"),
        ({"Type": "String", "MaxLength": 3}, "abcd", "MaxLength 3"),
        ({"Type": "Number", "MinValue": 2}, "1", "MinValue 2"),
        ({"Type": "Number", "MaxValue": "2.5"}, "2.6", "MaxValue 2.5"),
        ({"Type": "Number"}, "1e400", "a Number"),
        ({"Type": "List<Number>", "MaxValue": 2}, "1,3", "MaxValue 2"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[ab]"}, "a,c", "AllowedPattern [ab]"),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "AllowedPattern": "/.*"}, "path", "AllowedPattern /.*"),
        ({"Type": "String", "AllowedValues": ["a"], "ConstraintDescription": "Only a."}, "b", "Only a."),
    ],
)
def test_a_value_out_of_bounds_is_refused(release: Release, declared: Any, given: str, allowed: str) -> None:
    release.template(Parameters={"Given": declared})
    with pytest.raises(UserError, match=re.escape("Parameters/Given: ")) as error:
        release.resolve(Given=given)
    assert str(error.value).endswith(f" is not allowed; allowed: {allowed}")


# Nested stacks


def test_a_root_that_is_no_environments_has_the_name_that_is_given(release: Release) -> None:
    release.template(
        Parameters={"EnvironmentName": {"Type": "String"}},
        Resources={"Thing": thing({"Name": {"Fn::Sub": "${AWS::StackName}-thing"}})},
    )
    given_name = resolve(
        release.folder, "root", {"EnvironmentName": "dev"}, ACCOUNT_ID, REGION, stack_name="web-platform-audit-trail"
    )
    assert given_name.stack_name == "web-platform-audit-trail"
    assert given_name.resources["Thing"].properties == {"Name": "web-platform-audit-trail-thing"}
    assert release.resolve(EnvironmentName="dev").stack_name == "web-platform-dev"


def test_stacks_nest_in_nested_stacks(release: Release) -> None:
    release.template(
        Parameters=BUCKET,
        Resources={"Middle": nested("middle")},
        Outputs={"Value": {"Value": {"Fn::GetAtt": ["Middle", "Outputs.Value"]}}},
    )
    release.template(
        "middle",
        Parameters=BUCKET,
        Resources={"Own": thing({}), "Deep": nested("deep", Path={"Fn::GetAtt": ["Own", "Arn"]})},
        Outputs={"Value": {"Value": {"Fn::Sub": "${Deep.Outputs.Value}!"}}},
    )
    release.template(
        "deep",
        Parameters={"Path": {"Type": "String"}},
        Resources={"Thing": {"Type": "Test::Thing", "Properties": {"Path": {"Ref": "Path"}}}},
        Outputs={"Value": {"Value": {"Fn::Sub": "${Thing} of ${AWS::StackName} in ${Path}"}}},
    )
    resolution = release.resolve()
    assert list(resolution.resources) == ["Middle", "Middle/Own", "Middle/Deep", "Middle/Deep/Thing"]
    assert resolution.resources["Middle/Deep/Thing"].properties == {"Path": "⟨Middle/Own.Arn⟩"}
    assert resolution.outputs == {"Value": "⟨Middle/Deep/Thing⟩ of ⟨Middle/Deep/AWS::StackName⟩ in ⟨Middle/Own.Arn⟩!"}
    assert list(resolution.stack_outputs) == ["", "Middle", "Middle/Deep"]
    assert resolution.dependencies()["Middle/Deep/Thing"] == {"Middle/Own"}


def test_a_nested_stack_and_its_outputs_exist_under_their_conditions(release: Release) -> None:
    maybe = nested("child") | {"Condition": "Wanted"}
    release.template(
        Parameters={**BUCKET, "Wish": {"Type": "String"}},
        Conditions={"Wanted": {"Fn::Equals": [{"Ref": "Wish"}, "yes"]}},
        Resources={"Thing": {"Type": "Test::Thing", "DependsOn": "Maybe"}, "Maybe": maybe},
        Outputs={"Value": {"Condition": "Wanted", "Value": {"Fn::GetAtt": ["Maybe", "Outputs.Value"]}}},
    )
    release.template("child", Outputs={"Value": {"Value": "here"}})
    assert release.resolve(Wish="yes").outputs == {"Value": "here"}
    assert release.resolve(Wish="yes").resources["Thing"].waits_for == ("Maybe",)
    without = release.resolve(Wish="no")
    assert (list(without.resources), without.outputs, list(without.parameters)) == (["Thing"], {}, [""])
    assert without.resources["Thing"].attributes == {"DependsOn": []}


def test_a_known_value_from_an_output_still_makes_a_stack_wait(release: Release) -> None:
    second = nested("second", Count={"Fn::GetAtt": ["First", "Outputs.Count"]})
    third = nested("first") | {"DependsOn": ["Second"]}
    release.template(Parameters=BUCKET, Resources={"Third": third, "Second": second, "First": nested("first")})
    release.template("first", Outputs={"Count": {"Value": 3}})
    release.template("second", Parameters={"Count": {"Type": "Number"}})
    resolution = release.resolve()
    assert resolution.parameters["Second"] == {"Count": "3"}
    assert waits_between_stacks(resolution) == {"Third": ("Second",), "Second": ("First",), "First": ()}


def test_a_property_without_value_is_left_to_the_default_of_the_child(release: Release) -> None:
    stack = nested("child", Wish={"Ref": "AWS::NoValue"})
    release.template(Parameters=BUCKET, Resources={"Child": stack})
    release.template("child", Parameters={"Wish": {"Type": "String", "Default": "none"}})
    assert release.resolve().parameters["Child"] == {"Wish": "none"}


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"Child": nested("child")}, "child.yaml: Parameters/Needed: parameter Needed has neither a value nor"),
        ({"Child": nested("child", More="b")}, "child.yaml: parameter More is not declared; allowed: Needed"),
        ({"Child": {**nested("child"), "Properties": {**CHILD, "Parameters": ["a"]}}}, "must be a mapping"),
        ({"Child": nested("child", Needed="z")}, "child.yaml: Parameters/Needed: 'z' is not allowed"),
        ({"Child": nested("child", Needed=["a", "b"])}, "Parameters/Needed: text or a number is needed"),
        ({"Child": nested("gone")}, "gone.yaml: cannot be read: No such file"),
        ({"Child": nested("../child")}, "root.yaml: Resources/Child: TemplateURL must be a Sub of https://s3."),
        ({"Child": {**nested("child"), "Properties": {"TemplateURL": "./child.yaml"}}}, "TemplateURL must be a Sub"),
        ({"Child": {"Type": NESTED_STACK}}, "TemplateURL must be a Sub"),
        (
            {"Child": nested("child", Needed="a"), "Thing": thing({"Value": {"Fn::GetAtt": "Child.Outputs.X"}})},
            "root.yaml: Resources/Thing: nested stack Child has no output X; those of child.yaml: Value",
        ),
        (
            {
                "Child": nested("child", Needed={"Fn::GetAtt": ["Other", "Outputs.Value"]}),
                "Other": nested("child", Needed={"Fn::GetAtt": ["Child", "Outputs.Value"]}),
            },
            "root.yaml: Resources/Other: nested stack Child waits for itself",
        ),
        ({"Thing": {"Type": "T", "DependsOn": "Nowhere"}}, "Resources/Thing: DependsOn names Nowhere, which is no"),
        ({"Thing": {"Type": "T", "Condition": "Nowhere"}}, "Resources/Thing: condition Nowhere is not defined"),
        ({"Thing": thing({"Fn::GetAtt": "Thing.Arn"})}, "Resources/Thing: Properties must be a mapping"),
        ({"Thing": {"Properties": {}}}, "root.yaml: Resources/Thing: has no Type"),
        ({"Thing": None}, "root.yaml: Resources/Thing: has no Type"),
        (["Thing"], "root.yaml: Resources must be a mapping"),
        ({}, "root.yaml: has no Resources"),
    ],
)
def test_a_wrong_template_names_file_and_place(release: Release, resources: Any, message: str) -> None:
    release.template(Parameters=BUCKET, Resources=resources)
    release.template(
        "child",
        Parameters={"Needed": {"Type": "String", "AllowedValues": ["a", "b"]}},
        Outputs={"Value": {"Value": "x"}},
    )
    with pytest.raises(UserError, match=re.escape(message)):
        release.resolve()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"Outputs": {"Value": {"Description": "x"}}}, "Outputs/Value: has no Value"),
        ({"Parameters": {"Given": {}}}, "Parameters/Given: has no Type"),
        ({"Parameters": {"Given": {"Type": "String", "MinLength": "x", "Default": "a"}}}, "constraints cannot be read"),
        (
            {"Parameters": {"Given": {"Type": "String", "AllowedPattern": "(", "Default": "a"}}},
            "cannot be read: missing )",
        ),
        ({"Conditions": ["x"]}, "Conditions must be a mapping"),
        ({"Rules": {"Rule": {}}}, "Rules/Rule: has no Assertions"),
    ],
)
def test_a_template_of_another_shape_is_refused(release: Release, sections: Any, message: str) -> None:
    release.template(**sections)
    with pytest.raises(UserError, match=re.escape(message)):
        release.resolve()


@pytest.mark.parametrize("content", ["- a", "Resources: [", "a: !Unknown b", b"\xff\xfe\xff"])
def test_a_file_that_is_no_template_is_refused(release: Release, content: str | bytes) -> None:
    path = release.folder / "root.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"root\.yaml: is no template"):
        release.resolve()


@pytest.mark.parametrize(
    ("account_id", "region", "known", "message"),
    [
        ("1234", REGION, {}, "account id '1234' is not allowed; allowed: 12 digits"),
        (ACCOUNT_ID, "Ireland", {}, "region 'Ireland' is not allowed"),
        (ACCOUNT_ID, REGION, {"Vpc": "vpc-1"}, "known value of 'Vpc': a symbol stands between ⟨ and ⟩"),
    ],
)
def test_a_wrong_place_is_refused(
    release: Release, account_id: str, region: str, known: dict[str, str], message: str
) -> None:
    release.template()
    with pytest.raises(UserError, match=re.escape(message)):
        resolve(release.folder, "root", {}, account_id, region, known)


def test_references_are_found_anywhere_and_nothing_else_is() -> None:
    value = {
        "a": ["x ⟨Network/Vpc⟩ y ⟨Database/Database.Endpoint.Address⟩", "⟨ssm:/path⟩", 7, None],
        "b": {"c": "⟨Fn::Select 0 ⟨Fn::Split : ⟨Middle/Deep/Role.Arn⟩⟩⟩", "d": "⟨WebTier/AWS::StackName⟩⟨WebTier⟩"},
    }
    assert references(value) == {
        Reference("Network/Vpc", ""),
        Reference("Database/Database", "Endpoint.Address"),
        Reference("Middle/Deep/Role", "Arn"),
        Reference("WebTier", ""),
    }


# ---------------------------------------------------------------------------------------------------------------------
# The emulator
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deployed:
    """An environment on the emulator, and what the resolver says of it once physical ids are known."""

    emulator: Emulator
    deployment: Deployment
    resolution: Resolution

    def client(self, service: str) -> Any:
        return self.emulator.client(service, ACCOUNT_ID, REGION)

    def properties(self, address: str) -> Any:
        return self.resolution.resources[address].properties

    def id(self, address: str) -> str:
        stack, _, logical_id = address.rpartition("/")
        return self.deployment.physical_id(stack, logical_id)


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    with Emulator() as emulator:

        def client(service: str) -> Any:
            return emulator.client(service, ACCOUNT_ID, REGION)

        bucket = f"{PROJECT}-templates-{ACCOUNT_ID}"
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        prefix = upload(client("s3"), RELEASE, bucket)
        certificate = client("acm").request_certificate(DomainName="dev.example.com")["CertificateArn"]
        client("ssm").put_parameter(Name=f"/{PROJECT}/dev/certificate-arn", Value=certificate, Type="String")
        parameters = settings("dev") | {
            "TemplateBucketName": bucket,
            "TemplateKeyPrefix": prefix,
            "WebServerImageId": pin_image(client("ssm"), RELEASE),
        }
        url = f"https://s3.{REGION}.amazonaws.com/{bucket}/{prefix}platform.yaml"
        deployment = deploy(
            client("cloudformation"),
            root_stack_name("dev"),
            {"TemplateURL": url},
            parameters,
            CONFIGURATIONS["dev"].tags,
            lambda event: None,
        )
        assert deployment.complete, deployment.first_failure
        known = {
            f"⟨{'/'.join(filter(None, [stack, resource['LogicalResourceId']]))}⟩": resource["PhysicalResourceId"]
            for stack, resources in deployment.resources.items()
            for resource in resources
        }
        resolution = resolve(RELEASE, "platform", parameters, ACCOUNT_ID, REGION, known)
        yield Deployed(emulator, deployment, resolution)


def test_the_emulator_made_exactly_these_resources(deployed: Deployed) -> None:
    made = {
        "/".join(filter(None, [stack, resource["LogicalResourceId"]])): resource["ResourceType"]
        for stack, resources in deployed.deployment.resources.items()
        for resource in resources
    }
    assert made == {address: resource.type for address, resource in deployed.resolution.resources.items()}


def test_every_output_that_is_known_is_what_was_put_out(deployed: Deployed) -> None:
    outputs = deployed.resolution.outputs
    assert outputs.keys() == deployed.deployment.outputs.keys()
    known = {name: value for name, value in outputs.items() if not has_symbol(value)}
    assert {"VpcId", "DatabaseId", "WebServerGroupName", "SessionTableName"} <= known.keys()
    assert known == {name: deployed.deployment.outputs[name] for name in known}


def test_nested_stacks_were_handed_these_parameters(deployed: Deployed) -> None:
    compared = 0
    for stack in deployed.resolution.of_type(NESTED_STACK):
        [found] = deployed.client("cloudformation").describe_stacks(StackName=deployed.id(stack.address))["Stacks"]
        handed = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        expected = stack.properties["Parameters"]
        assert handed.keys() == expected.keys()
        known = {name: value for name, value in expected.items() if not has_symbol(value)}
        assert {name: handed[name] for name in known} == known, stack.address
        compared += len(known)
    assert compared > 50


def test_networks_have_these_ranges(deployed: Deployed) -> None:
    ec2 = deployed.client("ec2")
    vpc, own = deployed.id("Network/Vpc"), deployed.properties("Network/Vpc")
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert found["CidrBlock"] == own["CidrBlock"] == "10.10.0.0/16"
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    expected = {
        deployed.id(subnet.address): (subnet.properties["CidrBlock"], subnet.properties["AvailabilityZone"])
        for subnet in deployed.resolution.of_type("AWS::EC2::Subnet")
    }
    assert {each["SubnetId"]: (each["CidrBlock"], each["AvailabilityZone"]) for each in subnets} == expected


def test_groups_admit_these_peers(deployed: Deployed) -> None:
    ids = {name: deployed.id(f"Security/{name}Group") for name in ("LoadBalancer", "WebServer", "Database")}
    for name, group in ids.items():
        [found] = deployed.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
        for side, kind in (("IpPermissions", "Ingress"), ("IpPermissionsEgress", "Egress")):
            rules = [
                rule
                for rule in deployed.resolution.of_type(f"AWS::EC2::SecurityGroup{kind}")
                if rule.properties["GroupId"] == f"⟨Security/{name}Group.GroupId⟩"
            ]
            peers = [peer for each in found[side] for peer in (*each["IpRanges"], *each["UserIdGroupPairs"])]
            # Besides them a group has the rule of its own that lets nothing out.
            own = deployed.properties(f"Security/{name}Group").get(f"SecurityGroup{kind}", [])
            assert len(peers) == len(rules) + len(own), (name, kind)


def test_servers_are_bounded_like_this(deployed: Deployed) -> None:
    own = deployed.properties("WebTier/WebServerGroup")
    name = deployed.id("WebTier/WebServerGroup")
    groups = deployed.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    [found] = groups["AutoScalingGroups"]
    assert (str(found["MinSize"]), str(found["MaxSize"])) == (own["MinSize"], own["MaxSize"]) == ("1", "2")
    assert found["VPCZoneIdentifier"].split(",") == own["VPCZoneIdentifier"]
    assert found["TargetGroupARNs"] == own["TargetGroupARNs"]
