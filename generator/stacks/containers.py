"""The containers: the application on ECS with Fargate, behind the same load balancer, deployed blue/green.

Owns what runs an image where an environment asks for it (D2, D5): cluster, task definition, service, two target groups
with their listener rules, private namespace, scaling, and the alarms that roll a deployment back (D15). Tasks have no
public address (W2), a read-only root file system, and a user that is not root. Nothing can be executed in them: ECS
Exec would need a file system that it can write to.

A new version starts beside the old one and answers only requests that know the secret of the rule `TestContainers`.
Then ECS gives it all requests, or a tenth first, and keeps the old version for a while to go back to. ECS does so by
the weights of the rule `ForwardToContainers`, which no setting of daily life touches (docs/decisions/0021).

Never creates a load balancer, security groups or the tasks' role, and waits for no database.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import AWSHelperFn, Equals, GetAtt, Not, Ref, Select, Split, Sub, Template
from troposphere.ecs import Cluster, ClusterCapacityProviderAssociations, ClusterSetting, ServiceConnectDefaults
from troposphere.logs import LogGroup
from troposphere.servicediscovery import PrivateDnsNamespace

from generator.listener_rules import add_access_condition
from generator.logs import log_group
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.office_hours import OFFICE_HOURS
from generator.parameter_types import (
    AccessPointId,
    ContainerSize,
    CpuPercent,
    EnvironmentName,
    FileSystemId,
    ImageUri,
    KeyArn,
    ListenerArn,
    LoadBalancerAccess,
    Minutes,
    OriginSecretArn,
    RequestRate,
    ResourceName,
    RoleArn,
    RoleName,
    SecurityGroupId,
    ServerMaximum,
    ServerMinimum,
    SpotShare,
    SubnetIds,
    TableName,
    TargetProtocol,
    TimeZone,
    Toggle,
    TraceShare,
    TrafficShift,
    VpcId,
    output,
    parameter,
)
from generator.stacks.containers_alarms import add_deployment_alarms
from generator.stacks.containers_roles import add_deployment_role, add_execution_role, grant_traces
from generator.stacks.containers_rules import add_routes
from generator.stacks.containers_scaling import add_scaling
from generator.stacks.containers_service import SHIFTS_BY_CANARY, WAITS_FOR_APPROVAL, Deployed, add_service
from generator.stacks.containers_task import add_application_secret, add_task
from generator.target_groups import HTTPS_TARGETS

CAPACITY_PROVIDERS = ["FARGATE", "FARGATE_SPOT"]
CLUSTER_NAME = f"{PROJECT}-${{EnvironmentName}}-${{OfThisStack}}"
"""Container Insights writes to a log group that is called after the cluster. It also writes to it once more when the
cluster is gone, which makes the group anew: another stack's cluster must have another name."""

