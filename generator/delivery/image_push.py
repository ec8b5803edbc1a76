"""Images on their way to the registry: what is missing there is built, or copied, and pushed.

Repeated after a failure at any point, it makes what is still missing. Of two at once the first decides: a tag is given
once, and who comes second takes what lies there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generator.delivery.docker import Docker
from generator.delivery.images import Image, find_image
from generator.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def push_missing(ecr: ECRClient, docker: Docker, images: Sequence[Image], on_line: Callable[[str], None]) -> None:
    """Let the registry have these images. Raises `UserError` where Docker fails or a repository is missing."""
    missing = [image for image in images if find_image(ecr, image) is None]
    for image in images:
        on_line(f"{image.name}: {'is missing' if image in missing else 'is there'}")
    if not missing:
        return
    registry, password = _way_in(ecr)
    docker.log_in(registry, password)
    for image in missing:
        uri = f"{registry}/{image.name}"
        _make(docker, image, uri)
        _push(ecr, docker, image, uri)
        on_line(f"{image.name}: pushed")


def _way_in(ecr: ECRClient) -> tuple[str, str]:
    """Return the registry's address and a password for it, good for twelve hours: the token says `AWS:password`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    """
    [given] = ecr.get_authorization_token()["authorizationData"]
    password = base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]
    return given["proxyEndpoint"].removeprefix("https://"), password


def _make(docker: Docker, image: Image, uri: str) -> None:
    if isinstance(image.origin, Path):
        docker.build(image.origin, uri, image.tag)
    else:
        docker.copy(image.origin, uri)


def _push(ecr: ECRClient, docker: Docker, image: Image, uri: str) -> None:
    try:
        docker.push(uri)
    except UserError:
        if find_image(ecr, image) is None:
            raise
