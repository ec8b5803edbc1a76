"""The web platform of one environment: the root that nests all stacks and hands each what it needs from the others.

Owns nothing but the wiring. The same template is deployed to every environment; `params/<environment>.json` is all that
differs. There are no exports: a value goes from the stack that has it through this root to the stack that needs it, and
CloudFormation derives from these references which stacks wait for which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from troposphere import Equals, If, Not, Sub, Template

from generator import __version__
from generator.environment import Environment
from generator.naming import PROJECT
from generator.nesting import add_condition, nest
from generator.parameter_types import (
    BucketName,
    DistributionId,
    DnsName,
    FileSystemId,
    ImageId,
    ImageUri,
    KeyPrefix,
    OriginSecretArn,
    ResourceName,
    RoleArn,
    TableName,
    TopicArn,
    Url,
    Version,
    VpcId,
    output,
    parameter,
)
from generator.roots.platform_containers import nest_containers
from generator.roots.platform_operations import nest_cost, nest_observability, nest_on_call, nest_recovery
from generator.roots.platform_rules import add_rules
from generator.roots.platform_web_tier import nest_web_tier
from generator.stacks import (
    access,
    database,
    edge,
    egress,
    encryption,
    ingress,
    network,
    security,
    storage,
)

HAS_DOMAIN = "HasDomain"


@dataclass(frozen=True, kw_only=True)
class Parameters(Environment):
    """The environment's settings, and where the release lies that is deployed to it."""

    template_bucket_name: BucketName = parameter("Bucket that holds the release's templates.")
    template_key_prefix: KeyPrefix = parameter(
        "Folder of the release in that bucket.", default=f"{PROJECT}/v{__version__}/"
    )
    web_server_image_id: ImageId = parameter("AMI of the web servers, resolved once for the release and pinned.")
    application_image: ImageUri = parameter("Image of the application, pinned by the release, or none.", default="none")
    collector_image: ImageUri = parameter("Image of the OpenTelemetry collector, or none.", default="none")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    release_version: Version = output("Version of the release.")
    application_url: Url = output("Address of the application.")
    website_url: Url = output("Address of the static website, at CloudFront's own name.")
    distribution_id: DistributionId = output("CloudFront distribution.")
    distribution_domain_name: DnsName = output("Name of the distribution at CloudFront.")
    website_bucket_name: BucketName = output("Bucket of the static website.")
    load_balancer_dns_name: DnsName = output("DNS name of the load balancer.")
    vpc_id: VpcId = output("The VPC.")
    nat_gateway_id: ResourceName = output("NAT gateway of the first zone.")
    web_server_group_name: ResourceName = output("Auto Scaling group of the blue web servers, or none.")
    green_web_server_group_name: ResourceName = output("Auto Scaling group of the green web servers, or none.")
    web_server_log_group_name: ResourceName = output("Log group of the web servers, or none.")
    web_server_test_secret_arn: ResourceName = output("Secret by which tests reach standby web servers, or none.")
    cluster_name: ResourceName = output("ECS cluster of the containers, or none.")
    container_service_name: ResourceName = output("ECS service of the containers, or none.")
    container_log_group_name: ResourceName = output("Log group of the containers, or none.")
    test_secret_arn: ResourceName = output("Secret by which requests test a new version of the containers, or none.")
    session_table_name: TableName = output("Session table.")
    file_system_id: FileSystemId = output("File system with the product images.")
    release_bucket_name: BucketName = output("Bucket of the application's release archives.")
    log_bucket_name: BucketName = output("Bucket of access logs.")
    operator_user_name: ResourceName = output("User of an operator, who sets up MFA and assumes the role.")
    operator_role_arn: RoleArn = output("Role of the operators.")
    bastion_auto_scaling_group_name: ResourceName = output("Auto Scaling group of the bastion, or none.")
    session_document_name: ResourceName = output("Document with which sessions on the bastion are started, or none.")
    access_log_group_name: ResourceName = output("Log group of who was on the bastion and did what, or none.")
    publisher_role_arn: ResourceName = output("Role of the workflow that publishes application archives, or none.")
    database_id: ResourceName = output("Identifier of the database instance.")
    database_endpoint_parameter: ResourceName = output("SSM parameter with the host name of the database.")
    database_secret_parameter: ResourceName = output("SSM parameter with the ARN of the database's master secret.")
    dashboard_name: ResourceName = output("Dashboard: is it healthy, and if not, why not.")
    page_topic_arn: TopicArn = output("Topic of what visitors suffer from now.")
    escalation_topic_arn: TopicArn = output("Topic of pages that nobody acknowledged.")
    operations_topic_arn: TopicArn = output("Topic of what can wait until morning.")
    backup_vault_name: ResourceName = output("Vault of the backups.")
    recovery_vault_arn: ResourceName = output("Vault of their copies in the second region, or none.")
    restore_testing_plan_name: ResourceName = output("Plan by which backups are restored every month, or none.")
    budget_name: ResourceName = output("Monthly budget of the account.")
    resource_group_name: ResourceName = output("Resource group of everything in the environment.")


