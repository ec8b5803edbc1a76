"""Handlers of EC2's resource types that ministack lacks."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any

from generator.rehearsal.emulator_api import ApiError, call, store
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, hexadecimal, picked, tag_map

# ---------------------------------------------------------------------------------------------------------------------
# Addresses and NAT gateways
# ---------------------------------------------------------------------------------------------------------------------


def _create_eip(request: Request) -> Created:
    tags = tag_specifications("elastic-ip", request.properties.get("Tags"))
    address = call("ec2", "AllocateAddress", Domain="vpc", TagSpecifications=tags)
    if request.properties.get("InstanceId"):
        _associate(address["AllocationId"], request.properties["InstanceId"])
    return address["PublicIp"], picked(address, "AllocationId", "PublicIp")


def _update_eip(physical_id: str, old: Properties, request: Request) -> Created:
    address = _address(physical_id)
    instance_id = request.properties.get("InstanceId")
    if old.get("InstanceId") != instance_id:
        if address.get("AssociationId"):
            call("ec2", "DisassociateAddress", AssociationId=address["AssociationId"])
        if instance_id:
            _associate(address["AllocationId"], instance_id)
    retag(address["AllocationId"], old, request.properties)
    return physical_id, picked(address, "AllocationId", "PublicIp")


def _associate(allocation_id: str, instance_id: str) -> None:
    call("ec2", "AssociateAddress", AllocationId=allocation_id, InstanceId=instance_id)
    address = call("ec2", "DescribeAddresses", AllocationIds=[allocation_id])["Addresses"][0]
    store("ec2", "_instances")[instance_id]["PublicIpAddress"] = address["PublicIp"]


def _delete_eip(physical_id: str, properties: Properties) -> None:
    call("ec2", "ReleaseAddress", AllocationId=_address(physical_id)["AllocationId"])


def _address(public_ip: str) -> dict[str, Any]:
    for address in call("ec2", "DescribeAddresses")["Addresses"]:
        if address["PublicIp"] == public_ip:
            return dict(address)
    raise ApiError(f"Address '{public_ip}' does not exist.")


def _create_nat_gateway(request: Request) -> Created:
    wanted = request.properties
    subnet = _subnet(wanted["SubnetId"])
    allocation_id = wanted.get("AllocationId")
    if allocation_id:
        _require_free_allocation(allocation_id)
    tags = tag_specifications("natgateway", wanted.get("Tags"))
    parameters = picked(wanted, "SubnetId", "AllocationId", "ConnectivityType")
    gateway = call("ec2", "CreateNatGateway", **parameters, TagSpecifications=tags)["NatGateway"]
    gateway_id: str = gateway["NatGatewayId"]
    interface_id = "eni-" + hexadecimal(gateway_id)
    # The API keeps neither the private address nor what the elastic address belongs to.
    store("ec2", "_nat_gateways")[gateway_id] |= {
        "NetworkInterfaceId": interface_id,
        "PrivateIp": wanted.get("PrivateIpAddress") or free_address(subnet),
    }
    if allocation_id:
        store("ec2", "_addresses")[allocation_id] |= {
            "AssociationId": "eipassoc-" + hexadecimal(gateway_id, allocation_id),
            "NetworkInterfaceId": interface_id,
        }
    return gateway_id, {"NatGatewayId": gateway_id, "EniId": interface_id}


def _require_free_allocation(allocation_id: str) -> None:
    for address in call("ec2", "DescribeAddresses")["Addresses"]:
        if address["AllocationId"] == allocation_id:
            if address.get("AssociationId"):
                raise ApiError(f"Elastic IP address [{allocation_id}] is already associated.")
            return
    raise ApiError(f"Elastic IP address [{allocation_id}] does not exist.")


def _update_nat_gateway(physical_id: str, old: Properties, request: Request) -> Created:
    retag(physical_id, old, request.properties)
    gateway = store("ec2", "_nat_gateways")[physical_id]
    return physical_id, {"NatGatewayId": physical_id, "EniId": gateway["NetworkInterfaceId"]}


def _delete_nat_gateway(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNatGateway", NatGatewayId=physical_id)
    address = store("ec2", "_addresses").get(properties.get("AllocationId"))
    if address is not None:
        address |= {"AssociationId": None, "NetworkInterfaceId": None}


# ---------------------------------------------------------------------------------------------------------------------
# Network ACLs, flow logs, security group rules
# ---------------------------------------------------------------------------------------------------------------------


def _create_network_acl(request: Request) -> Created:
    tags = tag_specifications("network-acl", request.properties.get("Tags"))
    acl = call("ec2", "CreateNetworkAcl", VpcId=request.properties["VpcId"], TagSpecifications=tags)["NetworkAcl"]
    return acl["NetworkAclId"], {"Id": acl["NetworkAclId"]}


def _update_network_acl(physical_id: str, old: Properties, request: Request) -> Created:
    retag(physical_id, old, request.properties)
    return physical_id, {"Id": physical_id}


def _delete_network_acl(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNetworkAcl", NetworkAclId=physical_id)


def _acl_entry(properties: Properties) -> Properties:
    entry = picked(
        properties, "NetworkAclId", "RuleNumber", "RuleAction", "Protocol", "CidrBlock", "Ipv6CidrBlock", "PortRange"
    )
    if "Icmp" in properties:
        entry["IcmpTypeCode"] = properties["Icmp"]
    return entry | {"Egress": properties.get("Egress", False)}


def _create_acl_entry(request: Request) -> Created:
    entry = _acl_entry(request.properties)
    for acl in call("ec2", "DescribeNetworkAcls", NetworkAclIds=[entry["NetworkAclId"]])["NetworkAcls"]:
        taken = {(each["RuleNumber"], each["Egress"]) for each in acl["Entries"]}
        if (int(entry["RuleNumber"]), str(entry["Egress"]).lower() == "true") in taken:
            raise ApiError(f"The network acl entry identified by {entry['RuleNumber']} already exists.")
    call("ec2", "CreateNetworkAclEntry", **entry)
    physical_id = request.generated_name()
    return physical_id, {"Id": physical_id}


def _update_acl_entry(physical_id: str, old: Properties, request: Request) -> Created:
    call("ec2", "ReplaceNetworkAclEntry", **_acl_entry(request.properties))
    return physical_id, {"Id": physical_id}


def _delete_acl_entry(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNetworkAclEntry", **picked(_acl_entry(properties), "NetworkAclId", "RuleNumber", "Egress"))


def _create_acl_association(request: Request) -> Created:
    subnet_id = request.properties["SubnetId"]
    association_id = _acl_association(subnet_id) or _default_acl_association(subnet_id)
    acl_id = request.properties["NetworkAclId"]
    answer = call("ec2", "ReplaceNetworkAclAssociation", AssociationId=association_id, NetworkAclId=acl_id)
    return answer["NewAssociationId"], {"AssociationId": answer["NewAssociationId"]}


def _delete_acl_association(physical_id: str, properties: Properties) -> None:
    if _acl_association(properties["SubnetId"]) != physical_id:
        return
    vpc = store("ec2", "_vpcs").get(_subnet(properties["SubnetId"])["VpcId"])
    if vpc is not None:
        acl_id = vpc["DefaultNetworkAclId"]
        call("ec2", "ReplaceNetworkAclAssociation", AssociationId=physical_id, NetworkAclId=acl_id)


def _acl_association(subnet_id: str) -> str | None:
    for acl in call("ec2", "DescribeNetworkAcls")["NetworkAcls"]:
        for association in acl["Associations"]:
            if association["SubnetId"] == subnet_id:
                return str(association["NetworkAclAssociationId"])
    return None


def _default_acl_association(subnet_id: str) -> str:
    """Give a subnet the association with its VPC's default ACL, which a new subnet has on AWS and lacks here."""
    vpc = store("ec2", "_vpcs")[_subnet(subnet_id)["VpcId"]]
    association_id = "aclassoc-" + hexadecimal(subnet_id)
    associations = store("ec2", "_network_acls")[vpc["DefaultNetworkAclId"]]["Associations"]
    associations.append({"NetworkAclAssociationId": association_id, "SubnetId": subnet_id})
    return association_id