NAMESPACE = f"${{EnvironmentName}}.{PROJECT}.internal"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_id: VpcId = parameter("The VPC.")
    private_subnet_ids: SubnetIds = parameter("Subnets of the tasks.")
    containers_group_id: SecurityGroupId = parameter("Security group of the tasks.")
    task_role_name: RoleName = parameter("Role of the application in a task, which gets the right to write traces.")
    task_role_arn: RoleArn = parameter("ARN of that role.")
    https_listener_arn: ListenerArn = parameter("Listener whose requests the containers answer.")
    load_balancer_full_name: ResourceName = parameter("Full name of the load balancer, as metrics spell it.")
    load_balancer_access: LoadBalancerAccess = parameter("Whom the load balancer answers.")
    origin_secret_arn: OriginSecretArn = parameter("Secret by which requests from CloudFront are known, or none.")
    data_key_arn: KeyArn = parameter("Key that encrypts the secrets.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the log groups.")
    session_table_name: TableName = parameter("Table of the application's sessions.")
    file_system_id: FileSystemId = parameter("File system with the product images.")
    images_access_point_id: AccessPointId = parameter("Access point of the product images.")
    application_image: ImageUri = parameter("Image of the application, by its digest.")
    collector_image: ImageUri = parameter("Image of the OpenTelemetry collector, by its digest.")
    target_protocol: TargetProtocol = parameter("Protocol between load balancer and containers.")
    web_server_minimum: ServerMinimum = parameter("Number of tasks that always run.")
    web_server_maximum: ServerMaximum = parameter("Number of tasks under load.")
    scale_out_cpu_percent: CpuPercent = parameter("Average CPU above which one task is added.")
    scale_in_cpu_percent: CpuPercent = parameter("Average CPU below which one task is removed.")
    scale_out_requests: RequestRate = parameter("Requests a minute and task above which one task is added.")
    container_size: ContainerSize = parameter("Size of a task.")
    fargate_spot_share: SpotShare = parameter("Percent of further tasks on spare capacity.")
    container_traffic_shift: TrafficShift = parameter("How requests move to a new version.")
    container_test_minutes: Minutes = parameter("How long a new version waits for approval; 0 for not at all.")
    container_bake_minutes: Minutes = parameter("How long the former version stays beside the new one.")
    trace_share: TraceShare = parameter("Share of the requests that is traced.")
    office_hours_only: Toggle = parameter("Whether tasks run in office hours only.")
    time_zone: TimeZone = parameter("Time zone of the office hours.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    cluster_name: ResourceName = output("ECS cluster.")
    container_service_name: ResourceName = output("ECS service.")
    container_service_arn: ResourceName = output("ARN of the ECS service.")
    container_log_group_name: ResourceName = output("Log group of application and migration.")
    sidecar_log_group_name: ResourceName = output("Log group of collector and Service Connect.")
    blue_containers_full_name: ResourceName = output("Full name of the blue target group, as metrics spell it.")
    green_containers_full_name: ResourceName = output("Full name of the green target group, as metrics spell it.")
    test_secret_arn: ResourceName = output("Secret by which a request reaches a new version before visitors do.")
    namespace_name: ResourceName = output("Namespace in which containers find each other.")


def build(template: Template, parameters: Parameters) -> Outputs:
    _conditions(template, parameters)
    namespace = _namespace(template, parameters)
    cluster, capacity = _cluster(template, parameters, namespace)
    logs = template.add_resource(log_group("ContainerLogGroup", tag="containers", key=parameters.logs_key_arn))
    sidecar_logs = template.add_resource(log_group("SidecarLogGroup", tag="sidecars", key=parameters.logs_key_arn))
    routes = add_routes(template, parameters)
    secret = add_application_secret(template, parameters)
    execution = add_execution_role(template, parameters, secret, logs, sidecar_logs)
    task = add_task(template, parameters, execution.role, secret, logs, sidecar_logs)
    deployed = Deployed(
        cluster=cluster,
        namespace=namespace,
        task=task,
        routes=routes,
        role=add_deployment_role(template, routes),
        alarms=add_deployment_alarms(template, parameters, routes),
        sidecar_logs=sidecar_logs,
        waits_for=[capacity, execution.policy, grant_traces(template, parameters)],
    )
    service = add_service(template, parameters, deployed)
    add_scaling(template, parameters, cluster, service, routes)
    return Outputs(
        cluster_name=ResourceName(Ref(cluster)),
        container_service_name=ResourceName(GetAtt(service, "Name")),
        container_service_arn=ResourceName(Ref(service)),
        container_log_group_name=ResourceName(Ref(logs)),
        sidecar_log_group_name=ResourceName(Ref(sidecar_logs)),
        blue_containers_full_name=ResourceName(GetAtt(routes.blue, "TargetGroupFullName")),
        green_containers_full_name=ResourceName(GetAtt(routes.green, "TargetGroupFullName")),
        test_secret_arn=ResourceName(Ref(routes.test_secret)),
        namespace_name=ResourceName(_namespace_name()),
    )


def _conditions(template: Template, parameters: Parameters) -> None:
    add_access_condition(template, parameters.load_balancer_access)
    add_condition(template, HTTPS_TARGETS, Equals(parameters.target_protocol, "HTTPS"))
    add_condition(template, SHIFTS_BY_CANARY, Equals(parameters.container_traffic_shift, "canary"))
    add_condition(template, WAITS_FOR_APPROVAL, Not(Equals(parameters.container_test_minutes, "0")))
    add_condition(template, OFFICE_HOURS, Equals(parameters.office_hours_only, "true"))


def _namespace(template: Template, parameters: Parameters) -> PrivateDnsNamespace:
    """Add the names under which containers find each other (D5), which nobody outside the VPC can ask for."""
    return template.add_resource(
        PrivateDnsNamespace(
            "Namespace",
            Name=_namespace_name(),
            Description=in_environment(f"Services of {PROJECT} ${{EnvironmentName}}."),
            Vpc=parameters.vpc_id,
            Tags=name_tag("namespace"),
        )
    )


def _namespace_name() -> AWSHelperFn:
    return in_environment(NAMESPACE)


def _cluster(
    template: Template, parameters: Parameters, namespace: PrivateDnsNamespace
) -> tuple[Cluster, ClusterCapacityProviderAssociations]:
    insights = _insights_log_group(template, parameters)
    cluster = template.add_resource(
        Cluster(
            "Cluster",
            ClusterName=_named_after_this_stack(CLUSTER_NAME),
            ClusterSettings=[ClusterSetting(Name="containerInsights", Value="enhanced")],
            ServiceConnectDefaults=ServiceConnectDefaults(Namespace=GetAtt(namespace, "Arn")),
            Tags=name_tag("cluster"),
            DependsOn=[insights.title],
        )
    )
    capacity = template.add_resource(
        ClusterCapacityProviderAssociations(
            "ClusterCapacityProviders",
            Cluster=Ref(cluster),
            CapacityProviders=CAPACITY_PROVIDERS,
            DefaultCapacityProviderStrategy=[],
        )
    )
    return cluster, capacity


def _insights_log_group(template: Template, parameters: Parameters) -> LogGroup:
    """Add the group that Container Insights would make itself, without our key and for a day (E15, D10).

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html
    """
    return template.add_resource(
        log_group(
            "ContainerInsightsLogGroup",
            tag="container-insights",
            key=parameters.logs_key_arn,
            name=_named_after_this_stack(f"/aws/ecs/containerinsights/{CLUSTER_NAME}/performance"),
        )
    )


def _named_after_this_stack(text: str) -> Sub:
    return Sub(text, OfThisStack=Select(0, Split("-", Select(2, Split("/", Ref("AWS::StackId"))))))
