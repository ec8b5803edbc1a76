"""The emulated accounts of a rehearsal: one for the tools, one for each environment, bootstrapped as on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.delivery.bootstrap import bootstrap_target, bootstrap_tools
from generator.delivery.deploy import Deployment, Event
from generator.environment import ENVIRONMENTS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import PIPELINE_STACK, PROJECT, TOOLS, account_parameter
from generator.rehearsal.emulator import Emulator
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

    def client(self, service: str, name: str) -> Any:
        """Return a client in an account."""
        return self.emulator.client(service, self.id_of(name), self.region)


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
    on_event: Callable[[Event], None],
) -> tuple[Pipeline, Mapping[str, str]]:
    """Bootstrap all accounts from a release; return the pipeline that is there now and the tools account's outputs."""
    parameters = {account_parameter(name): accounts.id_of(name) for name in ENVIRONMENTS}
    cloudformation = accounts.client("cloudformation", TOOLS)
    tools = bootstrap_tools(cloudformation, release, parameters, on_event)
    handed_on = {key: tools.outputs[key] for key in ("ArtifactBucketName", "ArtifactKeyArn", "TemplateBucketName")}
    for name, configuration in configurations.items():
        given = {"ToolsAccountId": TOOLS_ACCOUNT_ID, **handed_on}
        bootstrap_target(accounts.client("cloudformation", name), release, configuration, given, on_event)
        _import_certificate(accounts, name)
    return deployed_pipeline(cloudformation, release, TOOLS_ACCOUNT_ID, tools), tools.outputs


def deployed_pipeline(cloudformation: Any, release: Path, account_id: str, deployment: Deployment) -> Pipeline:
    """Return the pipeline as its stack has it: the release's definition with the stack's parameters and resources."""
    [stack] = cloudformation.describe_stacks(StackName=PIPELINE_STACK)["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in deployment.resources[""]}
    known = {f"⟨{logical_id}⟩": physical_id for logical_id, physical_id in ids.items()}
    region = cloudformation.meta.region_name
    return read_pipeline(resolve(release, "pipeline", parameters, account_id, region, known), ids)


def _import_certificate(accounts: Accounts, name: str) -> None:
    """Put a certificate where the ingress stack looks for it, as the operator of a real account does (W5)."""
    requested = accounts.client("acm", name).request_certificate(DomainName=f"{name}.example.com")
    accounts.client("ssm", name).put_parameter(
        Name=f"/{PROJECT}/{name}/certificate-arn", Value=requested["CertificateArn"], Type="String", Overwrite=True
    )
