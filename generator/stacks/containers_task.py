"""What runs in a task: the application, its migration, and the collector of its traces. Part of the stack `containers`.

One image is application and migration. The migration runs beside the application and not before it, because nothing of
the platform waits for the database; it tries again until it is done, and then ends. Secrets and configuration are read
by ECS when a task starts, and are in no task definition.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import AWSHelperFn, FindInMap, GetAtt, Ref, Template
from troposphere.ecs import (
    AuthorizationConfig,
    ContainerDefinition,
    EFSVolumeConfiguration,
    Environment,
    HealthCheck,
    Host,
    MountPoint,
    PortMapping,
    RuntimePlatform,
    TaskDefinition,
    Volume,
)
from troposphere.ecs import Secret as SecretVariable
from troposphere.secretsmanager import Secret

from generator.application_environment import APPLICATION_SECRET, PRODUCT_IMAGES, Surroundings, of_a_container
from generator.generated_secrets import generated_secret
from generator.naming import PROJECT, in_environment, name_tag
from generator.stacks.containers_collector import add_configuration, collector
from generator.stacks.containers_confinement import confined, logged_to
from generator.stacks.containers_rules import container_port
from generator.target_groups import HTTPS_TARGETS

if TYPE_CHECKING:
    from troposphere.iam import Role
    from troposphere.logs import LogGroup

    from generator.stacks.containers import Parameters

APPLICATION, MIGRATION = "application", "migration"
IMAGES_VOLUME = "product-images"
SCRATCH = "/tmp"

SIZES = {
    "small": {"Cpu": "512", "Memory": "1024", "ApplicationMemory": "512"},
    "medium": {"Cpu": "1024", "Memory": "2048", "ApplicationMemory": "1408"},
    "large": {"Cpu": "2048", "Memory": "4096", "ApplicationMemory": "3328"},
}
"""CPU units and MiB of a task, in combinations that Fargate has, and what of it is the application's. Migration and
collector have limits of their own, so that no container ends another; what is left is for the proxy of Service Connect.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size"""

MIGRATION_MEMORY_MIB = 192

STOP_SECONDS = 30
"""Longer than the application takes to finish the requests under way. Fargate allows 120 seconds."""

HEALTH_CHECK = "/srv/application/check-health"
"""A program of the image. ECS does not read the health check that an image brings."""

SECRET_CHARACTERS = 64


def add_application_secret(template: Template, parameters: Parameters) -> Secret:
    """Add the secret that all tasks share, whatever the application uses it for: a cookie's signature for example."""
    return template.add_resource(
        generated_secret(
            "ApplicationSecret",
            description=f"What tasks of {PROJECT} ${{EnvironmentName}} share.",
            characters=SECRET_CHARACTERS,
            key=parameters.data_key_arn,
            tag="application-secret",
        )
    )


def add_task(
    template: Template, parameters: Parameters, execution: Role, secret: Secret, logs: LogGroup, sidecar_logs: LogGroup
) -> TaskDefinition:
    """Add the task definition, in the size that the environment asks for."""
    template.add_mapping("ContainerSizes", SIZES)
    configuration = add_configuration(template)
    # Unvalidated: troposphere knows Fargate's sizes, and this one is the environment's.
    return template.add_resource(
        TaskDefinition(
            "TaskDefinition",
            # One family: CloudFormation would make up another one for each revision.
            Family=in_environment(f"{PROJECT}-${{EnvironmentName}}"),
            RequiresCompatibilities=["FARGATE"],
            RuntimePlatform=RuntimePlatform(CpuArchitecture="X86_64", OperatingSystemFamily="LINUX"),
            NetworkMode="awsvpc",
            Cpu=_size(parameters, "Cpu"),
            Memory=_size(parameters, "Memory"),
            ExecutionRoleArn=GetAtt(execution, "Arn"),
            TaskRoleArn=parameters.task_role_arn,
            Volumes=[_product_images(parameters), _scratch(APPLICATION), _scratch(MIGRATION)],
            ContainerDefinitions=[
                _application(parameters, secret, logs),
                _migration(parameters, secret, logs),
                collector(parameters, sidecar_logs),
            ],
            Tags=name_tag("task"),
            DependsOn=[configuration.title],
        ).no_validation()
    )


def _size(parameters: Parameters, what: str) -> FindInMap:
    return FindInMap("ContainerSizes", parameters.container_size, what)


def _application(parameters: Parameters, secret: Secret, logs: LogGroup) -> ContainerDefinition:
    return ContainerDefinition(
        Name=APPLICATION,
        Essential=True,
        PortMappings=[PortMapping(Name=APPLICATION, ContainerPort=container_port(), Protocol="tcp")],
        HealthCheck=HealthCheck(Command=["CMD", HEALTH_CHECK], Interval=10, Timeout=5, Retries=3, StartPeriod=30),
        StopTimeout=STOP_SECONDS,
        Memory=_size(parameters, "ApplicationMemory"),
        **_of_the_image(parameters, secret, logs, APPLICATION),
    )


def _migration(parameters: Parameters, secret: Secret, logs: LogGroup) -> ContainerDefinition:
    return ContainerDefinition(
        Name=MIGRATION,
        Command=["./migrate-until-done"],
        Essential=False,
        Memory=MIGRATION_MEMORY_MIB,
        **_of_the_image(parameters, secret, logs, MIGRATION),
    )


def _of_the_image(parameters: Parameters, secret: Secret, logs: LogGroup, name: str) -> dict[str, Any]:
    """Return what containers of the application's image have in common."""
    return {
        "Image": parameters.application_image,
        "Environment": [Environment(Name=key, Value=value) for key, value in _environment(parameters).items()],
        "Secrets": [SecretVariable(Name=APPLICATION_SECRET, ValueFrom=Ref(secret))],
        "MountPoints": [
            MountPoint(SourceVolume=IMAGES_VOLUME, ContainerPath=PRODUCT_IMAGES, ReadOnly=False),
            MountPoint(SourceVolume=_scratch_volume(name), ContainerPath=SCRATCH, ReadOnly=False),
        ],
        "LogConfiguration": logged_to(logs, name),
        **confined(),
    }


def _environment(parameters: Parameters) -> dict[str, AWSHelperFn | str]:
    return of_a_container(
        Surroundings(
            session_table_name=parameters.session_table_name,
            target_protocol=parameters.target_protocol,
            trace_share=parameters.trace_share,
            https_targets=HTTPS_TARGETS,
        )
    )


def _product_images(parameters: Parameters) -> Volume:
    """Return the shared file system, mounted with TLS, as the tasks' role, through the access point alone (E11)."""
    return Volume(
        Name=IMAGES_VOLUME,
        EFSVolumeConfiguration=EFSVolumeConfiguration(
            FilesystemId=parameters.file_system_id,
            TransitEncryption="ENABLED",
            AuthorizationConfig=AuthorizationConfig(AccessPointId=parameters.images_access_point_id, IAM="ENABLED"),
        ),
    )


def _scratch(name: str) -> Volume:
    """Return a volume that lives as long as its task.

    It belongs to root but where the image declares its path as a volume, whose owner and mode it gets then.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
    """
    return Volume(Name=_scratch_volume(name), Host=Host())


def _scratch_volume(name: str) -> str:
    return f"{name}-scratch"
