"""The CloudFormation resource types that ministack lacks, added to it.

Three kinds of types deploy in the emulator, told apart by `support`:

- *native*: ministack has a handler of its own;
- *through the API*: the emulator has the service but no CloudFormation handler. Ours calls the service as a user would,
  so that every describe call shows the result;
- *recorded*: the emulator has no such service. The resolved properties are checked against the registry schema that
  cfn-lint bundles, and the resource exists in its stack only.

Every type that is not in one of the tables is refused, as AWS refuses a misspelled one. The tables can be read without
importing ministack; all else here runs in the emulator's process.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import ipaddress
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
Answer = tuple[int, dict[str, str], bytes]
Answering = Coroutine[Any, Any, Answer]

# ---------------------------------------------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------------------------------------------

RECORDED_TYPES: tuple[str, ...] = (
    "AWS::AccessAnalyzer::Analyzer",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::AutoScaling::WarmPool",
    "AWS::Backup::RestoreTestingPlan",
    "AWS::Backup::RestoreTestingSelection",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CodeConnections::Connection",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::CodePipeline::Pipeline",
    "AWS::EC2::ClientVpnAuthorizationRule",
    "AWS::EC2::ClientVpnEndpoint",
    "AWS::EC2::ClientVpnTargetNetworkAssociation",
    "AWS::EC2::InstanceConnectEndpoint",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    "AWS::GuardDuty::Detector",
    "AWS::Logs::QueryDefinition",
    "AWS::RDS::EventSubscription",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
    "AWS::SSM::MaintenanceWindow",
    "AWS::SSM::MaintenanceWindowTarget",
    "AWS::SSM::MaintenanceWindowTask",
    "AWS::SSM::PatchBaseline",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::Synthetics::Canary",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::XRay::Group",
    "AWS::XRay::SamplingRule",
)

# What ministack 1.5.33 deploys by itself, by service. A test compares it with ministack's own table.
_NATIVE: dict[str, str] = {
    "ApiGateway": (
        "Account ApiKey Authorizer BasePathMapping Deployment DocumentationPart DocumentationVersion "
        "DomainName GatewayResponse Method Model RequestValidator Resource RestApi Stage UsagePlan "
        "UsagePlanKey"
    ),
    "ApiGatewayV2": "Api ApiMapping Authorizer DomainName Integration Route Stage",
    "AppConfig": (
        "Application ConfigurationProfile Deployment DeploymentStrategy Environment HostedConfigurationVersion"
    ),
    "AppSync": "ApiKey DataSource FunctionConfiguration GraphQLApi GraphQLSchema Resolver",
    "Athena": "WorkGroup",
    "AutoScaling": "AutoScalingGroup LaunchConfiguration LifecycleHook ScalingPolicy ScheduledAction",
    "Backup": "BackupPlan BackupVault",
    "CDK": "Metadata",
    "CertificateManager": "Certificate",
    "CloudFormation": "CustomResource Stack WaitCondition WaitConditionHandle",
    "CloudFront": (
        "CachePolicy CloudFrontOriginAccessIdentity Distribution Function KeyValueStore OriginAccessControl "
        "OriginRequestPolicy ResponseHeadersPolicy"
    ),
    "CloudWatch": "Alarm Dashboard",
    "CodeBuild": "Project",
    "Cognito": (
        "IdentityPool IdentityPoolPrincipalTag IdentityPoolRoleAttachment UserPool UserPoolClient "
        "UserPoolDomain UserPoolGroup UserPoolResourceServer"
    ),
    "DocDB": "DBCluster DBClusterParameterGroup DBInstance DBSubnetGroup",
    "DynamoDB": "GlobalTable Table",
    "EC2": (
        "InternetGateway LaunchTemplate Route RouteTable SecurityGroup Subnet SubnetRouteTableAssociation VPC "
        "VPCEndpoint VPCGatewayAttachment"
    ),
    "ECR": "Repository",
    "ECS": "Cluster Service TaskDefinition",
    "EFS": "AccessPoint FileSystem MountTarget",
    "EKS": "Cluster Nodegroup",
    "ElastiCache": "CacheCluster ParameterGroup ReplicationGroup SubnetGroup User UserGroup",
    "ElasticLoadBalancingV2": "Listener ListenerRule LoadBalancer TargetGroup",
    "Events": "EventBus Rule",
    "Glue": "Connection Crawler Database Job Partition Table Trigger",
    "IAM": "InstanceProfile ManagedPolicy Policy Role User",
    "IoT": (
        "CACertificate Certificate DomainConfiguration JobTemplate Policy PolicyPrincipalAttachment "
        "ProvisioningTemplate Thing ThingGroup ThingPrincipalAttachment ThingType TopicRule"
    ),
    "KMS": "Alias Key",
    "Kinesis": "Stream",
    "KinesisAnalyticsV2": "Application ApplicationCloudWatchLoggingOption",
    "KinesisFirehose": "DeliveryStream",
    "Lambda": (
        "Alias EventInvokeConfig EventSourceMapping Function LayerVersion LayerVersionPermission Permission Url Version"
    ),
    "Location": "Tracker",
    "Logs": "LogGroup LogStream MetricFilter ResourcePolicy SubscriptionFilter",
    "OpenSearchService": "Domain",
    "Pipes": "Pipe",
    "RDS": "DBCluster DBClusterParameterGroup DBInstance DBParameterGroup DBSubnetGroup",
    "Route53": "HostedZone RecordSet",
    "S3": "AccessPoint Bucket BucketPolicy MultiRegionAccessPoint",
    "S3ObjectLambda": "AccessPoint AccessPointPolicy",
    "S3Tables": "Namespace Table TableBucket",
    "SES": "ConfigurationSet ConfigurationSetEventDestination EmailIdentity",
    "SNS": "Subscription Topic TopicPolicy",
    "SQS": "Queue QueuePolicy",
    "SSM": "Parameter",
    "Scheduler": "Schedule ScheduleGroup",
    "SecretsManager": "Secret SecretTargetAttachment",
    "ServiceDiscovery": "HttpNamespace Instance PrivateDnsNamespace PublicDnsNamespace Service",
    "Signer": "ProfilePermission SigningProfile",
    "StepFunctions": "StateMachine",
    "WAFv2": "WebACL",
}
NATIVE_TYPES: frozenset[str] = frozenset(
    f"AWS::{service}::{name}" for service, names in _NATIVE.items() for name in names.split()
)

# Where Ref is not the primary identifier (or, with several, not all of them joined).
_REFERENCE = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "Arn",
    "AWS::CodeDeploy::DeploymentGroup": "DeploymentGroupName",
    "AWS::SSM::MaintenanceWindowTarget": "WindowTargetId",
    "AWS::SSM::MaintenanceWindowTask": "WindowTaskId",
}

_ID_PREFIX = {
    "AWS::EC2::ClientVpnEndpoint": "cvpn-endpoint-",
    "AWS::EC2::ClientVpnTargetNetworkAssociation": "cvpn-assoc-",
    "AWS::EC2::InstanceConnectEndpoint": "eice-",
    "AWS::SSM::MaintenanceWindow": "mw-",
    "AWS::SSM::PatchBaseline": "pb-",
}


@dataclass(frozen=True)
class Support:
    """How the emulator deploys a set of resource types."""

    native: tuple[str, ...]
    through_api: tuple[str, ...]
    recorded: tuple[str, ...]
    unknown: tuple[str, ...]


def support(type_names: Iterable[str]) -> Support:
    """Say for each type whether ministack deploys it, we do through its API, we only record it, or nobody knows it."""
    names = sorted(set(type_names))
    ours = {*API_TYPES, *RECORDED_TYPES}
    return Support(
        native=tuple(name for name in names if name in NATIVE_TYPES),
        through_api=tuple(name for name in names if name in API_TYPES),
        recorded=tuple(name for name in names if name in RECORDED_TYPES),
        unknown=tuple(name for name in names if name not in ours and name not in NATIVE_TYPES),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Registration
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """One resource that a stack asks for, its properties resolved."""

    type_name: str
    logical_id: str
    stack_name: str
    properties: Properties

    def name(self, property_name: str, max_length: int = 128) -> str:
        """Return the name that the template gives, or one made as CloudFormation makes them."""
        given = self.properties.get(property_name)
        return str(given) if given else _generated_name(self.stack_name, self.logical_id, max_length)


@dataclass(frozen=True)
class ApiType:
    """How a type is created, deleted and changed in place through the API; without `update` it is replaced."""

    create: Callable[[Request], Created]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Request], Created] | None = None
    has_tags: bool = False


def register() -> None:
    """Add our types to ministack's table of handlers."""
    provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
    handlers = provisioners._RESOURCE_HANDLERS
    for name, spec in API_TYPES.items():
        _add(handlers, name, _api_handler(name, spec))
        if spec.has_tags:
            provisioners._STACK_TAG_PROPERTY.setdefault(name, ("Tags", "list"))
    for name in RECORDED_TYPES:
        _add(handlers, name, _recorded_handler(name))


