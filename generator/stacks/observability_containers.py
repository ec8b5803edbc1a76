"""Alarms on the containers: whether tasks answer, their load, their room, their logs. Part of `observability`.

Both target groups count together: ECS decides which of them serves, and only while it deploys do both have tasks. One
without tasks has no metrics, and where no task runs at all Container Insights has none either: that is what silence
means here.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from troposphere import Sub, Template

from generator.alarms import Actions, Metric, Window, above, at_least, below, math_alarm, metric_alarm
from generator.iam import arn
from generator.parameter_types import CpuPercent, ResourceName, ServerMaximum
from generator.stacks.observability_compute import CONTAINERS_ANSWER, HAS_CONTAINERS, Behind
from generator.stacks.observability_front import WITHIN_FIVE_MINUTES
from generator.stacks.observability_servers import LOGS_MISSING, MEMORY_PERCENT, QUARTER_OF_AN_HOUR

INSIGHTS, APPLICATION = "ECS/ContainerInsights", "application"
"""The namespace of Container Insights, and the container that has the application (stack `containers`)."""

HEALTHY = 'SUM(METRICS("healthy"))'
REPLACED_WITHIN = Window(15, 60)
"""ECS replaces a task in two or three minutes; one that cannot start it tries again, at longer and longer intervals."""


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The tasks of the one service."""

    behind: Behind
    cluster_name: ResourceName
    service_name: ResourceName
    service_arn: ResourceName
    log_group_name: ResourceName
    maximum: ServerMaximum
    scale_out_cpu_percent: CpuPercent

    @property
    def cluster_arn(self) -> Sub:
        """The ARN of the cluster, by which events name it."""
        return arn("ecs:${AWS::Region}:${AWS::AccountId}:cluster/${Cluster}", Cluster=self.cluster_name)

    def service(self, name: str, statistic: str = "Average") -> Metric:
        """Return a metric of all tasks together, in percent of what they were given."""
        return self._metric("AWS/ECS", name, statistic)

    def insight(self, name: str, statistic: str = "Average") -> Metric:
        """Return what Container Insights counts of the service."""
        return self._metric(INSIGHTS, name, statistic)

    def application(self, name: str, statistic: str = "Average") -> Metric:
        """Return what Container Insights counts of the application's containers alone, in all tasks."""
        of_service = self._metric(INSIGHTS, name, statistic)
        return replace(of_service, dimensions={**of_service.dimensions, "ContainerName": APPLICATION})

    def _metric(self, namespace: str, name: str, statistic: str) -> Metric:
        return Metric(namespace, name, {"ClusterName": self.cluster_name, "ServiceName": self.service_name}, statistic)


def add_container_alarms(template: Template, containers: Containers, operations: Actions) -> None:
    """Add the alarms on tasks and their logs, where there are containers."""
    _health(template, containers)
    _load(template, containers, operations)
    _logs(template, containers, operations)


def _health(template: Template, containers: Containers) -> None:
    healthy = containers.behind.containers("healthy", "HealthyHostCount", "Maximum")
    template.add_resource(
        math_alarm(
            "NoHealthyTask",
            means="No task is healthy: nobody is served by containers.",
            expression=HEALTHY,
            metrics=healthy,
            breach=below(1),
            window=WITHIN_FIVE_MINUTES,
            actions=[],
            missing="breaching",
            condition=CONTAINERS_ANSWER,
        )
    )
    template.add_resource(
        math_alarm(
            "TasksMissing",
            means="Fewer tasks than there should be have been healthy for 15 minutes, and ECS has not mended it.",
            expression=f"IF({HEALTHY} < wanted, 1, 0)",
            metrics={**healthy, "wanted": containers.insight("DesiredTaskCount")},
            breach=at_least(1),
            window=REPLACED_WITHIN,
            actions=[],
            condition=HAS_CONTAINERS,
        )
    )


def _load(template: Template, containers: Containers, operations: Actions) -> None:
    for title, means, metric, breach in (
        (
            "ContainersBusy",
            "Tasks have been busier for 15 minutes than the CPU share at which one is added.",
            containers.service("CPUUtilization"),
            above(containers.scale_out_cpu_percent),
        ),
        (
            "TasksAtMaximum",
            "As many tasks as the environment allows have been wanted for 15 minutes: no more can be added.",
            containers.insight("DesiredTaskCount", "Minimum"),
            at_least(containers.maximum),
        ),
        (
            "ContainerMemory",
            # What exceeds its limit is killed, and the task with the application.
            f"The application in a task has used more than {MEMORY_PERCENT} % of its memory for 15 minutes.",
            containers.application("ContainerMemoryUtilization", "Maximum"),
            above(MEMORY_PERCENT),
        ),
    ):
        template.add_resource(
            metric_alarm(
                title,
                means=means,
                metric=metric,
                breach=breach,
                window=QUARTER_OF_AN_HOUR,
                actions=operations,
                condition=HAS_CONTAINERS,
            )
        )


def _logs(template: Template, containers: Containers, operations: Actions) -> None:
    lines = Metric("AWS/Logs", "IncomingLogEvents", {"LogGroupName": containers.log_group_name}, "Sum")
    template.add_resource(
        math_alarm(
            "ContainerLogsMissing",
            means="Requests are answered, but the containers' log gets no lines.",
            expression=LOGS_MISSING,
            metrics={**containers.behind.containers("requests", "RequestCount"), "lines": lines},
            breach=at_least(1),
            window=Window(3, 300, datapoints=2),
            actions=operations,
            condition=HAS_CONTAINERS,
        )
    )
