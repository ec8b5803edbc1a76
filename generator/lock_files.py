"""Lock files of Python packages: what exactly is installed, and the digests that it must have.

`make lock` writes them with uv; pip installs from them with `--require-hashes`.
https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from generator.errors import UserError

PACKAGE = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))?(?P<hashes>(?: --hash=\S+)*)"
)
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})(?=\s|$)")


@dataclass(frozen=True)
class LockedPackage:
    """One version of a package, and the files of it that may be installed."""

    name: str
    version: str
    marker: str
    """Where it is installed, such as `sys_platform == 'win32'`; empty for everywhere."""
    hashes: tuple[str, ...]
    """Digests of its files: `sha256:…`."""


def read_lock(path: Path) -> list[LockedPackage]:
    """Return the packages of a lock file, in its order.

    Raises `UserError` where the file cannot be read, and for a line that is no package with a version and digests: an
    option, an address, or a package that pip would install whatever its content.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; run make lock") from error
    packages = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        package = PACKAGE.fullmatch(line.strip())
        hashes = tuple(HASH.findall(line))
        if not package or not hashes or len(hashes) != line.count("--hash="):
            raise UserError(
                f"{path}: {line.split(' --hash')[0]}: must be a package with ==version and its sha256 hashes"
            )
        packages.append(LockedPackage(package["name"], package["version"], package["marker"] or "", hashes))
    if not packages:
        raise UserError(f"{path}: names no package; run make lock")
    return packages