def _add(handlers: dict[str, Any], name: str, handler: dict[str, Any]) -> None:
    if name in handlers:
        raise RuntimeError(f"ministack deploys {name} by itself now: remove it from {__name__}.")
    handlers[name] = handler


def _api_handler(type_name: str, spec: ApiType) -> dict[str, Any]:
    # Only CloudFormation may give aws: tags; the emulator's services, called as a user, refuse them, save EC2.
    accepted = dict if type_name.startswith("AWS::EC2::") else _without_system_tags

    def create(logical_id: str, properties: Properties, stack_name: str) -> Created:
        validate(type_name, properties)
        return spec.create(Request(type_name, logical_id, stack_name, accepted(properties)))

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Created:
        if spec.update is None or _requires_replacement(type_name, old, new):
            return _replacement(create, logical_id or physical_id, new, stack_name)
        validate(type_name, new)
        request = Request(type_name, logical_id or physical_id, stack_name, accepted(new))
        return spec.update(physical_id, accepted(old), request)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": spec.delete}


def _recorded_handler(type_name: str) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack_name: str) -> Created:
        validate(type_name, properties)
        physical_id = _recorded_id(Request(type_name, logical_id, stack_name, properties))
        return physical_id, _recorded_attributes(type_name, physical_id, properties)

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Created:
        if _requires_replacement(type_name, old, new):
            return _replacement(create, logical_id or physical_id, new, stack_name)
        validate(type_name, new)
        return physical_id, _recorded_attributes(type_name, physical_id, new)

    def delete(physical_id: str, properties: Properties) -> None:
        """Nothing exists outside the stack."""

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _replacement(
    create: Callable[[str, Properties, str], Created], logical_id: str, properties: Properties, stack_name: str
) -> Created:
    # The engine deletes the predecessor when it sees a new physical id, so a generated name must differ from the old.
    provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
    created: Created = provisioners._seeded_create(create, logical_id, properties, stack_name)
    return created


def _generated_name(stack_name: str, logical_id: str, max_length: int) -> str:
    provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
    return str(provisioners._physical_name(stack_name, logical_id, max_len=max_length))


