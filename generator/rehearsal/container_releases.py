"""The images of a rehearsal: those of the release, and others that are deployed to see what happens.

They are built from the project's own application and pushed by the role that the pipeline builds images with. What the
release needs is not built again where it is in the registry, as in the pipeline.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.delivery.images import Image, find_image, needed, pinned
from generator.naming import IMAGES_ROLE, TOOLS
from generator.rehearsal import oci_images
from generator.rehearsal.accounts import Accounts
from generator.rehearsal.docker_stand_in import stand_in_for
from generator.rehearsal.emulator_sessions import assumed_by_service
from generator.rehearsal.image_build import build
from generator.rehearsal.image_upload import push
from generator.rehearsal.pipeline_actions import CODEBUILD

APPLICATION = "application"
"""The folder of the project that the application's image is built from."""

APPLICATION_IMAGE = "ApplicationImage"
UNHEALTHY = "unhealthy"
"""An image that starts and answers, and whose health check fails."""

HEALTH_CHECK, FAILS = "check-health", "#!/bin/sh\nexit 1\n"


class ContainerReleases:
    """Images of a project's application in the registry of a rehearsal's tools account.

    `python` has the application's packages: the build's own commands are run by it.
    """

    def __init__(self, accounts: Accounts, project: Path, python: Path) -> None:
        self._accounts = accounts
        self._folder = project / APPLICATION
        self._python = python
        self._lock = threading.Lock()

    def of_release(self) -> Mapping[str, str]:
        """Return the root's parameters that name the images of the release by digest; they are in the registry."""
        ecr, images = self._registry(), needed(self._folder)
        with self._lock:
            for each in images:
                if find_image(ecr, each) is None:
                    made = stand_in_for(each.origin) if isinstance(each.origin, str) else self._built(each.tag)
                    push(ecr, each.repository, each.tag, made)
            return pinned(ecr, images)

    def other(self, name: str) -> str:
        """Return another image of the application by digest: `unhealthy`, or a version that works and has this name."""
        ecr = self._registry()
        [application] = [each for each in needed(self._folder) if each.parameter == APPLICATION_IMAGE]
        image = Image(application.parameter, application.repository, name, self._folder)
        with self._lock:
            if find_image(ecr, image) is None:
                push(ecr, image.repository, name, self._built(name))
        return pinned(ecr, [image])[image.parameter]

    def _built(self, version: str) -> oci_images.Image:
        with tempfile.TemporaryDirectory(prefix="image-") as scratch:
            folder = Path(shutil.copytree(self._folder, Path(scratch, APPLICATION)))
            if version == UNHEALTHY:
                (folder / HEALTH_CHECK).write_text(FAILS, encoding="utf-8")
            return build(folder, self._python, {"VERSION": version})

    def _registry(self) -> Any:
        """Return ECR's client of the role that builds images, as CodeBuild assumes it."""
        accounts = self._accounts
        account_id, region = accounts.id_of(TOOLS), accounts.region
        role = f"arn:aws:iam::{account_id}:role/{IMAGES_ROLE}"
        source = f"arn:aws:codebuild:{region}:{account_id}:project/x"
        return assumed_by_service(accounts.emulator, role, region, CODEBUILD, source, "images").client("ecr")
