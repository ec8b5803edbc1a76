"""A fleet of web servers: launch template, Auto Scaling group and office hours. Part of the stack `web_tier`.

There are two fleets, so that a version can be tried before visitors get it, and left again within seconds (D15). Where
one runs alone, it has the environment's numbers, and scales. Where both run, they divide the three servers that may be
(W8): the fleet that gets most requests has most of them, and neither scales (docs/decisions/0022).

The logical ids of the blue fleet have no colour, because they were there before the green ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere import And, AWSHelperFn, Equals, FindInMap, GetAtt, If, Not, Or, Ref, Template
from troposphere import Condition as ConditionReference
from troposphere.autoscaling import AutoScalingGroup, LaunchTemplateSpecification, MetricsCollection, ScheduledAction
from troposphere.ec2 import LaunchTemplate
from troposphere.elasticloadbalancingv2 import TargetGroup
from troposphere.iam import InstanceProfile
from troposphere.logs import LogGroup
from troposphere.policies import (
    AutoScalingRollingUpdate,
    AutoScalingScheduledAction,
    CreationPolicy,
    ResourceSignal,
    UpdatePolicy,
)

from generator.launch_template import Server, launch_template
from generator.naming import PROJECT, in_environment, parameter_path
from generator.nesting import add_condition
from generator.office_hours import OFFICE_HOURS, SERVERS_START, SERVERS_STOP
from generator.parameter_types import ArchiveKey
from generator.user_data import WEB_SERVER, user_data

if TYPE_CHECKING:
    from generator.stacks.web_tier import Parameters

HAS_BOTH_FLEETS, HAS_ONE_FLEET = "HasBothFleets", "HasOneFleet"

BOOTSTRAP_TIMEOUT_MINUTES = 10
# Longer than the bootstrap may take: a server that is still installing itself must not be replaced as unhealthy.
HEALTH_CHECK_GRACE_SECONDS = (BOOTSTRAP_TIMEOUT_MINUTES + 2) * 60
WARM_UP_SECONDS = 300
# All that could end a server while the rolling update counts on it.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatepolicy.html
SUSPENDED_DURING_UPDATE = [
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What distinguishes the servers of one colour from those of the other."""

    colour: str
    prefix: str
    """With which the logical ids of the fleet begin."""
    server: str
    """As in the `Name` tag of its servers."""
    beside_the_other: Mapping[str, Mapping[str, int]]
    """How many servers it has where both run: by WebServerMaximum, then by GreenShare."""

    @property
    def is_there(self) -> str:
        """The condition under which the fleet runs."""
        return f"Has{self.colour}Fleet"

    @property
    def has_hours(self) -> str:
        """The condition under which it runs in office hours only."""
        return f"{self.colour}FleetHasOfficeHours"

    @property
    def sizes(self) -> str:
        """The mapping that holds `beside_the_other`."""
        return f"{self.colour}Servers"


BLUE = Fleet(
    colour="Blue",
    prefix="",
    server="web-server",
    beside_the_other={"2": {"0": 1, "10": 1, "50": 1, "100": 1}, "3": {"0": 2, "10": 2, "50": 1, "100": 1}},
)
GREEN = Fleet(
    colour="Green",
    prefix="Green",
    server="green-web-server",
    beside_the_other={"2": {"0": 1, "10": 1, "50": 1, "100": 1}, "3": {"0": 1, "10": 1, "50": 2, "100": 2}},
)


def add_fleet_conditions(template: Template, parameters: Parameters) -> None:
    """Add when each fleet runs: with a share of the requests, and without one where standby servers are asked for."""
    standby = Equals(parameters.standby_servers, "true")
    some_to_blue, some_to_green = (Not(Equals(parameters.green_share, to_the_other)) for to_the_other in ("100", "0"))
    add_condition(template, BLUE.is_there, Or(some_to_blue, standby))
    # One of them runs whatever the share may be, and whoever reads the template sees so.
    without_blue = Not(ConditionReference(BLUE.is_there))
    add_condition(template, GREEN.is_there, Or(without_blue, some_to_green, standby))
    both = And(ConditionReference(BLUE.is_there), ConditionReference(GREEN.is_there))
    add_condition(template, HAS_BOTH_FLEETS, both)
    add_condition(template, HAS_ONE_FLEET, Not(ConditionReference(HAS_BOTH_FLEETS)))
    add_condition(template, OFFICE_HOURS, Equals(parameters.office_hours_only, "true"))
    for fleet in (BLUE, GREEN):
        has_hours = And(ConditionReference(fleet.is_there), ConditionReference(OFFICE_HOURS))
        add_condition(template, fleet.has_hours, has_hours)


def add_fleet(
    template: Template,
    parameters: Parameters,
    fleet: Fleet,
    archive: ArchiveKey,
    profile: InstanceProfile,
    target_group: TargetGroup,
    logs: LogGroup,
) -> AutoScalingGroup:
    """Add a fleet whose servers serve an archive to a target group, and return its Auto Scaling group."""
    template.add_mapping(fleet.sizes, {maximum: dict(by_share) for maximum, by_share in fleet.beside_the_other.items()})
    title = f"{fleet.prefix}WebServerGroup"
    server = Server(
        name=fleet.server,
        environment_name=parameters.environment_name,
        image=parameters.web_server_image_id,
        instance_type=parameters.web_server_instance_type,
        profile=profile,
        group=parameters.web_server_group_id,
        public_address=False,
        user_data=_bootstrap(parameters, title, archive, target_group, logs),
    )
    made_of = template.add_resource(launch_template(f"{fleet.prefix}LaunchTemplate", server, fleet.is_there))
    group = template.add_resource(_group(title, parameters, fleet, made_of, target_group))
    _office_hours(template, parameters, fleet, group)
    return group


