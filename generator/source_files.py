"""Which files of a folder are source: what git tracks, or would track if it were asked to."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError

LIST = ("ls-files", "-z", "--others", "--exclude-standard")


def source_files(folder: Path) -> list[Path]:
    """Return the files of a working copy as a push would carry them, sorted: what git knows, or would add.

    In a build there is no repository; there an empty one, made for the moment, tells what `.gitignore` leaves over.
    Raises `UserError` where git fails.
    """
    if _is_repository(folder):
        listed = _git(["-C", str(folder), *LIST, "--cached"])
    else:
        with tempfile.TemporaryDirectory(prefix="source-") as elsewhere:
            _git(["init", "--quiet", "--bare", elsewhere])
            listed = _git(["-C", str(folder), "--git-dir", elsewhere, "--work-tree", ".", *LIST])
    names = {name for name in listed.split("\0") if name}
    return sorted(folder / name for name in names if (folder / name).is_file())


def _is_repository(folder: Path) -> bool:
    asked = ["git", "-C", str(folder), "rev-parse", "--git-dir"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError as error:
        raise UserError(f"git cannot be run: {error}; it is needed to list the sources") from error


def _git(arguments: Sequence[str]) -> str:
    try:
        return os.fsdecode(subprocess.run(["git", *arguments], capture_output=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        complaint = getattr(error, "stderr", b"").decode(errors="replace") or error
        raise UserError(f"git {' '.join(arguments)}: {complaint}; git is needed to list the sources") from error
