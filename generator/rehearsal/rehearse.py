"""The whole rehearsal: an emulator, an account for each environment, and the real release with the real settings.

What it shows: that every nested template deploys through a change set with the real parameters, that all wires between
stacks resolve, and that the services then answer what was promised. What it cannot show is printed with the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from generator.delivery.deploy import Deployment, deploy
from generator.delivery.publish import pin_image, upload
from generator.environment import TemplateConfiguration
from generator.naming import PROJECT, root_stack_name, template_file
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import Finding, Target, inspect
from generator.rehearsal.report import Progress, print_deployment, print_findings, print_limits, print_summary
from generator.release import verify

ROOT = "platform"
"""The root that is rehearsed."""


def rehearse_all(
    release: Path, configurations: Sequence[TemplateConfiguration], console: Console, port: int | None = None
) -> bool:
    """Deploy the release to each environment in turn and inspect it; return whether everything was as promised.

    Stops at the first environment that fails, as a promotion would. Raises `UserError` where the release is not whole
    or the port is taken.
    """
    verify(release)
    results: list[tuple[str, Deployment, list[Finding]]] = []
    with Emulator(port) as emulator:
        for number, configuration in enumerate(configurations, start=1):
            name = configuration.environment.environment_name.literal
            deployment, findings = rehearse_one(emulator, release, configuration, _account_id(number), console)
            results.append((name, deployment, findings))
            if not deployment.complete or not all(finding.holds for finding in findings):
                break
    print_limits(console, [deployment for _, deployment, _ in results])
    return print_summary(console, results, [c.environment.environment_name.literal for c in configurations])


def rehearse_one(
    emulator: Emulator, release: Path, configuration: TemplateConfiguration, account_id: str, console: Console
) -> tuple[Deployment, list[Finding]]:
    """Deploy the release to one environment in an account of its own, print how it went, and inspect the result."""
    environment = configuration.environment
    name = environment.environment_name.literal
    region = environment.availability_zone_a.literal[:-1]

    def client(service: str) -> Any:
        return emulator.client(service, account_id, region)

    console.rule(f"[bold]{name}[/] in account {account_id}, {region}", align="left")
    bucket, prefix = _prepare_account(client, release, name, account_id, region)
    deployment = deploy(
        client("cloudformation"),
        root_stack_name(name),
        f"https://s3.{region}.amazonaws.com/{bucket}/{prefix}{template_file(ROOT)}",
        {
            **configuration.parameters(),
            "TemplateBucketName": bucket,
            "TemplateKeyPrefix": prefix,
            "WebServerImageId": pin_image(client("ssm"), release),
        },
        configuration.tags,
        Progress(console),
    )
    print_deployment(console, deployment)
    if not deployment.complete:
        return deployment, []
    findings = inspect(Target(client, emulator.endpoint_url, environment, deployment))
    print_findings(console, name, findings)
    return deployment, findings


def _prepare_account(
    client: Callable[[str], Any], release: Path, environment_name: str, account_id: str, region: str
) -> tuple[str, str]:
    """Give a new account what a deployment expects to find: the templates and a certificate. Returns
    bucket and key prefix.
    """
    bucket = f"{PROJECT}-templates-{account_id}"
    location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3").create_bucket(Bucket=bucket, **location)
    prefix = upload(client("s3"), release, bucket)
    certificate = client("acm").request_certificate(DomainName=f"{environment_name}.example.com")["CertificateArn"]
    path = f"/{PROJECT}/{environment_name}/certificate-arn"
    client("ssm").put_parameter(Name=path, Value=certificate, Type="String")
    return bucket, prefix


def _account_id(number: int) -> str:
    return f"{number:04d}" * 3
