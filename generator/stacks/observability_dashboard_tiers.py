"""The rows of the dashboard, one for each tier, in the order in which a request passes them (D11)."""

from __future__ import annotations

from dataclasses import replace

from troposphere import Ref

from generator.alarms import Dimensions, Metric
from generator.dashboards import Line, Row, Widget, graph
from generator.log_metrics import APPLICATION_ERRORS, BOOTSTRAP_FAILURES, DATABASE_ERRORS, UNAVAILABLE_ANSWERS
from generator.regions import EDGE_REGION
from generator.stacks.observability_canary import HAS_CANARY, NAMESPACE, SUCCESS, VISIT_MINUTES
from generator.stacks.observability_compute import HAS_BOTH_FLEETS, HAS_SERVERS
from generator.stacks.observability_dashboard_sources import Sources, in_logs
from generator.web_acl import WEB_ACL_METRIC


def visitors(sources: Sources) -> Row:
    """Return what visitors get: from CloudFront, from the load balancer, and in the canary's visits."""
    visits = {"CanaryName": Ref(sources.canary)}
    return Row(
        6,
        [
            graph(
                6,
                "CloudFront: requests",
                Line("requests", sources.of_distribution("Requests", "Sum")),
                Line("errors 4xx, %", sources.of_distribution("4xxErrorRate"), right=True),
                Line("errors 5xx, %", sources.of_distribution("5xxErrorRate"), right=True),
                region=EDGE_REGION,
            ),
            graph(
                6,
                "Load balancer: requests",
                Line("requests", sources.of_load_balancer("RequestCount", "Sum")),
                Line("answers 4xx", sources.of_load_balancer("HTTPCode_Target_4XX_Count", "Sum")),
                Line("answers 5xx", sources.of_load_balancer("HTTPCode_Target_5XX_Count", "Sum")),
            ),
            graph(
                6,
                "Seconds to answer",
                *(Line(each, sources.of_load_balancer("TargetResponseTime", each)) for each in ("p50", "p95", "p99")),
                unit="seconds",
            ),
            graph(
                6,
                "Canary: visits that succeed",
                Line("succeeded, %", Metric(NAMESPACE, SUCCESS, visits)),
                Line("milliseconds", Metric(NAMESPACE, "Duration", visits), right=True),
                period_seconds=VISIT_MINUTES * 60,
                condition=HAS_CANARY,
            ),
        ],
    )


def load_balancer(sources: Sources) -> Row:
    """Return how the load balancer passes requests on, and what it or the firewall refuses."""
    of_firewall: Dimensions = {"WebACL": WEB_ACL_METRIC, "Region": Ref("AWS::Region"), "Rule": "ALL"}
    return Row(
        6,
        [
            graph(
                6,
                "Requests, and to whom they go",
                Line("all", sources.of_load_balancer("RequestCount", "Sum")),
                *sources.of_each_target_group("", "RequestCount", "Sum"),
            ),
            graph(
                6,
                "Behind it",
                Line("connections failed", sources.of_load_balancer("TargetConnectionErrorCount", "Sum"), right=True),
                *sources.of_each_target_group("healthy ", "HealthyHostCount", "Minimum"),
                *sources.of_each_target_group("unhealthy ", "UnHealthyHostCount", "Maximum"),
            ),
            graph(
                6,
                "What it could not pass on",
                Line("answers 5xx of its own", sources.of_load_balancer("HTTPCode_ELB_5XX_Count", "Sum")),
                Line("connections rejected", sources.of_load_balancer("RejectedConnectionCount", "Sum")),
                Line("TLS handshakes failed", sources.of_load_balancer("ClientTLSNegotiationErrorCount", "Sum")),
            ),
            graph(
                6,
                "Firewall",
                Line("allowed", Metric("AWS/WAFV2", "AllowedRequests", of_firewall, "Sum")),
                Line("blocked", Metric("AWS/WAFV2", "BlockedRequests", of_firewall, "Sum")),
                condition="HasFirewall",
            ),
        ],
    )


def web_servers(sources: Sources) -> Row:
    """Return how many web servers run, and how busy they are."""
    servers = sources.servers
    other = {"AutoScalingGroupName": servers.behind.other_group}
    return Row(
        6,
        [
            graph(
                8,
                "Servers",
                Line("in service", servers.group("AWS/AutoScaling", "GroupInServiceInstances")),
                Line("wanted", servers.group("AWS/AutoScaling", "GroupDesiredCapacity")),
                Line("at most", servers.group("AWS/AutoScaling", "GroupMaxSize")),
                Line(
                    "in service, of the other colour",
                    Metric("AWS/AutoScaling", "GroupInServiceInstances", other, condition=HAS_BOTH_FLEETS),
                ),
            ),
            graph(
                8,
                "Processor, %",
                Line("average", servers.group("AWS/EC2", "CPUUtilization")),
                Line("busiest", servers.group("AWS/EC2", "CPUUtilization", "Maximum")),
                Line(
                    "credits left, of the poorest", servers.group("AWS/EC2", "CPUCreditBalance", "Minimum"), right=True
                ),
                Line(
                    "average of the other colour",
                    Metric("AWS/EC2", "CPUUtilization", other, condition=HAS_BOTH_FLEETS),
                ),
                limits={"one server is added": servers.scale_out_cpu_percent},
            ),
            graph(
                8,
                "Memory and disk, %",
                Line("memory used", sources.of_application("mem_used_percent", "Maximum")),
                Line("disk used", sources.of_application("disk_used_percent", "Maximum")),
            ),
        ],
    )


