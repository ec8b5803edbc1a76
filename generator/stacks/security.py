"""Who may talk to whom: every security group of the platform, the rules between them, and the role of the web servers.

Owns all security groups in one place (D8, E8), so that the whole reach of every component can be read on one page.
Groups are created empty and joined by separate rules, since two groups that name each other cannot be created at once.
Refuses to open anything but the load balancer to the internet, and that, where an environment says so, to CloudFront's
addresses alone. Never creates anything with an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.ssm
import awacs.sts
from troposphere import And, AWSHelperFn, Equals, FindInMap, GetAtt, Not, Or, Ref, Template
from troposphere import Condition as ConditionReference
from troposphere.ec2 import SecurityGroup, SecurityGroupEgress, SecurityGroupIngress, SecurityGroupRule
from troposphere.iam import Role

from generator.iam import (
    allow,
    allow_principal,
    arn,
    attach,
    document,
    join_session_manager,
    service_principal,
    workload_boundary,
)
from generator.naming import PROJECT, kebab_case, name_tag
from generator.nesting import add_condition, conditional
from generator.parameter_types import (
    AccessMode,
    EnvironmentName,
    LoadBalancerAccess,
    OperatorCidr,
    RoleArn,
    RoleName,
    SecurityGroupId,
    VpcId,
    VpnCidr,
    output,
    parameter,
)
from generator.prefix_lists import CLOUDFRONT_ADDRESSES

FOR_CLOUDFRONT, FOR_EVERYBODY = "ForCloudFront", "ForEverybody"
"""The conditions that say whom the load balancer answers."""

ANYWHERE = "0.0.0.0/0"
SSH, HTTP, HTTPS, NFS, POSTGRESQL = 22, 80, 443, 2049, 5432

# EC2 adds a rule that lets everything out unless a group brings a rule of its own; this one reaches nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
NOTHING_OUT = SecurityGroupRule(
    IpProtocol="icmp", FromPort=252, ToPort=86, CidrIp="255.255.255.255/32", Description="Lets nothing out"
)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_id: VpcId = parameter("The VPC.")
    access_mode: AccessMode = parameter("How operators reach the inside.")
    operator_cidr: OperatorCidr = parameter("Address range that operators connect from.")
    vpn_cidr: VpnCidr = parameter("Network behind the VPN, or empty.")
    load_balancer_access: LoadBalancerAccess = parameter("Whom the load balancer answers.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    load_balancer_group_id: SecurityGroupId = output("Security group of the load balancer.")
    web_server_group_id: SecurityGroupId = output("Security group of the web servers.")
    bastion_group_id: SecurityGroupId = output("Security group of the bastion.")
    database_group_id: SecurityGroupId = output("Security group of the database.")
    file_system_group_id: SecurityGroupId = output("Security group of the file system's mount targets.")
    endpoint_group_id: SecurityGroupId = output("Security group of the interface endpoints.")
    web_server_role_name: RoleName = output("Name of the web servers' role, to which other stacks attach policies.")
    web_server_role_arn: RoleArn = output("ARN of the web servers' role.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "SshAccess", Equals(parameters.access_mode, "ssh"))
    add_condition(template, "SessionAccess", Equals(parameters.access_mode, "ssm"))
    add_condition(template, "HasBastion", Or(ConditionReference("SshAccess"), ConditionReference("SessionAccess")))
    over_vpn = And(ConditionReference("SshAccess"), Not(Equals(parameters.vpn_cidr, "")))
    add_condition(template, "SshAccessOverVpn", over_vpn)
    add_condition(template, FOR_CLOUDFRONT, Equals(parameters.load_balancer_access, "cloudfront"))
    add_condition(template, FOR_EVERYBODY, Not(ConditionReference(FOR_CLOUDFRONT)))
    load_balancer = _group(template, parameters, "LoadBalancer", "Clients on the internet to the load balancer")
    web_server = _group(template, parameters, "WebServer", "The load balancer to web servers")
    bastion = _group(template, parameters, "Bastion", "Operators to the bastion")
    database = _group(template, parameters, "Database", "Web servers and bastion to the database")
    file_system = _group(template, parameters, "FileSystem", "Web servers to the file system")
    endpoint = _group(template, parameters, "Endpoint", "Web servers and bastion to interface endpoints")

    for name, port in (("Http", HTTP), ("Https", HTTPS)):
        to_everybody = f"LoadBalancerIn{name}", load_balancer, port, ANYWHERE, f"{name} from everywhere"
        _from_range(template, *to_everybody, condition=FOR_EVERYBODY)
        _between(template, name, load_balancer, web_server, port)
    _from_cloudfront(template, load_balancer)
    _to_range(template, "WebServerOutInternet", web_server, HTTPS, ANYWHERE, "AWS APIs and packages, through NAT")
    _between(template, "PostgreSql", web_server, database, POSTGRESQL)
    _between(template, "Nfs", web_server, file_system, NFS)
    # The way out to 443 anywhere is there already.
    _into(template, "Https", web_server, endpoint, HTTPS)
    _into(template, "Https", bastion, endpoint, HTTPS, condition="HasBastion")

    operators = parameters.operator_cidr
    _from_range(template, "BastionInSsh", bastion, SSH, operators, "SSH from operators", condition="SshAccess")
    of_vpn = parameters.vpn_cidr
    _from_range(template, "BastionInVpnSsh", bastion, SSH, of_vpn, "SSH through the VPN", condition="SshAccessOverVpn")
    _to_range(template, "BastionOutHttps", bastion, HTTPS, ANYWHERE, "AWS APIs and packages", condition="HasBastion")
    _between(template, "PostgreSql", bastion, database, POSTGRESQL, condition="HasBastion")

    role = _web_server_role(template, parameters)
    return Outputs(
        load_balancer_group_id=SecurityGroupId(GetAtt(load_balancer, "GroupId")),
        web_server_group_id=SecurityGroupId(GetAtt(web_server, "GroupId")),
        bastion_group_id=SecurityGroupId(GetAtt(bastion, "GroupId")),
        database_group_id=SecurityGroupId(GetAtt(database, "GroupId")),
        file_system_group_id=SecurityGroupId(GetAtt(file_system, "GroupId")),
        endpoint_group_id=SecurityGroupId(GetAtt(endpoint, "GroupId")),
        web_server_role_name=RoleName(Ref(role)),
        web_server_role_arn=RoleArn(GetAtt(role, "Arn")),
    )


def _group(template: Template, parameters: Parameters, subject: str, description: str) -> SecurityGroup:
    return template.add_resource(
        SecurityGroup(
            f"{subject}Group",
            GroupDescription=description,
            VpcId=parameters.vpc_id,
            SecurityGroupEgress=[NOTHING_OUT],
            Tags=name_tag(kebab_case(subject)),
        )
    )


def _between(
    template: Template,
    name: str,
    client: SecurityGroup,
    server: SecurityGroup,
    port: int,
    condition: str | None = None,
) -> None:
    """Let the client's group reach the server's on one port: the way out of the one and the way into the other."""
    here, there = (str(group.title).removesuffix("Group") for group in (client, server))
    template.add_resource(
        SecurityGroupEgress(
            f"{here}Out{there}{name}",
            **conditional(condition),
            GroupId=GetAtt(client, "GroupId"),
            DestinationSecurityGroupId=GetAtt(server, "GroupId"),
            Description=f"To {there} on port {port}",
            **_tcp(port),
        )
    )
    _into(template, name, client, server, port, condition)


def _into(
    template: Template,
    name: str,
    client: SecurityGroup,
    server: SecurityGroup,
    port: int,
    condition: str | None = None,
) -> None:
    """Let the server's group accept the client's on one port, for clients that may go there already."""
    here, there = (str(group.title).removesuffix("Group") for group in (client, server))
    template.add_resource(
        SecurityGroupIngress(
            f"{there}In{here}{name}",
            **conditional(condition),
            GroupId=GetAtt(server, "GroupId"),
            SourceSecurityGroupId=GetAtt(client, "GroupId"),
            Description=f"From {here} on port {port}",
            **_tcp(port),
        )
    )


def _from_range(
    template: Template,
    title: str,
    group: SecurityGroup,
    port: int,
    source: AWSHelperFn | str,
    description: str,
    condition: str | None = None,
) -> None:
    template.add_resource(
        SecurityGroupIngress(
            title,
            **conditional(condition),
            GroupId=GetAtt(group, "GroupId"),
            CidrIp=source,
            Description=description,
            **_tcp(port),
        )
    )


def _from_cloudfront(template: Template, load_balancer: SecurityGroup) -> None:
    """Let CloudFront reach the load balancer, where nobody else may. It speaks HTTPS alone, so that 80 stays shut."""
    template.add_mapping("CloudFrontAddresses", {region: {"Id": id_} for region, id_ in CLOUDFRONT_ADDRESSES.items()})
    template.add_resource(
        SecurityGroupIngress(
            "LoadBalancerInCloudFront",
            Condition=FOR_CLOUDFRONT,
            GroupId=GetAtt(load_balancer, "GroupId"),
            SourcePrefixListId=FindInMap("CloudFrontAddresses", Ref("AWS::Region"), "Id"),
            Description="Https from CloudFront",
            **_tcp(HTTPS),
        )
    )


def _to_range(
    template: Template,
    title: str,
    group: SecurityGroup,
    port: int,
    destination: AWSHelperFn | str,
    description: str,
    condition: str | None = None,
) -> None:
    template.add_resource(
        SecurityGroupEgress(
            title,
            **conditional(condition),
            GroupId=GetAtt(group, "GroupId"),
            CidrIp=destination,
            Description=description,
            **_tcp(port),
        )
    )


def _web_server_role(template: Template, parameters: Parameters) -> Role:
    """The role of the web servers. Here it may read the environment's parameters; what else it may do, the stacks that
    own the resources attach to it.
    """
    role = template.add_resource(
        Role(
            "WebServerRole",
            Description="What web servers may do.",
            AssumeRolePolicyDocument=document(allow_principal("Ec2", service_principal("ec2"), [awacs.sts.AssumeRole])),
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("web-server-role"),
        )
    )
    below_environment = arn(f"ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{PROJECT}/${{EnvironmentName}}/*")
    read = [awacs.ssm.GetParameter, awacs.ssm.GetParameters, awacs.ssm.GetParametersByPath]
    template.add_resource(
        attach("ReadEnvironmentParameters", RoleName(Ref(role)), allow("ReadParameters", read, [below_environment]))
    )
    session = attach("UseSessionManager", RoleName(Ref(role)), join_session_manager())
    session.resource["Condition"] = "SessionAccess"
    template.add_resource(session)
    return role


def _tcp(port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
