"""The images of a release: which it needs, what they are made from, and by which digest it pins them.

The tag of an image says what it is made from: the application's a digest of its sources, the collector's the version of
the public image that it is a copy of. An image is made once for its tag, which cannot be given to another one; whether
a later release needs a new one follows from its sources. A release names images by their own digest (D15).
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.delivery.build_context import context_files
from generator.errors import UserError
from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef, ImageIdentifierTypeDef

COLLECTOR_VERSION = "v0.49.0"
COLLECTOR_DIGEST = "sha256:d2bdfff2c377c3d71d78bd5d9ce9862fd535b12134a5739d87a07801297cf9fd"
COLLECTOR = f"public.ecr.aws/aws-observability/aws-otel-collector@{COLLECTOR_DIGEST}"
"""AWS's distribution of the OpenTelemetry collector, its index of all platforms.
https://github.com/aws-observability/aws-otel-collector/releases"""

TAG_LENGTH = 16
"""Characters of a digest in a tag: enough that no two versions of one application ever share one."""

DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
"""By partition, what the addresses of registries end with in other ones than the first.
https://docs.aws.amazon.com/general/latest/gr/ecr.html"""

NO_IMAGES: Mapping[str, str] = MappingProxyType({"ApplicationImage": "none", "CollectorImage": "none"})
"""What a release says where the tools account keeps no images."""


@dataclass(frozen=True)
class Image:
    """An image that a release needs."""

    parameter: str
    """The root's parameter that names it."""
    repository: str
    tag: str
    origin: Path | str
    """The folder that it is built from, or the public image that it is a copy of."""

    @property
    def name(self) -> str:
        """What people call it: repository and tag."""
        return f"{self.repository}:{self.tag}"


def needed(application: Path) -> tuple[Image, ...]:
    """Return the images of the release whose application is in a folder. Raises `UserError` where that has none."""
    collector_tag = f"{COLLECTOR_VERSION}-{COLLECTOR_DIGEST.removeprefix('sha256:')[:TAG_LENGTH]}"
    return (
        Image("ApplicationImage", APPLICATION_REPOSITORY, source_tag(application), application),
        Image("CollectorImage", COLLECTOR_REPOSITORY, collector_tag, COLLECTOR),
    )


def source_tag(folder: Path) -> str:
    """Return the tag of the image that a folder makes: a digest of names, rights and contents of what Docker gets.

    What `.dockerignore` leaves out does not count. Raises `UserError` where there is no Dockerfile, or a file cannot be
    read.
    """
    found = hashlib.sha256()
    try:
        for name, path in context_files(folder).items():
            executable = bool(path.stat().st_mode & stat.S_IXUSR)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{name}\0{executable}\0{content}\n".encode())
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return found.hexdigest()[:TAG_LENGTH]


def pinned(ecr: ECRClient, images: Sequence[Image]) -> dict[str, str]:
    """Return the parameters that name images by digest. Raises `UserError` where the registry lacks one of them."""
    return {image.parameter: _uri(ecr, image) for image in images}


def find_image(ecr: ECRClient, image: Image) -> ImageDetailTypeDef | None:
    """Return what ECR says of an image, or nothing where its tag is not there.

    Raises `UserError` where the repository is missing.
    """
    asked: list[ImageIdentifierTypeDef] = [{"imageTag": image.tag}]
    try:
        found = ecr.describe_images(repositoryName=image.repository, imageIds=asked)["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        return None
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise UserError(f"{error}: bootstrap the tools account with this release first") from error
    return found[0] if found else None


def _uri(ecr: ECRClient, image: Image) -> str:
    found = find_image(ecr, image)
    if found is None:
        raise UserError(
            f"{image.name}: is not in the registry; the pipeline's action Images builds it, where the tools account "
            "was bootstrapped with ContainerImages=true"
        )
    suffix = DNS_SUFFIXES.get(ecr.meta.partition, "amazonaws.com")
    registry = f"{found['registryId']}.dkr.ecr.{ecr.meta.region_name}.{suffix}"
    return f"{registry}/{image.repository}@{found['imageDigest']}"
