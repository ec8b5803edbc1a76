"""The exposure proof holds of the release, and a broken template breaks the right claim with the right packet.

What is broken is the template, in a copy of the release, as an author would break it; never the model or the checker.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure import prove
from generator.checks.settings import Setting, resolved
from generator.errors import UserError
from generator.release import folder_of
from tests.exposure import (
    ANYWHERE,
    OVER_SSH,
    PROD,
    ROOT,
    Break,
    added,
    assert_broken,
    entry,
    every_setting,
    of,
    removed,
    replaced_by,
    rule,
    settings,
    verdicts,
)
from tests.releases import Templates, at_resource, setting

INTERNET = "From the internet one reaches the load balancer on TCP 80 and 443, and nothing else"
WEB_SERVERS = "Web servers accept the load balancer alone"
DATABASE = "The database accepts web servers, containers and the bastion alone"
BASTION = "The bastion accepts SSH from operators alone, and nothing at all where access is not by SSH"
OUTWARD = "Nothing leaves the VPC but HTTPS of web servers, containers and bastion"
CLIENTS = "Clients reach the load balancer"
RELAYED = "The load balancer reaches web servers, for requests and health checks"
NAT = "Web servers reach the internet, through NAT"
S3 = "Web servers reach S3, through a gateway endpoint"
TO_DATABASE = "Web servers reach the database"
TO_FILES = "Web servers reach the file system"
SSH = "Operators reach the bastion by SSH"
LISTENERS = "The load balancer listens on 80 and 443 alone, the latter with TLS"
REDIRECT = "Plain HTTP is answered with a redirect to HTTPS and never forwarded"
FORWARDS = "What is forwarded goes to web servers and containers alone"
TARGETS = "Web servers and containers are called, and checked for health, on the port of their protocol"
ADDRESSES = "Only the load balancer and the SSH bastion have public addresses"
TIERS = "Every subnet belongs to one tier, known by what stands in it"
ISOLATED_ROUTES = "Isolated subnets have no path out: routes alone"
ISOLATED_ACLS = "Isolated subnets have no path out: network ACLs alone"
ROUTES = "Routes alone lead each tier where it is meant to go, and nowhere else"
ZONES = "Each zone with a NAT gateway uses its own"
ACLS = "Network ACLs alone keep to the borders of the tiers"
INGRESS = "Ingress rules alone let in whom they are meant to let in"
EGRESS = "Egress rules alone let out what they are meant to let out"
APART = "Environments are apart: nothing connects the VPC with another network"
RANGES = "Environments have address ranges of their own, and no VPN leads to another's"
IPV6 = "No packet of IPv6 comes in or goes out"
KNOWN = "Everything that touches the network is in the model"
NEEDED = "Every security group rule, network ACL entry and route is needed by a flow that must work"


def swapped_tables(templates: Templates) -> None:
    resources = templates["network"]["Resources"]
    one, other = (resources[f"{tier}SubnetARouteTable"]["Properties"] for tier in ("Isolated", "Public"))
    one["RouteTableId"], other["RouteTableId"] = other["RouteTableId"], one["RouteTableId"]


WEB_GROUP = {"Fn::GetAtt": ["WebServerGroup", "GroupId"]}
LAUNCH = "LaunchTemplateData.NetworkInterfaces.0"

BREAKS = [
    Break(
        "the web group is open to the world",
        (rule("security", "Everybody", WEB_GROUP, CidrIp=ANYWHERE, FromPort=22, ToPort=22),),
        INGRESS,
        ("198.51.100.7 (internet) → 10.30.64.4 (WebTier/WebServerGroup) tcp 22: let in by Security/Everybody",),
    ),
    Break(
        "the web group is open to the whole VPC",
        (rule("security", "Neighbours", WEB_GROUP, CidrIp="10.0.0.0/8", FromPort=443, ToPort=443),),
        WEB_SERVERS,
        ("10.30.64.4 (WebTier/WebServerGroup) tcp 443", "let through by", "Security/Neighbours", "PrivateAclInHttps"),
    ),
    Break(
        "web servers are open and have public addresses in public subnets",
        (
            rule("security", "Everybody", WEB_GROUP, CidrIp=ANYWHERE, FromPort=443, ToPort=443),
            setting("web_tier", "LaunchTemplate", f"{LAUNCH}.AssociatePublicIpAddress", True),
            setting("platform", "WebTier", "Parameters.PrivateSubnetIds", of("Network", "PublicSubnetIds")),
        ),
        INTERNET,
        ("198.51.100.7 (internet) from port 1024 → 10.30.0.4 (WebTier/WebServerGroup) tcp 443", "PublicAclInHttps"),
    ),
    Break(
        "the public ACL lets no answers out",
        (removed("network", "PublicAclOutReplies"),),
        CLIENTS,
        ("the answer to port 1024 fails, dropped at Network/PublicAcl out, none of: Network/PublicAclOutHttps",),
    ),
    Break(
        "the private ACL lets no answers of NAT in",
        (removed("network", "PrivateAclInReplies"),),
        NAT,
        ("the answer to port 1024 fails, dropped at Network/PrivateAcl in",),
    ),
    Break(
        "an ACL denies a port that clients use too",
        (entry("NoRemoteDesktop", "PublicAcl", 50, "deny", True, 3389, 3389),),
        CLIENTS,
        ("from port 3389", "dropped at Network/PublicAcl out, by Network/NoRemoteDesktop"),
    ),
    Break(
        "an ACL denies a port before it is allowed",
        (entry("NoDatabase", "IsolatedAcl", 50, "deny", False, 5432, 5432),),
        TO_DATABASE,
        ("tcp 5432: dropped at Network/IsolatedAcl in, by Network/NoDatabase",),
    ),
    Break(
        "isolated subnets get a NAT route",
        (
            replaced_by(
                lambda templates: templates["network"]["Outputs"]["PrivateRouteTableIds"],
                "PrivateRouteTableA",
                "IsolatedRouteTable",
            ),
        ),
        ISOLATED_ROUTES,
        ("Network/IsolatedSubnetA → 198.51.100.7 (internet): Egress/PrivateDefaultRouteA leads to the NAT gateway",),
    ),
    Break(
        "isolated subnets get a route to the internet gateway",
        (
            added(
                "network",
                "IsolatedDefaultRoute",
                "AWS::EC2::Route",
                RouteTableId={"Ref": "IsolatedRouteTable"},
                DestinationCidrBlock=ANYWHERE,
                GatewayId={"Ref": "InternetGateway"},
            ),
        ),
        ISOLATED_ROUTES,
        ("Network/IsolatedDefaultRoute leads to the internet gateway",),
    ),
    Break(
        "the isolated ACL lets HTTPS out",
        (entry("Updates", "IsolatedAcl", 50, "allow", True, 443, 443),),
        ISOLATED_ACLS,
        ("10.30.128.4 (Network/IsolatedSubnetA) → 198.51.100.7 (internet) tcp 443: let through by Network/Updates",),
    ),
    Break(
        "an isolated subnet falls back on the VPC's default ACL",
        (removed("network", "IsolatedSubnetAAcl"),),
        ISOLATED_ACLS,
        ("Network/IsolatedSubnetA", "let through by the VPC's default network ACL"),
    ),
    Break(
        "the database is publicly accessible",
        (setting("database", "Database", "PubliclyAccessible", True),),
        ADDRESSES,
        ("Database/Database (database) gets a public address",),
    ),
    Break(
        "the database does not say whether it is public",
        (setting("database", "Database", "PubliclyAccessible", None),),
        ADDRESSES,
        ("Database/Database (database) gets a public address",),
    ),
    Break(
        "a public subnet hands out addresses",
        (setting("network", "PublicSubnetA", "MapPublicIpOnLaunch", True),),
        ADDRESSES,
        ("Network/PublicSubnetA gives a public address",),
    ),
    Break(
        "web servers get public addresses",
        (setting("web_tier", "LaunchTemplate", f"{LAUNCH}.AssociatePublicIpAddress", True),),
        ADDRESSES,
        ("WebTier/WebServerGroup (web servers) gets a public address",),
    ),
    Break(
        "the bastion takes SSH from anywhere",
        (
            setting("security", "BastionInSsh", "CidrIp", ANYWHERE),
            setting("network", "PublicAclInOperatorSsh", "CidrBlock", ANYWHERE),
        ),
        BASTION,
        ("198.51.100.7 (internet) from port 1024 → 10.10.0.4 (Access/Bastion) tcp 22", "Security/BastionInSsh"),
        setting=OVER_SSH,
    ),
    Break(
        "the bastion takes SSH from anywhere, behind an ACL that does not",
        (setting("security", "BastionInSsh", "CidrIp", ANYWHERE),),
        INGRESS,
        ("198.51.100.7 (internet) → 10.10.0.4 (Access/Bastion) tcp 22: let in by Security/BastionInSsh",),
        setting=OVER_SSH,
    ),
    Break(
        "operators are kept out by the ACL",
        (removed("network", "PublicAclInOperatorSsh"),),
        SSH,
        (
            "203.0.113.4 (operators) from port 1024 → 10.10.0.4 (Access/Bastion) tcp 22",
            "dropped at Network/PublicAcl in",
        ),
        setting=OVER_SSH,
    ),
    Break(
        "the load balancer is internal",
        (setting("ingress", "LoadBalancer", "Scheme", "internal"),),
        CLIENTS,
        ("198.51.100.7 (internet) from port 1024 → 10.30.0.4 (Ingress/LoadBalancer)", "has no public address"),
    ),
    Break(
        "a third listener",
        (
            added(
                "ingress",
                "AdminListener",
                "AWS::ElasticLoadBalancingV2::Listener",
                LoadBalancerArn={"Ref": "LoadBalancer"},
                Port=8080,
                Protocol="HTTP",
                DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
            ),
        ),
        LISTENERS,
        ("port 8080 is answered by Ingress/AdminListener (HTTP)",),
    ),
    Break(
        "port 443 without TLS",
        (setting("ingress", "HttpsListener", "Protocol", "HTTP"),),
        LISTENERS,
        ("port 443 is answered by Ingress/HttpsListener (HTTP)",),
    ),
    Break(
        "plain HTTP is not redirected to HTTPS",
        (setting("ingress", "HttpListener", "DefaultActions.0.RedirectConfig.Protocol", "HTTP"),),
        REDIRECT,
        ("a request over HTTP: Ingress/HttpListener answers with redirect HTTP 443",),
    ),
    Break(
        "requests are forwarded to a stranger",
        (setting("web_tier", "WebServers", "Targets", [{"Id": "10.9.8.7"}]),),
        FORWARDS,
        ("WebTier/ForwardToWebServers forwards it to 10.9.8.7",),
    ),
    Break(
        "health is checked on a port that no rule opens",
        (setting("web_tier", "WebServers", "HealthCheckPort", "8080"),),
        RELAYED,
        ("WebTier/WebServerGroup) tcp 8080: dropped at egress of Security/LoadBalancerGroup",),
    ),
    Break(
        "health is checked in another protocol",
        (setting("web_tier", "WebServers", "HealthCheckProtocol", "HTTP"),),
        TARGETS,
        ("WebTier/WebServers sends health checks in HTTP to port 443",),
    ),
    Break(
        "the VPC speaks IPv6 and a group is open to it",
        (
            added("network", "Six", "AWS::EC2::VPCCidrBlock", VpcId={"Ref": "Vpc"}, AmazonProvidedIpv6CidrBlock=True),
            setting("ingress", "LoadBalancer", "IpAddressType", "dualstack"),
            rule("security", "EverybodySix", WEB_GROUP, CidrIpv6="::/0", FromPort=22, ToPort=22),
        ),
        IPV6,
        (
            "[2001:db8::7]:1024 → members of Security/WebServerGroup tcp 22: let through by Security/EverybodySix",
            "[2001:db8::7]:1024 → Ingress/LoadBalancer tcp 443: let through by Ingress/LoadBalancer.IpAddressType",
            "the IPv6 block of Network/Six",
        ),
    ),
    Break(
        "a route for IPv6",
        (
            added(
                "network",
                "SixDefaultRoute",
                "AWS::EC2::Route",
                RouteTableId={"Ref": "IsolatedRouteTable"},
                DestinationIpv6CidrBlock="::/0",
                GatewayId={"Ref": "InternetGateway"},
            ),
        ),
        IPV6,
        (
            "subnets of Network/IsolatedRouteTable → [2001:db8::7]:1024 tcp 1024",
            "let through by Network/SixDefaultRoute",
        ),
    ),
    Break(
        "the database has a second, open group",
        (
            added(
                "database",
                "Backdoor",
                "AWS::EC2::SecurityGroup",
                GroupDescription="A second group",
                SecurityGroupIngress=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "10.0.0.0/8"}],
                SecurityGroupEgress=[
                    {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
                ],
            ),
            setting(
                "database",
                "Database",
                "VPCSecurityGroups",
                [{"Ref": "DatabaseGroupId"}, {"Fn::GetAtt": ["Backdoor", "GroupId"]}],
            ),
        ),
        DATABASE,
        ("(anything else in the VPC) from port 1024 → 10.30.128.4 (Database/Database) tcp 5432", "Database/Backdoor."),
    ),
    Break(
        "endpoints are open to the world",
        (
            setting("security", "EndpointInWebServerHttps", "SourceSecurityGroupId", None),
            setting("security", "EndpointInWebServerHttps", "CidrIp", ANYWHERE),
        ),
        INGRESS,
        ("198.51.100.7 (internet) → 10.30.64.4 (Egress/LogsEndpoint",),
    ),
    Break(
        "a group loses the rule that lets nothing out",
        (setting("security", "DatabaseGroup", "SecurityGroupEgress", None),),
        EGRESS,
        (
            "(Database/Database, Database/ReadReplica) → 198.51.100.7 (internet) tcp 0: let out by",
            "Security/DatabaseGroup (EC2's default egress)",
        ),
    ),
    Break(
        "web servers may send everything out",
        (rule("security", "Out", WEB_GROUP, outbound=True, CidrIp=ANYWHERE, FromPort=1024, ToPort=65535),),
        EGRESS,
        ("10.30.64.4 (WebTier/WebServerGroup) → 198.51.100.7 (internet) tcp 1024: let out by Security/Out",),
    ),
    Break(
        "a peering with another VPC",
        (
            added(
                "network",
                "Peering",
                "AWS::EC2::VPCPeeringConnection",
                VpcId={"Ref": "Vpc"},
                PeerVpcId="vpc-0123456789abcdef0",
            ),
            added(
                "network",
                "PeerRoute",
                "AWS::EC2::Route",
                RouteTableId={"Ref": "PublicRouteTable"},
                DestinationCidrBlock="10.20.0.0/16",
                VpcPeeringConnectionId={"Ref": "Peering"},
            ),
        ),
        APART,
        (
            "Network/Peering (AWS::EC2::VPCPeeringConnection) connects the VPC with another network",
            "Network/PeerRoute leads to Network/Peering, which is no gateway of the VPC",
        ),
    ),
    Break(
        "a transit gateway",
        (
            added(
                "network",
                "Transit",
                "AWS::EC2::TransitGatewayVpcAttachment",
                VpcId={"Ref": "Vpc"},
                TransitGatewayId="tgw-0123456789abcdef0",
                SubnetIds=[{"Ref": "PrivateSubnetA"}],
            ),
        ),
        APART,
        ("Network/Transit (AWS::EC2::TransitGatewayVpcAttachment)",),
    ),
    Break(
        "two route tables are swapped",
        (swapped_tables,),
        ROUTES,
        ("Network/PublicSubnetA → 198.51.100.7 (internet): there is no route, not to internet gateway",),
    ),
    Break(
        "NAT gateways stand in private subnets",
        (setting("platform", "Egress", "Parameters.PublicSubnetIds", of("Network", "PrivateSubnetIds")),),
        NAT,
        (
            "10.30.64.4 (WebTier/WebServerGroup) from port 1024 → 198.51.100.7 (internet)",
            "no way on from Egress/NatGatewayA",
        ),
    ),
    Break(
        "zones share a NAT gateway although each has one",
        (setting("egress", "PrivateDefaultRouteB", "NatGatewayId", {"Ref": "NatGatewayA"}),),
        ZONES,
        ("Network/PrivateSubnetB: Egress/PrivateDefaultRouteB leads to Egress/NatGatewayA, not to Egress/NatGatewayB",),
    ),
    Break(
        "the database stands among the web servers",
        (setting("platform", "Database", "Parameters.IsolatedSubnetIds", of("Network", "PrivateSubnetIds")),),
        TIERS,
        ("Network/PrivateSubnetA belongs to isolated tier and private tier",),
    ),
    Break(
        "the internet gateway is not attached",
        (removed("network", "InternetGatewayAttachment"),),
        CLIENTS,
        ("tcp 80: dropped at the VPC's border, no internet gateway is attached",),
    ),
    Break(
        "a zone's table has no way to S3 but NAT",
        (
            replaced_by(
                lambda templates: templates["network"]["Resources"]["S3Endpoint"],
                "PrivateRouteTableA",
                "PrivateRouteTableB",
            ),
        ),
        S3,
        ("(WebTier/WebServerGroup) → 198.51.100.7 (S3): the route leads to NAT gateway, not to the gateway endpoint",),
    ),
    Break(
        "the database moves to another port",
        (setting("database", "Database", "Port", "5433"),),
        TO_DATABASE,
        (
            "10.30.64.4 (WebTier/WebServerGroup) from port 1024 → 10.30.128.4 (Database/Database",
            "tcp 5433: dropped at egress",
        ),
    ),
    Break(
        "a mount target is in another group",
        (setting("platform", "Storage", "Parameters.FileSystemGroupId", of("Security", "DatabaseGroupId")),),
        TO_FILES,
        ("tcp 2049: dropped at egress of Security/WebServerGroup",),
    ),
    Break(
        "a machine with an Elastic IP",
        (
            added(
                "network",
                "Jump",
                "AWS::EC2::Instance",
                SubnetId={"Ref": "PrivateSubnetA"},
                SecurityGroupIds=["sg-0123456789abcdef0"],
            ),
            added("network", "JumpAddress", "AWS::EC2::EIP", Domain="vpc", InstanceId={"Ref": "Jump"}),
        ),
        ADDRESSES,
        ("Network/Jump (bastion) gets a public address",),
    ),
    Break(
        "a VPN that nobody asked for",
        (
            added("network", "Tunnels", "AWS::EC2::VPNGateway", Type="ipsec.1"),
            added(
                "network",
                "Tunnel",
                "AWS::EC2::VPNConnection",
                Type="ipsec.1",
                CustomerGatewayId="cgw-0123456789abcdef0",
                VpnGatewayId={"Ref": "Tunnels"},
            ),
        ),
        APART,
        ("prod: Network/Tunnel is a VPN that nobody asked for",),
    ),
    Break(
        "the VPN gateway tells the isolated subnets too",
        (
            added(
                "access",
                "TellAll",
                "AWS::EC2::VPNGatewayRoutePropagation",
                VpnGatewayId={"Ref": "VpnGateway"},
                RouteTableIds={"Ref": "PrivateRouteTableIds"},
            ),
            at_resource("access", "TellAll", "Condition", "HasVpn"),
            removed("access", "PrivateAVpnRoute"),
            replaced_by(
                lambda templates: templates["network"]["Outputs"]["PrivateRouteTableIds"],
                "PrivateRouteTableA",
                "IsolatedRouteTable",
            ),
        ),
        ISOLATED_ROUTES,
        ("Network/IsolatedSubnetA → 172.20.0.4 (VPN network): Access/TellAll.RouteTableIds[0] leads to the VPN",),
        setting=OVER_SSH,
    ),
    Break(
        "the VPN leads further than asked for",
        (setting("access", "VpnConnectionRoute", "DestinationCidrBlock", "172.16.0.0/12"),),
        APART,
        ("Access/VpnConnectionRoute leads to 172.16.0.4, beyond the network that was asked for",),
        setting=OVER_SSH,
    ),
    Break(
        "a subnet has two network ACLs",
        (
            added(
                "network",
                "SecondAcl",
                "AWS::EC2::SubnetNetworkAclAssociation",
                SubnetId={"Ref": "IsolatedSubnetA"},
                NetworkAclId={"Ref": "PublicAcl"},
            ),
        ),
        KNOWN,
        ("Network/IsolatedSubnetA has 2 of AWS::EC2::SubnetNetworkAclAssociation",),
    ),
    Break(
        "something new stands in the network",
        (
            added(
                "web_tier",
                "Function",
                "AWS::Lambda::Function",
                VpcConfig={"SubnetIds": {"Ref": "PrivateSubnetIds"}, "SecurityGroupIds": [{"Ref": "WebServerGroupId"}]},
            ),
        ),
        KNOWN,
        ("WebTier/Function (AWS::Lambda::Function) stands in Network/PrivateSubnetA",),
    ),
    Break(
        "the canary stands inside the network",
        (
            setting(
                "observability",
                "Canary",
                "VPCConfig",
                {"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-0123456789abcdef0"]},
            ),
        ),
        KNOWN,
        ("Observability/Canary: the proof reads canaries outside the network, and this one stands inside",),
    ),
    Break(
        "a database is restored for a test to where the database is not",
        (setting("recovery", "RestoreTestOfDatabase", "RestoreMetadataOverrides", None),),
        KNOWN,
        ("Recovery/RestoreTestOfDatabase restores a database to another place than the database's",),
    ),
    Break(
        "a database is restored for a test with the servers' group",
        (setting("platform", "Recovery", "Parameters.DatabaseGroupId", of("Security", "WebServerGroupId")),),
        KNOWN,
        ("Recovery/RestoreTestOfDatabase restores a database to another place than the database's",),
    ),
    Break(
        "a gateway endpoint of another service",
        (setting("network", "S3Endpoint", "ServiceName", {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3express"}),),
        KNOWN,
        ("Network/S3Endpoint leads to com.amazonaws.eu-west-1.s3express, which the proof does not know",),
    ),
    Break(
        "web servers have no group of ours",
        (setting("web_tier", "LaunchTemplate", f"{LAUNCH}.Groups", None),),
        KNOWN,
        ("WebTier/WebServerGroup has a security group that is not of the release, or none",),
    ),
    Break(
        "a rule names a prefix list",
        (rule("security", "Lists", WEB_GROUP, SourcePrefixListId="pl-0123456789abcdef0", FromPort=443, ToPort=443),),
        KNOWN,
        ("Security/Lists names the prefix list pl-0123456789abcdef0; the proof knows CloudFront's alone",),
    ),
    Break(
        "a rule names nobody",
        (rule("security", "Nobody", WEB_GROUP, FromPort=443, ToPort=443),),
        KNOWN,
        ("Security/Nobody: the proof reads rules that name a range or a security group, and this one names neither",),
    ),
    Break(
        "an entry that another already covers",
        (entry("Twice", "PublicAcl", 190, "allow", False, 443, 443),),
        NEEDED,
        ("Network/Twice: nothing that must work needs it",),
    ),
    Break(
        "a deny of what nobody allows",
        (entry("NoTelnet", "PublicAcl", 50, "deny", False, 23, 23),),
        NEEDED,
        ("Network/NoTelnet: nothing that must work needs it",),
    ),
]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)


def test_every_claim_holds_of_the_release() -> None:
    release = folder_of(ROOT / "templates_out")
    found = prove([(one, resolved(release, one)) for one in every_setting()])
    assert {verdict.claim: verdict.counterexamples for verdict in found if not verdict.holds} == {}
    assert all(f"{len(every_setting())} settings" in verdict.evidence for verdict in found)


def test_the_settings_of_these_tests_find_nothing_by_themselves(tmp_path: Path) -> None:
    """Otherwise a break would seem to be noticed."""
    found = verdicts(tmp_path, [], list(settings().values()))
    assert {claim: verdict.counterexamples for claim, verdict in found.items() if not verdict.holds} == {}


def test_a_claim_without_anything_to_look_at_fails() -> None:
    """No setting with SSH: that nobody but operators gets in would be proved of nothing."""
    release = folder_of(ROOT / "templates_out")
    prod = settings()[PROD]
    found = {verdict.claim: verdict for verdict in prove([(prod, resolved(release, prod))])}
    assert found[SSH].counterexamples == ("nothing to look at in any setting",)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"VpcCidr": "10.10.0.0/16"}, "the VPCs of dev and prod overlap"),
        ({"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "10.10.0.0/17"}, "the VPN of prod leads to 10.10.0.0/17"),
    ],
)
def test_environments_that_could_meet_are_named(changed: dict[str, str], words: str) -> None:
    release = folder_of(ROOT / "templates_out")
    prod, other = settings()[PROD], settings()[OVER_SSH]
    near = Setting("near", {**prod.parameters, **changed}, prod.region)
    found = {verdict.claim: verdict for verdict in prove([(one, resolved(release, one)) for one in (other, near)])}
    assert any(words in one for one in found[RANGES].counterexamples)


def test_a_range_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Network/PublicAclInHttp: 'everywhere' is no IPv4 range; allowed: an address"):
        verdicts(tmp_path, [setting("network", "PublicAclInHttp", "CidrBlock", "everywhere")], [settings()[PROD]])


def test_a_protocol_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="Security/LoadBalancerInHttp: protocol 'telepathy' is not allowed; allowed: tcp"
    ):
        verdicts(tmp_path, [setting("security", "LoadBalancerInHttp", "IpProtocol", "telepathy")], [settings()[PROD]])


def test_a_second_vpc_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the release has 2 VPCs; the exposure proof reads exactly one"):
        verdicts(tmp_path, [added("network", "Other", "AWS::EC2::VPC", CidrBlock="10.99.0.0/16")], [settings()[PROD]])
