"""Building the site with one of two generators, in an environment of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from generator.errors import UserError
from tests.site.staging import CONFIGURATION, Staging, stage

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = REPOSITORY / ".venv-site"
MERMAID = "lib/python3.*/site-packages/mermaidx/assets/mermaid.js"
BUILT = "site"
"""The folder of the built site, beside the pages."""

COLOURS = re.compile(r"\x1b\[[0-9;]*m")

GENERATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "material": ("mkdocs", "build", "--strict", "--config-file", CONFIGURATION),
        "zensical": ("zensical", "build", "--strict", "--clean", "--config-file", CONFIGURATION),
    }
)
"""The commands that build the pages of the folder that they run in, by the generator's name."""


def build(generator: str, staging: Staging) -> float:
    """Put the pages together, build them, and return the seconds it took. Raises `UserError` with what is amiss."""
    program, *arguments = GENERATORS[generator]
    began = time.monotonic()
    stage(staging, mermaid())
    environment = {**os.environ, "NO_COLOR": "1", "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / program), *arguments],
        cwd=staging.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = COLOURS.sub("", done.stdout + done.stderr).strip()
        raise UserError(f"{generator} does not build the site:\n{said}")
    return time.monotonic() - began


def publish(staging: Staging, target: Path) -> None:
    """Put the built site where it is wanted, in the place of what was there."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    (staging.folder / BUILT).rename(target)


def mermaid() -> Path:
    """Return the file that draws Mermaid's charts. Raises `UserError` where the environment is missing."""
    found = sorted(ENVIRONMENT.glob(MERMAID))
    if not found:
        raise UserError(f"{ENVIRONMENT} is missing or empty; run make site, which sets it up")
    return found[0]