def _bootstrap(
    parameters: Parameters, group: str, archive: ArchiveKey, target_group: TargetGroup, logs: LogGroup
) -> object:
    return user_data(
        WEB_SERVER,
        {
            "ENVIRONMENT_NAME": parameters.environment_name,
            "REGION": Ref("AWS::Region"),
            "STACK_NAME": Ref("AWS::StackName"),
            "FLEET": group,
            "TARGET_PROTOCOL": parameters.target_protocol,
            "FILE_SYSTEM_ID": parameters.file_system_id,
            "ACCESS_POINT_ID": parameters.images_access_point_id,
            "RELEASE_BUCKET": parameters.release_bucket_name,
            "ARCHIVE_KEY": archive,
            "SESSION_TABLE": parameters.session_table_name,
            "PARAMETER_PATH": parameter_path(),
            "VPC_CIDR": parameters.vpc_cidr,
            "TARGET_GROUP_ARN": Ref(target_group),
            "LOG_GROUP": Ref(logs),
            "METRIC_NAMESPACE": PROJECT,
            "TRACE_SHARE": parameters.trace_share,
        },
    )


def _group(
    title: str, parameters: Parameters, fleet: Fleet, made_of: LaunchTemplate, target_group: TargetGroup
) -> AutoScalingGroup:
    smallest, largest = _sizes(parameters, fleet)
    name = {"Key": "Name", "Value": in_environment(f"{PROJECT}-${{EnvironmentName}}-{fleet.server}")}
    # Unvalidated: troposphere compares minimum and maximum as numbers, and they are the environment's parameters.
    return AutoScalingGroup(
        title,
        Condition=fleet.is_there,
        LaunchTemplate=LaunchTemplateSpecification(
            LaunchTemplateId=Ref(made_of), Version=GetAtt(made_of, "LatestVersionNumber")
        ),
        VPCZoneIdentifier=parameters.private_subnet_ids,
        # No DesiredCapacity: an update would set the group back to it in the middle of a busy evening.
        MinSize=smallest,
        MaxSize=largest,
        TargetGroupARNs=[Ref(target_group)],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=HEALTH_CHECK_GRACE_SECONDS,
        DefaultInstanceWarmup=WARM_UP_SECONDS,
        MetricsCollection=[MetricsCollection(Granularity="1Minute")],
        TerminationPolicies=["OldestLaunchTemplate", "Default"],
        Tags=[{**name, "PropagateAtLaunch": False}],
        CreationPolicy=CreationPolicy(
            ResourceSignal=ResourceSignal(Count=smallest, Timeout=f"PT{BOOTSTRAP_TIMEOUT_MINUTES}M")
        ),
        UpdatePolicy=_one_after_the_other(parameters),
    ).no_validation()


def _one_after_the_other(parameters: Parameters) -> UpdatePolicy:
    """Replace servers one by one; beside the other fleet there is no room for a new one before an old one is gone."""
    return UpdatePolicy(
        AutoScalingRollingUpdate=AutoScalingRollingUpdate(
            MinInstancesInService=If(HAS_BOTH_FLEETS, 0, parameters.web_server_minimum),
            MaxBatchSize=1,
            WaitOnResourceSignals=True,
            PauseTime=f"PT{BOOTSTRAP_TIMEOUT_MINUTES}M",
            SuspendProcesses=SUSPENDED_DURING_UPDATE,
        ),
        AutoScalingScheduledAction=AutoScalingScheduledAction(IgnoreUnmodifiedGroupSizeProperties=True),
    )


def _sizes(parameters: Parameters, fleet: Fleet) -> tuple[AWSHelperFn, AWSHelperFn]:
    """Return how many servers the fleet has at least and at most."""
    beside_the_other = FindInMap(fleet.sizes, parameters.web_server_maximum, parameters.green_share)
    return (
        If(HAS_BOTH_FLEETS, beside_the_other, parameters.web_server_minimum),
        If(HAS_BOTH_FLEETS, beside_the_other, parameters.web_server_maximum),
    )


def _office_hours(template: Template, parameters: Parameters, fleet: Fleet, group: AutoScalingGroup) -> None:
    """Add start and stop of the servers, where the environment has hours (D13)."""

    def at(verb: str, recurrence: str, smallest: object, largest: object) -> None:
        template.add_resource(
            ScheduledAction(
                f"{verb}{fleet.prefix}WebServers",
                Condition=fleet.has_hours,
                AutoScalingGroupName=Ref(group),
                Recurrence=recurrence,
                TimeZone=parameters.time_zone,
                MinSize=smallest,
                MaxSize=largest,
                DesiredCapacity=smallest,
            )
        )

    at("Start", SERVERS_START, *_sizes(parameters, fleet))
    at("Stop", SERVERS_STOP, 0, 0)
