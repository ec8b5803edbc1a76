"""Folding: one flat template of all nested stacks, in which nothing is lost and nothing unresolved is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.rule_sets.folding import fold, typed
from generator.resolver import NESTED_STACK, Resolution, Resource
from tests.releases import released

ENVIRONMENTS = ["dev", "staging", "prod"]


def resource(address: str, type_name: str, attributes: dict[str, Any] | None = None, **properties: Any) -> Resource:
    stack, _, logical_id = address.rpartition("/")
    return Resource(stack, logical_id, type_name, properties, attributes or {}, None, "some.yaml", ())


def resolution(*resources: Resource) -> Resolution:
    return Resolution("web-platform-dev", "1" * 12, "eu-west-1", {each.address: each for each in resources}, {}, {})


def folded_tag(value: str) -> Any:
    """Return what a value becomes in a resource beside a VPC and a bucket."""
    vpc = resource("Network/Vpc", "AWS::EC2::VPC", Tags=[{"Key": "Name", "Value": value}])
    template = fold(resolution(vpc, resource("Storage/Bucket", "AWS::S3::Bucket"))).template
    return template["Resources"]["NetworkVpc"]["Properties"]["Tags"][0]["Value"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_resource_but_the_nested_stacks_is_there_and_tells_where_it_is_from(environment: str) -> None:
    platform = released(environment)
    folded = fold(platform)
    expected = {address for address, each in platform.resources.items() if each.type != NESTED_STACK}
    assert set(folded.addresses.values()) == expected
    assert folded.template["Resources"].keys() == folded.addresses.keys()
    assert len(expected) > 100


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_left_that_a_tool_would_not_understand(environment: str) -> None:
    text = json.dumps(fold(released(environment)).template, ensure_ascii=False)
    assert "⟨" not in text
    assert "⟩" not in text
    assert '"Fn::If"' not in text
    assert '"Condition": "' not in text


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_reference_is_to_a_resource_that_is_there(environment: str) -> None:
    resources = fold(released(environment)).template["Resources"]

    def referred(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["Ref"]} if "Ref" in value else set()
            own |= {value["Fn::GetAtt"][0]} if "Fn::GetAtt" in value else set()
            return own.union(*(referred(item) for item in value.values()))
        return set().union(*(referred(item) for item in value)) if isinstance(value, list) else set()

    found = referred(resources)
    assert found <= resources.keys()
    assert "NetworkVpc" in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("⟨Network/Vpc⟩", {"Ref": "NetworkVpc"}),
        ("⟨Storage/Bucket.Arn⟩", {"Fn::GetAtt": ["StorageBucket", "Arn"]}),
        ("⟨Storage/Bucket.Arn⟩/*", {"Fn::Join": ["", [{"Fn::GetAtt": ["StorageBucket", "Arn"]}, "/*"]]}),
        ("s3://⟨Storage/Bucket⟩/a", {"Fn::Join": ["", ["s3://", {"Ref": "StorageBucket"}, "/a"]]}),
        ("⟨ssm:/the/path⟩", "{{resolve:ssm:/the/path}}"),
        ("⟨WebTier/AWS::StackName⟩-x", "AWS-StackName-x"),
        ("⟨WebTier⟩", "WebTier"),
        (
            "⟨Fn::Base64 echo ⟨Network/Vpc⟩\n⟩",
            {"Fn::Base64": {"Fn::Join": ["", ["echo ", {"Ref": "NetworkVpc"}, "\n"]]}},
        ),
        ("plain", "plain"),
    ],
)
def test_symbols_become_what_tools_understand(value: str, expected: Any) -> None:
    assert folded_tag(value) == expected


@given(st.lists(st.one_of(st.sampled_from(["⟨Network/Vpc⟩", "⟨Storage/Bucket.Arn⟩"]), st.text("ab/:*", min_size=1))))
def test_text_keeps_its_parts_and_their_order(parts: list[str]) -> None:
    folded = folded_tag("".join(parts))
    joined = folded["Fn::Join"][1] if isinstance(folded, dict) and "Fn::Join" in folded else [folded]
    symbols = {"NetworkVpc": "⟨Network/Vpc⟩", "StorageBucket": "⟨Storage/Bucket.Arn⟩"}
    names = [part if isinstance(part, str) else part.get("Ref") or part["Fn::GetAtt"][0] for part in joined]
    assert "".join(symbols.get(name, name) for name in names) == "".join(parts)


def test_text_from_parameters_becomes_what_the_schema_asks_for() -> None:
    properties = {"StorageEncrypted": "true", "BackupRetentionPeriod": "7", "EngineVersion": "17", "Port": "5432"}
    expected = {"StorageEncrypted": True, "BackupRetentionPeriod": 7, "EngineVersion": "17", "Port": "5432"}
    assert typed(properties, "AWS::RDS::DBInstance", "eu-west-1") == expected


def test_the_schema_is_followed_into_lists_and_definitions() -> None:
    attributes = {"Properties": {"LaunchTemplateData": {"NetworkInterfaces": [{"AssociatePublicIpAddress": "false"}]}}}
    found = typed(attributes["Properties"], "AWS::EC2::LaunchTemplate", "eu-west-1")
    assert found["LaunchTemplateData"]["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False


def test_a_type_without_schema_stays_as_it_is() -> None:
    assert typed({"Enabled": "true"}, "Custom::Thing", "eu-west-1") == {"Enabled": "true"}


def test_a_template_cannot_silence_a_tool_but_keeps_what_happens_to_data() -> None:
    silenced = {"Metadata": {"checkov": {"skip": [{"id": "CKV_AWS_18"}]}}, "DeletionPolicy": "Retain"}
    folded = fold(resolution(resource("Storage/Bucket", "AWS::S3::Bucket", silenced)))
    assert folded.template["Resources"]["StorageBucket"] == {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}


def test_two_resources_with_one_name_are_refused() -> None:
    both = (resource("Web/TierGroup", "AWS::EC2::VPC"), resource("WebTier/Group", "AWS::EC2::VPC"))
    with pytest.raises(ValueError, match="Web/TierGroup and WebTier/Group"):
        fold(resolution(*both))


def test_a_root_of_its_own_keeps_its_logical_ids() -> None:
    folded = fold(resolution(resource("ArtifactKey", "AWS::KMS::Key")))
    assert folded.addresses == {"ArtifactKey": "ArtifactKey"}
