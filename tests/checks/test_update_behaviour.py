"""What an update does to a resource: the registry schema, and the table of what it leaves open."""

from __future__ import annotations

import pytest
import yaml

from generator import registry_schemas
from generator.checks.update_behaviour import TABLE, Behaviour, behaviour, changing_attributes, note, physical_name
from tests.releases import REGION, released

TYPES = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["types"]


@pytest.mark.parametrize(
    ("type_name", "path", "expected"),
    [
        ("AWS::EC2::VPC", "CidrBlock", Behaviour.REPLACEMENT),
        ("AWS::EFS::AccessPoint", "RootDirectory.CreationInfo.OwnerUid", Behaviour.REPLACEMENT),
        ("AWS::EC2::VPCEndpoint", "DnsOptions", Behaviour.REPLACEMENT),
        ("AWS::DynamoDB::Table", "KeySchema.[customer_id].KeyType", Behaviour.REPLACEMENT),
        ("AWS::RDS::DBInstance", "AvailabilityZone", Behaviour.CONDITIONAL),
        ("AWS::RDS::DBInstance", "MultiAZ", Behaviour.SOME_INTERRUPTIONS),
        ("AWS::RDS::DBInstance", "AllocatedStorage", Behaviour.NO_INTERRUPTION),
        ("AWS::KMS::Key", "KeyUsage", Behaviour.REFUSED),
        ("AWS::S3::Bucket", "Tags.[Name].Value", Behaviour.NO_INTERRUPTION),
        ("AWS::AutoScaling::AutoScalingGroup", "LaunchTemplate.Version", Behaviour.SOME_INTERRUPTIONS),
        ("AWS::MSK::Replicator", "ReplicationInfoList.[0].SourceKafkaClusterArn", Behaviour.REPLACEMENT),
        ("Custom::Anything", "Name", Behaviour.NO_INTERRUPTION),
        ("AWS::No::Such", "Name", Behaviour.NO_INTERRUPTION),
    ],
)
def test_an_update_does_what_is_documented(type_name: str, path: str, expected: Behaviour) -> None:
    assert behaviour(type_name, tuple(path.split(".")), {}, REGION) == expected


def test_severity_is_in_order() -> None:
    assert sorted(Behaviour, key=lambda one: one.severity) == [
        "No interruption",
        "Some interruptions",
        "Conditional replacement",
        "Replacement",
        "Refused",
    ]


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
        ("AWS::Logs::LogGroup", "LogGroupName"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
        ("AWS::EC2::LaunchTemplate", "LaunchTemplateName"),
        ("AWS::EC2::SecurityGroup", "GroupName"),
        ("AWS::EC2::SecurityGroupIngress", None),
        ("AWS::EC2::Route", None),
        ("Custom::Anything", None),
    ],
)
def test_the_property_that_names_a_resource_is_known(type_name: str, name: str | None) -> None:
    assert physical_name(type_name, REGION) == name


def test_a_new_version_of_a_launch_template_is_a_new_attribute() -> None:
    assert changing_attributes("AWS::EC2::LaunchTemplate", "LaunchTemplateData") == [
        "LaunchTemplateData",
        "LatestVersionNumber",
    ]
    assert changing_attributes("AWS::EC2::LaunchTemplate", "Tags") == ["Tags"]


def test_notes_are_given_for_their_property_only() -> None:
    assert "another VPC" in str(note("AWS::RDS::DBSubnetGroup", "SubnetIds"))
    assert note("AWS::RDS::DBSubnetGroup", "Tags") is None


@pytest.mark.parametrize("type_name", TYPES)
def test_every_row_of_the_table_is_about_real_properties_and_has_a_source(type_name: str) -> None:
    row = TYPES[type_name]
    assert row["source"].startswith("https://docs.aws.amazon.com/")
    assert row.keys() <= {
        "source",
        "replacement",
        "some_interruptions",
        "refused",
        "notes",
        "changing_attributes",
    }
    properties = registry_schemas.schema(type_name, REGION)["properties"]
    for key, named in row.items():
        if key != "source":
            assert set(named) <= properties.keys(), (type_name, key)


def test_every_type_of_ours_has_a_schema_that_says_what_cannot_change() -> None:
    types = {resource.type for resource in released().resources.values()}
    silent = {name for name in types if not registry_schemas.paths(name, REGION, "createOnlyProperties")}
    assert silent == {
        "AWS::CloudFormation::Stack",
        "AWS::EC2::InternetGateway",
        "AWS::IAM::Policy",
        "AWS::KMS::Key",
    }


def test_a_type_without_a_schema_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="AWS::No::Such"):
        registry_schemas.schema("AWS::No::Such", REGION)
