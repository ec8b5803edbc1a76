"""The application's release in a rehearsal: its archive is built, published, and deployed as its publisher would.

The archive has no dependencies in it: they are in the environment of Python that the rehearsal's servers use.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from generator.delivery import application_archive
from generator.delivery.application import Published, destination, publish_application
from generator.delivery.deploy import (
    Deployment,
    Event,
    create_change_set,
    execute_change_set,
    find_deployed,
)
from generator.errors import UserError
from generator.naming import root_stack_name

BUILD = Path("application/build_archive.py")
ARCHIVE_KEY = "ApplicationArchiveKey"
SAME_TEMPLATE: Mapping[str, Any] = {"UsePreviousTemplate": True}


def build_archive(project: Path, folder: Path) -> Path:
    """Build the archive of the project's sample application and return it. Raises `UserError` where that fails."""
    archive = folder / "application.tar.gz"
    command = [sys.executable, str(project / BUILD), "--output", str(archive), "--without-dependencies"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"{BUILD}: cannot build the archive: {(done.stderr or done.stdout).strip()}")
    return archive


def publish_to(s3: Any, cloudformation: Any, archive: Path, environment: str, has_domain: bool) -> Published:
    """Publish the archive to a deployed environment. With a domain, its pages find the application where they are."""
    found = destination(cloudformation, environment)
    application_url = "" if has_domain else found.application_url
    application = application_archive.read(archive)
    return publish_application(s3, application, found.release_bucket, found.website_bucket, application_url)


def change_settings(
    cloudformation: Any,
    environment: str,
    changed: Mapping[str, str],
    tags: Mapping[str, str],
    role_arn: str,
    on_event: Callable[[Event], None],
) -> Deployment:
    """Give an environment other settings, such as another archive, and leave all else of its release as it is.

    `cloudformation` is the client of whoever deploys, `role_arn` the role that CloudFormation works with. Raises
    `UserError` where the environment has not been deployed, or refuses the change.
    """
    stack_name = root_stack_name(environment)
    stack = find_deployed(cloudformation, stack_name)
    if stack is None:
        raise UserError(f"there is no stack {stack_name}: deploy the environment first")
    parameters = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack["Parameters"]}
    change_set = create_change_set(
        cloudformation, stack_name, "application", SAME_TEMPLATE, {**parameters, **changed}, tags, role_arn
    )
    return execute_change_set(cloudformation, change_set, on_event)
