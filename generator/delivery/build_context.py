"""The files from which an image is built, as Docker picks them: a folder, less what its `.dockerignore` leaves out.

Read by Docker's own library, so that what a tag stands for is what a build gets.
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from generator.errors import UserError

DOCKERFILE, IGNORED = "Dockerfile", ".dockerignore"


def context_files(folder: Path) -> dict[str, Path]:
    """Return the files of a build context by their path in it, sorted; `Dockerfile` and `.dockerignore` are among them.

    Raises `UserError` where the folder has no Dockerfile.
    """
    from docker.utils import build

    remaining: Any = build.exclude_paths

    if not (folder / DOCKERFILE).is_file():
        raise UserError(f"{folder}: there is no {DOCKERFILE}; an image is built from a folder that has one")
    ignored = folder / IGNORED
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    found = {Path(name).as_posix(): folder / name for name in remaining(str(folder), patterns)}
    return {name: path for name, path in sorted(found.items()) if path.is_file()}
