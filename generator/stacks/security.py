"""Who may talk to whom: every security group of the platform, the rules between them, and the roles of the workload.

Owns all security groups in one place (D8, E8), so that the whole reach of every component can be read on one page.
Groups are created empty and joined by separate rules, since two groups that name each other cannot be created at once.
Refuses to open anything but the load balancer to the internet, and that, where an environment says so, to CloudFront's
addresses alone. Never creates anything with an address.

Group and role of the containers are always there, and their rules only where containers run: who names the group or the
role, as the database and the file system do, does not change when an environment moves to containers or back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.ssm
import awacs.sts
from awacs.aws import ArnLike, Condition, Statement, StringEquals
from troposphere import And, AWSHelperFn, Equals, FindInMap, GetAtt, Not, Or, Ref, Template
from troposphere import Condition as ConditionReference
from troposphere.ec2 import SecurityGroup, SecurityGroupEgress, SecurityGroupIngress, SecurityGroupRule
from troposphere.iam import Role

from generator.application_ports import APPLICATION_PORTS
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
    Compute,
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

HAS_CONTAINERS = "HasContainers"

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
    compute: Compute = parameter("Where the application runs.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    load_balancer_group_id: SecurityGroupId = output("Security group of the load balancer.")
    web_server_group_id: SecurityGroupId = output("Security group of the web servers.")
    containers_group_id: SecurityGroupId = output("Security group of the containers.")
    bastion_group_id: SecurityGroupId = output("Security group of the bastion.")
    database_group_id: SecurityGroupId = output("Security group of the database.")
    file_system_group_id: SecurityGroupId = output("Security group of the file system's mount targets.")
    endpoint_group_id: SecurityGroupId = output("Security group of the interface endpoints.")
    web_server_role_name: RoleName = output("Name of the web servers' role, to which other stacks attach policies.")
    web_server_role_arn: RoleArn = output("ARN of the web servers' role.")
    task_role_name: RoleName = output("Name of the application's role in containers, to which others attach policies.")
    task_role_arn: RoleArn = output("ARN of the application's role in containers.")


def build(template: Template, parameters: Parameters) -> Outputs:
    _add_conditions(template, parameters)
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

    containers = _group(template, parameters, "Containers", "The load balancer and each other to containers")
    _container_rules(template, containers, load_balancer, database, file_system, endpoint)
    role = _web_server_role(template, parameters)
    task_role = _task_role(template)
    return Outputs(
        load_balancer_group_id=SecurityGroupId(GetAtt(load_balancer, "GroupId")),
        web_server_group_id=SecurityGroupId(GetAtt(web_server, "GroupId")),
        containers_group_id=SecurityGroupId(GetAtt(containers, "GroupId")),
        bastion_group_id=SecurityGroupId(GetAtt(bastion, "GroupId")),
        database_group_id=SecurityGroupId(GetAtt(database, "GroupId")),
        file_system_group_id=SecurityGroupId(GetAtt(file_system, "GroupId")),
        endpoint_group_id=SecurityGroupId(GetAtt(endpoint, "GroupId")),
        web_server_role_name=RoleName(Ref(role)),
        web_server_role_arn=RoleArn(GetAtt(role, "Arn")),
        task_role_name=RoleName(Ref(task_role)),
        task_role_arn=RoleArn(GetAtt(task_role, "Arn")),
    )


def _add_conditions(template: Template, parameters: Parameters) -> None:
    add_condition(template, "SshAccess", Equals(parameters.access_mode, "ssh"))
    add_condition(template, "SessionAccess", Equals(parameters.access_mode, "ssm"))
    add_condition(template, "HasBastion", Or(ConditionReference("SshAccess"), ConditionReference("SessionAccess")))
    over_vpn = And(ConditionReference("SshAccess"), Not(Equals(parameters.vpn_cidr, "")))
    add_condition(template, "SshAccessOverVpn", over_vpn)
    add_condition(template, FOR_CLOUDFRONT, Equals(parameters.load_balancer_access, "cloudfront"))
    add_condition(template, FOR_EVERYBODY, Not(ConditionReference(FOR_CLOUDFRONT)))
    add_condition(template, HAS_CONTAINERS, Not(Equals(parameters.compute, "ec2")))


def _container_rules(
    template: Template,
    containers: SecurityGroup,
    load_balancer: SecurityGroup,
    database: SecurityGroup,
    file_system: SecurityGroup,
    endpoint: SecurityGroup,
) -> None:
    """Let containers do what web servers do, and ask each other by Service Connect (D5)."""
    for name, port in APPLICATION_PORTS.items():
        # Both ports: a change of TargetProtocol moves requests from the one to the other while both are needed.
        _between(template, name.capitalize(), load_balancer, containers, port, HAS_CONTAINERS)
        _between(template, name.capitalize(), containers, containers, port, HAS_CONTAINERS)
    to_internet = "ContainersOutInternet", containers, HTTPS, ANYWHERE, "AWS APIs and images, through NAT"
    _to_range(template, *to_internet, condition=HAS_CONTAINERS)
    _between(template, "PostgreSql", containers, database, POSTGRESQL, HAS_CONTAINERS)
    _between(template, "Nfs", containers, file_system, NFS, HAS_CONTAINERS)
    _into(template, "Https", containers, endpoint, HTTPS, HAS_CONTAINERS)


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
    template.add_resource(attach("ReadEnvironmentParameters", RoleName(Ref(role)), _read_parameters()))
    session = attach("UseSessionManager", RoleName(Ref(role)), join_session_manager())
    session.resource["Condition"] = "SessionAccess"
    template.add_resource(session)
    return role


def _task_role(template: Template) -> Role:
    """The role of the application in a container: what the web servers' role may, but for what only a server needs.

    ECS alone lends it, for tasks of this account: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    tasks = arn("ecs:${AWS::Region}:${AWS::AccountId}:*")
    of_our_tasks = Condition(
        [StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}), ArnLike({"aws:SourceArn": tasks})]
    )
    trust = allow_principal("Tasks", service_principal("ecs-tasks"), [awacs.sts.AssumeRole], condition=of_our_tasks)
    role = template.add_resource(
        Role(
            "TaskRole",
            Description="What the application may do in a container.",
            AssumeRolePolicyDocument=document(trust),
            PermissionsBoundary=workload_boundary(),
            Tags=name_tag("task-role"),
        )
    )
    template.add_resource(attach("TasksReadParameters", RoleName(Ref(role)), _read_parameters()))
    return role


def _read_parameters() -> Statement:
    below_environment = arn(f"ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{PROJECT}/${{EnvironmentName}}/*")
    read = [awacs.ssm.GetParameter, awacs.ssm.GetParameters, awacs.ssm.GetParametersByPath]
    return allow("ReadParameters", read, [below_environment])


def _tcp(port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
