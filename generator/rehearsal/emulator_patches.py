"""Where ministack 1.5.33 differs from AWS in what a rehearsal looks at, put right from outside.

Every patch is a function that says which behaviour of AWS it restores, and looks at its target before it wraps it
(`emulator_guards`).
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any
from xml.sax.saxutils import escape

from generator.rehearsal.emulator_api import ApiError, call
from generator.rehearsal.emulator_authorization_requests import AUTHORIZATION
from generator.rehearsal.emulator_authorization_stacks import STACK_AUTHORIZATION
from generator.rehearsal.emulator_auto_scaling import AUTO_SCALING_GROUPS
from generator.rehearsal.emulator_change_sets import (
    change_sets_of_stacks_in_review,
    refused_change_sets,
    requests_tried_again,
)
from generator.rehearsal.emulator_connections import connections_that_stay
from generator.rehearsal.emulator_container_authorization import CONTAINER_AUTHORIZATION
from generator.rehearsal.emulator_container_types import CONTAINERS
from generator.rehearsal.emulator_cross_account import buckets_of_other_accounts, templates_of_other_accounts
from generator.rehearsal.emulator_database_restores import DATABASE_RESTORES
from generator.rehearsal.emulator_databases import DATABASES
from generator.rehearsal.emulator_edge_types import EDGE_PATCHES
from generator.rehearsal.emulator_faults import planned_failures
from generator.rehearsal.emulator_guards import (
    Response,
    apply_settings,
    edited,
    guarded,
    handler_of,
    replace_function,
    wrap_action,
)
from generator.rehearsal.emulator_handlers import Created, Properties
from generator.rehearsal.emulator_hosted_zones import zones_with_ids
from generator.rehearsal.emulator_images import IMAGES
from generator.rehearsal.emulator_mfa import MFA
from generator.rehearsal.emulator_names import shortened_names
from generator.rehearsal.emulator_operations_types import OPERATIONS_PATCHES
from generator.rehearsal.emulator_point_in_time import POINT_IN_TIME
from generator.rehearsal.emulator_regions import images_of_each_region, virtual_hosted_template_urls
from generator.rehearsal.emulator_service_scaling import SERVICE_SCALING
from generator.rehearsal.emulator_targets import TARGETS
from generator.rehearsal.emulator_template_reader import templates_read_by_libyaml
from generator.rehearsal.emulator_weights import WEIGHTS

ALL_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def apply() -> None:
    """Apply all patches; raise `PatchError` for the first whose target has changed."""
    for patch in PATCHES:
        patch()


def _first(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


# ---------------------------------------------------------------------------------------------------------------------
# CloudFormation
# ---------------------------------------------------------------------------------------------------------------------


def nested_stacks() -> None:
    """A nested stack is a stack: CloudFormation deploys it as it deploys any other.

    ministack runs children through a short path of its own, which forgets the attributes of unchanged resources,
    resolves no dynamic references, leaves the resources of a failed child behind, and deletes what DeletionPolicy
    retains. Ours calls CreateStack, UpdateStack and DeleteStack for the child, so one engine serves parent and child.
    """
    handler = handler_of("AWS::CloudFormation::Stack")
    guarded("ministack.services.cloudformation.handlers", "_create_stack", "params")
    guarded("ministack.services.cloudformation.stacks", "_runs_on_worker_thread", "resource_type")
    handler |= {"create": _create_child, "update": _update_child, "delete": _delete_child}
    handler["update_with_logical_id"] = True


def _create_child(logical_id: str, props: Properties, stack_name: str) -> Created:
    name = f"{stack_name}-{logical_id}"[:114] + f"-{uuid.uuid4().hex[:12].upper()}"
    parent = _stacks()[stack_name]
    keep_failed = str(parent.get("DisableRollback", False)).lower() == "true"
    asked = _child_parameters(props, name) | {"RoleARN": parent.get("RoleARN")}
    stack = asyncio.run(_finished("CreateStack", name, DisableRollback=keep_failed, **asked))
    stack |= {"ParentId": parent["StackId"], "RootId": parent.get("RootId", parent["StackId"])}
    try:
        return _child_result(stack, "CREATE_COMPLETE")
    except ApiError:
        if not keep_failed:
            # The parent never learns the id of a child that failed, so its rollback cannot delete it.
            asyncio.run(_finished("DeleteStack", name))
        raise


def _update_child(
    physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
) -> Created:
    stack = _child(physical_id)
    if stack is None:
        return _create_child(logical_id or physical_id, new, stack_name)
    try:
        asked = _child_parameters(new, stack["StackName"]) | {"RoleARN": _stacks()[stack_name].get("RoleARN")}
        stack = asyncio.run(_finished("UpdateStack", stack["StackName"], **asked))
    except ApiError as error:
        if "No updates are to be performed" not in str(error):
            raise
        return stack["StackId"], _outputs(stack)
    return _child_result(stack, "UPDATE_COMPLETE")


def _delete_child(physical_id: str, props: Properties) -> None:
    stack = _child(physical_id)
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        return
    stack = asyncio.run(_finished("DeleteStack", stack["StackName"]))
    if stack["StackStatus"] != "DELETE_COMPLETE":
        raise ApiError(f"Embedded stack {stack['StackId']} was not successfully deleted: {_reason(stack)}")


def _child_parameters(props: Properties, name: str) -> Properties:
    given = props.get("Parameters") or {}
    for key, value in given.items():
        if isinstance(value, list | dict):
            raise ApiError(f"Value of parameter {key} of embedded stack {name} must be a string.")
    tags = [tag for tag in props.get("Tags") or () if not tag["Key"].startswith("aws:")]
    return {
        "TemplateURL": props["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": _text(value)} for key, value in given.items()],
        "Tags": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags],
        "Capabilities": ALL_CAPABILITIES,
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _finished(operation: str, name: str, **parameters: Any) -> dict[str, Any]:
    """Start an operation on a child and wait for the task that ministack starts for it in this thread's event loop."""
    call("cloudformation", operation, StackName=name, **parameters)
    current = asyncio.current_task()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not current))
    stack: dict[str, Any] = _stacks()[name]
    return stack


