"""What is seen of the platform, and who is told: topics, alarms, dashboard, metric filters, traces and the canary.

Owns the notifications and everything that leads to one (D11, D12): alarms on every resource that can hurt, composite
alarms that page once, escalation of a page that nobody acknowledges, rules on what AWS reports, and the dashboard that
answers whether the platform is healthy and if not, why. It changes nothing of what it watches: scaling alarms are the
web tier's, alarms on backups those of `recovery`, alarms on what is in us-east-1 those of the root `global_edge`.

Only a page is followed by word that it is over: what can wait until morning is looked up on the dashboard then. Missing
data is no alarm by itself; where silence means something, an expression says what.

Nothing here waits for the database, by far the slowest resource: it is watched by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import And, AWSHelperFn, Equals, GetAtt, Not, Ref, Template
from troposphere import Condition as ConditionReference
from troposphere.cloudwatch import Alarm
from troposphere.synthetics import Canary

from generator.alarms import Actions
from generator.dashboards import Only
from generator.nesting import add_condition
from generator.parameter_types import (
    ArchiveKey,
    BucketName,
    CertificateArn,
    Compute,
    CpuPercent,
    DatabaseInstanceClass,
    DatabaseStorage,
    DistributionId,
    DomainName,
    EmailAddress,
    EnvironmentName,
    FileSystemId,
    GreenShare,
    KeyArn,
    NatGateways,
    OnCallUrl,
    PathPatterns,
    ResourceName,
    ResponsePlanArn,
    ServerMaximum,
    TableName,
    TimeZone,
    Toggle,
    TopicArn,
    Url,
    VpnGatewayAddress,
    ZoneCount,
    output,
    parameter,
)
from generator.stacks.observability_canary import Visit, add_canary
from generator.stacks.observability_compute import (
    HAS_CONTAINERS,
    HAS_SERVERS,
    Behind,
    Switches,
    add_compute_conditions,
    behind,
)
from generator.stacks.observability_containers import Containers, add_container_alarms
from generator.stacks.observability_dashboard import add_dashboard
from generator.stacks.observability_dashboard_sources import Sources
from generator.stacks.observability_data import HAS_REPLICA, Data, add_data_alarms
from generator.stacks.observability_events import add_event_rules
from generator.stacks.observability_front import HAS_DOMAIN, HAS_FIREWALL, HAS_SHIELD, Front, add_front_alarms
from generator.stacks.observability_metric_filters import add_filters, add_queries
from generator.stacks.observability_network import HAS_VPN, NAT_IN_THIRD_ZONE, NAT_PER_ZONE, Ways, add_network_alarms
from generator.stacks.observability_nights import TASKS_SLEEP, Nights, add_nights
from generator.stacks.observability_outage import SERVERS_SLEEP, Quiet, add_outage
from generator.stacks.observability_servers import Servers, add_server_alarms
from generator.stacks.observability_topics import People, add_topics
from generator.stacks.observability_traces import add_trace_group


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    notifications_key_arn: KeyArn = parameter("Key that encrypts the topics.")
    on_call_email: EmailAddress = parameter("Who is paged, or empty.")
    on_call_url: OnCallUrl = parameter("Paging service that is told as well, or empty.")
    escalation_email: EmailAddress = parameter("Who is told when nobody acknowledges a page, or empty.")
    operations_email: EmailAddress = parameter("Who gets what can wait until morning, or empty.")
    incident_manager: Toggle = parameter("Whether Incident Manager pages.")
    response_plan_arn: ResponsePlanArn = parameter("Response plan with which it does, or none.")
    application_url: Url = parameter("Address of the application, which the canary visits.")
    application_archive_key: ArchiveKey = parameter("Archive that web servers serve, or empty for the welcome page.")
    domain_name: DomainName = parameter("Domain of the application, or empty.")
    log_bucket_name: BucketName = parameter("Bucket in which the canary writes down what it saw.")
    synthetic_canary: Toggle = parameter("Whether there is a canary.")
    distribution_id: DistributionId = parameter("CloudFront distribution.")
    load_balancer_full_name: ResourceName = parameter("Full name of the load balancer, as CloudWatch spells it.")
    compute: Compute = parameter("Where the application runs: EC2, Fargate, or both.")
    server_paths: PathPatterns = parameter("Paths that web servers answer where both run.")
    green_share: GreenShare = parameter("Percent of the web servers' requests that green ones get.")
    standby_servers: Toggle = parameter("Whether web servers of the other colour run too.")
    target_group_full_name: ResourceName = parameter("Full name of the web servers' target group, or none.")
    green_target_group_full_name: ResourceName = parameter("Full name of the green web servers' target group, or none.")
    certificate_arn: CertificateArn = parameter("Certificate of the domain, or none where it is imported.")
    web_application_firewall: Toggle = parameter("Whether a web ACL filters requests.")
    shield_advanced: Toggle = parameter("Whether Shield Advanced protects the load balancer.")
    web_server_group_name: ResourceName = parameter("Auto Scaling group of the web servers, or none.")
    green_web_server_group_name: ResourceName = parameter("Auto Scaling group of the green web servers, or none.")
    log_group_name: ResourceName = parameter("Log group of the web servers, or none.")
    cluster_name: ResourceName = parameter("ECS cluster of the containers, or none.")
    container_service_name: ResourceName = parameter("ECS service of the containers, or none.")
    container_service_arn: ResourceName = parameter("ARN of that service, or none.")
    container_log_group_name: ResourceName = parameter("Log group of the containers, or none.")
    blue_containers_full_name: ResourceName = parameter("Full name of the blue containers' target group, or none.")
    green_containers_full_name: ResourceName = parameter("Full name of the green containers' target group, or none.")
    web_server_maximum: ServerMaximum = parameter("Number of web servers, or of tasks, under load.")
    scale_out_cpu_percent: CpuPercent = parameter("Average CPU above which one server or task is added.")
    office_hours_only: Toggle = parameter("Whether web servers and tasks stop at night and at weekends.")
    time_zone: TimeZone = parameter("Time zone of the office hours.")
    database_id: ResourceName = parameter("Identifier of the database instance.")
    database_replica_id: ResourceName = parameter("Identifier that its read replica has, where there is one.")
    database_instance_class: DatabaseInstanceClass = parameter("Instance class of the database.")
    database_storage: DatabaseStorage = parameter("Storage in GiB that the database was given.")
    database_read_replica: Toggle = parameter("Whether there is a read replica.")
    session_table_name: TableName = parameter("Session table.")
    file_system_id: FileSystemId = parameter("File system with the product images.")
    zone_count: ZoneCount = parameter("Number of availability zones.")
    nat_gateways: NatGateways = parameter("One NAT gateway, or one in each zone.")
    nat_gateway_id: ResourceName = parameter("NAT gateway of the first zone.")
    nat_gateway_b_id: ResourceName = parameter("NAT gateway of the second zone, or none.")
    nat_gateway_c_id: ResourceName = parameter("NAT gateway of the third zone, or none.")
    vpn_gateway_address: VpnGatewayAddress = parameter("Public address of a VPN device, or empty.")
    vpn_connection_id: ResourceName = parameter("VPN to the team's own network, or none.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    page_topic_arn: TopicArn = output("Topic of what visitors suffer from now.")
    escalation_topic_arn: TopicArn = output("Topic of pages that nobody acknowledged.")
    operations_topic_arn: TopicArn = output("Topic of what can wait until morning.")
    dashboard_name: ResourceName = output("Dashboard of the environment.")


def build(template: Template, parameters: Parameters) -> Outputs:
    _add_conditions(template, parameters)
    topics = add_topics(template, _people(parameters), parameters.notifications_key_arn)
    add_filters(template, parameters.log_group_name, parameters.container_log_group_name)
    add_queries(template, parameters.log_group_name, parameters.container_log_group_name, parameters.database_id)
    add_trace_group(template)
    canary = add_canary(template, _visit(parameters))
    servers, containers = _servers(parameters), _containers(parameters)
    operations: Actions = [Ref(topics.operations)]
    add_front_alarms(template, _front(parameters, canary), operations)
    add_server_alarms(template, servers, operations)
    add_container_alarms(template, containers, operations)
    add_data_alarms(template, _data(parameters), operations)
    add_network_alarms(template, _ways(parameters), operations)
    nights = Nights(parameters.environment_name, parameters.time_zone)
    add_nights(template, nights)
    quiet = Quiet(servers_wanted=servers.wanted(), office_closed=nights.metric())
    outages = add_outage(template, parameters.environment_name, topics, parameters.response_plan_arn, quiet)
    add_event_rules(
        template,
        topics.operations,
        database_id=parameters.database_id,
        database_replica_id=parameters.database_replica_id,
        containers=containers,
    )
    composites = [GetAtt(alarm, "Arn") for alarm in (outages.outage, outages.degraded, outages.unacknowledged)]
    dashboard = add_dashboard(template, _sources(parameters, canary), composites, _other_alarms(template))
    return Outputs(
        page_topic_arn=TopicArn(Ref(topics.page)),
        escalation_topic_arn=TopicArn(Ref(topics.escalation)),
        operations_topic_arn=TopicArn(Ref(topics.operations)),
        dashboard_name=ResourceName(Ref(dashboard)),
    )


def _add_conditions(template: Template, parameters: Parameters) -> None:
    switches = Switches(
        compute=parameters.compute,
        server_paths=parameters.server_paths,
        green_share=parameters.green_share,
        standby_servers=parameters.standby_servers,
    )
    add_compute_conditions(template, switches)
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    add_condition(template, HAS_FIREWALL, Equals(parameters.web_application_firewall, "true"))
    add_condition(template, HAS_SHIELD, Equals(parameters.shield_advanced, "true"))
    add_condition(template, HAS_REPLICA, Equals(parameters.database_read_replica, "true"))
    add_condition(template, HAS_VPN, Not(Equals(parameters.vpn_gateway_address, "")))
    office_hours = Equals(parameters.office_hours_only, "true")
    add_condition(template, SERVERS_SLEEP, And(ConditionReference(HAS_SERVERS), office_hours))
    add_condition(template, TASKS_SLEEP, And(ConditionReference(HAS_CONTAINERS), office_hours))
    add_condition(template, NAT_PER_ZONE, Equals(parameters.nat_gateways, "per-zone"))
    third_zone = Equals(parameters.zone_count, "3")
    add_condition(template, NAT_IN_THIRD_ZONE, And(ConditionReference(NAT_PER_ZONE), third_zone))


def _people(parameters: Parameters) -> People:
    return People(
        on_call_email=parameters.on_call_email,
        on_call_url=parameters.on_call_url,
        escalation_email=parameters.escalation_email,
        operations_email=parameters.operations_email,
        incident_manager=parameters.incident_manager,
    )


def _visit(parameters: Parameters) -> Visit:
    return Visit(
        asked_for=parameters.synthetic_canary,
        address=parameters.application_url,
        domain_name=parameters.domain_name,
        application_archive_key=parameters.application_archive_key,
        compute=parameters.compute,
        log_bucket_name=parameters.log_bucket_name,
    )


def _front(parameters: Parameters, canary: Canary) -> Front:
    return Front(
        load_balancer_full_name=parameters.load_balancer_full_name,
        certificate_arn=parameters.certificate_arn,
        canary=Ref(canary),
    )


def _behind(parameters: Parameters) -> Behind:
    return behind(
        load_balancer=parameters.load_balancer_full_name,
        target_group=parameters.target_group_full_name,
        green_target_group=parameters.green_target_group_full_name,
        group_name=parameters.web_server_group_name,
        green_group_name=parameters.green_web_server_group_name,
        blue_containers=parameters.blue_containers_full_name,
        green_containers=parameters.green_containers_full_name,
    )


def _servers(parameters: Parameters) -> Servers:
    return Servers(
        environment_name=parameters.environment_name,
        behind=_behind(parameters),
        log_group_name=parameters.log_group_name,
        maximum=parameters.web_server_maximum,
        scale_out_cpu_percent=parameters.scale_out_cpu_percent,
    )


def _containers(parameters: Parameters) -> Containers:
    return Containers(
        behind=_behind(parameters),
        cluster_name=parameters.cluster_name,
        service_name=parameters.container_service_name,
        service_arn=parameters.container_service_arn,
        log_group_name=parameters.container_log_group_name,
        maximum=parameters.web_server_maximum,
        scale_out_cpu_percent=parameters.scale_out_cpu_percent,
    )


def _data(parameters: Parameters) -> Data:
    return Data(
        database_id=parameters.database_id,
        database_replica_id=parameters.database_replica_id,
        database_instance_class=parameters.database_instance_class,
        database_storage=parameters.database_storage,
        session_table_name=parameters.session_table_name,
        file_system_id=parameters.file_system_id,
    )


def _ways(parameters: Parameters) -> Ways:
    return Ways(
        nat_gateway_id=parameters.nat_gateway_id,
        nat_gateway_b_id=parameters.nat_gateway_b_id,
        nat_gateway_c_id=parameters.nat_gateway_c_id,
        vpn_connection_id=parameters.vpn_connection_id,
    )


def _sources(parameters: Parameters, canary: Canary) -> Sources:
    return Sources(
        environment_name=parameters.environment_name,
        application_url=parameters.application_url,
        distribution_id=parameters.distribution_id,
        servers=_servers(parameters),
        containers=_containers(parameters),
        database_id=parameters.database_id,
        database_replica_id=parameters.database_replica_id,
        session_table_name=parameters.session_table_name,
        file_system_id=parameters.file_system_id,
        nat_gateways=[
            (parameters.nat_gateway_id, None),
            (parameters.nat_gateway_b_id, NAT_PER_ZONE),
            (parameters.nat_gateway_c_id, NAT_IN_THIRD_ZONE),
        ],
        vpn_connection_id=parameters.vpn_connection_id,
        canary=canary,
    )


def _other_alarms(template: Template) -> list[AWSHelperFn | Only]:
    """Return the ARNs of the alarms that are no composites, in the order in which they were added."""
    found: list[AWSHelperFn | Only] = []
    for alarm in template.resources.values():
        if isinstance(alarm, Alarm):
            condition = alarm.resource.get("Condition")
            arn = GetAtt(alarm, "Arn")
            found.append(Only(condition, arn) if condition else arn)
    return found
