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

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from generator.checks.deployment_requests import CREATE, GLOBAL_SERVICES, Change, own_arns
from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_container_types import CONTAINER_TYPES
from generator.rehearsal.emulator_ec2_types import EC2_TYPES
from generator.rehearsal.emulator_edge_types import EDGE_TYPES
from generator.rehearsal.emulator_guards import handler_of
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, hexadecimal
from generator.rehearsal.emulator_operations_types import OPERATIONS_RECORDED, OPERATIONS_TYPES
from generator.rehearsal.emulator_other_types import OTHER_TYPES
from generator.rehearsal.emulator_schemas import paths, requires_replacement, validate, value_at, without_system_tags
from generator.rehearsal.emulator_service_scaling import SERVICE_SCALING_TYPES
from generator.rehearsal.emulator_vpn_types import VPN_TYPES

# ---------------------------------------------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------------------------------------------

API_TYPES: dict[str, ApiType] = (
    EC2_TYPES | VPN_TYPES | EDGE_TYPES | OPERATIONS_TYPES | SERVICE_SCALING_TYPES | OTHER_TYPES
)

REPLACED_TYPES: dict[str, ApiType] = {**CONTAINER_TYPES}
"""Types that ministack deploys by itself, but not as their templates say."""

RECORDED_TYPES: tuple[str, ...] = (
    "AWS::AccessAnalyzer::Analyzer",
    "AWS::AutoScaling::WarmPool",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CodeConnections::Connection",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::CodePipeline::Pipeline",
    "AWS::CodeStarNotifications::NotificationRule",
    "AWS::EC2::ClientVpnAuthorizationRule",
    "AWS::EC2::ClientVpnEndpoint",
    "AWS::EC2::ClientVpnTargetNetworkAssociation",
    "AWS::EC2::InstanceConnectEndpoint",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    "AWS::GuardDuty::Detector",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
    "AWS::SSM::MaintenanceWindow",
    "AWS::SSM::MaintenanceWindowTarget",
    "AWS::SSM::MaintenanceWindowTask",
    "AWS::SSM::PatchBaseline",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::Shield::Protection",
    "AWS::XRay::SamplingRule",
    *OPERATIONS_RECORDED,
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


def register() -> None:
    """Add our types to ministack's table of handlers."""
    provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
    handlers = provisioners._RESOURCE_HANDLERS
    for name, spec in API_TYPES.items():
        _add(handlers, name, _api_handler(name, spec))
        if spec.has_tags:
            provisioners._STACK_TAG_PROPERTY.setdefault(name, ("Tags", "list"))
    for name, spec in REPLACED_TYPES.items():
        handler_of(name).update(_api_handler(name, spec))
        provisioners._STACK_TAG_PROPERTY.setdefault(name, ("Tags", "list"))
    for name in RECORDED_TYPES:
        _add(handlers, name, _recorded_handler(name))


def _add(handlers: dict[str, Any], name: str, handler: dict[str, Any]) -> None:
    if name in handlers:
        raise RuntimeError(f"ministack deploys {name} by itself now: remove it from {__name__}.")
    handlers[name] = handler


def _api_handler(type_name: str, spec: ApiType) -> dict[str, Any]:
    # Only CloudFormation may give aws: tags; the emulator's services, called as a user, refuse them, save EC2.
    accepted = dict if type_name.startswith("AWS::EC2::") else without_system_tags

    def create(logical_id: str, properties: Properties, stack_name: str) -> Created:
        validate(type_name, properties)
        return spec.create(Request(type_name, logical_id, stack_name, accepted(properties)))

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Created:
        if spec.update is None or requires_replacement(type_name, old, new):
            return _replacement(create, logical_id or physical_id, new, stack_name)
        validate(type_name, new)
        request = Request(type_name, logical_id or physical_id, stack_name, accepted(new))
        return spec.update(physical_id, accepted(old), request)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": spec.delete}


def _recorded_handler(type_name: str) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack_name: str) -> Created:
        validate(type_name, properties)
        physical_id = _recorded_id(Request(type_name, logical_id, stack_name, properties))
        return physical_id, _recorded_attributes(type_name, physical_id)

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Created:
        if requires_replacement(type_name, old, new):
            return _replacement(create, logical_id or physical_id, new, stack_name)
        validate(type_name, new)
        return physical_id, _recorded_attributes(type_name, physical_id)

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


# ---------------------------------------------------------------------------------------------------------------------
# Recorded types
# ---------------------------------------------------------------------------------------------------------------------


def _recorded_id(request: Request) -> str:
    parts = {
        path[-1]: str(value_at(request.properties, path) or _invented(request, path[-1]))
        for path in paths(request.type_name, "primaryIdentifier")
    }
    chosen = _REFERENCE.get(request.type_name)
    return parts[chosen] if chosen else "|".join(parts.values())


def _invented(request: Request, part: str) -> str:
    name = request.generated_name(64)
    if part.lower().endswith("arn"):
        known = own_arns(_creation(request))
        return known[0] if known else _arn(request.type_name, name)
    if part.endswith("Id"):
        return _ID_PREFIX.get(request.type_name, "") + hexadecimal(name, part)
    return name


def _creation(request: Request) -> Change:
    place = current_account_id(), current_region()
    return Change(
        request.type_name, CREATE, request.properties, request.logical_id, request.stack_name, place[0], place[1]
    )


def _recorded_attributes(type_name: str, physical_id: str) -> dict[str, Any]:
    """Return what Fn::GetAtt answers; computed from the physical id, so that an update in place does not change it."""
    attributes: dict[str, Any] = {}
    identifiers = [path[-1] for path in paths(type_name, "primaryIdentifier")]
    for path in paths(type_name, "readOnlyProperties"):
        name = ".".join(path)
        if identifiers == [name] or _REFERENCE.get(type_name) == name:
            attributes[name] = physical_id
        elif name.lower().endswith("arn"):
            attributes[name] = _arn(type_name, physical_id)
        else:
            attributes[name] = hexadecimal(physical_id, name)
    return attributes


def _arn(type_name: str, name: str) -> str:
    _, service, kind = type_name.split("::")
    region = "" if service.lower() in GLOBAL_SERVICES else current_region()
    return f"arn:aws:{service.lower()}:{region}:{current_account_id()}:{kind.lower()}/{name}"
