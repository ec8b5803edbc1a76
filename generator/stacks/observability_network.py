"""Alarms on the ways in and out of the VPC that are not the load balancer: NAT gateways, VPN.

Part of the stack `observability`. One alarm is on all NAT gateways that there are, since it is read in the same way.
https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
https://docs.aws.amazon.com/vpn/latest/s2svpn/monitoring-cloudwatch-vpn.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Template

from generator.alarms import Actions, Metric, Window, above, below, math_alarm, metric_alarm
from generator.parameter_types import ResourceName

NAT_PER_ZONE, NAT_IN_THIRD_ZONE, HAS_VPN = "NatPerZone", "NatInThirdZone", "HasVpn"
"""The conditions that the stack defines for what is here."""

PACKETS_A_MINUTE = 100


@dataclass(frozen=True)
class Ways:
    """The ways in and out; where there is none, its id is `none`."""

    nat_gateway_id: ResourceName
    nat_gateway_b_id: ResourceName
    nat_gateway_c_id: ResourceName
    vpn_connection_id: ResourceName

    def gateways(self, name: str) -> dict[str, Metric]:
        """Return a metric of each NAT gateway that there is."""
        zones: tuple[tuple[str, ResourceName, str | None], ...] = (
            ("zone_a", self.nat_gateway_id, None),
            ("zone_b", self.nat_gateway_b_id, NAT_PER_ZONE),
            ("zone_c", self.nat_gateway_c_id, NAT_IN_THIRD_ZONE),
        )
        return {
            zone: Metric("AWS/NATGateway", name, {"NatGatewayId": gateway}, "Sum", condition)
            for zone, gateway, condition in zones
        }


def add_network_alarms(template: Template, ways: Ways, operations: Actions) -> None:
    """Add the alarms on NAT gateways and VPN."""
    for title, metric, breach, means in (
        (
            "NatPortsExhausted",
            "ErrorPortAllocation",
            above(0),
            "A NAT gateway has no ports left: web servers cannot open connections to the internet.",
        ),
        (
            "NatPacketsDropped",
            "PacketsDropCount",
            above(PACKETS_A_MINUTE),
            f"NAT gateways drop more than {PACKETS_A_MINUTE} packets a minute.",
        ),
    ):
        template.add_resource(
            math_alarm(
                title,
                means=means,
                expression='SUM(METRICS("zone"))',
                metrics=ways.gateways(metric),
                breach=breach,
                window=Window(5, 60, datapoints=3),
                actions=operations,
            )
        )
    template.add_resource(
        metric_alarm(
            "VpnTunnelDown",
            means="One of the two tunnels of the VPN has been down for 15 minutes.",
            metric=Metric("AWS/VPN", "TunnelState", {"VpnId": ways.vpn_connection_id}, "Minimum"),
            breach=below(1),
            window=Window(3, 300),
            actions=operations,
            condition=HAS_VPN,
        )
    )
