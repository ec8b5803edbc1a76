"""What answers visitors: web servers of two colours, containers, or both. Part of the stack `observability`.

What is watched follows the settings: where nothing runs there is no alarm, no line on the dashboard and no metric
filter. Where both colours of web servers run, what is asked of one group is asked of the one that leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import And, Equals, If, Join, Not, Or, Template
from troposphere import Condition as ConditionReference

from generator.alarms import Metric
from generator.nesting import add_condition
from generator.parameter_types import (
    Compute,
    GreenShare,
    PathPatterns,
    ResourceName,
    Toggle,
)

HAS_SERVERS, HAS_CONTAINERS, HAS_BOTH = "HasServers", "HasContainers", "HasServersAndContainers"
HAS_BLUE_FLEET, HAS_GREEN_FLEET, HAS_BOTH_FLEETS = "HasBlueFleet", "HasGreenFleet", "HasBothFleets"
BLUE_SERVERS_ANSWER, GREEN_SERVERS_ANSWER = "BlueServersAnswer", "GreenServersAnswer"
GREEN_FLEET_LEADS = "GreenFleetLeads"
CONTAINERS_ANSWER = "ContainersAnswer"

LOAD_BALANCERS = "AWS/ApplicationELB"
EVERY_PATH = "/*"


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The settings that say what runs, and which of it visitors reach."""

    compute: Compute
    server_paths: PathPatterns
    green_share: GreenShare
    standby_servers: Toggle


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The web servers of one colour. Their target group is there without them, and then has no metrics."""

    target_group: ResourceName
    group_name: ResourceName
    exists: str
    answers: str
    """The condition that visitors' requests go to them."""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What stands behind the load balancer, as CloudWatch spells it; the parts' names are `none` where they are not."""

    load_balancer: ResourceName
    blue: Fleet
    green: Fleet
    blue_containers: ResourceName
    green_containers: ResourceName
    """ECS alone says which of the two serves: they take turns."""

    def targets(self, group: ResourceName, name: str, statistic: str = "Sum", condition: str | None = None) -> Metric:
        """Return a metric of a target group."""
        seen_by = {"LoadBalancer": self.load_balancer, "TargetGroup": group}
        return Metric(LOAD_BALANCERS, name, seen_by, statistic, condition)

    def servers(self, prefix: str, name: str, statistic: str = "Sum") -> Mapping[str, Metric]:
        """Return a metric of both colours of web servers, as far as they run, by ids that begin with the prefix."""
        return {
            f"{prefix}_{colour}": self.targets(fleet.target_group, name, statistic, fleet.exists)
            for colour, fleet in (("blue", self.blue), ("green", self.green))
        }

    def containers(self, prefix: str, name: str, statistic: str = "Sum") -> Mapping[str, Metric]:
        """Return a metric of both target groups of the containers, by ids that begin with the prefix."""
        return {
            f"{prefix}_{colour}": self.targets(group, name, statistic)
            for colour, group in (("blue", self.blue_containers), ("green", self.green_containers))
        }

    @property
    def leading_group(self) -> If:
        """The Auto Scaling group to which most requests go."""
        return If(GREEN_FLEET_LEADS, self.green.group_name, self.blue.group_name)

    @property
    def other_group(self) -> If:
        """The Auto Scaling group of the other colour, or none."""
        return If(GREEN_FLEET_LEADS, self.blue.group_name, self.green.group_name)


def behind(
    *,
    load_balancer: ResourceName,
    target_group: ResourceName,
    green_target_group: ResourceName,
    group_name: ResourceName,
    green_group_name: ResourceName,
    blue_containers: ResourceName,
    green_containers: ResourceName,
) -> Behind:
    """Return what stands behind a load balancer."""
    blue = Fleet(target_group=target_group, group_name=group_name, exists=HAS_BLUE_FLEET, answers=BLUE_SERVERS_ANSWER)
    green = Fleet(
        target_group=green_target_group,
        group_name=green_group_name,
        exists=HAS_GREEN_FLEET,
        answers=GREEN_SERVERS_ANSWER,
    )
    return Behind(
        load_balancer=load_balancer,
        blue=blue,
        green=green,
        blue_containers=blue_containers,
        green_containers=green_containers,
    )


def add_compute_conditions(template: Template, switches: Switches) -> None:
    """Add the conditions on what runs and what answers. The fleets' are those of the stack `web_tier`."""
    servers, containers = ConditionReference(HAS_SERVERS), ConditionReference(HAS_CONTAINERS)
    all_blue, all_green = Equals(switches.green_share, "0"), Equals(switches.green_share, "100")
    standby = Equals(switches.standby_servers, "true")
    add_condition(template, HAS_SERVERS, Not(Equals(switches.compute, "fargate")))
    add_condition(template, HAS_CONTAINERS, Not(Equals(switches.compute, "ec2")))
    add_condition(template, HAS_BOTH, Equals(switches.compute, "both"))
    add_condition(template, HAS_BLUE_FLEET, And(servers, Or(standby, Not(all_green))))
    add_condition(template, HAS_GREEN_FLEET, And(servers, Or(standby, Not(all_blue))))
    both = (ConditionReference(HAS_BLUE_FLEET), ConditionReference(HAS_GREEN_FLEET))
    add_condition(template, HAS_BOTH_FLEETS, And(*both))
    add_condition(template, BLUE_SERVERS_ANSWER, And(servers, Not(all_green)))
    add_condition(template, GREEN_SERVERS_ANSWER, And(servers, Not(all_blue)))
    # At half and half the blue ones are the fewer, and therefore the busier.
    add_condition(template, GREEN_FLEET_LEADS, And(servers, all_green))
    every_path_to_servers = And(servers, Equals(Join(",", switches.server_paths), EVERY_PATH))
    add_condition(template, CONTAINERS_ANSWER, And(containers, Not(every_path_to_servers)))
