"""The containers, nested beside the web servers or in their place. Part of the root `platform`."""

from __future__ import annotations

from troposphere import Equals, Not, Template

from generator.environment import Environment
from generator.nesting import add_condition, nest
from generator.parameter_types import ImageUri
from generator.stacks import containers, edge, encryption, ingress, network, security, storage

HAS_CONTAINERS = "HasContainers"


def nest_containers(
    template: Template,
    parameters: Environment,
    images: tuple[ImageUri, ImageUri],
    keys: encryption.Outputs,
    front: edge.Outputs,
    net: network.Outputs,
    groups: security.Outputs,
    stores: storage.Outputs,
    way_in: ingress.Outputs,
) -> containers.Outputs:
    """Nest the containers where asked for; their outputs are none elsewhere. `images`: the application's, the
    collector's.
    """
    add_condition(template, HAS_CONTAINERS, Not(Equals(parameters.compute, "ec2")))
    application_image, collector_image = images
    return nest(
        template,
        containers.build,
        containers.Parameters(
            environment_name=parameters.environment_name,
            vpc_id=net.vpc_id,
            private_subnet_ids=net.private_subnet_ids,
            containers_group_id=groups.containers_group_id,
            task_role_name=groups.task_role_name,
            task_role_arn=groups.task_role_arn,
            https_listener_arn=way_in.https_listener_arn,
            load_balancer_full_name=way_in.load_balancer_full_name,
            load_balancer_access=parameters.load_balancer_access,
            origin_secret_arn=front.origin_secret_arn,
            data_key_arn=keys.data_key_arn,
            logs_key_arn=keys.logs_key_arn,
            session_table_name=stores.session_table_name,
            file_system_id=stores.file_system_id,
            images_access_point_id=stores.images_access_point_id,
            application_image=application_image,
            collector_image=collector_image,
            target_protocol=parameters.target_protocol,
            web_server_minimum=parameters.web_server_minimum,
            web_server_maximum=parameters.web_server_maximum,
            scale_out_cpu_percent=parameters.scale_out_cpu_percent,
            scale_in_cpu_percent=parameters.scale_in_cpu_percent,
            scale_out_requests=parameters.scale_out_requests,
            container_size=parameters.container_size,
            fargate_spot_share=parameters.fargate_spot_share,
            container_traffic_shift=parameters.container_traffic_shift,
            container_test_minutes=parameters.container_test_minutes,
            container_bake_minutes=parameters.container_bake_minutes,
            trace_share=parameters.trace_share,
            office_hours_only=parameters.office_hours_only,
            time_zone=parameters.time_zone,
        ),
        condition=HAS_CONTAINERS,
    )
