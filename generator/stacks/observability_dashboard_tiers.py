"""The rows of the dashboard, one for each tier, in the order in which a request passes them (D11)."""

from __future__ import annotations

from troposphere import Ref

from generator.alarms import Dimensions, Metric
from generator.dashboards import Line, Row, Widget, graph
from generator.log_metrics import APPLICATION_ERRORS, BOOTSTRAP_FAILURES, DATABASE_ERRORS, UNAVAILABLE_ANSWERS
from generator.regions import EDGE_REGION
from generator.stacks.observability_canary import HAS_CANARY, NAMESPACE, SUCCESS, VISIT_MINUTES
from generator.stacks.observability_dashboard_sources import Sources, in_logs
from generator.web_acl import WEB_ACL_METRIC


def visitors(sources: Sources) -> Row:
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
                Line("answers 4xx", sources.of_targets("HTTPCode_Target_4XX_Count", "Sum")),
                Line("answers 5xx", sources.of_targets("HTTPCode_Target_5XX_Count", "Sum")),
            ),
            graph(
                6,
                "Seconds to answer",
                *(Line(each, sources.of_targets("TargetResponseTime", each)) for each in ("p50", "p95", "p99")),
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
    of_firewall: Dimensions = {"WebACL": WEB_ACL_METRIC, "Region": Ref("AWS::Region"), "Rule": "ALL"}
    return Row(
        6,
        [
            graph(
                8,
                "Servers behind it",
                Line("healthy", sources.of_targets("HealthyHostCount", "Minimum")),
                Line("unhealthy", sources.of_targets("UnHealthyHostCount", "Maximum")),
            ),
            graph(
                8,
                "What it could not pass on",
                Line("answers 5xx of its own", sources.of_load_balancer("HTTPCode_ELB_5XX_Count", "Sum")),
                Line("connections to servers failed", sources.of_load_balancer("TargetConnectionErrorCount", "Sum")),
                Line("connections rejected", sources.of_load_balancer("RejectedConnectionCount", "Sum")),
                Line("TLS handshakes failed", sources.of_load_balancer("ClientTLSNegotiationErrorCount", "Sum")),
            ),
            graph(
                8,
                "Firewall",
                Line("allowed", Metric("AWS/WAFV2", "AllowedRequests", of_firewall, "Sum")),
                Line("blocked", Metric("AWS/WAFV2", "BlockedRequests", of_firewall, "Sum")),
                condition="HasFirewall",
            ),
        ],
    )


def web_servers(sources: Sources) -> Row:
    group = {"AutoScalingGroupName": sources.web_server_group_name}
    return Row(
        6,
        [
            graph(
                8,
                "Servers",
                Line("in service", Metric("AWS/AutoScaling", "GroupInServiceInstances", group)),
                Line("wanted", Metric("AWS/AutoScaling", "GroupDesiredCapacity", group)),
                Line("at most", Metric("AWS/AutoScaling", "GroupMaxSize", group)),
            ),
            graph(
                8,
                "Processor, %",
                Line("average", Metric("AWS/EC2", "CPUUtilization", group)),
                Line("busiest", Metric("AWS/EC2", "CPUUtilization", group, "Maximum")),
                Line(
                    "credits left, of the poorest", Metric("AWS/EC2", "CPUCreditBalance", group, "Minimum"), right=True
                ),
                limits={"one server is added": sources.scale_out_cpu_percent},
            ),
            graph(
                8,
                "Memory and disk, %",
                Line("memory used", sources.of_application("mem_used_percent", "Maximum")),
                Line("disk used", sources.of_application("disk_used_percent", "Maximum")),
            ),
        ],
    )


def application(sources: Sources) -> Row:
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
                Line("servers that did not start", in_logs(BOOTSTRAP_FAILURES)),
            ),
        ],
    )


def database(sources: Sources) -> Row:
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
