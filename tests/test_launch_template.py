"""D8, D10, E15: what every server is made of, whichever kind it is."""

from __future__ import annotations

import pytest
from troposphere import If, Ref
from troposphere.iam import InstanceProfile

from generator.launch_template import Server, launch_template
from generator.parameter_types import EnvironmentName, ImageId, SecurityGroupId

SERVER = Server(
    name="worker",
    environment_name=EnvironmentName(Ref("EnvironmentName")),
    image=ImageId(Ref("ImageId")),
    instance_type="t3.micro",
    profile=InstanceProfile("Profile", Roles=[Ref("Role")]),
    group=SecurityGroupId(Ref("GroupId")),
    public_address=If("Public", True, False),
    user_data="script",
)


def test_d8_server_has_no_key_and_serves_metadata_to_token_holders_alone() -> None:
    data = launch_template("Template", SERVER).to_dict()["Properties"]["LaunchTemplateData"]
    assert "KeyName" not in data
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }


def test_d10_e15_disk_is_encrypted_and_monitoring_detailed() -> None:
    data = launch_template("Template", SERVER).to_dict()["Properties"]["LaunchTemplateData"]
    [disk] = data["BlockDeviceMappings"]
    assert (disk["Ebs"]["VolumeType"], disk["Ebs"]["Encrypted"]) == ("gp3", True)
    assert data["Monitoring"] == {"Enabled": True}


def test_w2_public_address_is_as_the_stack_says() -> None:
    data = launch_template("Template", SERVER).to_dict()["Properties"]["LaunchTemplateData"]
    [interface] = data["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] == {"Fn::If": ["Public", True, False]}
    assert interface["Groups"] == [{"Ref": "GroupId"}]


@pytest.mark.parametrize("kind", ["instance", "volume"])
def test_d13_what_is_launched_has_the_tags_that_stacks_do_not_hand_on(kind: str) -> None:
    data = launch_template("Template", SERVER).to_dict()["Properties"]["LaunchTemplateData"]
    [tags] = [each["Tags"] for each in data["TagSpecifications"] if each["ResourceType"] == kind]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "Name": {"Fn::Sub": "web-platform-${EnvironmentName}-worker"},
        "Project": "web-platform",
        "Environment": {"Ref": "EnvironmentName"},
    }


@pytest.mark.parametrize(("condition", "expected"), [(None, None), ("HasWorker", "HasWorker")])
def test_template_is_there_where_its_condition_holds(condition: str | None, expected: str | None) -> None:
    assert launch_template("Template", SERVER, condition).to_dict().get("Condition") == expected
