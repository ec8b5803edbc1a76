"""Environments deployed without a pipeline, and a source that a pipeline builds without testing it again."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generator.checks.environment_impact import release_parameters
from generator.delivery.bootstrap import bootstrap_audit_trail, bootstrap_global_edge, bootstrap_recovery_region
from generator.delivery.certificate import ensure_certificate
from generator.delivery.deploy import Deployment, Event, deploy, template_text
from generator.delivery.publish import pin_image, upload
from generator.environment import TemplateConfiguration
from generator.naming import BOUNDARIES_STACK, PLATFORM, PROJECT, root_stack_name
from generator.regions import EDGE_REGION
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.target import Target
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
REGION = "eu-west-1"

BUILD = """
version: 0.2
phases:
  build:
    commands:
      - make publish BUCKET="$TEMPLATE_BUCKET" IMAGES="$CONTAINER_IMAGES"
artifacts:
  files: ["**/*"]
  base-directory: dist
cache:
  paths: [".venv/**/*", ".cache/**/*"]
"""

account_ids = (f"8{number:011d}" for number in itertools.count())


def deployed(
    emulator: Emulator,
    configuration: TemplateConfiguration,
    release: Path = RELEASE,
    account_id: str = "",
    **changed: str,
) -> Target:
    """Deploy an environment in the account given, or in one of its own, with some parameters changed."""
    account_id = account_id or next(account_ids)

    def client(service: str) -> Any:
        return emulator.client(service, account_id, REGION)

    location = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=f"{PROJECT}-templates-{account_id}", CreateBucketConfiguration=location)
    with_boundaries(client, configuration)
    if not configuration.environment.domain_name.literal:
        ensure_certificate(client("acm"), client("ssm"), configuration, datetime.now(UTC))
    edge = emulator.client("cloudformation", account_id, EDGE_REGION)
    bootstrap_global_edge(edge, client("ssm"), RELEASE, configuration, lambda _: None)
    bootstrap_recovery_region(
        lambda region: emulator.client("cloudformation", account_id, region), RELEASE, configuration, lambda _: None
    )
    bootstrap_audit_trail(client("cloudformation"), RELEASE, configuration, lambda _: None)
    deployment = redeployed(client, configuration, lambda _: None, release, **changed)
    assert deployment.complete, deployment.first_failure
    return Target(client, emulator.endpoint_url, configuration.environment, deployment)


def with_boundaries(client: Callable[[str], Any], configuration: TemplateConfiguration) -> None:
    """Give an account the boundaries that the platform's roles name, as its bootstrap does."""
    template = template_text((RELEASE / "boundaries.yaml").read_text(encoding="utf-8"))
    boundaries = deploy(
        client("cloudformation"), BOUNDARIES_STACK, template, {}, configuration.tags, on_event=lambda _: None
    )
    assert boundaries.complete, boundaries.first_failure


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
        {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{bucket}/{prefix}platform.yaml"},
        release_parameters(release, PLATFORM, {**configuration.parameters(), **given, **changed}),
        configuration.tags,
        on_event,
    )


def project_without_tests(folder: Path) -> Path:
    """Make the folder this project's source, with a build that publishes and does not test itself again."""
    for name in ("application", "generator", "params", "templates_out"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "requirements.lock", folder / "requirements.lock")
    # The environment is this project's own: a build that finds it out of date must fail, and not set it up anew.
    makefile = (ROOT / "Makefile").read_text().replace("PYTHON ?= python3", "PYTHON := false")
    assert "PYTHON := false" in makefile
    (folder / "Makefile").write_text(makefile)
    (folder / "buildspec.yml").write_text(BUILD)
    for environment in (".venv", ".venv-application"):
        (folder / environment).symlink_to(ROOT / environment)
    return folder
