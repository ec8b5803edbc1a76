"""Where the subjects run: copies of the source, so that nobody's caches and nobody's edits are in the way."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from generator.errors import UserError
from generator.release import folder_of
from tests.bench.rounds import environment
from tests.working_copy import copy_files

ENVIRONMENT = Path(".venv")
CACHE = Path(".cache")
TEMPLATES_OUT = Path("templates_out")
UNINVOLVED = Path("generator", "shield.py")
"""A source file whose change alters no template when a comment is added to it."""

FOR_A_SHELL = frozenset('|&;<>$"`()[]{}*?^~!#\\')
"""Outside single quotes, these make GNU make run a line by a shell; any other line it runs itself (its `job.c`)."""

REGIONS = re.compile(r'^REGIONS = \("(?P<first>[a-z0-9-]+)", [^)]*\)$', re.MULTILINE)
LINT = Path("generator", "checks", "lint.py")
DOCSTRING_END = re.compile(r"\A(\"\"\".*?)( \(\d+\))?(\.?(?:\n|\"\"\"))")


def copy_of(project: Path, folder: Path) -> Path:
    """Copy the source to a new folder, without the current release, and return the folder.

    The environment is not copied but linked: the packages are the same for all.
    """
    copy_files(project, folder)
    shutil.rmtree(folder_of(folder / TEMPLATES_OUT), ignore_errors=True)
    (folder / ENVIRONMENT).symlink_to((project / ENVIRONMENT).resolve())
    return folder


def twin_of(source: Path, folder: Path) -> Path:
    """Copy a copy with its caches and its release to a new folder, and return the folder."""
    shutil.copytree(source, folder, symlinks=True)
    return folder


def command_of(folder: Path, target: str) -> tuple[str, ...]:
    """Return the command that a target of the Makefile runs. Raises `UserError` where make cannot say it."""
    asked = ["make", "--no-print-directory", "--just-print", target]
    told = subprocess.run(asked, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    lines = told.stdout.strip().splitlines()
    if told.returncode != 0 or len(lines) != 1:
        raise UserError(f"make {target} is not one command in {folder}: {told.stdout}{told.stderr}")
    line = lines[0]
    unquoted = re.sub(r"'[^']*'", "", line)
    return ("sh", "-c", line) if set(unquoted) & FOR_A_SHELL else tuple(shlex.split(line))


def forget(folder: Path) -> None:
    """Remove all caches of a copy."""
    shutil.rmtree(folder / CACHE, ignore_errors=True)


def touch_source(folder: Path, number: int) -> None:
    """Change a source file of a copy in such a way that no template changes: another one for each number."""
    path = folder / UNINVOLVED
    text = path.read_text(encoding="utf-8").partition("# Round ")[0]
    path.write_text(f"{text}# Round {number}.\n", encoding="utf-8")


def touch_template(folder: Path, module: str, number: int) -> None:
    """Change a stack of a copy so that its template changes, and no other: a number in its description."""
    path = folder / "generator" / "stacks" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    changed, found = DOCSTRING_END.subn(rf"\g<1> ({number})\g<3>", text)
    if not found:
        raise UserError(f"{path}: begins with no docstring")
    path.write_text(changed, encoding="utf-8")


def median_stack(release: Path, stacks: list[str]) -> str:
    """Return the stack whose template is of middle size: neither the easiest nor the hardest one to check."""
    return sorted(stacks, key=lambda name: ((release / f"{name}.yaml").stat().st_size, name))[len(stacks) // 2]


def in_one_region(folder: Path) -> None:
    """Let a copy check its templates in one region alone."""
    path = folder / LINT
    changed, found = REGIONS.subn(r'REGIONS = ("\g<first>",)', path.read_text(encoding="utf-8"))
    if found != 1:
        raise UserError(f"{path}: names its regions otherwise than tests/bench/workspace.py expects")
    path.write_text(changed, encoding="utf-8")
