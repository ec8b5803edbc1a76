"""Alarms on the web servers: their load, their room, their logs, and how they start. Part of the stack `observability`.

High CPU is what E17 asks for. Starting a server is not news: the group does that by itself (`web_tier`). News is that
it was not enough. Memory and disk are what the agent on the servers measures, the fullest of them counts.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Template

from generator.alarms import Actions, Metric, Window, above, at_least, below, math_alarm, metric_alarm
from generator.log_metrics import BOOTSTRAP_FAILURES, log_metrics_namespace
from generator.naming import PROJECT
from generator.parameter_types import CpuPercent, EnvironmentName, ResourceName, ServerMaximum
from generator.stacks.observability_compute import HAS_SERVERS, Behind
from generator.stacks.observability_front import WITHIN_FIVE_MINUTES

QUARTER_OF_AN_HOUR = Window(3, 300)
"""Longer than the group takes to notice the load and to start a server that helps."""

REPLACED_BY_NOW_MINUTES = 15
"""A server may install itself for ten minutes (web_tier); one that is unhealthy for longer is not replaced."""

MEMORY_PERCENT, DISK_PERCENT = 90, 85
REQUESTS_THAT_LEAVE_A_LINE = 10
"""In five minutes. Health checks leave none, so that silence alone says nothing in a quiet night."""

LOGS_MISSING = f'IF(SUM(METRICS("requests")) > {REQUESTS_THAT_LEAVE_A_LINE} AND FILL(lines, 0) == 0, 1, 0)'


@dataclass(frozen=True)
class Servers:
    """The web servers of both colours, whose logs are one."""

    environment_name: EnvironmentName
    behind: Behind
    log_group_name: ResourceName
    maximum: ServerMaximum
    scale_out_cpu_percent: CpuPercent

    def group(self, namespace: str, name: str, statistic: str = "Average") -> Metric:
        """Return a metric of the Auto Scaling group that leads, or of all its servers together."""
        return Metric(namespace, name, {"AutoScalingGroupName": self.behind.leading_group}, statistic)

    def wanted(self) -> Metric:
        """Return how many servers there should be."""
        return self.group("AWS/AutoScaling", "GroupDesiredCapacity", "Minimum")

    def agent(self, name: str) -> Metric:
        """Return what the agent measures on the fullest server."""
        return Metric(PROJECT, name, {"Environment": self.environment_name}, "Maximum")


def add_server_alarms(template: Template, servers: Servers, operations: Actions) -> None:
    """Add the alarms on the web servers and their logs, where there are web servers."""
    _health(template, servers.behind)
    _load(template, servers, operations)
    _room(template, servers, operations)
    _logs(template, servers, operations)


def _health(template: Template, behind: Behind) -> None:
    # The load balancer sends a colour its share whatever its health, and none of that to the other colour.
    for title, fleet, means in (
        (
            "NoHealthyServer",
            behind.blue,
            "No web server is healthy although there should be one: nobody is served.",
        ),
        (
            "NoHealthyGreenServer",
            behind.green,
            "No green web server is healthy although there should be one: its share of visitors is not served.",
        ),
    ):
        template.add_resource(
            math_alarm(
                title,
                means=means,
                # Outside office hours none is wanted. Without any server registered there is no metric of healthy ones.
                expression="IF(wanted > 0, FILL(healthy, 0), 1)",
                metrics={
                    "healthy": behind.targets(fleet.target_group, "HealthyHostCount", "Maximum"),
                    "wanted": Metric(
                        "AWS/AutoScaling", "GroupDesiredCapacity", {"AutoScalingGroupName": fleet.group_name}
                    ),
                },
                breach=below(1),
                window=WITHIN_FIVE_MINUTES,
                actions=[],
                condition=fleet.answers,
            )
        )
    template.add_resource(
        math_alarm(
            "UnhealthyServers",
            means=f"A web server has been unhealthy for {REPLACED_BY_NOW_MINUTES} minutes and was not replaced.",
            expression='SUM(METRICS("unhealthy"))',
            metrics=behind.servers("unhealthy", "UnHealthyHostCount", "Maximum"),
            breach=at_least(1),
            window=Window(REPLACED_BY_NOW_MINUTES, 60),
            actions=[],
            condition=HAS_SERVERS,
        )
    )


def _load(template: Template, servers: Servers, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "WebServersBusy",
            means="Web servers have been busier for 15 minutes than the CPU share at which one is added.",
            metric=servers.group("AWS/EC2", "CPUUtilization"),
            breach=above(servers.scale_out_cpu_percent),
            window=QUARTER_OF_AN_HOUR,
            actions=operations,
            condition=HAS_SERVERS,
        )
    )
    template.add_resource(
        metric_alarm(
            "ServersAtMaximum",
            means="As many web servers as the environment allows have run for 15 minutes: no more can be added.",
            metric=servers.group("AWS/AutoScaling", "GroupInServiceInstances", "Minimum"),
            breach=at_least(servers.maximum),
            window=QUARTER_OF_AN_HOUR,
            actions=operations,
            condition=HAS_SERVERS,
        )
    )
    template.add_resource(
        metric_alarm(
            "WebServerCpuCredits",
            # T instances are never slowed down for this, but it is paid for; other families have no such metric.
            means="Web servers of a burstable type compute more than their type earns, which AWS charges.",
            metric=servers.group("AWS/EC2", "CPUSurplusCreditsCharged", "Maximum"),
            breach=above(0),
            window=QUARTER_OF_AN_HOUR,
            actions=operations,
            condition=HAS_SERVERS,
        )
    )


def _room(template: Template, servers: Servers, operations: Actions) -> None:
    for title, what, metric, percent in (
        ("WebServerMemory", "memory", "mem_used_percent", MEMORY_PERCENT),
        ("WebServerDisk", "disk", "disk_used_percent", DISK_PERCENT),
    ):
        template.add_resource(
            metric_alarm(
                title,
                means=f"A web server has used more than {percent} % of its {what} for 15 minutes.",
                metric=servers.agent(metric),
                breach=above(percent),
                window=QUARTER_OF_AN_HOUR,
                actions=operations,
                condition=HAS_SERVERS,
            )
        )


def _logs(template: Template, servers: Servers, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "BootstrapFailed",
            means="A new web server could not install itself; the group starts another.",
            metric=Metric(log_metrics_namespace(), BOOTSTRAP_FAILURES, statistic="Sum"),
            breach=above(0),
            window=Window(1, 300),
            actions=operations,
            condition=HAS_SERVERS,
        )
    )
    template.add_resource(
        math_alarm(
            "LogsMissing",
            means="Requests are answered, but the web servers' log gets no lines.",
            expression=LOGS_MISSING,
            metrics={
                **servers.behind.servers("requests", "RequestCount"),
                "lines": Metric("AWS/Logs", "IncomingLogEvents", {"LogGroupName": servers.log_group_name}, "Sum"),
            },
            breach=at_least(1),
            window=Window(3, 300, datapoints=2),
            actions=operations,
            condition=HAS_SERVERS,
        )
    )