def _child_result(stack: dict[str, Any], expected: str) -> Created:
    if stack["StackStatus"] != expected:
        verb = "created" if expected.startswith("CREATE") else "updated"
        raise ApiError(f"Embedded stack {stack['StackId']} was not successfully {verb}: {_reason(stack)}")
    return stack["StackId"], _outputs(stack)


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack["Outputs"]}


def _reason(stack: dict[str, Any]) -> str:
    """The first failure of the child's last operation, which is what one looks for in a failed deployment."""
    package: Any = import_module("ministack.services.cloudformation")
    reason = str(stack.get("StackStatusReason") or stack["StackStatus"])
    for event in reversed(package._stack_events.get(stack["StackId"], [])):
        if event["ResourceStatus"].endswith("_FAILED") and event["ResourceStatusReason"]:
            reason = f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        if event["LogicalResourceId"] == stack["StackName"] and event["ResourceStatusReason"] == "User Initiated":
            break
    return reason


def _child(physical_id: str) -> dict[str, Any] | None:
    for stack in _stacks().values():
        if physical_id in (stack["StackId"], stack["StackName"]):
            found: dict[str, Any] = stack
            return found
    return None


def _stacks() -> Any:
    return import_module("ministack.services.cloudformation")._stacks


def parents_of_stacks() -> None:
    """DescribeStacks says of a nested stack which its parent and root are, and of each the role it is deployed with."""

    def edit(xml: str) -> str:
        def with_parents(match: re.Match[str]) -> str:
            stack = _child(match.group(1)) or {}
            parents = (f"<{key}>{stack[key]}</{key}>" for key in ("ParentId", "RootId", "RoleARN") if key in stack)
            return match.group(0) + "".join(parents)

        return re.sub(r"<StackId>([^<]+)</StackId>", with_parents, xml)

    wrap_action("ministack.services.cloudformation.handlers", "DescribeStacks", edited(edit), "_ACTION_HANDLERS")


