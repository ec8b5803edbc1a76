"""What a pipeline hands from action to action: folders, as ZIP objects in the artifact bucket."""

from __future__ import annotations

import io
import os
import time
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from generator.errors import UserError

PERMISSIONS_SHIFT = 16
"""Where a ZIP entry keeps the Unix mode of its file."""


def files_below(folder: Path) -> list[Path]:
    """Return all files of a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, files: Iterable[Path]) -> bytes:
    """Return a ZIP of some files of a folder, with their modes and times; a ZIP counts time in steps of two seconds.

    Raises `UserError` for a file name that is not UTF-8, because a ZIP cannot hold it.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in files:
            try:
                archive.write(path, path.relative_to(folder))
            except UnicodeEncodeError as error:
                raise UserError(f"{os.fsencode(path)!r}: the file's name is not UTF-8; rename the file") from error
    return content.getvalue()


def unpack(content: bytes, folder: Path) -> Path:
    """Write a ZIP's files to a folder, with their modes and times, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            if not entry.is_dir():
                path.chmod((entry.external_attr >> PERMISSIONS_SHIFT) & 0o777 or 0o644)
                seconds = time.mktime((*entry.date_time, 0, 0, -1))
                os.utime(path, (seconds, seconds))
    return folder


def read_file(content: bytes, name: str) -> bytes:
    """Return one file of a ZIP. Raises `KeyError` where it is not there."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


class ArtifactStore:
    """The artifact bucket of a pipeline, read and written by the client of whoever does it, where policies let it."""

    def __init__(self, s3: Any, bucket: str, pipeline_name: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._pipeline_name = pipeline_name

    def put(self, name: str, content: bytes) -> str:
        """Store an artifact and return its key. Names are cut as CodePipeline cuts them."""
        key = f"{self._pipeline_name[:20]}/{name[:10]}/{uuid.uuid4().hex[:7]}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        return key

    def get(self, key: str) -> bytes:
        """Return an artifact."""
        content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return content
