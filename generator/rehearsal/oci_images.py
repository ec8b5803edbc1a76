"""Container images without a container engine: the same bytes for the same files.

They are images as Docker pushes them. Its manifest keeps what OCI's leaves out: the health check. https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIGURATION = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

NO_TIME = "1970-01-01T00:00:00Z"
FOLDER_MODE = 0o755


@dataclass(frozen=True)
class File:
    """A file of an image, which belongs to root."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Image:
    """What a registry keeps: the bytes of manifest, configuration and layers."""

    manifest: bytes
    configuration: bytes
    layers: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The name by which the image is pulled, such as `sha256:…`."""
        return digest_of(self.manifest)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the image says of its process, in Docker's words: `Env`, `Cmd`, `WorkingDir`, `User`, `Labels`."""
        config: Mapping[str, Any] = json.loads(self.configuration)["config"]
        return config

    @property
    def not_run(self) -> tuple[str, ...]:
        """The instructions of its Dockerfile that only a container engine can follow, and nobody did."""
        history = json.loads(self.configuration)["history"]
        return tuple(entry["created_by"] for entry in history if entry.get("comment") == NOT_RUN)

    @property
    def blobs(self) -> dict[str, bytes]:
        """Configuration and layers by digest, as they are uploaded."""
        return {digest_of(blob): blob for blob in (self.configuration, *self.layers)}


NOT_RUN = "not run: there was no container engine"


@dataclass(frozen=True)
class Step:
    """An instruction of a Dockerfile, as the history of an image tells of it."""

    instruction: str
    is_run: bool = True


def image_of(config: Mapping[str, Any], files: Mapping[str, File], steps: Sequence[Step] = ()) -> Image:
    """Return the image with these files in one layer, by their absolute paths."""
    unpacked = _archive(files)
    layer = gzip.compress(unpacked, mtime=0)
    configuration = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": NO_TIME,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(unpacked)]},
            "history": [*map(_told, steps), {"created": NO_TIME, "created_by": "the files of all of them"}],
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIGURATION, configuration),
        "layers": [_descriptor(LAYER, layer)],
    }
    return Image(_json(manifest), configuration, (layer,))


def write_image(image: Image, folder: Path) -> None:
    """Write an image to a folder that may hold others, each blob under its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for digest, blob in {**image.blobs, image.digest: image.manifest}.items():
        (folder / digest.removeprefix("sha256:")).write_bytes(blob)


def read_image(folder: Path, digest: str) -> Image:
    """Return the image of a digest that `write_image` has written to a folder."""

    def blob(named: str) -> bytes:
        return (folder / named.removeprefix("sha256:")).read_bytes()

    manifest = blob(digest)
    content = json.loads(manifest)
    return Image(manifest, blob(content["config"]["digest"]), tuple(blob(each["digest"]) for each in content["layers"]))


def digest_of(content: bytes) -> str:
    """Return the digest by which a manifest or a layer is named, such as `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _archive(files: Mapping[str, File]) -> bytes:
    packed = io.BytesIO()
    folders = {str(parent).lstrip("/") for path in files for parent in PurePosixPath(path).parents} - {""}
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(folders):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, FOLDER_MODE
            tar.addfile(member)
        for path, file in sorted(files.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(file.content), file.mode
            tar.addfile(member, io.BytesIO(file.content))
    return packed.getvalue()


def _told(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"created": NO_TIME, "created_by": step.instruction, "empty_layer": True}
    if not step.is_run:
        told["comment"] = NOT_RUN
    return told


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": digest_of(content)}


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
