"""Of what the dashboard shows metrics: each thing of the environment, by the dimensions that AWS gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troposphere.synthetics import Canary

from generator.alarms import Dimensions, Metric
from generator.dashboards import Line
from generator.log_metrics import log_metrics_namespace
from generator.naming import PROJECT
from generator.parameter_types import (
    DistributionId,
    EnvironmentName,
    FileSystemId,
    ResourceName,
    TableName,
    Url,
)
from generator.stacks.observability_compute import HAS_BLUE_FLEET, HAS_CONTAINERS, HAS_GREEN_FLEET, LOAD_BALANCERS
from generator.stacks.observability_containers import Containers
from generator.stacks.observability_servers import Servers


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Of what the dashboard shows metrics and logs. Conditions are those of the stack `observability`."""

    environment_name: EnvironmentName
    application_url: Url
    distribution_id: DistributionId
    servers: Servers
    containers: Containers
    database_id: ResourceName
    database_replica_id: ResourceName
    session_table_name: TableName
    file_system_id: FileSystemId
    nat_gateways: Sequence[tuple[ResourceName, str | None]]
    """Id and condition of each zone's; the first is always there."""
    vpn_connection_id: ResourceName
    canary: Canary

    def of_distribution(self, name: str, statistic: str = "Average") -> Metric:
        dimensions: Dimensions = {"Region": "Global", "DistributionId": self.distribution_id}
        return Metric("AWS/CloudFront", name, dimensions, statistic)

    def of_load_balancer(self, name: str, statistic: str) -> Metric:
        """Return a metric of the load balancer, or of all targets behind it together."""
        return Metric(LOAD_BALANCERS, name, {"LoadBalancer": self.servers.behind.load_balancer}, statistic)

    def of_each_target_group(self, what: str, name: str, statistic: str) -> list[Line]:
        """Return a line for each target group: of both colours of servers and of containers, as far as they run."""
        behind = self.servers.behind
        return [
            Line(f"{what}{whose}", behind.targets(group, name, statistic, condition))
            for whose, group, condition in (
                ("web servers", behind.blue.target_group, HAS_BLUE_FLEET),
                ("green web servers", behind.green.target_group, HAS_GREEN_FLEET),
                ("blue tasks", behind.blue_containers, HAS_CONTAINERS),
                ("green tasks", behind.green_containers, HAS_CONTAINERS),
            )
        ]

    def of_application(self, name: str, statistic: str) -> Metric:
        """Return what web servers and the application, wherever it runs, count themselves."""
        return Metric(PROJECT, name, {"Environment": self.environment_name}, statistic)

    def of_database(self, name: str, statistic: str = "Average") -> Metric:
        return Metric("AWS/RDS", name, {"DBInstanceIdentifier": self.database_id}, statistic)


def in_logs(name: str) -> Metric:
    """Return what a metric filter counts."""
    return Metric(log_metrics_namespace(), name, {}, "Sum")
