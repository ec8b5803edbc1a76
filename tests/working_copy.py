"""A copy of this project in which a test may type whatever a reader may type, without harm to the project or to AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from generator.source_files import source_files

ROOT = Path(__file__).parents[1]
USES = ("application", "bench", "bench-cdk-python", "checks", "demo", "site", "taskcat", "visitors")
ENVIRONMENTS = (".venv", *(f".venv-{use}" for use in USES))
"""Folders that make sets up, and takes from here where they are."""
VERDICTS = ".cache/lint"
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
"""Variables by which a make tells another one, or a test that it has started, what it was called with."""

NO_AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}
"""Nobody listens there."""


def without_make(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables of a shell in which no make is at work."""
    return {name: value for name, value in variables.items() if name not in OF_MAKE}


def copy_files(project: Path, folder: Path) -> None:
    """Copy the source files of a project, with all that is uncommitted, to a new folder."""
    for path in source_files(project):
        copy = folder / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def copy_source(folder: Path) -> None:
    """Copy this project with all that is uncommitted to a new folder, and link there the environments that it has."""
    copy_files(ROOT, folder)
    for environment in ENVIRONMENTS:
        if (ROOT / environment).is_dir():
            (folder / environment).symlink_to(ROOT / environment)


def copy_of_templates(folder: Path) -> Path:
    """Copy what `templates` reads to a folder, with cfn-lint's verdicts where this checkout has them; return it."""
    for name in ("generator", "params", "templates_out"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "requirements.lock", folder)
    copy_verdicts(folder)
    return folder


def copy_verdicts(folder: Path) -> None:
    """Copy the verdicts of cfn-lint to a folder, where this checkout has them."""
    if (ROOT / VERDICTS).is_dir():
        shutil.copytree(ROOT / VERDICTS, folder / VERDICTS)


class WorkingCopy:
    """A clone of the project with all that is uncommitted, its environments shared, and all of it committed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        copy_source(self.folder)
        # Verdicts of cfn-lint are files by content: those of a copy are good for the project, and for the next copy.
        (ROOT / VERDICTS).mkdir(parents=True, exist_ok=True)
        (self.folder / VERDICTS).parent.mkdir(exist_ok=True)
        (self.folder / VERDICTS).symlink_to(ROOT / VERDICTS)
        self._variables = {**without_make(os.environ), **NO_AWS, "HOME": str(folder)}
        self._variables["PATH"] = f"{self.folder}/.venv/bin{os.pathsep}{os.environ['PATH']}"
        self._commit()

    def run(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run what somebody types into a shell in which the environment `.venv` is activated."""
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def changed(self) -> list[str]:
        """Return the committed files that are no longer as they were, and those that are new."""
        listed = self._git("status", "--porcelain", "--untracked-files=all")
        return [line[3:] for line in listed.splitlines()]

    def restore(self) -> None:
        """Undo all that was done to the source."""
        self._git("checkout", "--quiet", "--", ".")
        self._git("clean", "--quiet", "--force", "-d")

    def _commit(self) -> None:
        self._git("init", "--quiet")
        # `.gitignore` means folders, and these are links.
        (self.folder / ".git/info/exclude").write_text("".join(f"/{name}\n" for name in (*ENVIRONMENTS, ".cache")))
        self._git("add", "--all")
        self._git("-c", "user.name=Reader", "-c", "user.email=reader@example.com", "commit", "--quiet", "-m", "All")

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self._variables, capture_output=True, text=True, check=True
        ).stdout
