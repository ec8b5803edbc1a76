"""The web servers, nested where the application runs on them. Part of the root `platform`."""

from __future__ import annotations

from troposphere import Equals, Join, Not, Template

from generator.environment import Environment
from generator.nesting import add_condition, nest
from generator.parameter_types import ImageId, PathPatterns
from generator.stacks import containers, edge, encryption, ingress, network, security, storage, web_tier

HAS_SERVERS = "HasServers"


def nest_web_tier(
    template: Template,
    parameters: Environment,
    image: ImageId,
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
    stores: storage.Outputs,
    way_in: ingress.Outputs,
    tasks: containers.Outputs,
) -> web_tier.Outputs:
    """Nest the web servers where asked for; their outputs are none elsewhere.

    They wait for containers, where both run: requests are left to those only once they are there.
    """
    add_condition(template, HAS_SERVERS, Not(Equals(parameters.compute, "fargate")))
    return nest(
        template,
        web_tier.build,
        web_tier.Parameters(
            environment_name=parameters.environment_name,
            vpc_id=net.vpc_id,
            vpc_cidr=parameters.vpc_cidr,
            private_subnet_ids=net.private_subnet_ids,
            web_server_group_id=groups.web_server_group_id,
            web_server_role_name=groups.web_server_role_name,
            https_listener_arn=way_in.https_listener_arn,
            load_balancer_access=parameters.load_balancer_access,
            origin_secret_arn=front.origin_secret_arn,
            data_key_arn=keys.data_key_arn,
            logs_key_arn=keys.logs_key_arn,
            session_table_name=stores.session_table_name,
            file_system_id=stores.file_system_id,
            images_access_point_id=stores.images_access_point_id,
            release_bucket_name=stores.release_bucket_name,
            compute=parameters.compute,
            container_service_name=tasks.container_service_name,
            # Between stacks a list travels as one string.
            server_paths=PathPatterns(Join(",", parameters.server_paths)),
            application_archive_key=parameters.application_archive_key,
            green_archive_key=parameters.green_archive_key,
            green_share=parameters.green_share,
            standby_servers=parameters.standby_servers,
            web_server_image_id=image,
            web_server_instance_type=parameters.web_server_instance_type,
            target_protocol=parameters.target_protocol,
            web_server_minimum=parameters.web_server_minimum,
            web_server_maximum=parameters.web_server_maximum,
            scale_out_cpu_percent=parameters.scale_out_cpu_percent,
            scale_in_cpu_percent=parameters.scale_in_cpu_percent,
            office_hours_only=parameters.office_hours_only,
            time_zone=parameters.time_zone,
            trace_share=parameters.trace_share,
        ),
        condition=HAS_SERVERS,
    )
