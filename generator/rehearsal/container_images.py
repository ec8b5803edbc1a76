"""Images as tasks get them: pulled by digest from the emulator's registry, checked, and unpacked as files to read.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
URI = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9/_.-]+)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)
WHITEOUT = ".wh."
"""How a layer names what it takes away."""

TIMEOUT_SECONDS = 30.0
GZIP = b"\x1f\x8b"


class PullError(Exception):
    """An image cannot be pulled; the message says why."""


@dataclass(frozen=True)
class ImageReference:
    """An image by its digest, in a registry of ECR."""

    registry_id: str
    repository: str
    digest: str

    @classmethod
    def parse(cls, uri: str) -> ImageReference:
        """Read an image's URI. Raises `PullError` for one that names no digest: nothing else is promised to stay."""
        found = URI.fullmatch(uri)
        if found is None:
            raise PullError(f"{uri}: not the URI of an image in ECR by its digest")
        return cls(found["registry"], found["repository"], found["digest"])


@dataclass(frozen=True)
class UnpackedImage:
    """An image's files below `root`, and what its configuration says of running it."""

    digest: str
    root: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    working_directory: str
    user: str

    def path(self, path: str) -> Path:
        """Return where a path of the image is on this machine."""
        return self.root / path.lstrip("/")

    def fingerprint(self) -> str:
        """Return a digest of all names, modes and contents, which changes when anybody writes into the image."""
        digest = hashlib.sha256()
        for path in sorted(self.root.rglob("*")):
            mode = path.lstat().st_mode
            digest.update(f"{path.relative_to(self.root)} {mode:o}\n".encode())
            if stat.S_ISREG(mode):
                digest.update(path.read_bytes())
        return digest.hexdigest()


class Images:
    """Images that were pulled to a folder, each unpacked once. Who pulls must be allowed to, each time anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def pull(self, ecr: Any, uri: str) -> UnpackedImage:
        """Pull an image with a client of ECR. Raises `PullError`, and boto3's `ClientError` where it is refused."""
        reference = ImageReference.parse(uri)
        manifest = _manifest(ecr, reference)
        blobs = {
            digest: _download_url(ecr, reference, digest)
            for digest in (manifest["config"]["digest"], *(each["digest"] for each in manifest["layers"]))
        }
        configuration = json.loads(_downloaded(blobs[manifest["config"]["digest"]], manifest["config"]["digest"]))
        root = self._folder / reference.digest.replace(":", "-")
        with self._lock:
            if not root.exists():
                layers = ((each["digest"], blobs[each["digest"]]) for each in manifest["layers"])
                _unpack((_downloaded(url, digest) for digest, url in layers), root)
        return _unpacked(reference.digest, root, configuration.get("config", {}))


def _manifest(ecr: Any, reference: ImageReference) -> dict[str, Any]:
    answer = ecr.batch_get_image(
        registryId=reference.registry_id,
        repositoryName=reference.repository,
        imageIds=[{"imageDigest": reference.digest}],
        acceptedMediaTypes=list(MANIFESTS),
    )
    if not answer["images"]:
        why = "; ".join(str(each.get("failureReason", each)) for each in answer.get("failures", ()))
        raise PullError(f"{reference.repository}@{reference.digest}: {why or 'not found'}")
    text = answer["images"][0]["imageManifest"]
    _check(text.encode(), reference.digest)
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def _download_url(ecr: Any, reference: ImageReference, digest: str) -> str:
    answer = ecr.get_download_url_for_layer(
        registryId=reference.registry_id, repositoryName=reference.repository, layerDigest=digest
    )
    return str(answer["downloadUrl"])


def _downloaded(url: str, digest: str) -> bytes:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read()
    except OSError as error:
        raise PullError(f"{digest}: cannot be downloaded: {error}") from error
    _check(content, digest)
    return content


def _check(content: bytes, digest: str) -> None:
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != digest:
        raise PullError(f"{digest}: what the registry holds under this digest is {found}")


def _unpack(layers: Iterator[bytes], root: Path) -> None:
    """Unpack layers over one another, whole or not at all."""
    aside = root.with_name(f"{root.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for layer in layers:
        content = gzip.decompress(layer) if layer.startswith(GZIP) else layer
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(aside, _present(archive, aside), filter="tar")
    aside.rename(root)


def _present(archive: tarfile.TarFile, root: Path) -> Iterator[tarfile.TarInfo]:
    """Yield what a layer adds; take away what it hides of the layers below."""
    for member in archive:
        path = Path(member.name)
        if path.name.startswith(WHITEOUT):
            hidden = root / path.with_name(path.name.removeprefix(WHITEOUT))
            shutil.rmtree(hidden, ignore_errors=True)
            hidden.unlink(missing_ok=True)
        else:
            yield member


def _unpacked(digest: str, root: Path, configuration: Mapping[str, Any]) -> UnpackedImage:
    return UnpackedImage(
        digest=digest,
        root=root,
        command=[*(configuration.get("Entrypoint") or ()), *(configuration.get("Cmd") or ())],
        environment=dict(each.split("=", 1) for each in configuration.get("Env") or ()),
        working_directory=configuration.get("WorkingDir") or "/",
        user=configuration.get("User") or "",
    )


Pull = Callable[[str], UnpackedImage]
"""Pulls an image by its URI, with the rights of whoever starts a task."""