def missing_attributes() -> None:
    """Fn::GetAtt knows the CidrBlock of a VPC, the Id of a security group, and others that ministack leaves out."""
    _add_attributes("AWS::EC2::VPC", lambda _, props: {"CidrBlock": props.get("CidrBlock", ""), "Ipv6CidrBlocks": []})
    _add_attributes("AWS::EC2::SecurityGroup", lambda physical_id, _: {"Id": physical_id})
    _add_attributes("AWS::EC2::InternetGateway", lambda physical_id, _: {"InternetGatewayId": physical_id})
    _add_attributes("AWS::EC2::RouteTable", lambda physical_id, _: {"RouteTableId": physical_id})


def _add_attributes(type_name: str, attributes: Callable[[str, Properties], dict[str, Any]]) -> None:
    handler = handler_of(type_name)
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        physical_id, known = create(logical_id, props, stack_name)
        return physical_id, attributes(physical_id, props) | known

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        new_id, known = update(physical_id, old_props, new_props, *rest)
        return new_id, attributes(new_id, new_props) | known

    handler |= {"create": creating, "update": updating}


# ---------------------------------------------------------------------------------------------------------------------
# EC2
# ---------------------------------------------------------------------------------------------------------------------

EC2 = "ministack.services.ec2"


def network_acl_ports() -> None:
    """DescribeNetworkAcls shows the ports of an entry; ministack neither keeps nor prints them."""

    def keeping(original: Any) -> Any:
        def action(params: dict[str, Any]) -> Response:
            response: Response = original(params)
            acl = import_module(EC2)._network_acls.get(_first(params, "NetworkAclId"))
            if response[0] < 300 and _first(params, "PortRange.From"):
                # ministack has just appended the entry.
                ports = {key: int(_first(params, f"PortRange.{key}")) for key in ("From", "To")}
                acl["Entries"][-1]["PortRange"] = ports
            return response

        return action

    def printing(original: Any) -> Any:
        def entry_xml(entry: dict[str, Any]) -> str:
            ports = entry.get("PortRange")
            if not ports:
                return str(original(entry))
            span = f"<portRange><from>{ports['From']}</from><to>{ports['To']}</to></portRange>"
            return str(original(entry)).replace("</item>", f"{span}</item>")

        return entry_xml

    wrap_action(EC2, "CreateNetworkAclEntry", keeping)
    wrap_action(EC2, "ReplaceNetworkAclEntry", keeping)
    replace_function(EC2, "_network_acl_entry_xml", ("entry",), printing)


def network_acl_associations() -> None:
    """ReplaceNetworkAclAssociation moves a subnet to another ACL; ministack forgets which subnet it was."""

    def keeping(original: Any) -> Any:
        def action(params: dict[str, Any]) -> Response:
            acls = import_module(EC2)._network_acls
            wanted = _first(params, "AssociationId")
            associations = [each for acl in acls.values() for each in acl["Associations"]]
            subnets = [each["SubnetId"] for each in associations if each["NetworkAclAssociationId"] == wanted]
            response: Response = original(params)
            if response[0] < 300 and subnets:
                acls[_first(params, "NetworkAclId")]["Associations"][-1]["SubnetId"] = subnets[0]
            return response

        return action

    wrap_action(EC2, "ReplaceNetworkAclAssociation", keeping)


def nat_gateway_addresses() -> None:
    """DescribeNatGateways shows the elastic and the private address of a gateway."""

    def edit(xml: str) -> str:
        ec2: Any = import_module(EC2)

        def with_address(match: re.Match[str]) -> str:
            gateway = ec2._nat_gateways.get(match.group(1), {})
            address = ec2._addresses.get(gateway.get("AllocationId"), {})
            values = {
                "allocationId": gateway.get("AllocationId"),
                "networkInterfaceId": gateway.get("NetworkInterfaceId"),
                "privateIp": gateway.get("PrivateIp"),
                "publicIp": address.get("PublicIp"),
            }
            inner = "".join(f"<{key}>{value}</{key}>" for key, value in values.items() if value)
            return match.group(0).replace(
                "<natGatewayAddressSet/>", f"<natGatewayAddressSet><item>{inner}</item></natGatewayAddressSet>"
            )

        pattern = r"<natGatewayId>([^<]+)</natGatewayId>.*?<natGatewayAddressSet/>"
        return re.sub(pattern, with_address, xml, flags=re.DOTALL)

    wrap_action(EC2, "DescribeNatGateways", edited(edit))


