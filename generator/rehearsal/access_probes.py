"""What was deployed for people and other networks to get in, asked of the services themselves: part of `probes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from generator.naming import OPERATOR_BOUNDARY, WORKLOAD_BOUNDARY, root_stack_name
from generator.rehearsal.target import Finding, Findings, Target

GIT_HOST = "token.actions.githubusercontent.com"


def bastion(target: Target) -> Findings:
    """The bastion stands where its mode says, reachable as its mode says, or it is not there at all (E5)."""
    mode = target.environment.access_mode.literal
    servers = _bastions(target)
    yield Finding("E5: bastions running", int(mode != "none"), len(servers))
    tier = "Public" if mode == "ssh" else "Private"
    for server in servers:
        yield Finding("E5: tier of the bastion", True, server["SubnetId"] in target.subnets(tier))
        yield Finding("E5: the bastion has a public address", mode == "ssh", bool(server.get("PublicIpAddress")))
        yield Finding("E5: type of the bastion", "t3.micro", server["InstanceType"])
        groups = {group["GroupId"] for group in server["SecurityGroups"]}
        yield Finding("E5: security groups of the bastion", {target.id("Security", "BastionGroup")}, groups)
    described = target.client("ec2").describe_security_groups(GroupIds=[target.id("Security", "BastionGroup")])
    rules = described["SecurityGroups"][0]["IpPermissions"]
    open_to = {(rule["FromPort"], rule["ToPort"], block["CidrIp"]) for rule in rules for block in rule["IpRanges"]}
    ranges = {target.environment.operator_cidr.literal, target.environment.vpn_cidr.literal} - {""}
    yield Finding(
        "E5: what the bastion accepts", {(22, 22, cidr) for cidr in ranges} if mode == "ssh" else set(), open_to
    )


def _bastions(target: Target) -> list[dict[str, Any]]:
    name = target.deployment.outputs["BastionAutoScalingGroupName"]
    groups = target.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    ids = [instance["InstanceId"] for group in groups["AutoScalingGroups"] for instance in group["Instances"]]
    if not ids:
        return []
    reservations = target.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def access_logs(target: Target) -> Findings:
    """Who was on the bastion can be found out for a year; where nobody can be, there is no log (E5, D9)."""
    name = target.deployment.outputs["AccessLogGroupName"]
    groups = target.client("logs").describe_log_groups()["logGroups"]
    days = [group.get("retentionInDays") for group in groups if group["logGroupName"] == name]
    yield Finding(
        "D9: days that access is logged", [] if target.environment.access_mode.literal == "none" else [365], days
    )


def operators(target: Target) -> Findings:
    """The operators' user has nothing but its group, and their role asks for MFA of the last hour (E2, D9)."""
    iam, user = target.client("iam"), target.deployment.outputs["OperatorUserName"]
    groups = [group["GroupName"] for group in iam.list_groups_for_user(UserName=user)["Groups"]]
    yield Finding("E2: groups of the operators' user", [target.id("Access", "OperatorGroup")], groups)
    keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    own = iam.list_user_policies(UserName=user)["PolicyNames"]
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    yield Finding("E2: keys and policies of the user itself", [], [*keys, *own, *attached])
    role = iam.get_role(RoleName=target.id("Access", "OperatorRole"))["Role"]
    conditions = [statement.get("Condition") for statement in role["AssumeRolePolicyDocument"]["Statement"]]
    with_mfa = {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
    }
    yield Finding("D9: who becomes operator has shown an MFA device", [with_mfa], conditions)


def boundaries(target: Target) -> Findings:
    """Every role and user of the environment's stacks has the boundary of its kind (D9)."""
    iam, prefix = target.client("iam"), root_stack_name(target.environment.environment_name.literal) + "-"
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith(prefix)]
    users = [user["UserName"] for user in iam.list_users()["Users"] if user["UserName"].startswith(prefix)]
    yield Finding("D9: there are roles and users", (True, True), (bool(roles), bool(users)))
    of_roles = {_boundary(iam.get_role(RoleName=name)["Role"]) for name in roles}
    of_users = {_boundary(iam.get_user(UserName=name)["User"]) for name in users}
    yield Finding("D9: boundaries of roles", {WORKLOAD_BOUNDARY}, of_roles)
    yield Finding("D9: boundaries of users", {OPERATOR_BOUNDARY}, of_users)


def _boundary(principal: dict[str, Any]) -> str:
    arn: str = principal.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    return arn.rpartition("/")[2]


def vpn(target: Target) -> Findings:
    """The VPN is there where it is asked for, and leads to public and private subnets, never to isolated ones (D1)."""
    ec2, cidr = target.client("ec2"), target.environment.vpn_cidr.literal
    connections = ec2.describe_vpn_connections()["VpnConnections"]
    ways = [route["DestinationCidrBlock"] for connection in connections for route in connection["Routes"]]
    yield Finding("D1: networks behind the VPN", [cidr] if cidr else [], ways)
    devices = [gateway["IpAddress"] for gateway in ec2.describe_customer_gateways()["CustomerGateways"]]
    address = target.environment.vpn_gateway_address.literal
    yield Finding("D1: VPN devices", [address] if address else [], devices)
    tables = ec2.describe_route_tables()["RouteTables"]
    led = [table for table in tables if any(str(r.get("GatewayId", "")).startswith("vgw-") for r in table["Routes"])]
    subnets = {association.get("SubnetId") for table in led for association in table["Associations"]}
    expected = target.subnets("Public") | target.subnets("Private") if cidr else set()
    yield Finding("D1: subnets that reach the VPN", expected, subnets)


def federation(target: Target) -> Findings:
    """The named workflow alone may take the publisher's role; without one there is neither role nor provider (D9)."""
    iam, subject = target.client("iam"), target.environment.federated_subject.literal
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    yield Finding("D9: Git hosts that are trusted", int(bool(subject)), len(providers))
    if subject:
        name = target.deployment.outputs["PublisherRoleArn"].rpartition("/")[2]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        subjects = [statement["Condition"]["StringEquals"].get(f"{GIT_HOST}:sub") for statement in trust]
        yield Finding("D9: workflows that publish", [subject], subjects)


ACCESS_PROBES: tuple[Callable[[Target], Findings], ...] = (
    bastion,
    access_logs,
    operators,
    boundaries,
    vpn,
    federation,
)
