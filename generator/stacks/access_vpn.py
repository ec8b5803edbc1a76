"""The site-to-site VPN, where asked for: part of the stack `access`.

Two tunnels to the team's own VPN device, with IKEv2 and today's algorithms alone, each writing what it does to a log,
and the way there in the route tables of the public and the private subnets. Isolated subnets have no part in it.
https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import AWSHelperFn, Ref, Template
from troposphere.ec2 import (
    CloudwatchLogOptionsSpecification,
    CustomerGateway,
    IKEVersionsRequestListValue,
    Phase1DHGroupNumbersRequestListValue,
    Phase1EncryptionAlgorithmsRequestListValue,
    Phase1IntegrityAlgorithmsRequestListValue,
    Phase2DHGroupNumbersRequestListValue,
    Phase2EncryptionAlgorithmsRequestListValue,
    Phase2IntegrityAlgorithmsRequestListValue,
    Route,
    VPCGatewayAttachment,
    VPNConnection,
    VPNConnectionRoute,
    VPNGateway,
    VpnTunnelLogOptionsSpecification,
    VpnTunnelOptionsSpecification,
)
from troposphere.logs import LogGroup

from generator.iam import arn
from generator.logs import log_group
from generator.naming import name_tag
from generator.parameter_types import KeyArn, RouteTableId, RouteTableIds, VpcId, VpnCidr, VpnGatewayAddress

HAS_VPN, HAS_VPN_IN_THIRD_ZONE = "HasVpn", "HasVpnInThirdZone"
"""The conditions that the stack defines for what is here."""

IPSEC = "ipsec.1"
PRIVATE_AS_NUMBER = 65000  # the device has to have one, which static routes do not use
ENCRYPTION, INTEGRITY, DIFFIE_HELLMAN_GROUP = "AES256-GCM-16", "SHA2-384", 20
"""CNSA-grade suite: https://datatracker.ietf.org/doc/html/rfc9206"""

TUNNELS = 2
# cfn-lint takes two equal items of a list for a slip.
TUNNELS_ARE_ALIKE = {"cfn-lint": {"config": {"ignore_checks": ["I3037"]}}}


@dataclass(frozen=True)
class RemoteNetwork:
    """The other end: the device's public address, and the network behind it."""

    gateway_address: VpnGatewayAddress
    cidr: VpnCidr


def add_vpn(
    template: Template,
    remote: RemoteNetwork,
    vpc: VpcId,
    public_table: RouteTableId,
    private_tables: RouteTableIds,
    logs_key: KeyArn,
) -> VPNConnection:
    """Add the gateways of both ends, the tunnels between them and the routes that lead there (D1, D8)."""
    gateway = template.add_resource(
        VPNGateway("VpnGateway", Condition=HAS_VPN, Type=IPSEC, Tags=name_tag("vpn-gateway"))
    )
    attachment = template.add_resource(
        VPCGatewayAttachment("VpnGatewayAttachment", Condition=HAS_VPN, VpcId=vpc, VpnGatewayId=Ref(gateway))
    )
    connection = _connection(template, remote, gateway, logs_key)
    template.add_resource(
        VPNConnectionRoute(
            "VpnConnectionRoute",
            Condition=HAS_VPN,
            VpnConnectionId=Ref(connection),
            DestinationCidrBlock=remote.cidr,
        )
    )
    ways: list[tuple[str, AWSHelperFn, str]] = [("Public", public_table, HAS_VPN)]
    for zone, (index, condition) in zip("ABC", enumerate((HAS_VPN, HAS_VPN, HAS_VPN_IN_THIRD_ZONE)), strict=True):
        ways.append((f"Private{zone}", private_tables.item(index), condition))
    for name, table, condition in ways:
        template.add_resource(
            Route(
                f"{name}VpnRoute",
                Condition=condition,
                # A route to a gateway that is not attached is refused.
                DependsOn=[attachment.title],
                RouteTableId=table,
                DestinationCidrBlock=remote.cidr,
                GatewayId=Ref(gateway),
            )
        )
    return connection


def _connection(template: Template, remote: RemoteNetwork, gateway: VPNGateway, logs_key: KeyArn) -> VPNConnection:
    device = template.add_resource(
        CustomerGateway(
            "VpnDevice",
            Condition=HAS_VPN,
            Type=IPSEC,
            BgpAsn=PRIVATE_AS_NUMBER,
            IpAddress=remote.gateway_address,
            Tags=name_tag("vpn-device"),
        )
    )
    logs = template.add_resource(log_group("VpnLogGroup", tag="vpn-logs", key=logs_key, condition=HAS_VPN))
    return template.add_resource(
        VPNConnection(
            "VpnConnection",
            Condition=HAS_VPN,
            Metadata=TUNNELS_ARE_ALIKE,
            Type=IPSEC,
            CustomerGatewayId=Ref(device),
            VpnGatewayId=Ref(gateway),
            StaticRoutesOnly=True,
            VpnTunnelOptionsSpecifications=[_tunnel(logs) for _ in range(TUNNELS)],
            Tags=name_tag("vpn"),
        )
    )


def _tunnel(logs: LogGroup) -> VpnTunnelOptionsSpecification:
    # Not the group's attribute `Arn`, which ends in ":*" and names its streams.
    group = arn(f"logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{logs.title}}}")
    log = CloudwatchLogOptionsSpecification(LogEnabled=True, LogGroupArn=group, LogOutputFormat="json")
    return VpnTunnelOptionsSpecification(
        IKEVersions=[IKEVersionsRequestListValue(Value="ikev2")],
        Phase1EncryptionAlgorithms=[Phase1EncryptionAlgorithmsRequestListValue(Value=ENCRYPTION)],
        Phase1IntegrityAlgorithms=[Phase1IntegrityAlgorithmsRequestListValue(Value=INTEGRITY)],
        Phase1DHGroupNumbers=[Phase1DHGroupNumbersRequestListValue(Value=DIFFIE_HELLMAN_GROUP)],
        Phase2EncryptionAlgorithms=[Phase2EncryptionAlgorithmsRequestListValue(Value=ENCRYPTION)],
        Phase2IntegrityAlgorithms=[Phase2IntegrityAlgorithmsRequestListValue(Value=INTEGRITY)],
        Phase2DHGroupNumbers=[Phase2DHGroupNumbersRequestListValue(Value=DIFFIE_HELLMAN_GROUP)],
        LogOptions=VpnTunnelLogOptionsSpecification(CloudwatchLogOptions=log),
    )