def build(template: Template, parameters: Parameters) -> Outputs:
    images = parameters.application_image, parameters.collector_image
    add_rules(template, parameters, images)
    keys = nest(template, encryption.build, encryption.Parameters(environment_name=parameters.environment_name))
    front = _edge(template, parameters, keys)
    net = _network(template, parameters, keys)
    groups = _security(template, parameters, net)
    way_out = _egress(template, parameters, net, groups)
    postgresql = _database(template, parameters, keys, net, groups)
    stores = _storage(template, parameters, keys, net, groups)
    through = _through_cloudfront(template, parameters, front)
    way_in = _ingress(template, parameters, keys, through, net, groups, stores)
    tasks = nest_containers(template, parameters, images, keys, through, net, groups, stores, way_in)
    image = parameters.web_server_image_id
    servers = nest_web_tier(template, parameters, image, keys, through, net, groups, stores, way_in, tasks)
    people = _access(template, parameters, keys, front, net, groups, stores)
    plan = nest_on_call(template, parameters)
    behind = servers, tasks
    watch = nest_observability(template, parameters, keys, front, net, way_out, stores, way_in, behind, people, plan)
    backups = nest_recovery(template, parameters, keys, front, net, groups, stores, watch)
    bill = nest_cost(template, parameters, watch)
    # Packages and images come through the NAT gateway; no value of the egress stack says so to CloudFormation.
    for stack in ("Containers", "WebTier", "Access"):
        template.resources[stack].DependsOn = ["Egress"]
    return Outputs(
        release_version=Version(__version__),
        application_url=way_in.application_url,
        website_url=Url(Sub("https://${Name}/", Name=front.distribution_domain_name)),
        distribution_id=front.distribution_id,
        distribution_domain_name=front.distribution_domain_name,
        website_bucket_name=front.website_bucket_name,
        load_balancer_dns_name=way_in.load_balancer_dns_name,
        vpc_id=net.vpc_id,
        nat_gateway_id=way_out.nat_gateway_id,
        web_server_group_name=servers.web_server_group_name,
        green_web_server_group_name=servers.green_web_server_group_name,
        web_server_log_group_name=servers.log_group_name,
        web_server_test_secret_arn=servers.test_secret_arn,
        cluster_name=tasks.cluster_name,
        container_service_name=tasks.container_service_name,
        container_log_group_name=tasks.container_log_group_name,
        test_secret_arn=tasks.test_secret_arn,
        session_table_name=stores.session_table_name,
        file_system_id=stores.file_system_id,
        release_bucket_name=stores.release_bucket_name,
        log_bucket_name=stores.log_bucket_name,
        operator_user_name=people.operator_user_name,
        operator_role_arn=people.operator_role_arn,
        bastion_auto_scaling_group_name=people.bastion_auto_scaling_group_name,
        session_document_name=people.session_document_name,
        access_log_group_name=people.access_log_group_name,
        publisher_role_arn=people.publisher_role_arn,
        database_id=postgresql.database_id,
        database_endpoint_parameter=postgresql.endpoint_parameter,
        database_secret_parameter=postgresql.secret_parameter,
        dashboard_name=watch.dashboard_name,
        page_topic_arn=watch.page_topic_arn,
        escalation_topic_arn=watch.escalation_topic_arn,
        operations_topic_arn=watch.operations_topic_arn,
        backup_vault_name=backups.backup_vault_name,
        recovery_vault_arn=backups.recovery_vault_arn,
        restore_testing_plan_name=backups.restore_testing_plan_name,
        budget_name=bill.budget_name,
        resource_group_name=bill.resource_group_name,
    )


def _edge(template: Template, parameters: Parameters, keys: encryption.Outputs) -> edge.Outputs:
    return nest(
        template,
        edge.build,
        edge.Parameters(
            environment_name=parameters.environment_name,
            data_key_arn=keys.data_key_arn,
            domain_name=parameters.domain_name,
            web_application_firewall=parameters.web_application_firewall,
            shield_advanced=parameters.shield_advanced,
            recovery_region=parameters.recovery_region,
        ),
    )


def _through_cloudfront(template: Template, parameters: Parameters, front: edge.Outputs) -> edge.Outputs:
    """Return what stands behind CloudFront where a domain leads through it to the load balancer, and none elsewhere.

    CloudFormation waits for a stack that the taken branch of an `Fn::If` refers to: without a domain the load balancer
    does not wait the minutes that a distribution takes.
    """
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    return replace(
        front,
        distribution_domain_name=DnsName(If(HAS_DOMAIN, front.distribution_domain_name, "none")),
        origin_secret_arn=OriginSecretArn(If(HAS_DOMAIN, front.origin_secret_arn, "none")),
    )