def flow_log_details() -> None:
    """DescribeFlowLogs shows log group, role and interval; ministack keeps only the destination."""
    fields = {
        "LogGroupName": "logGroupName",
        "DeliverLogsPermissionArn": "deliverLogsPermissionArn",
        "MaxAggregationInterval": "maxAggregationInterval",
        "LogFormat": "logFormat",
    }

    def keeping(original: Any) -> Any:
        def action(params: dict[str, Any]) -> Response:
            response: Response = original(params)
            details = {field: _first(params, field) for field in fields if _first(params, field)}
            for flow_log_id in re.findall(r"<item>(fl-[0-9a-fA-F]+)</item>", response[2].decode()):
                import_module(EC2)._flow_logs[flow_log_id] |= details
            return response

        return action

    def edit(xml: str) -> str:
        def with_details(match: re.Match[str]) -> str:
            record = import_module(EC2)._flow_logs.get(match.group(1), {})
            shown = (f"<{tag}>{record[field]}</{tag}>" for field, tag in fields.items() if field in record)
            return match.group(0) + "".join(shown)

        return re.sub(r"<flowLogId>([^<]+)</flowLogId>", with_details, xml)

    wrap_action(EC2, "CreateFlowLogs", keeping)
    wrap_action(EC2, "DescribeFlowLogs", edited(edit))


def instance_details() -> None:
    """DescribeInstances leaves out the public address of a private instance, and shows how its metadata is reached."""

    def showing(original: Any) -> Any:
        def instance_xml(inst: dict[str, Any]) -> str:
            xml = re.sub(r"<(ipAddress|dnsName|keyName)></\1>", "", str(original(inst)))
            options = inst.get("MetadataOptions") or {}
            if not options:
                return xml
            shown = "".join(
                f"<{key[0].lower()}{key[1:]}>{value}</{key[0].lower()}{key[1:]}>" for key, value in options.items()
            )
            return xml.replace("<groupSet>", f"<metadataOptions>{shown}</metadataOptions><groupSet>", 1)

        return instance_xml

    replace_function(EC2, "_instance_xml", ("inst",), showing)


def endpoint_details() -> None:
    """DescribeVpcEndpoints shows security groups, private DNS and policy of an endpoint."""

    def edit(xml: str) -> str:
        def with_details(match: re.Match[str]) -> str:
            record = import_module(EC2)._vpc_endpoints.get(match.group(1), {})
            policy, groups = record.get("PolicyDocument"), record.get("SecurityGroupIds") or []
            members = "".join(f"<item><groupId>{each}</groupId></item>" for each in groups)
            private_dns = str(record.get("PrivateDnsEnabled", False)).lower()
            shown = f"<groupSet>{members}</groupSet><privateDnsEnabled>{private_dns}</privateDnsEnabled>"
            if policy:
                text = policy if isinstance(policy, str) else json.dumps(policy)
                shown += f"<policyDocument>{escape(text)}</policyDocument>"
            return match.group(0) + shown

        return re.sub(r"<vpcEndpointId>([^<]+)</vpcEndpointId>", with_details, xml)

    wrap_action(EC2, "DescribeVpcEndpoints", edited(edit))


# ---------------------------------------------------------------------------------------------------------------------
# Load balancers
# ---------------------------------------------------------------------------------------------------------------------

LOAD_BALANCERS = "ministack.services.alb"


