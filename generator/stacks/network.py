"""The VPC: subnets in three tiers over two or three zones, route tables, network ACLs, flow logs and gateway endpoints.

Owns addresses and paths (D1, E6, E14). The public tier holds what faces the internet (load balancer, NAT gateways, a
bastion that is reached over SSH), the private tier the web servers and a bastion that Session Manager reaches, the
isolated tier what has data: its route table never gets a way out.
Everything here is ready in seconds; nothing slow is created, because every other stack waits for this one.

Network ACLs are the coarse layer below the security groups. They know no connections, so every allowed flow is a pair
of rules: the request one way, the reply to the client's ephemeral port the other. There is no deny rule besides the
implicit one: a deny of single ports would break those clients that happen to use them as source port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.dynamodb
import awacs.logs
import awacs.s3
import awacs.sts
from awacs.aws import ArnLike, Condition, Principal, StringEquals
from troposphere import And, AWSHelperFn, Equals, GetAtt, If, Not, Ref, Select, Sub, Template
from troposphere import Cidr as CidrBlocks
from troposphere import Condition as ConditionReference
from troposphere.ec2 import (
    VPC,
    FlowLog,
    InternetGateway,
    NetworkAcl,
    NetworkAclEntry,
    PortRange,
    Route,
    RouteTable,
    Subnet,
    SubnetNetworkAclAssociation,
    SubnetRouteTableAssociation,
    VPCEndpoint,
    VPCGatewayAttachment,
)
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup

from generator.iam import allow, allow_principal, arn, document, service_principal, workload_boundary
from generator.logs import log_group
from generator.naming import name_tag
from generator.nesting import add_condition, conditional, only_if
from generator.parameter_types import (
    AccessMode,
    AvailabilityZone,
    Cidr,
    EnvironmentName,
    KeyArn,
    OperatorCidr,
    OptionalAvailabilityZone,
    RouteTableId,
    RouteTableIds,
    SubnetIds,
    VpcCidr,
    VpcId,
    VpnCidr,
    ZoneCount,
    output,
    parameter,
)

ANYWHERE = "0.0.0.0/0"
ZONES = ("A", "B", "C")
TIERS = ("Public", "Private", "Isolated")

# A /16 is cut into sixteen /20 (4,096 addresses), four to a tier, so that each tier is one /18 that an ACL can name.
# The fourth subnet of each tier and the fourth quarter of the VPC are free for what comes later.
SUBNETS, SUBNET_BITS, SUBNETS_OF_A_TIER = 16, 12, 4
TIER_RANGES, TIER_BITS = 4, 14

FLOW_LOG_INTERVAL_SECONDS = 60
LAYER_BUCKET = "prod-${AWS::Region}-starport-layer-bucket"
"""Where Amazon ECR keeps the layers of all images, and lets those be read from who may read the image.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms"""

EPHEMERAL = (1024, 65535)  # NAT gateways and load balancers use all of it
TCP = 6


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_cidr: VpcCidr = parameter("Address range of the VPC.")
    availability_zone_a: AvailabilityZone = parameter("First availability zone.")
    availability_zone_b: AvailabilityZone = parameter("Second availability zone.")
    availability_zone_c: OptionalAvailabilityZone = parameter("Third availability zone, or empty.")
    access_mode: AccessMode = parameter("How operators reach the inside.")
    operator_cidr: OperatorCidr = parameter("Address range that operators connect from.")
    vpn_cidr: VpnCidr = parameter("Network behind the VPN, or empty.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the flow logs.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    vpc_id: VpcId = output("The VPC.")
    zone_count: ZoneCount = output("Number of availability zones that have subnets.")
    public_subnet_ids: SubnetIds = output("Subnets of the load balancer, the NAT gateways and an SSH bastion.")
    private_subnet_ids: SubnetIds = output("Subnets of the web servers and of a bastion without SSH.")
    isolated_subnet_ids: SubnetIds = output("Subnets of database and file system, without a way out.")
    public_route_table_id: RouteTableId = output("Route table of the public subnets.")
    private_route_table_ids: RouteTableIds = output("Route tables of the private subnets, one for each zone.")
    private_tier_cidr: Cidr = output("Address range that holds all private subnets.")


def build(template: Template, parameters: Parameters) -> Outputs:
    _add_conditions(template, parameters)
    vpc = _vpc(template, parameters)
    subnets = {tier: _subnets(template, parameters, vpc, tier) for tier in TIERS}
    public_table, private_tables = _routes(template, parameters, vpc, subnets)
    _public_acl(template, parameters, vpc, subnets["Public"])
    _private_acl(template, parameters, vpc, subnets["Private"])
    _isolated_acl(template, parameters, vpc, subnets["Isolated"])
    _gateway_endpoints(template, parameters, vpc, private_tables)
    _flow_logs(template, parameters, vpc)
    return Outputs(
        vpc_id=VpcId(Ref(vpc)),
        zone_count=ZoneCount(If("ThreeZones", "3", "2")),
        public_subnet_ids=SubnetIds(_per_zone(subnets["Public"])),
        private_subnet_ids=SubnetIds(_per_zone(subnets["Private"])),
        isolated_subnet_ids=SubnetIds(_per_zone(subnets["Isolated"])),
        public_route_table_id=RouteTableId(Ref(public_table)),
        private_route_table_ids=RouteTableIds(_per_zone(private_tables)),
        private_tier_cidr=Cidr(_tier_range(parameters, "Private")),
    )


def _add_conditions(template: Template, parameters: Parameters) -> None:
    add_condition(template, "ThreeZones", Not(Equals(parameters.availability_zone_c, "")))
    add_condition(template, "SshAccess", Equals(parameters.access_mode, "ssh"))
    over_vpn = And(ConditionReference("SshAccess"), Not(Equals(parameters.vpn_cidr, "")))
    add_condition(template, "SshAccessOverVpn", over_vpn)


def _vpc(template: Template, parameters: Parameters) -> VPC:
    return template.add_resource(
        VPC(
            "Vpc",
            CidrBlock=parameters.vpc_cidr,
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=name_tag("vpc"),
        )
    )


def _subnets(template: Template, parameters: Parameters, vpc: VPC, tier: str) -> list[Subnet]:
    zone_names = (parameters.availability_zone_a, parameters.availability_zone_b, parameters.availability_zone_c)
    first = TIERS.index(tier) * SUBNETS_OF_A_TIER
    blocks = CidrBlocks(parameters.vpc_cidr, str(SUBNETS), str(SUBNET_BITS))
    return [
        template.add_resource(
            Subnet(
                f"{tier}Subnet{zone}",
                **_only_in_third_zone(zone),
                VpcId=Ref(vpc),
                AvailabilityZone=zone_name,
                CidrBlock=Select(str(first + index), blocks),
                # Nothing gets a public address by being here; the load balancer and NAT gateways bring their own (W2).
                MapPublicIpOnLaunch=False,
                Tags=name_tag(f"{tier.lower()}-{zone.lower()}"),
            )
        )
        for index, (zone, zone_name) in enumerate(zip(ZONES, zone_names, strict=True))
    ]


def _routes(
    template: Template, parameters: Parameters, vpc: VPC, subnets: dict[str, list[Subnet]]
) -> tuple[RouteTable, list[RouteTable]]:
    """One public table to the internet gateway, one private table for each zone (the egress stack gives them their
    default route), one isolated table that has the VPC's local route only. Returns the public and the private tables.
    """
    gateway = template.add_resource(InternetGateway("InternetGateway", Tags=name_tag("internet-gateway")))
    attachment = template.add_resource(
        VPCGatewayAttachment("InternetGatewayAttachment", VpcId=Ref(vpc), InternetGatewayId=Ref(gateway))
    )
    public = _route_table(template, parameters, vpc, "Public")
    template.add_resource(
        Route(
            "PublicDefaultRoute",
            DependsOn=[attachment.title],
            RouteTableId=Ref(public),
            DestinationCidrBlock=ANYWHERE,
            GatewayId=Ref(gateway),
        )
    )
    isolated = _route_table(template, parameters, vpc, "Isolated")
    private = [_route_table(template, parameters, vpc, "Private", zone) for zone in ZONES]
    for index, zone in enumerate(ZONES):
        _associate(template, zone, "Public", subnets["Public"][index], public)
        _associate(template, zone, "Private", subnets["Private"][index], private[index])
        _associate(template, zone, "Isolated", subnets["Isolated"][index], isolated)
    return public, private


def _route_table(template: Template, parameters: Parameters, vpc: VPC, tier: str, zone: str = "") -> RouteTable:
    suffix = f"{tier}-{zone}".lower().rstrip("-")
    return template.add_resource(
        RouteTable(
            f"{tier}RouteTable{zone}",
            **_only_in_third_zone(zone),
            VpcId=Ref(vpc),
            Tags=name_tag(suffix),
        )
    )


def _associate(template: Template, zone: str, tier: str, subnet: Subnet, table: RouteTable) -> None:
    template.add_resource(
        SubnetRouteTableAssociation(
            f"{tier}Subnet{zone}RouteTable", **_only_in_third_zone(zone), SubnetId=Ref(subnet), RouteTableId=Ref(table)
        )
    )


def _public_acl(template: Template, parameters: Parameters, vpc: VPC, subnets: list[Subnet]) -> None:
    acl = _acl(template, parameters, vpc, "Public", subnets)
    # 80 and 443 come from clients of the load balancer, and from web servers on their way out through a NAT gateway.
    _entry(template, acl, "Http", "in", 100, (80, 80), ANYWHERE)
    _entry(template, acl, "Https", "in", 110, (443, 443), ANYWHERE)
    _entry(template, acl, "OperatorSsh", "in", 120, (22, 22), parameters.operator_cidr, condition="SshAccess")
    _entry(template, acl, "VpnSsh", "in", 125, (22, 22), parameters.vpn_cidr, condition="SshAccessOverVpn")
    # Replies: of web servers to the load balancer, of the internet to NAT gateways, of the database to the bastion.
    _entry(template, acl, "Replies", "in", 130, EPHEMERAL, ANYWHERE)
    _entry(template, acl, "Http", "out", 100, (80, 80), _tier_range(parameters, "Private"))
    # 443 goes to web servers, and with the traffic of NAT gateways and the bastion to the internet.
    _entry(template, acl, "Https", "out", 110, (443, 443), ANYWHERE)
    # Replies to clients on the internet; the bastion's way to the database lies within these ports.
    _entry(template, acl, "Replies", "out", 120, EPHEMERAL, ANYWHERE)


def _private_acl(template: Template, parameters: Parameters, vpc: VPC, subnets: list[Subnet]) -> None:
    acl = _acl(template, parameters, vpc, "Private", subnets)
    public, private, isolated = (_tier_range(parameters, tier) for tier in TIERS)
    _entry(template, acl, "Http", "in", 100, (80, 80), public)
    _entry(template, acl, "Https", "in", 110, (443, 443), public)
    # Interface endpoints stand in this tier and are called by web servers of other zones.
    _entry(template, acl, "EndpointHttps", "in", 120, (443, 443), private)
    _entry(template, acl, "Replies", "in", 130, EPHEMERAL, ANYWHERE)
    _entry(template, acl, "Https", "out", 100, (443, 443), ANYWHERE)
    _entry(template, acl, "Database", "out", 110, (5432, 5432), isolated)
    _entry(template, acl, "Files", "out", 120, (2049, 2049), isolated)
    _entry(template, acl, "Replies", "out", 130, EPHEMERAL, public)
    _entry(template, acl, "EndpointReplies", "out", 140, EPHEMERAL, private)


def _isolated_acl(template: Template, parameters: Parameters, vpc: VPC, subnets: list[Subnet]) -> None:
    acl = _acl(template, parameters, vpc, "Isolated", subnets)
    private, public = _tier_range(parameters, "Private"), _tier_range(parameters, "Public")
    _entry(template, acl, "Database", "in", 100, (5432, 5432), private)
    _entry(template, acl, "BastionDatabase", "in", 110, (5432, 5432), public, condition="SshAccess")
    _entry(template, acl, "Files", "in", 120, (2049, 2049), private)
    _entry(template, acl, "Replies", "out", 100, EPHEMERAL, private)
    _entry(template, acl, "BastionReplies", "out", 110, EPHEMERAL, public, condition="SshAccess")


def _acl(template: Template, parameters: Parameters, vpc: VPC, tier: str, subnets: list[Subnet]) -> NetworkAcl:
    acl = template.add_resource(NetworkAcl(f"{tier}Acl", VpcId=Ref(vpc), Tags=name_tag(f"{tier.lower()}-acl")))
    for zone, subnet in zip(ZONES, subnets, strict=True):
        template.add_resource(
            SubnetNetworkAclAssociation(
                f"{tier}Subnet{zone}Acl", **_only_in_third_zone(zone), SubnetId=Ref(subnet), NetworkAclId=Ref(acl)
            )
        )
    return acl


def _entry(
    template: Template,
    acl: NetworkAcl,
    name: str,
    direction: str,
    number: int,
    ports: tuple[int, int],
    peer: AWSHelperFn | str,
    condition: str | None = None,
) -> None:
    template.add_resource(
        NetworkAclEntry(
            f"{acl.title}{direction.capitalize()}{name}",
            **conditional(condition),
            NetworkAclId=Ref(acl),
            Egress=direction == "out",
            RuleNumber=number,
            RuleAction="allow",
            Protocol=TCP,
            PortRange=PortRange(From=ports[0], To=ports[1]),
            CidrBlock=peer,
        )
    )


def _gateway_endpoints(template: Template, parameters: Parameters, vpc: VPC, tables: list[RouteTable]) -> None:
    """Free ways to S3 and DynamoDB that do not pass a NAT gateway. Their policies keep data from leaving for other
    accounts.
    """
    in_this_account = Condition(StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")}))
    everybody = Principal("*")
    # Actions and resources are wildcards: the endpoint only draws the border, what a role may do its own policies say.
    dynamodb = [
        allow_principal("TablesOfThisAccount", everybody, [awacs.dynamodb.Action("*")], ["*"], in_this_account),
    ]
    s3 = [
        allow_principal("BucketsOfThisAccount", everybody, [awacs.s3.Action("*")], ["*"], in_this_account),
        allow_principal("PackagesOfAmazonLinux", everybody, [awacs.s3.GetObject], _amazon_buckets()),
        allow_principal("LayersOfImages", everybody, [awacs.s3.GetObject], [arn(f"s3:::{LAYER_BUCKET}/*")]),
    ]
    for service, statements in (("DynamoDb", dynamodb), ("S3", s3)):
        template.add_resource(
            VPCEndpoint(
                f"{service}Endpoint",
                VpcId=Ref(vpc),
                VpcEndpointType="Gateway",
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service.lower()}"),
                RouteTableIds=[Ref(tables[0]), Ref(tables[1]), only_if("ThreeZones", Ref(tables[2]))],
                PolicyDocument=document(*statements),
                Tags=name_tag(f"{service.lower()}-endpoint"),
            )
        )


def _amazon_buckets() -> list[Sub]:
    # https://docs.aws.amazon.com/linux/al2023/ug/ec2.html and
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html
    names = ("al2023-repos-${AWS::Region}-*", "amazon-ssm-${AWS::Region}", "amazoncloudwatch-agent-${AWS::Region}")
    return [arn(f"s3:::{name}/*") for name in names]


def _flow_logs(template: Template, parameters: Parameters, vpc: VPC) -> None:
    group = template.add_resource(log_group("FlowLogGroup", tag="flow-logs", key=parameters.logs_key_arn))
    template.add_resource(
        FlowLog(
            "FlowLog",
            ResourceType="VPC",
            ResourceId=Ref(vpc),
            TrafficType="ALL",
            LogDestinationType="cloud-watch-logs",
            LogGroupName=Ref(group),
            DeliverLogsPermissionArn=GetAtt(_flow_log_role(template, parameters, group), "Arn"),
            MaxAggregationInterval=FLOW_LOG_INTERVAL_SECONDS,
            Tags=name_tag("flow-log"),
        )
    )


def _flow_log_role(template: Template, parameters: Parameters, group: LogGroup) -> Role:
    own_flow_logs = Condition(
        [
            StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}),
            ArnLike({"aws:SourceArn": arn("ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*")}),
        ]
    )
    write = [awacs.logs.CreateLogStream, awacs.logs.DescribeLogStreams, awacs.logs.PutLogEvents]
    deliver = allow("DeliverFlowLogs", write, [GetAtt(group, "Arn")])
    return template.add_resource(
        Role(
            "FlowLogRole",
            Description="Lets VPC flow logs write to their log group.",
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "FlowLogs", service_principal("vpc-flow-logs"), [awacs.sts.AssumeRole], condition=own_flow_logs
                )
            ),
            Policies=[Policy(PolicyName="DeliverFlowLogs", PolicyDocument=document(deliver))],
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("flow-log-role"),
        )
    )


def _tier_range(parameters: Parameters, tier: str) -> AWSHelperFn:
    return Select(str(TIERS.index(tier)), CidrBlocks(parameters.vpc_cidr, str(TIER_RANGES), str(TIER_BITS)))


def _only_in_third_zone(zone: str) -> dict[str, Any]:
    return conditional("ThreeZones" if zone == "C" else None)


def _per_zone(resources: list[Subnet] | list[RouteTable]) -> AWSHelperFn:
    """Return the ids of the zones that exist, as one string."""
    ids = [Ref(resource) for resource in resources]
    return If("ThreeZones", SubnetIds.of(*ids), SubnetIds.of(*ids[:2]))