# ---------------------------------------------------------------------------------------------------------------------
# Registry schemas
# ---------------------------------------------------------------------------------------------------------------------


class InvalidPropertiesError(ValueError):
    """The resolved properties of a resource do not fit its registry schema."""


@cache
def schema(type_name: str, region: str) -> dict[str, Any]:
    """Return the registry schema of a type, from those that cfn-lint bundles."""
    manager: Any = import_module("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    found: dict[str, Any] = manager.get_resource_schema(region, type_name).schema
    return found


def validate(type_name: str, properties: Properties) -> None:
    """Raise `InvalidPropertiesError` with every reason why the resolved properties do not fit the type's schema."""
    jsonschema: Any = import_module("cfnlint.jsonschema")
    filters: Any = import_module("cfnlint.jsonschema._filter")
    validator = jsonschema.CfnTemplateValidator(
        schema=schema(type_name, _region()), function_filter=filters.FunctionFilter(add_cfn_lint_keyword=False)
    )
    # CloudFormation takes "true" for a boolean and 80 for a string; so does this context.
    validator = validator.evolve(context=validator.context.evolve(strict_types=False))
    reasons = [
        f"#/{'/'.join(str(part) for part in error.absolute_path)}: {error.message}"
        for error in validator.iter_errors(_without_system_tags(properties))
    ]
    if reasons:
        raise InvalidPropertiesError(f"Model validation failed for {type_name} ({'; '.join(sorted(reasons))})")


def _without_system_tags(properties: Properties) -> Properties:
    tags = properties.get("Tags")
    if not isinstance(tags, list):
        return properties
    return properties | {"Tags": [tag for tag in tags if not str(tag.get("Key", "")).startswith("aws:")]}


def _requires_replacement(type_name: str, old: Properties, new: Properties) -> bool:
    paths = (_path(pointer) for pointer in schema(type_name, _region()).get("createOnlyProperties", ()))
    return any(_at(old, path) != _at(new, path) for path in paths)


def _path(pointer: str) -> tuple[str, ...]:
    return tuple(pointer.removeprefix("/properties/").split("/"))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return str(value) if isinstance(value, bool | int) else value


# ---------------------------------------------------------------------------------------------------------------------
# Recorded types
# ---------------------------------------------------------------------------------------------------------------------


def _recorded_id(request: Request) -> str:
    parts = {
        path[-1]: str(_at(request.properties, path) or _invented(request, path[-1]))
        for path in map(_path, schema(request.type_name, _region())["primaryIdentifier"])
    }
    chosen = _REFERENCE.get(request.type_name)
    return parts[chosen] if chosen else "|".join(parts.values())


def _invented(request: Request, part: str) -> str:
    name = _generated_name(request.stack_name, request.logical_id, 64)
    if part.lower().endswith("arn"):
        return _arn(request.type_name, name)
    if part.endswith("Id"):
        return _ID_PREFIX.get(request.type_name, "") + _hexadecimal(name, part)
    return name


def _recorded_attributes(type_name: str, physical_id: str, properties: Properties) -> dict[str, Any]:
    """Return what Fn::GetAtt answers; computed from the physical id, so that an update in place does not change it."""
    attributes: dict[str, Any] = {}
    identifiers = [_path(pointer)[-1] for pointer in schema(type_name, _region())["primaryIdentifier"]]
    for path in map(_path, schema(type_name, _region()).get("readOnlyProperties", ())):
        name = ".".join(path)
        if identifiers == [name] or _REFERENCE.get(type_name) == name:
            attributes[name] = physical_id
        elif name.lower().endswith("arn"):
            attributes[name] = _arn(type_name, physical_id)
        else:
            attributes[name] = _hexadecimal(physical_id, name)
    return attributes


def _arn(type_name: str, name: str) -> str:
    _, service, kind = type_name.split("::")
    return f"arn:aws:{service.lower()}:{_region()}:{_account_id()}:{kind.lower()}/{name}"


def _hexadecimal(*seeds: str) -> str:
    return hashlib.sha256("\n".join(seeds).encode()).hexdigest()[:17]


# ---------------------------------------------------------------------------------------------------------------------
# The emulator's own API, called from inside
# ---------------------------------------------------------------------------------------------------------------------

_MODULES = {
    "backup": "backup",
    "budgets": "budgets",
    "cloudformation": "cloudformation",
    "cloudtrail": "cloudtrail",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "ecs": "ecs",
    "elbv2": "alb",
    "iam": "iam",
    "resource-groups": "resource_groups",
    "route53": "route53",
    "secretsmanager": "secretsmanager",
    "wafv2": "waf",
}

# Where boto3's choice needs a library that ministack does not require.
_PROTOCOLS = {"cloudwatch": "query"}

# Services whose handlers hand work to a thread pool, and so need an event loop that is not the waiting one.
_THREADED = frozenset({"ecs"})


class ApiError(ValueError):
    """The emulator's service refused a request; the message is what AWS's SDKs print."""


def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """Call an operation of an emulated service for the account and region of the running stack operation.

    Requests and responses go through botocore's own model of the service, only the network is left out: a handler runs
    on the emulator's event loop and would wait for itself.
    """
    import botocore.parsers
    import botocore.serialize

    model = _service_model(service)
    shape = model.operation_model(operation)
    protocol = _PROTOCOLS.get(service, model.resolved_protocol)
    given = {name: value for name, value in parameters.items() if value is not None}
    request = botocore.serialize.create_serializer(protocol).serialize_to_request(
        _typed(given, shape.input_shape, operation), shape
    )
    body = request["body"]
    module: Any = import_module(f"ministack.services.{_MODULES[service]}")
    finish = _finish_in_thread if service in _THREADED else _finish
    status, headers, payload = finish(
        module.handle_request(
            request["method"],
            request["url_path"],
            {str(name).lower(): value for name, value in request["headers"].items()},
            urlencode(body).encode() if isinstance(body, dict) else body,
            request["query_string"] or {},
        )
    )
    answer = {"status_code": status, "headers": headers, "body": payload or b""}
    parsed: dict[str, Any] = botocore.parsers.create_parser(protocol).parse(answer, shape.output_shape)
    if status >= 300:
        error = parsed.get("Error", {})
        raise ApiError(
            f"{error.get('Message')} (Service: {service}, Operation: {operation}, Code: {error.get('Code')})"
        )
    return parsed


@cache
def _service_model(service: str) -> Any:
    import botocore.session

    return botocore.session.Session().get_service_model(service)


def _finish(coroutine: Answering) -> Answer:
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    coroutine.close()
    raise RuntimeError("An emulated service waits for something where a stack operation cannot wait.")


def _finish_in_thread(coroutine: Answering) -> Answer:
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(context.run, asyncio.run, coroutine).result()


def _typed(value: Any, shape: Any, where: str) -> Any:
    """Convert a property value as CloudFormation does: "80" where the API has an integer, 80 where it has a string."""
    if shape is None:
        return value
    match shape.type_name:
        case "structure":
            unknown = set(value) - set(shape.members)
            if unknown:
                raise ApiError(f"{where} has no parameter {', '.join(sorted(unknown))}.")
            return {name: _typed(item, shape.members[name], f"{where}.{name}") for name, item in value.items()}
        case "list":
            return [_typed(item, shape.member, where) for item in value]
        case "map":
            return {str(key): _typed(item, shape.value, where) for key, item in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case "string":
            return json.dumps(value) if isinstance(value, dict) else str(value)
    return value


def _account_id() -> str:
    responses: Any = import_module("ministack.core.responses")
    return str(responses.get_account_id())


def _region() -> str:
    responses: Any = import_module("ministack.core.responses")
    return str(responses.get_region())


def _store(module: str, name: str) -> Any:
    """Return one of ministack's tables of records, for what its API does not take."""
    return getattr(import_module(f"ministack.services.{module}"), name)


def _picked(properties: Properties, *names: str) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def _tag_specifications(resource_type: str, tags: list[dict[str, str]] | None) -> list[dict[str, Any]] | None:
    return [{"ResourceType": resource_type, "Tags": tags}] if tags else None


def _tag_map(tags: Any) -> dict[str, str]:
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}


def _retag(resource_id: str, old: Properties, new: Properties) -> None:
    gone = _tag_map(old.get("Tags")).keys() - _tag_map(new.get("Tags")).keys()
    if gone:
        call("ec2", "DeleteTags", Resources=[resource_id], Tags=[{"Key": key} for key in sorted(gone)])
    if new.get("Tags"):
        call("ec2", "CreateTags", Resources=[resource_id], Tags=new["Tags"])


# ---------------------------------------------------------------------------------------------------------------------
# EC2: addresses and NAT gateways
# ---------------------------------------------------------------------------------------------------------------------


def _create_eip(request: Request) -> Created:
    tags = _tag_specifications("elastic-ip", request.properties.get("Tags"))
    address = call("ec2", "AllocateAddress", Domain="vpc", TagSpecifications=tags)
    if request.properties.get("InstanceId"):
        _associate(address["AllocationId"], request.properties["InstanceId"])
    return address["PublicIp"], _picked(address, "AllocationId", "PublicIp")


def _update_eip(physical_id: str, old: Properties, request: Request) -> Created:
    address = _address(physical_id)
    instance_id = request.properties.get("InstanceId")
    if old.get("InstanceId") != instance_id:
        if address.get("AssociationId"):
            call("ec2", "DisassociateAddress", AssociationId=address["AssociationId"])
        if instance_id:
            _associate(address["AllocationId"], instance_id)
    _retag(address["AllocationId"], old, request.properties)
    return physical_id, _picked(address, "AllocationId", "PublicIp")


def _associate(allocation_id: str, instance_id: str) -> None:
    call("ec2", "AssociateAddress", AllocationId=allocation_id, InstanceId=instance_id)
    address = call("ec2", "DescribeAddresses", AllocationIds=[allocation_id])["Addresses"][0]
    _store("ec2", "_instances")[instance_id]["PublicIpAddress"] = address["PublicIp"]


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
    tags = _tag_specifications("natgateway", wanted.get("Tags"))
    parameters = _picked(wanted, "SubnetId", "AllocationId", "ConnectivityType")
    gateway = call("ec2", "CreateNatGateway", **parameters, TagSpecifications=tags)["NatGateway"]
    gateway_id: str = gateway["NatGatewayId"]
    interface_id = "eni-" + _hexadecimal(gateway_id)
    # The API keeps neither the private address nor what the elastic address belongs to.
    _store("ec2", "_nat_gateways")[gateway_id] |= {
        "NetworkInterfaceId": interface_id,
        "PrivateIp": wanted.get("PrivateIpAddress") or free_address(subnet),
    }
    if allocation_id:
        _store("ec2", "_addresses")[allocation_id] |= {
            "AssociationId": "eipassoc-" + _hexadecimal(gateway_id, allocation_id),
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
    _retag(physical_id, old, request.properties)
    gateway = _store("ec2", "_nat_gateways")[physical_id]
    return physical_id, {"NatGatewayId": physical_id, "EniId": gateway["NetworkInterfaceId"]}


def _delete_nat_gateway(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNatGateway", NatGatewayId=physical_id)
    address = _store("ec2", "_addresses").get(properties.get("AllocationId"))
    if address is not None:
        address |= {"AssociationId": None, "NetworkInterfaceId": None}


# ---------------------------------------------------------------------------------------------------------------------
# EC2: network ACLs, flow logs, security group rules
# ---------------------------------------------------------------------------------------------------------------------


def _create_network_acl(request: Request) -> Created:
    tags = _tag_specifications("network-acl", request.properties.get("Tags"))
    acl = call("ec2", "CreateNetworkAcl", VpcId=request.properties["VpcId"], TagSpecifications=tags)["NetworkAcl"]
    return acl["NetworkAclId"], {"Id": acl["NetworkAclId"]}


def _update_network_acl(physical_id: str, old: Properties, request: Request) -> Created:
    _retag(physical_id, old, request.properties)
    return physical_id, {"Id": physical_id}


def _delete_network_acl(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNetworkAcl", NetworkAclId=physical_id)


def _acl_entry(properties: Properties) -> Properties:
    entry = _picked(
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
    physical_id = _generated_name(request.stack_name, request.logical_id, 128)
    return physical_id, {"Id": physical_id}


def _update_acl_entry(physical_id: str, old: Properties, request: Request) -> Created:
    call("ec2", "ReplaceNetworkAclEntry", **_acl_entry(request.properties))
    return physical_id, {"Id": physical_id}


def _delete_acl_entry(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteNetworkAclEntry", **_picked(_acl_entry(properties), "NetworkAclId", "RuleNumber", "Egress"))


def _create_acl_association(request: Request) -> Created:
    subnet_id = request.properties["SubnetId"]
    association_id = _acl_association(subnet_id) or _default_acl_association(subnet_id)
    acl_id = request.properties["NetworkAclId"]
    answer = call("ec2", "ReplaceNetworkAclAssociation", AssociationId=association_id, NetworkAclId=acl_id)
    return answer["NewAssociationId"], {"AssociationId": answer["NewAssociationId"]}


def _delete_acl_association(physical_id: str, properties: Properties) -> None:
    if _acl_association(properties["SubnetId"]) != physical_id:
        return
    vpc = _store("ec2", "_vpcs").get(_subnet(properties["SubnetId"])["VpcId"])
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
    vpc = _store("ec2", "_vpcs")[_subnet(subnet_id)["VpcId"]]
    association_id = "aclassoc-" + _hexadecimal(subnet_id)
    associations = _store("ec2", "_network_acls")[vpc["DefaultNetworkAclId"]]["Associations"]
    associations.append({"NetworkAclAssociationId": association_id, "SubnetId": subnet_id})
    return association_id


def _create_flow_log(request: Request) -> Created:
    wanted = request.properties
    answer = call(
        "ec2",
        "CreateFlowLogs",
        ResourceIds=[wanted["ResourceId"]],
        TagSpecifications=_tag_specifications("vpc-flow-log", wanted.get("Tags")),
        **_picked(
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
        _retag(flow_log_id, {}, wanted)
    return flow_log_id, {"Id": flow_log_id}


def _update_flow_log(physical_id: str, old: Properties, request: Request) -> Created:
    _retag(physical_id, old, request.properties)
    return physical_id, {"Id": physical_id}


def _delete_flow_log(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteFlowLogs", FlowLogIds=[physical_id])


def _permission(properties: Properties) -> dict[str, Any]:
    described = _picked(properties, "Description")
    permission = _picked(properties, "IpProtocol", "FromPort", "ToPort")
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
        groups = _store("ec2", "_security_groups")
        for key in ("UserIdGroupPairs", "PrefixListIds"):
            for pair in permission.get(key, ()):
                if key == "UserIdGroupPairs" and pair["GroupId"] not in groups:
                    raise ApiError(f"The security group '{pair['GroupId']}' does not exist")
        operation = f"AuthorizeSecurityGroup{direction}"
        answer = call("ec2", operation, GroupId=group_id, IpPermissions=[permission])
        rule_id: str = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule_id, {"Id": rule_id}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        # Only the description can change in place.
        delete(physical_id, old)
        return physical_id, create(request)[1]

    def delete(physical_id: str, properties: Properties) -> None:
        if properties["GroupId"] in _store("ec2", "_security_groups"):
            permissions = [_permission(properties)]
            operation = f"RevokeSecurityGroup{direction}"
            call("ec2", operation, GroupId=properties["GroupId"], IpPermissions=permissions)

    return ApiType(create, delete, update)


# ---------------------------------------------------------------------------------------------------------------------
# EC2: instances
# ---------------------------------------------------------------------------------------------------------------------


def _subnet(subnet_id: str) -> dict[str, Any]:
    subnet: dict[str, Any] | None = _store("ec2", "_subnets").get(subnet_id)
    if subnet is None:
        raise ApiError(f"The subnet ID '{subnet_id}' does not exist")
    return subnet


def free_address(subnet: Mapping[str, Any]) -> str:
    """Return the first address of a subnet that nothing has yet; AWS keeps the first four and the last for itself."""
    taken = {each.get("PrivateIpAddress") for each in _store("ec2", "_instances").values()}
    taken |= {each.get("PrivateIp") for each in _store("ec2", "_nat_gateways").values()}
    network = ipaddress.ip_network(subnet["CidrBlock"])
    for offset in range(4, network.num_addresses - 1):
        if str(network[offset]) not in taken:
            return str(network[offset])
    raise ApiError(f"Not enough free addresses in subnet {subnet['SubnetId']}.")


def launch_template_data(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the launch template version that a group or an instance names."""
    templates = _store("ec2", "_launch_templates")
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
        TagSpecifications=_tag_specifications("instance", tags),
        **_picked(dict(data), "ImageId", "InstanceType", "KeyName", "UserData"),
    )
    record: dict[str, Any] = _store("ec2", "_instances")[answer["Instances"][0]["InstanceId"]]
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
    record = _store("ec2", "_instances")[physical_id]
    wanted = request.properties
    if "InstanceType" in wanted:
        record["InstanceType"] = wanted["InstanceType"]
    if wanted.get("SecurityGroupIds"):
        groups = _store("ec2", "_security_groups")
        record["SecurityGroups"] = [
            {"GroupId": each, "GroupName": groups[each]["GroupName"]} for each in wanted["SecurityGroupIds"]
        ]
    _retag(physical_id, old, wanted)
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
# IAM
# ---------------------------------------------------------------------------------------------------------------------


def _create_group(request: Request) -> Created:
    name = request.name("GroupName")
    group = call("iam", "CreateGroup", GroupName=name, **_picked(request.properties, "Path"))["Group"]
    _give_policies(name, {}, request.properties)
    return name, {"Arn": group["Arn"]}


def _update_group(physical_id: str, old: Properties, request: Request) -> Created:
    _give_policies(physical_id, old, request.properties)
    return physical_id, {"Arn": call("iam", "GetGroup", GroupName=physical_id)["Group"]["Arn"]}


def _give_policies(group: str, old: Properties, new: Properties) -> None:
    for arn in set(old.get("ManagedPolicyArns", ())) - set(new.get("ManagedPolicyArns", ())):
        call("iam", "DetachGroupPolicy", GroupName=group, PolicyArn=arn)
    for arn in new.get("ManagedPolicyArns", ()):
        call("iam", "AttachGroupPolicy", GroupName=group, PolicyArn=arn)
    kept = {policy["PolicyName"] for policy in new.get("Policies", ())}
    for policy in old.get("Policies", ()):
        if policy["PolicyName"] not in kept:
            call("iam", "DeleteGroupPolicy", GroupName=group, PolicyName=policy["PolicyName"])
    for policy in new.get("Policies", ()):
        call("iam", "PutGroupPolicy", GroupName=group, **_picked(policy, "PolicyName", "PolicyDocument"))


def _delete_group(physical_id: str, properties: Properties) -> None:
    _give_policies(physical_id, properties, {})
    call("iam", "DeleteGroup", GroupName=physical_id)


def _inline_policy(owner: str) -> ApiType:
    """AWS::IAM::RolePolicy, UserPolicy and GroupPolicy: one inline policy of one role, user or group."""
    key = f"{owner}Name"

    def create(request: Request) -> Created:
        call("iam", f"Put{owner}Policy", **_picked(request.properties, key, "PolicyName", "PolicyDocument"))
        return f"{request.properties['PolicyName']}|{request.properties[key]}", {}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        return create(request)

    def delete(physical_id: str, properties: Properties) -> None:
        call("iam", f"Delete{owner}Policy", **_picked(properties, key, "PolicyName"))

    return ApiType(create, delete, update)


def _create_membership(request: Request) -> Created:
    _set_members(request.properties["GroupName"], (), request.properties["Users"])
    physical_id = _generated_name(request.stack_name, request.logical_id, 128)
    return physical_id, {"Id": physical_id}


def _update_membership(physical_id: str, old: Properties, request: Request) -> Created:
    new = request.properties
    if old["GroupName"] != new["GroupName"]:
        _set_members(old["GroupName"], old["Users"], ())
        old = {"Users": ()}
    _set_members(new["GroupName"], old["Users"], new["Users"])
    return physical_id, {"Id": physical_id}


def _delete_membership(physical_id: str, properties: Properties) -> None:
    _set_members(properties["GroupName"], properties["Users"], ())


def _set_members(group: str, old: Iterable[str], new: Iterable[str]) -> None:
    for user in set(old) - set(new):
        call("iam", "RemoveUserFromGroup", GroupName=group, UserName=user)
    for user in new:
        call("iam", "AddUserToGroup", GroupName=group, UserName=user)


def _create_oidc_provider(request: Request) -> Created:
    wanted = request.properties
    answer = call(
        "iam",
        "CreateOpenIDConnectProvider",
        Url=wanted["Url"],
        ClientIDList=wanted.get("ClientIdList"),
        ThumbprintList=wanted.get("ThumbprintList"),
        Tags=wanted.get("Tags"),
    )
    arn: str = answer["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _delete_oidc_provider(physical_id: str, properties: Properties) -> None:
    call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=physical_id)


# ---------------------------------------------------------------------------------------------------------------------
# Watching: composite alarms, trails, budgets, health checks, resource groups
# ---------------------------------------------------------------------------------------------------------------------

_COMPOSITE_ALARM = (
    "AlarmRule",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
    "Tags",
)


def _create_composite_alarm(request: Request) -> Created:
    return _put_composite_alarm(request.name("AlarmName", 255), {}, request)


def _put_composite_alarm(name: str, old: Properties, request: Request) -> Created:
    call("cloudwatch", "PutCompositeAlarm", AlarmName=name, **_picked(request.properties, *_COMPOSITE_ALARM))
    found = call("cloudwatch", "DescribeAlarms", AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    return name, {"Arn": found["CompositeAlarms"][0]["AlarmArn"]}


def _delete_composite_alarm(physical_id: str, properties: Properties) -> None:
    call("cloudwatch", "DeleteAlarms", AlarmNames=[physical_id])


_TRAIL = (
    "S3BucketName",
    "S3KeyPrefix",
    "SnsTopicName",
    "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail",
    "EnableLogFileValidation",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
    "IsOrganizationTrail",
)


def _trail(properties: Properties) -> Properties:
    wanted = _picked(properties, *_TRAIL)
    if properties.get("KMSKeyId"):
        wanted["KmsKeyId"] = properties["KMSKeyId"]
    return wanted


def _create_trail(request: Request) -> Created:
    name = request.name("TrailName")
    trail = call(
        "cloudtrail", "CreateTrail", Name=name, TagsList=request.properties.get("Tags"), **_trail(request.properties)
    )
    _configure_trail(name, request.properties)
    return name, {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}


def _update_trail(physical_id: str, old: Properties, request: Request) -> Created:
    trail = call("cloudtrail", "UpdateTrail", Name=physical_id, **_trail(request.properties))
    _configure_trail(physical_id, request.properties)
    return physical_id, {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}


def _configure_trail(name: str, properties: Properties) -> None:
    selectors = _picked(properties, "EventSelectors", "AdvancedEventSelectors")
    if selectors:
        call("cloudtrail", "PutEventSelectors", TrailName=name, **selectors)
    logging = str(properties["IsLogging"]).lower() == "true"
    call("cloudtrail", "StartLogging" if logging else "StopLogging", Name=name)


def _delete_trail(physical_id: str, properties: Properties) -> None:
    call("cloudtrail", "DeleteTrail", Name=physical_id)


def _create_budget(request: Request) -> Created:
    wanted = request.properties
    given = wanted["Budget"].get("BudgetName")
    name = given or _generated_name(request.stack_name, request.logical_id, 100)
    call(
        "budgets",
        "CreateBudget",
        AccountId=_account_id(),
        Budget=wanted["Budget"] | {"BudgetName": name},
        NotificationsWithSubscribers=wanted.get("NotificationsWithSubscribers"),
        ResourceTags=wanted.get("ResourceTags"),
    )
    return name, {"Id": name}


def _update_budget(physical_id: str, old: Properties, request: Request) -> Created:
    budget = request.properties["Budget"] | {"BudgetName": physical_id}
    call("budgets", "UpdateBudget", AccountId=_account_id(), NewBudget=budget)
    return physical_id, {"Id": physical_id}


def _delete_budget(physical_id: str, properties: Properties) -> None:
    call("budgets", "DeleteBudget", AccountId=_account_id(), BudgetName=physical_id)


def _create_health_check(request: Request) -> Created:
    reference = _hexadecimal(_generated_name(request.stack_name, request.logical_id, 128))
    configuration = request.properties["HealthCheckConfig"]
    check = call("route53", "CreateHealthCheck", CallerReference=reference, HealthCheckConfig=configuration)[
        "HealthCheck"
    ]
    return check["Id"], {"HealthCheckId": check["Id"]}


def _update_health_check(physical_id: str, old: Properties, request: Request) -> Created:
    fixed = ("Type", "MeasureLatency", "RequestInterval")
    changed = {name: value for name, value in request.properties["HealthCheckConfig"].items() if name not in fixed}
    call("route53", "UpdateHealthCheck", HealthCheckId=physical_id, **changed)
    return physical_id, {"HealthCheckId": physical_id}


def _delete_health_check(physical_id: str, properties: Properties) -> None:
    call("route53", "DeleteHealthCheck", HealthCheckId=physical_id)


def _create_resource_group(request: Request) -> Created:
    wanted = request.properties
    parameters = _picked(wanted, "Description", "ResourceQuery", "Configuration")
    tags = _tag_map(wanted.get("Tags")) or None
    group = call("resource-groups", "CreateGroup", Name=wanted["Name"], Tags=tags, **parameters)["Group"]
    return wanted["Name"], {"Arn": group["GroupArn"]}


def _update_resource_group(physical_id: str, old: Properties, request: Request) -> Created:
    wanted = request.properties
    group = call("resource-groups", "UpdateGroup", Group=physical_id, **_picked(wanted, "Description"))["Group"]
    if "ResourceQuery" in wanted:
        call("resource-groups", "UpdateGroupQuery", Group=physical_id, ResourceQuery=wanted["ResourceQuery"])
    return physical_id, {"Arn": group["GroupArn"]}


def _delete_resource_group(physical_id: str, properties: Properties) -> None:
    call("resource-groups", "DeleteGroup", Group=physical_id)


# ---------------------------------------------------------------------------------------------------------------------
# WAF, backup, containers, secrets
# ---------------------------------------------------------------------------------------------------------------------


def _waf_set(kind: str, content: Callable[[Properties], Properties]) -> ApiType:
    """AWS::WAFv2::IPSet and RegexPatternSet; an update needs the lock token of the last change."""

    def create(request: Request) -> Created:
        name, scope = request.name("Name"), request.properties["Scope"]
        tags = request.properties.get("Tags") or None
        answer = call("wafv2", f"Create{kind}", Name=name, Scope=scope, Tags=tags, **content(request.properties))
        summary = answer["Summary"]
        return f"{name}|{summary['Id']}|{scope}", {"Arn": summary["ARN"], "Id": summary["Id"]}

    def update(physical_id: str, old: Properties, request: Request) -> Created:
        found = call("wafv2", f"Get{kind}", **_waf_key(physical_id))
        call(
            "wafv2",
            f"Update{kind}",
            LockToken=found["LockToken"],
            **_waf_key(physical_id),
            **{name: value for name, value in content(request.properties).items() if name != "IPAddressVersion"},
        )
        return physical_id, {"Arn": found[kind]["ARN"], "Id": found[kind]["Id"]}

    def delete(physical_id: str, properties: Properties) -> None:
        found = call("wafv2", f"Get{kind}", **_waf_key(physical_id))
        call("wafv2", f"Delete{kind}", LockToken=found["LockToken"], **_waf_key(physical_id))

    return ApiType(create, delete, update, has_tags=True)


def _waf_key(physical_id: str) -> Properties:
    name, identifier, scope = physical_id.split("|")
    return {"Name": name, "Id": identifier, "Scope": scope}


def _ip_set(properties: Properties) -> Properties:
    return _picked(properties, "Addresses", "IPAddressVersion", "Description")


def _regex_set(properties: Properties) -> Properties:
    expressions = [{"RegexString": each} for each in properties["RegularExpressionList"]]
    return _picked(properties, "Description") | {"RegularExpressionList": expressions}


def _create_acl_link(request: Request) -> Created:
    call("wafv2", "AssociateWebACL", **_picked(request.properties, "WebACLArn", "ResourceArn"))
    return f"{request.properties['ResourceArn']}|{request.properties['WebACLArn']}", {}


def _delete_acl_link(physical_id: str, properties: Properties) -> None:
    call("wafv2", "DisassociateWebACL", ResourceArn=properties["ResourceArn"])


def _create_backup_selection(request: Request) -> Created:
    wanted = request.properties
    plan_id, selection = wanted["BackupPlanId"], wanted["BackupSelection"]
    answer = call("backup", "CreateBackupSelection", BackupPlanId=plan_id, BackupSelection=selection)
    physical_id = f"{answer['SelectionId']}_{plan_id}"
    return physical_id, {"SelectionId": answer["SelectionId"], "Id": physical_id}


def _delete_backup_selection(physical_id: str, properties: Properties) -> None:
    selection_id, plan_id = physical_id.split("_", 1)
    call("backup", "DeleteBackupSelection", BackupPlanId=plan_id, SelectionId=selection_id)


def _put_capacity_providers(request: Request) -> Created:
    wanted = request.properties
    strategy = [
        {name[0].lower() + name[1:]: value for name, value in each.items()}
        for each in wanted["DefaultCapacityProviderStrategy"]
    ]
    call(
        "ecs",
        "PutClusterCapacityProviders",
        cluster=wanted["Cluster"],
        capacityProviders=wanted.get("CapacityProviders", []),
        defaultCapacityProviderStrategy=strategy,
    )
    return wanted["Cluster"], {}


def _update_capacity_providers(physical_id: str, old: Properties, request: Request) -> Created:
    return _put_capacity_providers(request)


def _delete_capacity_providers(physical_id: str, properties: Properties) -> None:
    call(
        "ecs",
        "PutClusterCapacityProviders",
        cluster=physical_id,
        capacityProviders=[],
        defaultCapacityProviderStrategy=[],
    )


def _put_secret_policy(request: Request) -> Created:
    secret_id, policy = request.properties["SecretId"], request.properties["ResourcePolicy"]
    arn = call("secretsmanager", "PutResourcePolicy", SecretId=secret_id, ResourcePolicy=policy)["ARN"]
    return arn, {"Id": arn}


def _update_secret_policy(physical_id: str, old: Properties, request: Request) -> Created:
    return _put_secret_policy(request)


def _delete_secret_policy(physical_id: str, properties: Properties) -> None:
    call("secretsmanager", "DeleteResourcePolicy", SecretId=properties["SecretId"])


API_TYPES: dict[str, ApiType] = {
    "AWS::Backup::BackupSelection": ApiType(_create_backup_selection, _delete_backup_selection),
    "AWS::Budgets::Budget": ApiType(_create_budget, _delete_budget, _update_budget),
    "AWS::CloudTrail::Trail": ApiType(_create_trail, _delete_trail, _update_trail, has_tags=True),
    "AWS::CloudWatch::CompositeAlarm": ApiType(
        _create_composite_alarm, _delete_composite_alarm, _put_composite_alarm, has_tags=True
    ),
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
    "AWS::ECS::ClusterCapacityProviderAssociations": ApiType(
        _put_capacity_providers, _delete_capacity_providers, _update_capacity_providers
    ),
    "AWS::IAM::Group": ApiType(_create_group, _delete_group, _update_group),
    "AWS::IAM::GroupPolicy": _inline_policy("Group"),
    "AWS::IAM::OIDCProvider": ApiType(_create_oidc_provider, _delete_oidc_provider, has_tags=True),
    "AWS::IAM::RolePolicy": _inline_policy("Role"),
    "AWS::IAM::UserPolicy": _inline_policy("User"),
    "AWS::IAM::UserToGroupAddition": ApiType(_create_membership, _delete_membership, _update_membership),
    "AWS::ResourceGroups::Group": ApiType(
        _create_resource_group, _delete_resource_group, _update_resource_group, has_tags=True
    ),
    "AWS::Route53::HealthCheck": ApiType(_create_health_check, _delete_health_check, _update_health_check),
    "AWS::SecretsManager::ResourcePolicy": ApiType(_put_secret_policy, _delete_secret_policy, _update_secret_policy),
    "AWS::WAFv2::IPSet": _waf_set("IPSet", _ip_set),
    "AWS::WAFv2::RegexPatternSet": _waf_set("RegexPatternSet", _regex_set),
    "AWS::WAFv2::WebACLAssociation": ApiType(_create_acl_link, _delete_acl_link),
}
