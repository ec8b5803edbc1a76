"""Archives of applications, good ones and broken ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Member:
    """One entry of an archive."""

    name: str
    content: bytes = b""
    mode: int = 0o644
    type: bytes = tarfile.REGTYPE
    target: str = ""


START = Member("start", b"#!/bin/sh\nexec sleep infinity\n", 0o755)
INDEX = Member("public/index.html", b"<!doctype html><title>Shop</title>")
STYLE = Member("public/assets/shop.3f9a1c2b.css", b"body { margin: 0 }")
GOOD = (START, INDEX, STYLE)


def packed(file: Path, members: Iterable[Member] = GOOD) -> Path:
    """Write an archive and return its path."""
    with tarfile.open(file, "w:gz") as archive:
        for member in members:
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mode, entry.type, entry.linkname = (
                len(member.content),
                member.mode,
                member.type,
                member.target,
            )
            archive.addfile(entry, io.BytesIO(member.content))
    return file
