"""The emulated accounts of a rehearsal: one for the tools, one for each environment, bootstrapped as on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generator.delivery.bootstrap import (
    bootstrap_audit_trail,
    bootstrap_global_edge,
    bootstrap_recovery_region,
    bootstrap_target,
    bootstrap_tools,
)
from generator.delivery.certificate import ensure_certificate
from generator.delivery.deploy import Deployment, Event
from generator.environment import ENVIRONMENTS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import PIPELINE_STACK, TOOLS, account_parameter
from generator.regions import EDGE_REGION
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_hosted_zones import REFERENCE
from generator.rehearsal.endpoints import Certificates, Clients
from generator.rehearsal.pipeline_definition import Pipeline, read_pipeline
from generator.resolver import resolve

TOOLS_ACCOUNT_ID = "000900090009"


@dataclass(frozen=True)
class Accounts:
    """Who is who in the emulator. An environment's name stands for its account, `tools` for the pipeline's."""

    emulator: Emulator
    region: str

    def id_of(self, name: str) -> str:
        """Return an account's twelve digits."""
        return TOOLS_ACCOUNT_ID if name == TOOLS else f"{ENVIRONMENTS.index(name) + 1:04d}" * 3

    def client(self, service: str, name: str, region: str = "") -> Any:
        """Return a client in an account, in the environments' region or another one."""
        return self.emulator.client(service, self.id_of(name), region or self.region)

    def clients(self, name: str) -> Clients:
        """Return what makes clients in an account."""

        def client(service: str, region: str = "") -> Any:
            return self.client(service, name, region)

        return client


def by_environment(configurations: Sequence[TemplateConfiguration]) -> dict[str, TemplateConfiguration]:
    """Return the configurations by the name of their environment, in the order of promotion."""
    found = {each.environment.environment_name.literal: each for each in configurations}
    return {name: found[name] for name in ENVIRONMENTS}


def common_region(configurations: Mapping[str, TemplateConfiguration]) -> str:
    """Return the region of all environments. Raises `UserError` where they are in several."""
    regions = {name: c.region for name, c in configurations.items()}
    if len(set(regions.values())) != 1:
        found = ", ".join(f"{name} in {region}" for name, region in regions.items())
        raise UserError(f"params: the pipeline promotes within one region, but the zones put {found}")
    return next(iter(regions.values()))


def bootstrap(
    accounts: Accounts,
    release: Path,
    configurations: Mapping[str, TemplateConfiguration],
    certificates: Certificates,
    on_event: Callable[[Event], None],
) -> tuple[Pipeline, Mapping[str, str]]:
    """Bootstrap all accounts from a release; return the pipeline that is there now and the tools account's outputs.

    The keys of the certificates that are imported go to `certificates`.
    """
    parameters = {account_parameter(name): accounts.id_of(name) for name in ENVIRONMENTS} | {"ContainerImages": "true"}
    cloudformation = accounts.client("cloudformation", TOOLS)
    tools = bootstrap_tools(cloudformation, release, parameters, on_event)
    handed_on = {key: tools.outputs[key] for key in ("ArtifactBucketName", "ArtifactKeyArn", "TemplateBucketName")}
    for name, configuration in configurations.items():
        given = {"ToolsAccountId": TOOLS_ACCOUNT_ID, **handed_on}
        bootstrap_target(accounts.client("cloudformation", name), release, configuration, given, on_event)
        _bootstrap_beside(accounts, name, release, configuration, on_event)
        _import_certificate(accounts, name, configuration, certificates)
        _make_hosted_zone(accounts.client("route53", name), configuration)
        edge, ssm = accounts.client("cloudformation", name, EDGE_REGION), accounts.client("ssm", name)
        bootstrap_global_edge(edge, ssm, release, configuration, on_event)
    return deployed_pipeline(cloudformation, release, TOOLS_ACCOUNT_ID, tools), tools.outputs


def _bootstrap_beside(
    accounts: Accounts,
    name: str,
    release: Path,
    configuration: TemplateConfiguration,
    on_event: Callable[[Event], None],
) -> None:
    """Make what an environment's account has besides its roles: the second region and the trail of who did what."""

    def cloudformation(region: str) -> Any:
        return accounts.client("cloudformation", name, region)

    bootstrap_recovery_region(cloudformation, release, configuration, on_event)
    bootstrap_audit_trail(cloudformation(""), release, configuration, on_event)


def deployed_pipeline(cloudformation: Any, release: Path, account_id: str, deployment: Deployment) -> Pipeline:
    """Return the pipeline as its stack has it: the release's definition with the stack's parameters and resources."""
    [stack] = cloudformation.describe_stacks(StackName=PIPELINE_STACK)["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in deployment.resources[""]}
    known = {f"⟨{logical_id}⟩": physical_id for logical_id, physical_id in ids.items()}
    region = cloudformation.meta.region_name
    return read_pipeline(resolve(release, "pipeline", parameters, account_id, region, known), ids)


def _import_certificate(
    accounts: Accounts, name: str, configuration: TemplateConfiguration, certificates: Certificates
) -> None:
    """Import a self-signed certificate, as the administrator of an account without a domain does (W5)."""
    if configuration.environment.domain_name.literal:
        return
    acm, ssm = (accounts.client(service, name) for service in ("acm", "ssm"))
    made = ensure_certificate(acm, ssm, configuration, datetime.now(UTC))
    if made.pem_key is not None:
        certificates.imported(made.arn, made.pem_certificate, made.pem_key)


def _make_hosted_zone(route53: Any, configuration: TemplateConfiguration) -> None:
    """Make the zone of an environment's domain, as its owner has done before there was a platform."""
    domain, zone_id = (getattr(configuration.environment, name).literal for name in ("domain_name", "hosted_zone_id"))
    if domain:
        route53.create_hosted_zone(Name=domain, CallerReference=f"{REFERENCE}{zone_id}")
