"""Every type of the core platform deploys, and what describe calls show is what the template says."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from conftest import REGION, TEMPLATES, Account, root_parameters

from generator.registry_schemas import schema
from generator.rehearsal.emulator_types import API_TYPES, NATIVE_TYPES, RECORDED_TYPES, support

Stack = dict[str, Any]


@pytest.fixture(scope="module")
def platform(production: Account) -> Stack:
    template = (TEMPLATES / "root.yaml").read_text(encoding="utf-8")
    stack = production.deploy("trial", template, **root_parameters(production, WithReplica="true"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", production.failures("trial")
    return stack


@pytest.fixture(scope="module")
def others(production: Account) -> dict[str, str]:
    template = (TEMPLATES / "others.yaml").read_text(encoding="utf-8")
    stack = production.deploy("others", template)
    assert stack["StackStatus"] == "CREATE_COMPLETE", production.failures("others")
    stack = production.deploy("others", template, "UPDATE", Description="second")
    assert stack["StackStatus"] == "UPDATE_COMPLETE", production.failures("others")
    return production.outputs(stack)


def _one_resource(type_name: str, **properties: Any) -> str:
    return json.dumps({"Resources": {"It": {"Type": type_name, "Properties": properties}}})


def test_the_platform_is_created_updated_and_deleted(development: Account) -> None:
    template = (TEMPLATES / "root.yaml").read_text(encoding="utf-8")
    stack = development.deploy("life", template, **root_parameters(development))
    assert stack["StackStatus"] == "CREATE_COMPLETE", development.failures("life")
    database = development.outputs(stack)["DatabaseAddress"]
    stack = development.deploy(
        "life", template, "UPDATE", **root_parameters(development, DesiredServers="3", InstanceType="t3.small")
    )
    assert stack["StackStatus"] == "UPDATE_COMPLETE", development.failures("life")
    assert development.outputs(stack)["DatabaseAddress"] == database
    instances = _running(development)
    assert [each["InstanceType"] for each in instances] == ["t3.small"] * 3
    stack = development.delete("life")
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert _running(development) == []
    ec2 = development.client("ec2")
    assert ec2.describe_addresses()["Addresses"] == []
    assert {gateway["State"] for gateway in ec2.describe_nat_gateways()["NatGateways"]} <= {"deleted"}
    # Retained by the template.
    assert development.client("logs").describe_log_groups()["logGroups"] != []


def _running(account: Account) -> list[dict[str, Any]]:
    wanted = [{"Name": "instance-state-name", "Values": ["running"]}]
    reservations = account.client("ec2").describe_instances(Filters=wanted)["Reservations"]
    return [instance for each in reservations for instance in each["Instances"]]


def test_nat_gateway_has_its_address(production: Account, platform: Stack) -> None:
    ec2 = production.client("ec2")
    vpc = [{"Name": "vpc-id", "Values": [production.outputs(platform)["VpcId"]]}]
    (gateway,) = ec2.describe_nat_gateways(Filters=vpc)["NatGateways"]
    (shown,) = gateway["NatGatewayAddresses"]
    (address,) = ec2.describe_addresses(AllocationIds=[shown["AllocationId"]])["Addresses"]
    assert shown["PublicIp"] == address["PublicIp"]
    assert address["AssociationId"]
    assert {"Key": "project", "Value": "trial"} in gateway["Tags"]


def test_network_acl_has_ports_and_subnets(production: Account, platform: Stack) -> None:
    vpc = [{"Name": "vpc-id", "Values": [production.outputs(platform)["VpcId"]]}]
    acls = production.client("ec2").describe_network_acls(Filters=vpc)["NetworkAcls"]
    acl = next(each for each in acls if not each["IsDefault"])
    ports = {(each["Egress"], each["PortRange"]["From"], each["PortRange"]["To"]) for each in acl["Entries"]}
    assert ports == {(False, 80, 80), (True, 1024, 65535)}
    assert len({each["SubnetId"] for each in acl["Associations"]}) == 2


def test_flow_log_says_where_it_writes(production: Account, platform: Stack) -> None:
    flow_log = production.client("ec2").describe_flow_logs()["FlowLogs"][0]
    assert flow_log["MaxAggregationInterval"] == 60
    assert flow_log["LogGroupName"]
    assert ":role/" in flow_log["DeliverLogsPermissionArn"]


def test_security_group_rules_are_in_their_groups(production: Account, platform: Stack) -> None:
    vpc = [{"Name": "vpc-id", "Values": [production.outputs(platform)["VpcId"]]}]
    groups = production.client("ec2").describe_security_groups(Filters=vpc)["SecurityGroups"]
    by_description = {each["Description"]: each for each in groups}
    (ingress,) = by_description["Web servers"]["IpPermissions"]
    assert ingress["UserIdGroupPairs"][0]["GroupId"] == by_description["Load balancer"]["GroupId"]
    egress = by_description["Load balancer"]["IpPermissionsEgress"]
    assert [each["FromPort"] for each in egress] == [1, 80]


def test_database_is_as_the_template_says(production: Account, platform: Stack) -> None:
    found = production.client("rds").describe_db_instances()["DBInstances"]
    instances = [each for each in found if each["DBInstanceIdentifier"].startswith("trial-")]
    primary = next(each for each in instances if not each["ReadReplicaSourceDBInstanceIdentifier"])
    replica = next(each for each in instances if each["ReadReplicaSourceDBInstanceIdentifier"])
    assert (primary["PubliclyAccessible"], primary["StorageEncrypted"], primary["MultiAZ"]) == (False, True, True)
    assert len(primary["DBSubnetGroup"]["Subnets"]) == 2
    assert primary["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert primary["MasterUserSecret"]["SecretArn"] == production.outputs(platform)["DatabaseSecretArn"]
    assert primary["ReadReplicaDBInstanceIdentifiers"] == [replica["DBInstanceIdentifier"]]
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == primary["DBInstanceIdentifier"]
    assert replica["StorageEncrypted"]


def test_the_rest_of_the_platform_is_visible(production: Account, platform: Stack) -> None:
    names = [each["AlarmName"] for each in _composite_alarms(production)]
    assert any("WorstAlarm" in each for each in names)
    budgets = production.client("budgets").describe_budgets(AccountId=production.account_id)["Budgets"]
    assert budgets[0]["BudgetLimit"] == {"Amount": "100", "Unit": "USD"}
    iam = production.client("iam")
    role = next(each["RoleName"] for each in iam.list_roles()["Roles"] if "Security" in each["RoleName"])
    assert set(iam.list_role_policies(RoleName=role)["PolicyNames"]) == {"Inline", "Attached", "Separate"}


def _composite_alarms(account: Account) -> list[dict[str, Any]]:
    found = account.client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])
    alarms: list[dict[str, Any]] = found["CompositeAlarms"]
    return alarms


def test_instance_has_addresses_of_its_subnet(production: Account, others: dict[str, str]) -> None:
    found = production.client("ec2").describe_instances(InstanceIds=[others["BastionId"]])
    instance = found["Reservations"][0]["Instances"][0]
    assert instance["PrivateIpAddress"] == "10.30.1.4"
    assert instance["Placement"]["AvailabilityZone"] == f"{REGION}b"
    assert instance["PublicIpAddress"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"


def test_rule_keeps_its_place_when_described_anew(production: Account, others: dict[str, str]) -> None:
    group = production.client("ec2").describe_security_groups(GroupIds=[others["GroupId"]])["SecurityGroups"][0]
    (rule,) = group["IpPermissions"]
    assert rule["IpRanges"] == [{"CidrIp": "203.0.113.0/24", "Description": "second"}]


def test_firewall_is_in_front_of_the_load_balancer(production: Account, others: dict[str, str]) -> None:
    waf = production.client("wafv2")
    assert waf.get_web_acl_for_resource(ResourceArn=others["LoadBalancerArn"])["WebACL"]["ARN"] == others["WebAclArn"]
    (ip_set,) = waf.list_ip_sets(Scope="REGIONAL")["IPSets"]
    found = waf.get_ip_set(Name=ip_set["Name"], Id=others["AllowedId"], Scope="REGIONAL")["IPSet"]
    assert found["Addresses"] == ["203.0.113.0/24"]
    assert len(waf.list_regex_pattern_sets(Scope="REGIONAL")["RegexPatternSets"]) == 1


def test_people_and_providers_are_known(production: Account, others: dict[str, str]) -> None:
    iam = production.client("iam")
    assert [each["UserName"] for each in iam.get_group(GroupName="operators")["Users"]] == [others["UserName"]]
    assert iam.list_group_policies(GroupName="operators")["PolicyNames"] == ["ssm"]
    assert iam.list_user_policies(UserName=others["UserName"])["PolicyNames"] == ["own"]
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=others["ProviderArn"])
    assert provider["ClientIDList"] == ["sts.amazonaws.com"]
    assert len(production.client("ec2").describe_key_pairs(KeyNames=["operator"])["KeyPairs"]) == 1


def test_watching_and_recovery_are_visible(production: Account, others: dict[str, str]) -> None:
    trails = production.client("cloudtrail")
    assert trails.get_trail(Name="audit")["Trail"]["IsMultiRegionTrail"]
    assert trails.get_trail_status(Name="audit")["IsLogging"]
    group = production.client("resource-groups").get_group(Group="trial")["Group"]
    assert group["Description"] == "second"
    health = production.client("route53").get_health_check(HealthCheckId=others["HealthId"])["HealthCheck"]
    assert health["HealthCheckConfig"]["ResourcePath"] == "/healthz"
    backup = production.client("backup")
    selections = backup.list_backup_selections(BackupPlanId=others["PlanId"])["BackupSelectionsList"]
    assert [each["SelectionId"] for each in selections] == [others["SelectionId"]]


def test_secret_policy_and_capacity_are_set(production: Account, others: dict[str, str]) -> None:
    assert others["SecretArn"].startswith("arn:aws:secretsmanager:")
    policy = production.client("secretsmanager").get_resource_policy(SecretId=others["SecretArn"])["ResourcePolicy"]
    assert "DeleteSecret" in policy
    cluster = production.client("ecs").describe_clusters(clusters=[others["ClusterName"]])["clusters"][0]
    assert cluster["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


VPN = """
Parameters: {Name: {Type: String}, Network: {Type: String}}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.77.0.0/16}}
  Gateway: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1, Tags: [{Key: Name, Value: !Ref Name}]}}
  Attachment: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, VpnGatewayId: !Ref Gateway}}
  Device: {Type: AWS::EC2::CustomerGateway, Properties: {Type: ipsec.1, BgpAsn: 65000, IpAddress: 198.51.100.10}}
  Connection:
    Type: AWS::EC2::VPNConnection
    Properties:
      {Type: ipsec.1, CustomerGatewayId: !Ref Device, VpnGatewayId: !Ref Gateway, StaticRoutesOnly: true}
  Way:
    Type: AWS::EC2::VPNConnectionRoute
    Properties: {VpnConnectionId: !GetAtt Connection.VpnConnectionId, DestinationCidrBlock: !Ref Network}
