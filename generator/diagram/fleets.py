"""What answers requests: fleets of web servers and services of tasks, with how many there may be and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.diagram import icons, styles
from generator.diagram.facts import Facts, counted, listed
from generator.diagram.styles import Frame, Icon
from generator.resolver import Resource


@dataclass(frozen=True)
class Fleet:
    """What answers requests: an Auto Scaling group or a service of tasks."""

    resource: Resource
    title: str
    note: Sequence[str]
    """How it grows or is renewed, in words."""
    each: str
    """What one of them is, in words."""
    icon: Icon
    frame: Frame
    template: Resource
    """The launch template or the task definition."""
    of: Sequence[Resource]

    @property
    def node(self) -> str:
        """Its frame on the page."""
        return self.resource.address


def fleets(facts: Facts) -> list[Fleet]:
    """Return web servers, blue before green, then containers."""
    servers = [_servers(facts, group) for group in web_groups(facts)]
    return [*servers, *(_tasks(facts, service) for service in facts.all("ECS::Service"))]


def web_groups(facts: Facts) -> list[Resource]:
    """Return the Auto Scaling groups whose servers answer the load balancer."""
    return [group for group in facts.all("AutoScaling::AutoScalingGroup") if group.properties.get("TargetGroupARNs")]


def bastions(facts: Facts) -> list[Resource]:
    """Return the Auto Scaling groups that nobody asks through the load balancer."""
    web = web_groups(facts)
    return [group for group in facts.all("AutoScaling::AutoScalingGroup") if group not in web]


def _servers(facts: Facts, group: Resource) -> Fleet:
    template = facts.named(group.properties, "EC2::LaunchTemplate")[0]
    policies = facts.who_names(group, "AutoScaling::ScalingPolicy")
    alarms = [alarm for policy in policies for alarm in facts.who_names(policy, "CloudWatch::Alarm")]
    targets = facts.named(group.properties["TargetGroupARNs"])
    smallest, largest = group.properties["MinSize"], group.properties["MaxSize"]
    size = f"{smallest} to {largest} servers" if smallest != largest else counted(int(smallest), "server")
    note = [*_share(facts, targets), *_scaling(facts, policies)]
    kind = str(template.properties["LaunchTemplateData"]["InstanceType"])
    of = [group, template, *policies, *alarms, *facts.who_names(group, "AutoScaling::ScheduledAction")]
    return Fleet(group, f"Auto Scaling group  ·  {size}", note, kind, icons.SERVER, styles.SCALING, template, of)


def _scaling(facts: Facts, policies: Sequence[Resource]) -> list[str]:
    """Return at which load a fleet grows and shrinks."""
    said = []
    for policy in policies:
        for alarm in facts.who_names(policy, "CloudWatch::Alarm"):
            sign = ">" if "Greater" in str(alarm.properties["ComparisonOperator"]) else "<"
            if "CPU" in str(alarm.properties.get("MetricName", "")):
                minutes = int(alarm.properties["Period"]) * int(alarm.properties["EvaluationPeriods"]) // 60
                steps = policy.properties.get("StepAdjustments") or [policy.properties]
                step = int(steps[0]["ScalingAdjustment"])
                said.append(f"{step:+d} where CPU {sign} {alarm.properties['Threshold']} % for {minutes} minutes")
    return said


def _share(facts: Facts, targets: Sequence[Resource]) -> list[str]:
    """Return which share of requests goes to target groups, where it is shared."""
    for rule in facts.all("ElasticLoadBalancingV2::ListenerRule"):
        if "path-pattern" not in {condition["Field"] for condition in rule.properties["Conditions"]}:
            continue
        weights = _weights(facts, rule)
        mine = sum(weights.get(target.address, 0) for target in targets)
        if any(target.address in weights for target in targets) and 0 < mine < sum(weights.values()):
            return [f"{mine} % of requests"]
    return []


def _weights(facts: Facts, rule: Resource) -> Mapping[str, int]:
    groups: list[Mapping[str, Any]] = rule.properties["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])
    return {facts.named(each["TargetGroupArn"])[0].address: int(each.get("Weight", 1)) for each in groups}


def _tasks(facts: Facts, service: Resource) -> Fleet:
    task = facts.named(service.properties["TaskDefinition"])[0]
    targets = [
        each for each in facts.all("ApplicationAutoScaling::ScalableTarget") if service in facts.named(each.properties)
    ]
    sizes = [f"{each.properties['MinCapacity']} to {each.properties['MaxCapacity']} tasks" for each in targets]
    strategy = str(service.properties["DeploymentConfiguration"]["Strategy"]).lower().replace("_", "/")
    names = [str(each["Name"]) for each in task.properties["ContainerDefinitions"]]
    title = "  ·  ".join(["ECS service", *sizes])
    note = [f"{strategy} deployments", listed(names)]
    each = f"{int(task.properties['Cpu']) / 1024:g} vCPU, {int(task.properties['Memory']) / 1024:g} GiB"
    policies = [
        policy for target in targets for policy in facts.who_names(target, "ApplicationAutoScaling::ScalingPolicy")
    ]
    of = [
        service,
        task,
        *targets,
        *policies,
        *facts.all("ECS::Cluster", "ECS::ClusterCapacityProviderAssociations", "ServiceDiscovery::PrivateDnsNamespace"),
    ]
    return Fleet(service, title, note, each, icons.FARGATE, styles.SERVICE, task, of)
