"""Of what the dashboard shows metrics: each thing of the environment, by the dimensions that AWS gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troposphere.synthetics import Canary

from generator.alarms import Dimensions, Metric
from generator.log_metrics import log_metrics_namespace
from generator.naming import PROJECT
from generator.parameter_types import (
    CpuPercent,
    DistributionId,
    EnvironmentName,
    FileSystemId,
    ResourceName,
    TableName,
    Url,
)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Of what the dashboard shows metrics and logs. Conditions are those of the stack `observability`."""

    environment_name: EnvironmentName
    application_url: Url
    distribution_id: DistributionId
    load_balancer: ResourceName
    target_group: ResourceName
    web_server_group_name: ResourceName
    web_server_log_group_name: ResourceName
    scale_out_cpu_percent: CpuPercent
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
        return Metric("AWS/ApplicationELB", name, {"LoadBalancer": self.load_balancer}, statistic)

    def of_targets(self, name: str, statistic: str) -> Metric:
        both = {"TargetGroup": self.target_group, "LoadBalancer": self.load_balancer}
        return Metric("AWS/ApplicationELB", name, both, statistic)

    def of_application(self, name: str, statistic: str) -> Metric:
        """Return what web servers and application count themselves."""
        return Metric(PROJECT, name, {"Environment": self.environment_name}, statistic)

    def of_database(self, name: str, statistic: str = "Average") -> Metric:
        return Metric("AWS/RDS", name, {"DBInstanceIdentifier": self.database_id}, statistic)


def in_logs(name: str) -> Metric:
    """Return what a metric filter counts."""
    return Metric(log_metrics_namespace(), name, {}, "Sum")
