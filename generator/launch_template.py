"""The one shape of server: no key, metadata for token holders alone, encrypted disk, detailed monitoring, tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, GetAtt
from troposphere.ec2 import (
    EBSBlockDevice,
    IamInstanceProfile,
    LaunchTemplate,
    LaunchTemplateBlockDeviceMapping,
    LaunchTemplateData,
    MetadataOptions,
    Monitoring,
    NetworkInterfaces,
    TagSpecifications,
)
from troposphere.iam import InstanceProfile

from generator.naming import PROJECT, name_tag
from generator.nesting import conditional
from generator.parameter_types import EnvironmentName, ImageId, SecurityGroupId

ROOT_VOLUME_GIB = 10


@dataclass(frozen=True, kw_only=True)
class Server:
    """What distinguishes one kind of server from another."""

    name: str
    """As in its `Name` tag: `web-server`."""
    environment_name: EnvironmentName
    image: ImageId
    instance_type: AWSHelperFn | str
    profile: InstanceProfile
    group: SecurityGroupId
    public_address: AWSHelperFn | bool
    user_data: object


def launch_template(title: str, server: Server, condition: str | None = None) -> LaunchTemplate:
    """Return the launch template of a kind of server (D8, D10, E15)."""
    root_volume = EBSBlockDevice(VolumeType="gp3", VolumeSize=ROOT_VOLUME_GIB, Encrypted=True, DeleteOnTermination=True)
    interface = NetworkInterfaces(
        DeviceIndex=0,
        AssociatePublicIpAddress=server.public_address,
        DeleteOnTermination=True,
        Groups=[server.group],
    )
    return LaunchTemplate(
        title,
        **conditional(condition),
        LaunchTemplateData=LaunchTemplateData(
            ImageId=server.image,
            InstanceType=server.instance_type,
            IamInstanceProfile=IamInstanceProfile(Arn=GetAtt(server.profile, "Arn")),
            NetworkInterfaces=[interface],
            BlockDeviceMappings=[LaunchTemplateBlockDeviceMapping(DeviceName="/dev/xvda", Ebs=root_volume)],
            MetadataOptions=MetadataOptions(HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=1),
            Monitoring=Monitoring(Enabled=True),
            UserData=server.user_data,
            TagSpecifications=[_tags_at_launch(server, kind) for kind in ("instance", "volume")],
        ),
        TagSpecifications=[TagSpecifications(ResourceType="launch-template", Tags=name_tag(server.name))],
    )


def _tags_at_launch(server: Server, resource_type: str) -> TagSpecifications:
    # Stack tags do not reach what an Auto Scaling group launches, so that these two are repeated here.
    tags = name_tag(server.name)
    own: list[dict[str, Any]] = [
        {"Key": "Project", "Value": PROJECT},
        {"Key": "Environment", "Value": server.environment_name},
    ]
    tags.tags += own
    return TagSpecifications(ResourceType=resource_type, Tags=tags)
