"""Environments deployed without a pipeline, and a source that a pipeline builds without testing it again."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generator.delivery.deploy import Deployment, Event, deploy, template_at
from generator.delivery.publish import pin_image, upload
from generator.environment import TemplateConfiguration
from generator.naming import PROJECT, root_stack_name
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import Target
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
REGION = "eu-west-1"

BUILD = """
version: 0.2
phases:
  build:
    commands:
      - make publish BUCKET="$TEMPLATE_BUCKET"
artifacts:
  files: ["**/*"]
  base-directory: dist
cache:
  paths: [".venv/**/*", ".cache/**/*"]
"""

account_ids = (f"8{number:011d}" for number in itertools.count())


def deployed(
    emulator: Emulator, configuration: TemplateConfiguration, release: Path = RELEASE, account_id: str = ""
) -> Target:
    """Deploy an environment in the account given, or in one of its own."""
    account_id = account_id or next(account_ids)

    def client(service: str) -> Any:
        return emulator.client(service, account_id, REGION)

    name = configuration.environment.environment_name.literal
    location = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=f"{PROJECT}-templates-{account_id}", CreateBucketConfiguration=location)
    certificate = client("acm").request_certificate(DomainName=f"{name}.example.com")["CertificateArn"]
    client("ssm").put_parameter(Name=f"/{PROJECT}/{name}/certificate-arn", Value=certificate, Type="String")
    deployment = redeployed(client, configuration, lambda _: None, release)
    assert deployment.complete, deployment.first_failure
    return Target(client, emulator.endpoint_url, configuration.environment, deployment)


def redeployed(
    client: Callable[[str], Any],
    configuration: TemplateConfiguration,
    on_event: Callable[[Event], None],
    release: Path = RELEASE,
    **changed: str,
) -> Deployment:
    """Deploy to an account that has its bucket and certificate, with some parameters changed."""
    bucket = f"{PROJECT}-templates-{client('sts').get_caller_identity()['Account']}"
    prefix = upload(client("s3"), release, bucket)
    given = {
        "TemplateBucketName": bucket,
        "TemplateKeyPrefix": prefix,
        "WebServerImageId": pin_image(client("ssm"), release),
    }
    return deploy(
        client("cloudformation"),
        root_stack_name(configuration.environment.environment_name.literal),
        template_at(f"https://s3.{REGION}.amazonaws.com/{bucket}/{prefix}platform.yaml"),
        {**configuration.parameters(), **given, **changed},
        configuration.tags,
        on_event,
    )


def project_without_tests(folder: Path) -> Path:
    """Make the folder this project's source, with a build that publishes and does not test itself again."""
    for name in ("generator", "params", "templates_out"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.lock"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "buildspec.yml").write_text(BUILD)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