def tasks(sources: Sources) -> Row:
    """Return how many tasks run, and how busy they are."""
    containers = sources.containers
    return Row(
        6,
        [
            graph(
                8,
                "Tasks",
                Line("running", containers.insight("RunningTaskCount")),
                Line("wanted", containers.insight("DesiredTaskCount")),
                Line("on their way", containers.insight("PendingTaskCount")),
                Line("deployments", containers.insight("DeploymentCount"), right=True),
                limits={"at most": containers.maximum},
            ),
            graph(
                8,
                "Processor, %",
                Line("average", containers.service("CPUUtilization")),
                Line("busiest", containers.service("CPUUtilization", "Maximum")),
                limits={"one task is added": containers.scale_out_cpu_percent},
            ),
            graph(
                8,
                "Memory, %",
                Line("average", containers.application("ContainerMemoryUtilization")),
                Line("fullest", containers.application("ContainerMemoryUtilization", "Maximum")),
            ),
        ],
    )


def application(sources: Sources) -> Row:
    """Return what the application does, and what it complains of in its logs."""
    return Row(
        6,
        [
            graph(
                6,
                "Requests to the interface",
                Line("requests", sources.of_application("Requests", "Sum")),
                Line("failed", sources.of_application("Faults", "Sum")),
            ),
            graph(
                6,
                "Milliseconds to answer",
                *(Line(each, sources.of_application("Duration", each)) for each in ("p50", "p95")),
                unit="milliseconds",
            ),
            graph(
                6,
                "Carts",
                Line("saved", sources.of_application("CartsSaved", "Sum")),
                Line("products in one, on average", sources.of_application("ItemsInCart", "Average"), right=True),
            ),
            graph(
                6,
                "In the logs",
                Line("errors", in_logs(APPLICATION_ERRORS)),
                Line("answers without database or table", in_logs(UNAVAILABLE_ANSWERS)),
                Line("servers that did not start", replace(in_logs(BOOTSTRAP_FAILURES), condition=HAS_SERVERS)),
            ),
        ],
    )


def database(sources: Sources) -> Row:
    """Return how busy the database is, and how far its replica is behind."""
    replica = {"DBInstanceIdentifier": sources.database_replica_id}
    return Row(
        6,
        [
            graph(
                5,
                "Processor, %",
                Line("used", sources.of_database("CPUUtilization")),
                Line("credits left", sources.of_database("CPUCreditBalance", "Minimum"), right=True),
            ),
            graph(
                5,
                "Connections and errors",
                Line("connections", sources.of_database("DatabaseConnections", "Maximum")),
                Line("lines of errors in its log", in_logs(DATABASE_ERRORS), right=True),
            ),
            graph(
                5,
                "Bytes free",
                Line("storage", sources.of_database("FreeStorageSpace", "Minimum")),
                Line("memory", sources.of_database("FreeableMemory", "Minimum"), right=True),
                unit="bytes",
            ),
            graph(
                5,
                "Seconds for a read or a write",
                Line("read", sources.of_database("ReadLatency")),
                Line("write", sources.of_database("WriteLatency")),
                unit="seconds",
            ),
            graph(
                4,
                "Replica: seconds behind",
                Line("behind", Metric("AWS/RDS", "ReplicaLag", replica, "Maximum")),
                unit="seconds",
                condition="HasReadReplica",
            ),
        ],
    )


def stores(sources: Sources) -> Row:
    """Return the work of the session table and of the product images' file system."""
    table, files = {"TableName": sources.session_table_name}, {"FileSystemId": sources.file_system_id}
    return Row(
        6,
        [
            graph(
                8,
                "Session table: work",
                Line("read units", Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", table, "Sum")),
                Line("write units", Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table, "Sum")),
            ),
            graph(
                8,
                "Session table: trouble",
                Line("throttled reads", Metric("AWS/DynamoDB", "ReadThrottleEvents", table, "Sum")),
                Line("throttled writes", Metric("AWS/DynamoDB", "WriteThrottleEvents", table, "Sum")),
            ),
            graph(
                8,
                "Product images",
                Line("bytes read and written", Metric("AWS/EFS", "TotalIOBytes", files, "Sum")),
                Line("share of the I/O limit, %", Metric("AWS/EFS", "PercentIOLimit", files, "Maximum"), right=True),
            ),
        ],
    )


def network(sources: Sources) -> Row:
    """Return the traffic of the NAT gateways, and whether the VPN is up."""
    tunnels = {"VpnId": sources.vpn_connection_id}
    return Row(
        6,
        [
            _of_nat_gateways(sources, "NAT gateways: bytes to the internet", "BytesOutToDestination"),
            _of_nat_gateways(sources, "NAT gateways: no port left", "ErrorPortAllocation"),
            _of_nat_gateways(sources, "NAT gateways: packets dropped", "PacketsDropCount"),
            graph(
                6,
                "VPN: tunnels that are up",
                Line("share of both", Metric("AWS/VPN", "TunnelState", tunnels)),
                period_seconds=300,
                condition="HasVpn",
            ),
        ],
    )


def _of_nat_gateways(sources: Sources, title: str, metric: str) -> Widget:
    lines = [
        Line(
            f"zone {zone}",
            Metric("AWS/NATGateway", metric, {"NatGatewayId": gateway}, "Sum", condition),
            id=zone.lower(),
        )
        for zone, (gateway, condition) in zip("ABC", sources.nat_gateways, strict=True)
    ]
    return graph(6, title, *lines)