def load_balancer_network() -> None:
    """A load balancer is in the VPC of its subnets, and in the zone of each."""

    def in_its_vpc(original: Any) -> Any:
        def lb_xml(lb: dict[str, Any]) -> str:
            subnets = import_module(EC2)._subnets
            xml = str(original(lb))
            for subnet_id in lb.get("Subnets", ()):
                if subnet_id in subnets:
                    zone, vpc_id = subnets[subnet_id]["AvailabilityZone"], subnets[subnet_id]["VpcId"]
                    wrong = rf"<ZoneName>[^<]*</ZoneName><SubnetId>{subnet_id}<"
                    xml = re.sub(wrong, f"<ZoneName>{zone}</ZoneName><SubnetId>{subnet_id}<", xml)
                    xml = re.sub(r"<VpcId>[^<]*</VpcId>", f"<VpcId>{vpc_id}</VpcId>", xml)
            return xml

        return lb_xml

    replace_function(LOAD_BALANCERS, "_lb_xml", ("lb",), in_its_vpc)


def load_balancers_of_all_accounts() -> None:
    """A load balancer answers whoever knows its name.

    ministack looks for it in the account and region of the request's signature, and a browser's request has none.
    """

    def everywhere(original: Any) -> Any:
        def find_lb_for_host(host: str) -> Any:
            responses: Any = import_module("ministack.core.responses")
            for (account_id, region, _), balancer in import_module(LOAD_BALANCERS)._lbs.all_items():
                if balancer["DNSName"].lower() == host.split(":")[0].lower():
                    # The rules and targets are looked up next, in the same task.
                    responses.set_request_account_id(account_id)
                    responses.set_request_region(region)
            return original(host)

        return find_lb_for_host

    guarded("ministack.core.responses", "set_request_account_id", "access_key_id")
    guarded("ministack.core.responses", "set_request_region", "region")
    replace_function(LOAD_BALANCERS, "find_lb_for_host", ("host",), everywhere)


# ---------------------------------------------------------------------------------------------------------------------
# DynamoDB
# ---------------------------------------------------------------------------------------------------------------------


def table_settings() -> None:
    """A table is encrypted, expires items and keeps backups as its template says; ministack drops all three."""
    apply_settings(handler_of("AWS::DynamoDB::Table"), _set_table)


def _set_table(name: str, old: Properties, new: Properties) -> None:
    record = import_module("ministack.services.dynamodb")._tables[name]
    encryption = new.get("SSESpecification") or {}
    if str(encryption.get("SSEEnabled", False)).lower() == "true":
        record["SSEDescription"] = {
            "Status": "ENABLED",
            "SSEType": encryption.get("SSEType", "KMS"),
            "KMSMasterKeyArn": encryption.get("KMSMasterKeyId", "alias/aws/dynamodb"),
        }
    expiry, backups = new.get("TimeToLiveSpecification"), new.get("PointInTimeRecoverySpecification")
    if expiry and expiry != old.get("TimeToLiveSpecification"):
        call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=expiry)
    if backups and backups != old.get("PointInTimeRecoverySpecification"):
        call("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=backups)


PATCHES: tuple[Callable[[], None], ...] = (
    templates_read_by_libyaml,
    connections_that_stay,
    nested_stacks,
    parents_of_stacks,
    missing_attributes,
    network_acl_ports,
    network_acl_associations,
    nat_gateway_addresses,
    flow_log_details,
    instance_details,
    endpoint_details,
    load_balancer_network,
    load_balancers_of_all_accounts,
    table_settings,
    *AUTO_SCALING_GROUPS,
    *TARGETS,
    *WEIGHTS,
    *CONTAINERS,
    *DATABASES,
    *DATABASE_RESTORES,
    *POINT_IN_TIME,
    buckets_of_other_accounts,
    templates_of_other_accounts,
    planned_failures,
    images_of_each_region,
    virtual_hosted_template_urls,
    zones_with_ids,
    change_sets_of_stacks_in_review,
    refused_change_sets,
    requests_tried_again,
    shortened_names,
    *AUTHORIZATION,
    *MFA,
    *STACK_AUTHORIZATION,
    *IMAGES,
    *CONTAINER_AUTHORIZATION,
    *OPERATIONS_PATCHES,
    # Last: they import ministack's application, which takes over names of what the others patch.
    *EDGE_PATCHES,
    *SERVICE_SCALING,
)
