"""The environment in which the third-party tools run: its programs, their pinned versions, and how to call them.

`make check` makes it, `.venv-checks`, from the lock files in `generator/checks/tools/`.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.checks.rule_sets.evaluations import ToolError
from generator.errors import UserError

TOOLS = Path(__file__).parents[1] / "tools"
"""The tools' lock files, and the programs of ours that call tools which are libraries."""

PATIENCE = 600
"""Seconds after which a tool hangs."""

PLATFORMS: Mapping[str, str] = {"Linux": "ubuntu", "Darwin": "macos"}
MACHINES: Mapping[str, str] = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


@dataclass(frozen=True)
class ToolEnvironment:
    """A folder with the tools of `generator/checks/tools/` installed, by default `.venv-checks`."""

    folder: Path = Path(".venv-checks")

    @property
    def python(self) -> Path:
        """The interpreter that has the tools of `requirements.lock`."""
        return self._existing(self.folder.absolute() / "bin" / "python")

    @property
    def node_modules(self) -> Path:
        """The packages of `package-lock.json`."""
        return self._existing(self.folder.absolute() / "node_modules")

    @property
    def control_tower(self) -> Path:
        """The package that has cfn-guard and AWS Control Tower's rules."""
        return self.node_modules / "@cdklabs" / "cdk-validator-cfnguard"

    @property
    def cfn_guard(self) -> Path:
        """The program for this machine. Raises `ToolError` where the package has none for it."""
        system, machine = platform.system(), platform.machine()
        if system not in PLATFORMS or machine not in MACHINES:
            raise ToolError(f"there is no cfn-guard for {system} on {machine}")
        return self._existing(self.control_tower / "bin" / PLATFORMS[system] / MACHINES[machine] / "cfn-guard")

    def refuse_incomplete(self) -> None:
        """Raise `UserError` where a tool is missing, before anything takes its time."""
        try:
            for tool in (self._existing(self.folder), self.python, self.node_modules, self.cfn_guard):
                self._existing(tool)
        except ToolError as error:
            raise UserError(str(error)) from error

    def pinned(self, package: str) -> str:
        """Return the version of a package that the tools' own files ask for."""
        from_npm = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["dependencies"]
        if package in from_npm:
            return str(from_npm[package])
        requirements = (TOOLS / "requirements.in").read_text(encoding="utf-8")
        [version] = re.findall(rf"^{re.escape(package)}==(\S+)", requirements, re.MULTILINE)
        return str(version)

    def installed_from_npm(self, package: str) -> str:
        """Return the version of an npm package that is installed."""
        manifest = self._existing(self.node_modules / package / "package.json")
        return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])

    def check_version(self, package: str, found: str) -> None:
        """Raise `ToolError` unless a package is of the version that is pinned."""
        if found != self.pinned(package):
            raise ToolError(f"{package} is {found}, but {self.pinned(package)} is pinned; run make check to set it up")

    def _existing(self, path: Path) -> Path:
        if not path.exists():
            raise ToolError(f"{path} is missing; run make check, which sets it up")
        return path


def run(
    command: Sequence[str | Path],
    workspace: Path,
    exit_codes: Collection[int] = (0,),
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a tool in a folder and return what it prints. Raises `ToolError` where it fails, or complains.

    It sees an environment without anything of the user's: a configuration file in someone's home must not change the
    verdict. Anything on standard error is a complaint: cfn-guard says there, and only there, that it skips a rule file.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=workspace,
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
            env={"HOME": str(workspace), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{Path(command[0]).name} cannot be run: {error}") from error
    complaint = " ".join(done.stderr.split())[-500:]
    if done.returncode not in exit_codes or complaint:
        raise ToolError(f"{Path(command[0]).name} exits with {done.returncode}: {complaint or done.stdout[-500:]}")
    return done.stdout


def parse(name: str, output: str) -> object:
    """Return a tool's output as JSON. Raises `ToolError`."""
    try:
        return json.loads(output)
    except ValueError as error:
        raise ToolError(f"{name} prints no JSON: {error}") from error
