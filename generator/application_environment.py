"""What the application is told by its environment, on web servers and in containers: names and sources, said once.

On a server the file of systemd is written by `user_data/application_service.sh`, which is a complete script and so says
it again; tests compare the two. A task definition takes `of_a_container`. What the names mean to an application, and
that they are its contract, stands in application/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troposphere import AWSHelperFn, If, Ref

from generator.application_ports import APPLICATION_PORTS
from generator.naming import PROJECT, in_environment, parameter_path
from generator.parameter_types import TableName, TargetProtocol, TraceShare

Value = AWSHelperFn | str

PRODUCT_IMAGES = "/srv/product-images"
"""Where the shared file system is, on servers and in containers."""

TRACES_ENDPOINT = "http://127.0.0.1:4318"
"""Whoever passes traces on to X-Ray: the CloudWatch agent of a server, the collector in a task. Both take OTLP by HTTP.
"""

APPLICATION_SECRET = "APPLICATION_SECRET"
"""The one variable that is a secret: ECS reads it from Secrets Manager. A web server has none."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What differs between environments, as a stack with containers knows it.

    `https_targets` is the name of the template's condition for containers that speak HTTPS.
    """

    session_table_name: TableName
    target_protocol: TargetProtocol
    trace_share: TraceShare
    https_targets: str


@dataclass(frozen=True)
class Variable:
    """A variable's sources. `None` says that it is not told there: it is the image's own, or nobody reads it."""

    on_a_server: str | None
    """As the shell that writes the file spells it, such as `$SESSION_TABLE`."""

    in_a_container: Callable[[Surroundings], Value] | None


def _always(value: Value) -> Callable[[Surroundings], Value]:
    return lambda given: value


def _port(https_targets: str) -> If:
    """Return the port of a container, by the template's condition for HTTPS."""
    return If(https_targets, str(APPLICATION_PORTS["HTTPS"]), str(APPLICATION_PORTS["HTTP"]))


VARIABLES: Mapping[str, Variable] = {
    "ENVIRONMENT_NAME": Variable("$ENVIRONMENT_NAME", _always(Ref("EnvironmentName"))),
    "AWS_REGION": Variable("$REGION", _always(Ref("AWS::Region"))),
    # What boto3 reads.
    "AWS_DEFAULT_REGION": Variable("$REGION", _always(Ref("AWS::Region"))),
    "PORT": Variable("$PORT", lambda given: _port(given.https_targets)),
    # On a server nginx ends TLS, and speaks HTTP with the application.
    "TARGET_PROTOCOL": Variable(None, lambda given: given.target_protocol),
    "SESSION_TABLE": Variable("$SESSION_TABLE", lambda given: given.session_table_name),
    "PARAMETER_PATH": Variable("$PARAMETER_PATH", _always(parameter_path())),
    "PRODUCT_IMAGES": Variable("$IMAGES", _always(PRODUCT_IMAGES)),
    "PGSSLMODE": Variable("verify-full", _always("verify-full")),
    # The authorities of RDS are in the image.
    "PGSSLROOTCERT": Variable("$AUTHORITIES", None),
    "METRIC_NAMESPACE": Variable("$METRIC_NAMESPACE", _always(PROJECT)),
    "OTEL_EXPORTER_OTLP_ENDPOINT": Variable(TRACES_ENDPOINT, _always(TRACES_ENDPOINT)),
    "OTEL_SERVICE_NAME": Variable(
        "$METRIC_NAMESPACE-$ENVIRONMENT_NAME", _always(in_environment(f"{PROJECT}-${{EnvironmentName}}"))
    ),
    # A share of the requests is traced, and a trace that somebody else began as that one decided. OpenTelemetry for
    # Python has no sampler that reads X-Ray's rules (opentelemetry-python-contrib#3305), so that there are none.
    # https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
    "OTEL_TRACES_SAMPLER": Variable("parentbased_traceidratio", _always("parentbased_traceidratio")),
    "OTEL_TRACES_SAMPLER_ARG": Variable("$TRACE_SHARE", lambda given: given.trace_share),
}
"""Variable → its sources."""


def on_a_server() -> dict[str, str]:
    """Return the variables of the application on a web server, as the shell of the user data spells their values."""
    return {name: each.on_a_server for name, each in VARIABLES.items() if each.on_a_server is not None}


def of_a_container(given: Surroundings) -> dict[str, Value]:
    """Return the variables of the application in a container, but for `APPLICATION_SECRET`."""
    return {name: each.in_a_container(given) for name, each in VARIABLES.items() if each.in_a_container is not None}
