"""The OpenTelemetry collector beside the application, which passes its traces on to X-Ray. Part of `containers`.

It is AWS's distribution of the collector (ADOT), which reads its configuration from a variable, which ECS reads from an
SSM parameter. Visitors do not depend on it: ECS starts it again by itself, and the task goes on without it.
https://aws-otel.github.io/docs/setup/ecs/config-through-ssm
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from troposphere import Sub, Template
from troposphere.ecs import ContainerDefinition, HealthCheck, RestartPolicy, Secret
from troposphere.ssm import Parameter as SsmParameter

from generator.iam import arn
from generator.naming import PROJECT, in_environment, parameter_path
from generator.stacks.containers_confinement import confined, logged_to

if TYPE_CHECKING:
    from troposphere.logs import LogGroup

    from generator.stacks.containers import Parameters

NAME = "collector"
PATH = ("collector", "configuration")
CONFIGURATION_VARIABLE = "AOT_CONFIG_CONTENT"

CPU_UNITS, MEMORY_MIB = 64, 192
LIMIT_MIB, SPIKE_MIB = 120, 40
"""When the collector refuses spans rather than to be ended for its memory."""

RESTART_AFTER_SECONDS = 60
"""The shortest that ECS takes: whoever ends sooner stays away.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html"""

# Addresses are the task's own: nobody outside it can hand in traces.
CONFIGURATION = f"""\
extensions:
  health_check:
    endpoint: 127.0.0.1:13133
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      http:
        endpoint: 127.0.0.1:4318
processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: {LIMIT_MIB}
    spike_limit_mib: {SPIKE_MIB}
  resourcedetection:
    detectors: [env, ecs]
    timeout: 2s
  batch:
    timeout: 1s
    send_batch_size: 50
exporters:
  awsxray:
    region: ${{AWS::Region}}
service:
  extensions: [health_check]
  telemetry:
    logs:
      level: warn
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, resourcedetection, batch]
      exporters: [awsxray]
"""


def add_configuration(template: Template) -> SsmParameter:
    """Add the collector's configuration, where ECS finds it."""
    return template.add_resource(
        SsmParameter(
            "CollectorConfiguration",
            Name=parameter_path(*PATH),
            Description=in_environment(f"What the collector of {PROJECT} ${{EnvironmentName}} receives and sends."),
            Type="String",
            Value=Sub(CONFIGURATION),
        )
    )


def configuration_arn() -> Sub:
    """Return the ARN of the SSM parameter with the configuration."""
    path = "/".join(PATH)
    return arn(f"ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{PROJECT}/${{EnvironmentName}}/{path}")


def collector(parameters: Parameters, logs: LogGroup) -> ContainerDefinition:
    """Return the collector of a task."""
    return ContainerDefinition(
        Name=NAME,
        Image=parameters.collector_image,
        Essential=False,
        RestartPolicy=RestartPolicy(Enabled=True, RestartAttemptPeriod=RESTART_AFTER_SECONDS),
        Cpu=CPU_UNITS,
        Memory=MEMORY_MIB,
        Secrets=[Secret(Name=CONFIGURATION_VARIABLE, ValueFrom=configuration_arn())],
        # ECS reads the parameter when a task starts: only a new task definition brings a new configuration.
        DockerLabels={"configuration": hashlib.sha256(CONFIGURATION.encode()).hexdigest()},
        HealthCheck=HealthCheck(Command=["CMD", "/healthcheck"], Interval=15, Timeout=5, Retries=3, StartPeriod=15),
        LogConfiguration=logged_to(logs, NAME),
        **confined(),
    )