Outputs:
  ConnectionId: {Value: !Ref Connection}
  GatewayId: {Value: !GetAtt Gateway.VPNGatewayId}
"""


def test_vpn_has_both_ends_and_the_way_between_until_it_is_deleted(production: Account) -> None:
    ec2 = production.client("ec2")
    stack = production.deploy("vpn", VPN, Name="one", Network="172.20.0.0/16")
    assert stack["StackStatus"] == "CREATE_COMPLETE", production.failures("vpn")
    stack = production.deploy("vpn", VPN, "UPDATE", Name="two", Network="172.21.0.0/16")
    assert stack["StackStatus"] == "UPDATE_COMPLETE", production.failures("vpn")
    outputs = production.outputs(stack)
    (connection,) = ec2.describe_vpn_connections(VpnConnectionIds=[outputs["ConnectionId"]])["VpnConnections"]
    assert connection["VpnGatewayId"] == outputs["GatewayId"]
    assert connection["Options"]["StaticRoutesOnly"] is True
    assert [route["DestinationCidrBlock"] for route in connection["Routes"]] == ["172.21.0.0/16"]
    (device,) = ec2.describe_customer_gateways(CustomerGatewayIds=[connection["CustomerGatewayId"]])["CustomerGateways"]
    assert device["IpAddress"] == "198.51.100.10"
    (gateway,) = ec2.describe_vpn_gateways(VpnGatewayIds=[outputs["GatewayId"]])["VpnGateways"]
    assert [attachment["State"] for attachment in gateway["VpcAttachments"]] == ["attached"]
    assert {"Key": "Name", "Value": "two"} in gateway["Tags"]
    assert production.delete("vpn")["StackStatus"] == "DELETE_COMPLETE"
    assert ec2.describe_vpn_connections()["VpnConnections"] == []
    assert ec2.describe_customer_gateways()["CustomerGateways"] == []


def test_vpn_needs_gateways_that_are_there(production: Account) -> None:
    properties = {"Type": "ipsec.1", "CustomerGatewayId": "cgw-0", "VpnGatewayId": "vgw-0"}
    stack = production.deploy("half-a-vpn", _one_resource("AWS::EC2::VPNConnection", **properties))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "The CustomerGatewayId 'cgw-0' does not exist" in production.failures("half-a-vpn")


@pytest.mark.parametrize(
    ("type_name", "properties", "reason"),
    [
        ("AWS::XRay::Group", {"GroupNme": "errors"}, "Additional properties are not allowed ('GroupNme'"),
        ("AWS::Synthetics::Canary", {"Name": "Upper Case"}, "'Code' is a required property"),
        ("AWS::GuardDuty::Detector", {"Enable": "perhaps"}, "#/Enable: 'perhaps' is not of type 'boolean'"),
        ("AWS::EC2::NatGateway", {"SubnetId": "subnet-0", "Connectivity": "x"}, "'Connectivity' was unexpected"),
        ("AWS::EC2::NatGateway", {"SubnetId": "subnet-0"}, "The subnet ID 'subnet-0' does not exist"),
    ],
)
def test_wrong_properties_fail_with_the_reason(
    production: Account, type_name: str, properties: dict[str, Any], reason: str
) -> None:
    name = f"wrong-{uuid.uuid4().hex}"
    stack = production.deploy(name, _one_resource(type_name, **properties))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason in production.failures(name)


def test_recorded_type_has_ref_and_attributes(production: Account) -> None:
    template = json.loads(_one_resource("AWS::XRay::Group", GroupName="errors"))
    template["Outputs"] = {
        "Ref": {"Value": {"Ref": "It"}},
        "Arn": {"Value": {"Fn::GetAtt": ["It", "GroupARN"]}},
    }
    outputs = production.outputs(production.deploy("recorded", json.dumps(template)))
    assert outputs["Ref"] == outputs["Arn"]
    assert outputs["Arn"].startswith(f"arn:aws:xray:{REGION}:{production.account_id}:group/")


def test_unknown_types_are_refused(production: Account) -> None:
    cloudformation = production.client("cloudformation")
    with pytest.raises(cloudformation.exceptions.ClientError, match=r"Unrecognized resource types: \[AWS::EC2::Natgat"):
        cloudformation.create_stack(StackName="unknown", TemplateBody=_one_resource("AWS::EC2::Natgateway"))


def test_every_type_of_ours_has_a_schema() -> None:
    for name in (*RECORDED_TYPES, *API_TYPES):
        assert schema(name, REGION)["primaryIdentifier"], name


def test_support_tells_the_kinds_apart() -> None:
    kinds = support(["AWS::EC2::VPC", "AWS::EC2::EIP", "AWS::XRay::Group", "AWS::EC2::Natgateway"])
    assert kinds.native == ("AWS::EC2::VPC",)
    assert kinds.through_api == ("AWS::EC2::EIP",)
    assert kinds.recorded == ("AWS::XRay::Group",)
    assert kinds.unknown == ("AWS::EC2::Natgateway",)


def test_native_types_are_those_of_ministack() -> None:
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    assert frozenset(_RESOURCE_HANDLERS) == NATIVE_TYPES
