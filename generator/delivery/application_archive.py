"""What an application's archive holds, and what it must, so that the web servers and the website can use it.

A `.tar.gz` with `start`, which runs the application, perhaps `migrate`, which prepares its database, and `public/`, the
static pages: the web servers serve these, and the website bucket gets the same. Files below `public/assets/` are kept
by browsers for a year, so that each has a digest of its content in its name: another content has another name.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from generator.errors import UserError
from generator.release import digest

START, MIGRATE = "start", "migrate"
PUBLIC, ASSETS, INDEX = "public/", "assets/", "index.html"
"""The folder of the pages, that of the assets in it, and the page that a visitor of the root sees."""

NAME_WITH_DIGEST = re.compile(r".+\.[0-9a-f]{8,64}(\.[a-z0-9]+)+")
"""Such as `assets/shop.3f9a1c2b.css`."""


@dataclass(frozen=True)
class ApplicationArchive:
    """An archive that keeps the contract."""

    content: bytes
    site: Mapping[str, bytes]
    """The files below `public/`, by their path in it."""

    @property
    def digest(self) -> str:
        """The SHA-256 digest of the archive."""
        return digest(self.content)


def read(file: Path) -> ApplicationArchive:
    """Return what an archive holds. Raises `UserError` naming the file, with everything that breaks the contract."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        # All of it, so that its checksum is verified: tarfile stops reading where the last member ends.
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content)), mode="r:") as archive:
            site = _site(file, archive)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"{file}: is no .tar.gz archive, or not all of it: {error}") from error
    return ApplicationArchive(content, site)


def _site(file: Path, archive: tarfile.TarFile) -> dict[str, bytes]:
    members = archive.getmembers()
    if problems := list(_problems(members)):
        raise UserError("\n".join(f"{file}: {problem}" for problem in problems))
    files = {_path(member): member for member in members if member.isfile()}
    return {
        path.removeprefix(PUBLIC): _read(archive, member) for path, member in files.items() if path.startswith(PUBLIC)
    }


def _problems(members: Sequence[tarfile.TarInfo]) -> Iterator[str]:
    seen: set[str] = set()
    for member in members:
        yield from _problems_of_path(member)
        if _path(member) in seen:
            yield f"{member.name}: is there twice"
        seen.add(_path(member))
    files = {_path(member): member for member in members if member.isfile()}
    if f"{PUBLIC}{INDEX}" not in files:
        yield f"{PUBLIC}{INDEX} is missing: the page that a visitor sees first"
    if START not in files:
        yield f"{START} is missing: the file that runs the application"
    for name in (START, MIGRATE):
        if name in files and not files[name].mode & 0o100:
            yield f"{name}: is not executable"
    for path in files:
        if path.startswith(f"{PUBLIC}{ASSETS}") and not NAME_WITH_DIGEST.fullmatch(path):
            yield f"{path}: browsers keep it for a year; put a digest of its content in its name: shop.3f9a1c2b.css"


def _problems_of_path(member: tarfile.TarInfo) -> Iterator[str]:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        yield f"{member.name}: leads out of the folder that the archive is unpacked to"
    if member.issym() or member.islnk():
        yield f"{member.name}: is a link, to {member.linkname}; put the file itself there"
    elif not member.isfile() and not member.isdir():
        yield f"{member.name}: is neither a file nor a folder"


def _path(member: tarfile.TarInfo) -> str:
    """Return a member's path without a leading `./`, which some programs write."""
    return str(PurePosixPath(member.name))


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    assert opened is not None, "only files are read"
    return opened.read()