def _network(template: Template, parameters: Parameters, keys: encryption.Outputs) -> network.Outputs:
    return nest(
        template,
        network.build,
        network.Parameters(
            environment_name=parameters.environment_name,
            vpc_cidr=parameters.vpc_cidr,
            availability_zone_a=parameters.availability_zone_a,
            availability_zone_b=parameters.availability_zone_b,
            availability_zone_c=parameters.availability_zone_c,
            access_mode=parameters.access_mode,
            operator_cidr=parameters.operator_cidr,
            vpn_cidr=parameters.vpn_cidr,
            logs_key_arn=keys.logs_key_arn,
        ),
    )


def _security(template: Template, parameters: Parameters, net: network.Outputs) -> security.Outputs:
    return nest(
        template,
        security.build,
        security.Parameters(
            environment_name=parameters.environment_name,
            vpc_id=net.vpc_id,
            access_mode=parameters.access_mode,
            operator_cidr=parameters.operator_cidr,
            vpn_cidr=parameters.vpn_cidr,
            load_balancer_access=parameters.load_balancer_access,
            compute=parameters.compute,
        ),
    )


def _egress(
    template: Template, parameters: Parameters, net: network.Outputs, groups: security.Outputs
) -> egress.Outputs:
    return nest(
        template,
        egress.build,
        egress.Parameters(
            environment_name=parameters.environment_name,
            vpc_id=net.vpc_id,
            zone_count=net.zone_count,
            public_subnet_ids=net.public_subnet_ids,
            private_subnet_ids=net.private_subnet_ids,
            private_route_table_ids=net.private_route_table_ids,
            endpoint_group_id=groups.endpoint_group_id,
            nat_gateways=parameters.nat_gateways,
            interface_endpoints=parameters.interface_endpoints,
            compute=parameters.compute,
        ),
    )


def _database(
    template: Template,
    parameters: Parameters,
    keys: encryption.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
) -> database.Outputs:
    return nest(
        template,
        database.build,
        database.Parameters(
            environment_name=parameters.environment_name,
            isolated_subnet_ids=net.isolated_subnet_ids,
            database_group_id=groups.database_group_id,
            data_key_arn=keys.data_key_arn,
            logs_key_arn=keys.logs_key_arn,
            web_server_role_name=groups.web_server_role_name,
            task_role_name=groups.task_role_name,
            database_instance_class=parameters.database_instance_class,
            database_storage=parameters.database_storage,
            database_multi_az=parameters.database_multi_az,
            database_read_replica=parameters.database_read_replica,
            deletion_protection=parameters.deletion_protection,
            office_hours_only=parameters.office_hours_only,
        ),
    )


def _storage(
    template: Template,
    parameters: Parameters,
    keys: encryption.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
) -> storage.Outputs:
    return nest(
        template,
        storage.build,
        storage.Parameters(
            environment_name=parameters.environment_name,
            zone_count=net.zone_count,
            isolated_subnet_ids=net.isolated_subnet_ids,
            file_system_group_id=groups.file_system_group_id,
            data_key_arn=keys.data_key_arn,
            web_server_role_name=groups.web_server_role_name,
            web_server_role_arn=groups.web_server_role_arn,
            task_role_name=groups.task_role_name,
            task_role_arn=groups.task_role_arn,
            deletion_protection=parameters.deletion_protection,
            recovery_region=parameters.recovery_region,
        ),
    )


def _ingress(
    template: Template,
    parameters: Parameters,
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
    stores: storage.Outputs,
) -> ingress.Outputs:
    return nest(
        template,
        ingress.build,
        ingress.Parameters(
            environment_name=parameters.environment_name,
            public_subnet_ids=net.public_subnet_ids,
            load_balancer_group_id=groups.load_balancer_group_id,
            log_bucket_name=stores.log_bucket_name,
            domain_name=parameters.domain_name,
            hosted_zone_id=parameters.hosted_zone_id,
            distribution_domain_name=front.distribution_domain_name,
            origin_secret_arn=front.origin_secret_arn,
            web_application_firewall=parameters.web_application_firewall,
            shield_advanced=parameters.shield_advanced,
            logs_key_arn=keys.logs_key_arn,
            deletion_protection=parameters.deletion_protection,
        ),
    )


def _access(
    template: Template,
    parameters: Parameters,
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
    stores: storage.Outputs,
) -> access.Outputs:
    return nest(
        template,
        access.build,
        access.Parameters(
            environment_name=parameters.environment_name,
            vpc_id=net.vpc_id,
            zone_count=net.zone_count,
            public_subnet_ids=net.public_subnet_ids,
            private_subnet_ids=net.private_subnet_ids,
            public_route_table_id=net.public_route_table_id,
            private_route_table_ids=net.private_route_table_ids,
            bastion_group_id=groups.bastion_group_id,
            logs_key_arn=keys.logs_key_arn,
            data_key_arn=keys.data_key_arn,
            release_bucket_name=stores.release_bucket_name,
            website_bucket_name=front.website_bucket_name,
            web_server_image_id=parameters.web_server_image_id,
            audit_retention_days=parameters.audit_retention_days,
            access_mode=parameters.access_mode,
            vpn_gateway_address=parameters.vpn_gateway_address,
            vpn_cidr=parameters.vpn_cidr,
            federated_subject=parameters.federated_subject,
        ),
    )