def _create_flow_log(request: Request) -> Created:
    wanted = request.properties
    answer = call(
        "ec2",
        "CreateFlowLogs",
        ResourceIds=[wanted["ResourceId"]],
        TagSpecifications=tag_specifications("vpc-flow-log", wanted.get("Tags")),
        **picked(
            wanted,
            "ResourceType",
            "TrafficType",
            "LogDestinationType",
            "LogDestination",
            "LogGroupName",
            "LogFormat",
            "DeliverLogsPermissionArn",
            "MaxAggregationInterval",
        ),
    )
    flow_log_id = answer["FlowLogIds"][0]
    if wanted.get("Tags"):
        retag(flow_log_id, {}, wanted)
    return flow_log_id, {"Id": flow_log_id}


def _update_flow_log(physical_id: str, old: Properties, request: Request) -> Created:
    retag(physical_id, old, request.properties)
    return physical_id, {"Id": physical_id}


def _delete_flow_log(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteFlowLogs", FlowLogIds=[physical_id])


def _permission(properties: Properties) -> dict[str, Any]:
    described = picked(properties, "Description")
    permission = picked(properties, "IpProtocol", "FromPort", "ToPort")
    group = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
    prefix_list = properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId")
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **described}]
    if "CidrIpv6" in properties:
        permission["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **described}]
    if group:
        permission["UserIdGroupPairs"] = [{"GroupId": group, **described}]
    if prefix_list:
        permission["PrefixListIds"] = [{"PrefixListId": prefix_list, **described}]
    return permission


def _security_group_rule(direction: str) -> ApiType:
    def create(request: Request) -> Created:
        group_id, permission = request.properties["GroupId"], _permission(request.properties)
        for pair in permission.get("UserIdGroupPairs", ()):
            if pair["GroupId"] not in store("ec2", "_security_groups"):
                raise ApiError(f"The security group '{pair['GroupId']}' does not exist")
        for each in permission.get("PrefixListIds", ()):
            if not call("ec2", "DescribeManagedPrefixLists", PrefixListIds=[each["PrefixListId"]])["PrefixLists"]:
                raise ApiError(f"The prefix list ID '{each['PrefixListId']}' does not exist")
        operation = f"AuthorizeSecurityGroup{direction}"
        answer = call("ec2", operation, GroupId=group_id, IpPermissions=[permission])
        rule_id: str = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule_id, {"Id": rule_id}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        # Only the description can change in place.
        delete(physical_id, old)
        return physical_id, create(request)[1]

    def delete(physical_id: str, properties: Properties) -> None:
        if properties["GroupId"] in store("ec2", "_security_groups"):
            permissions = [_permission(properties)]
            operation = f"RevokeSecurityGroup{direction}"
            call("ec2", operation, GroupId=properties["GroupId"], IpPermissions=permissions)

    return ApiType(create, delete, update)


# ---------------------------------------------------------------------------------------------------------------------
# Instances
# ---------------------------------------------------------------------------------------------------------------------


def launch_template_data(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the launch template version that a group or an instance names."""
    templates = store("ec2", "_launch_templates")
    for template in templates.values():
        names = (template["LaunchTemplateId"], template["LaunchTemplateName"])
        if specification.get("LaunchTemplateId") in names or specification.get("LaunchTemplateName") in names:
            wanted = str(specification.get("Version", "$Default"))
            latest, default = template["LatestVersionNumber"], template["DefaultVersionNumber"]
            number = {"$Latest": str(latest), "$Default": str(default)}.get(wanted, wanted)
            for version in template["Versions"]:
                if str(version["VersionNumber"]) == number:
                    return dict(version["LaunchTemplateData"])
    raise ApiError(f"You must use a valid launch template: {dict(specification)} does not exist.")


def launch_instance(subnet_id: str, data: Mapping[str, Any], tags: list[dict[str, str]]) -> dict[str, Any]:
    """Run an instance through RunInstances, and give its record the address and zone that its subnet implies."""
    subnet = _subnet(subnet_id)
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    groups = interface.get("Groups") or interface.get("GroupSet") or data.get("SecurityGroupIds")
    private_ip = data.get("PrivateIpAddress") or free_address(subnet)
    profile = data.get("IamInstanceProfile")
    answer = call(
        "ec2",
        "RunInstances",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet_id,
        SecurityGroupIds=groups,
        PrivateIpAddress=private_ip,
        IamInstanceProfile={"Name": profile} if isinstance(profile, str) else profile,
        TagSpecifications=tag_specifications("instance", tags),
        **picked(dict(data), "ImageId", "InstanceType", "KeyName", "UserData"),
    )
    record: dict[str, Any] = store("ec2", "_instances")[answer["Instances"][0]["InstanceId"]]
    public = interface.get("AssociatePublicIpAddress", subnet.get("MapPublicIpOnLaunch", False))
    if str(public).lower() != "true":
        record |= {"PublicIpAddress": "", "PublicDnsName": ""}
    record["Placement"]["AvailabilityZone"] = subnet["AvailabilityZone"]
    record["MetadataOptions"] = dict(data.get("MetadataOptions") or {})
    return record


def _create_instance(request: Request) -> Created:
    wanted = request.properties
    data = {**(launch_template_data(wanted["LaunchTemplate"]) if "LaunchTemplate" in wanted else {}), **wanted}
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    subnet_id = data.get("SubnetId") or interface.get("SubnetId")
    if not subnet_id:
        raise ApiError("An instance needs a subnet: there is no default VPC here.")
    record = launch_instance(subnet_id, data, wanted.get("Tags", []))
    return record["InstanceId"], _instance_attributes(record)


def _update_instance(physical_id: str, old: Properties, request: Request) -> Created:
    record = store("ec2", "_instances")[physical_id]
    wanted = request.properties
    if "InstanceType" in wanted:
        record["InstanceType"] = wanted["InstanceType"]
    if wanted.get("SecurityGroupIds"):
        groups = store("ec2", "_security_groups")
        record["SecurityGroups"] = [
            {"GroupId": each, "GroupName": groups[each]["GroupName"]} for each in wanted["SecurityGroupIds"]
        ]
    retag(physical_id, old, wanted)
    return physical_id, _instance_attributes(record)


def _instance_attributes(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": record["InstanceId"],
        "AvailabilityZone": record["Placement"]["AvailabilityZone"],
        "PrivateIp": record["PrivateIpAddress"],
        "PrivateDnsName": record["PrivateDnsName"],
        "PublicIp": record["PublicIpAddress"],
        "PublicDnsName": record["PublicDnsName"],
        "VpcId": record["VpcId"],
    }


def _delete_instance(physical_id: str, properties: Properties) -> None:
    call("ec2", "TerminateInstances", InstanceIds=[physical_id])


def _create_key_pair(request: Request) -> Created:
    name = request.name("KeyName", 255)
    material = request.properties.get("PublicKeyMaterial")
    if material:
        pair = call("ec2", "ImportKeyPair", KeyName=name, PublicKeyMaterial=str(material).encode())
    else:
        pair = call("ec2", "CreateKeyPair", KeyName=name)
    return name, {"KeyPairId": pair.get("KeyPairId", ""), "KeyFingerprint": pair.get("KeyFingerprint", "")}


def _delete_key_pair(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteKeyPair", KeyName=physical_id)


# ---------------------------------------------------------------------------------------------------------------------
# Shared
# ---------------------------------------------------------------------------------------------------------------------


def _subnet(subnet_id: str) -> dict[str, Any]:
    subnet: dict[str, Any] | None = store("ec2", "_subnets").get(subnet_id)
    if subnet is None:
        raise ApiError(f"The subnet ID '{subnet_id}' does not exist")
    return subnet


def free_address(subnet: Mapping[str, Any], reserved: Collection[str] = ()) -> str:
    """Return the first address of a subnet that nothing has yet, and that is not reserved for anything.

    AWS keeps the first four and the last for itself.
    """
    taken = {each.get("PrivateIpAddress") for each in store("ec2", "_instances").values()}
    taken |= {each.get("PrivateIp") for each in store("ec2", "_nat_gateways").values()}
    taken |= {*reserved}
    network = ipaddress.ip_network(subnet["CidrBlock"])
    for offset in range(4, network.num_addresses - 1):
        if str(network[offset]) not in taken:
            return str(network[offset])
    raise ApiError(f"Not enough free addresses in subnet {subnet['SubnetId']}.")


def tag_specifications(resource_type: str, tags: list[dict[str, str]] | None) -> list[dict[str, Any]] | None:
    """Return a template's tags as EC2's operations take them."""
    return [{"ResourceType": resource_type, "Tags": tags}] if tags else None


def retag(resource_id: str, old: Properties, new: Properties) -> None:
    """Change a resource's tags from the old properties' to the new ones'."""
    gone = tag_map(old.get("Tags")).keys() - tag_map(new.get("Tags")).keys()
    if gone:
        call("ec2", "DeleteTags", Resources=[resource_id], Tags=[{"Key": key} for key in sorted(gone)])
    if new.get("Tags"):
        call("ec2", "CreateTags", Resources=[resource_id], Tags=new["Tags"])


EC2_TYPES: dict[str, ApiType] = {
    "AWS::EC2::EIP": ApiType(_create_eip, _delete_eip, _update_eip, has_tags=True),
    "AWS::EC2::FlowLog": ApiType(_create_flow_log, _delete_flow_log, _update_flow_log, has_tags=True),
    "AWS::EC2::Instance": ApiType(_create_instance, _delete_instance, _update_instance, has_tags=True),
    "AWS::EC2::KeyPair": ApiType(_create_key_pair, _delete_key_pair),
    "AWS::EC2::NatGateway": ApiType(_create_nat_gateway, _delete_nat_gateway, _update_nat_gateway, has_tags=True),
    "AWS::EC2::NetworkAcl": ApiType(_create_network_acl, _delete_network_acl, _update_network_acl, has_tags=True),
    "AWS::EC2::NetworkAclEntry": ApiType(_create_acl_entry, _delete_acl_entry, _update_acl_entry),
    "AWS::EC2::SecurityGroupEgress": _security_group_rule("Egress"),
    "AWS::EC2::SecurityGroupIngress": _security_group_rule("Ingress"),
    "AWS::EC2::SubnetNetworkAclAssociation": ApiType(_create_acl_association, _delete_acl_association),
}
