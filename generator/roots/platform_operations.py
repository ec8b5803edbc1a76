"""What operates an environment, nested beside what runs in it. Part of the root `platform`."""

from __future__ import annotations

from troposphere import Equals, Join, Template

from generator.environment import Environment
from generator.naming import in_environment
from generator.nesting import add_condition, nest
from generator.parameter_types import PathPatterns, ResourceName, ResponsePlanArn
from generator.stacks import (
    access,
    containers,
    cost,
    database,
    edge,
    egress,
    encryption,
    ingress,
    network,
    observability,
    on_call,
    recovery,
    security,
    storage,
    web_tier,
)

HAS_INCIDENT_MANAGER = "HasIncidentManager"


def nest_on_call(template: Template, parameters: Environment) -> ResponsePlanArn:
    """Nest the turns on call where asked for, and return what an outage starts there, or none."""
    add_condition(template, HAS_INCIDENT_MANAGER, Equals(parameters.incident_manager, "true"))
    return nest(
        template,
        on_call.build,
        on_call.Parameters(
            environment_name=parameters.environment_name,
            on_call_email=parameters.on_call_email,
            second_on_call_email=parameters.second_on_call_email,
            escalation_email=parameters.escalation_email,
            time_zone=parameters.time_zone,
        ),
        condition=HAS_INCIDENT_MANAGER,
    ).response_plan_arn


def nest_observability(
    template: Template,
    parameters: Environment,
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    way_out: egress.Outputs,
    stores: storage.Outputs,
    way_in: ingress.Outputs,
    behind: tuple[web_tier.Outputs, containers.Outputs],
    people: access.Outputs,
    plan: ResponsePlanArn,
) -> observability.Outputs:
    """Nest the watch over everything that visitors meet and data lies in: logs, alarms, dashboard, and whom they tell.

    `behind` are the web servers and the containers, of which an environment may have one alone.
    """
    servers, tasks = behind
    return nest(
        template,
        observability.build,
        observability.Parameters(
            environment_name=parameters.environment_name,
            notifications_key_arn=keys.notifications_key_arn,
            on_call_email=parameters.on_call_email,
            on_call_url=parameters.on_call_url,
            escalation_email=parameters.escalation_email,
            operations_email=parameters.operations_email,
            incident_manager=parameters.incident_manager,
            response_plan_arn=plan,
            application_url=way_in.application_url,
            application_archive_key=parameters.application_archive_key,
            domain_name=parameters.domain_name,
            log_bucket_name=stores.log_bucket_name,
            synthetic_canary=parameters.synthetic_canary,
            distribution_id=front.distribution_id,
            load_balancer_full_name=way_in.load_balancer_full_name,
            compute=parameters.compute,
            server_paths=PathPatterns(Join(",", parameters.server_paths)),
            green_share=parameters.green_share,
            standby_servers=parameters.standby_servers,
            target_group_full_name=servers.target_group_full_name,
            green_target_group_full_name=servers.green_target_group_full_name,
            certificate_arn=way_in.certificate_arn,
            web_application_firewall=parameters.web_application_firewall,
            shield_advanced=parameters.shield_advanced,
            web_server_group_name=servers.web_server_group_name,
            green_web_server_group_name=servers.green_web_server_group_name,
            log_group_name=servers.log_group_name,
            cluster_name=tasks.cluster_name,
            container_service_name=tasks.container_service_name,
            container_service_arn=tasks.container_service_arn,
            container_log_group_name=tasks.container_log_group_name,
            blue_containers_full_name=tasks.blue_containers_full_name,
            green_containers_full_name=tasks.green_containers_full_name,
            web_server_maximum=parameters.web_server_maximum,
            scale_out_cpu_percent=parameters.scale_out_cpu_percent,
            office_hours_only=parameters.office_hours_only,
            time_zone=parameters.time_zone,
            # By their names, and not by the database's outputs: nothing waits for it.
            database_id=ResourceName(in_environment(database.IDENTIFIER)),
            database_replica_id=ResourceName(in_environment(database.REPLICA_IDENTIFIER)),
            database_instance_class=parameters.database_instance_class,
            database_storage=parameters.database_storage,
            database_read_replica=parameters.database_read_replica,
            session_table_name=stores.session_table_name,
            file_system_id=stores.file_system_id,
            zone_count=net.zone_count,
            nat_gateways=parameters.nat_gateways,
            nat_gateway_id=way_out.nat_gateway_id,
            nat_gateway_b_id=way_out.nat_gateway_b_id,
            nat_gateway_c_id=way_out.nat_gateway_c_id,
            vpn_gateway_address=parameters.vpn_gateway_address,
            vpn_connection_id=people.vpn_connection_id,
        ),
    )


def nest_recovery(
    template: Template,
    parameters: Environment,
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
    stores: storage.Outputs,
    watch: observability.Outputs,
) -> recovery.Outputs:
    """Nest the backups of everything that holds data, and their copies in the second region where there is one."""
    return nest(
        template,
        recovery.build,
        recovery.Parameters(
            environment_name=parameters.environment_name,
            backup_key_arn=keys.backup_key_arn,
            data_key_arn=keys.data_key_arn,
            isolated_subnet_ids=net.isolated_subnet_ids,
            database_group_id=groups.database_group_id,
            website_bucket_name=front.website_bucket_name,
            release_bucket_name=stores.release_bucket_name,
            operations_topic_arn=watch.operations_topic_arn,
            long_term_backups=parameters.long_term_backups,
            backup_vault_lock=parameters.backup_vault_lock,
            recovery_region=parameters.recovery_region,
            restore_testing=parameters.restore_testing,
            office_hours_only=parameters.office_hours_only,
            time_zone=parameters.time_zone,
        ),
    )


def nest_cost(
    template: Template,
    parameters: Environment,
    watch: observability.Outputs,
) -> cost.Outputs:
    """Nest what keeps costs low and tells of high ones: office hours, the budget, anomalies where asked for."""
    return nest(
        template,
        cost.build,
        cost.Parameters(
            environment_name=parameters.environment_name,
            monthly_budget=parameters.monthly_budget,
            cost_anomaly_monitor=parameters.cost_anomaly_monitor,
            operations_topic_arn=watch.operations_topic_arn,
            office_hours_only=parameters.office_hours_only,
            time_zone=parameters.time_zone,
            database_id=ResourceName(in_environment(database.IDENTIFIER)),
        ),
    )
