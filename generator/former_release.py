"""The release that a command starts from: `--from RELEASE`."""

from __future__ import annotations

from pathlib import Path

from generator.errors import UserError


def find(templates_out: Path, name: str) -> Path:
    """Return the folder of a release by its name, such as `v1.1.0`. Raises `UserError` where there is none."""
    folder = templates_out / name
    if not folder.is_dir():
        known = sorted(path.name for path in templates_out.glob("v*"))
        raise UserError(f"--from {name}: is no release; allowed: {', '.join(known)}")
    return folder
