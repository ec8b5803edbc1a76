"""The machine on which something was measured, as far as it matters to the figures."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("awacs", "cfn-lint", "cloudformation-validate", "pyyaml", "troposphere")


def described(python: str) -> dict[str, str]:
    """Return what the machine is and which of our packages ran on it, in the order in which a reader wants it."""
    found = {
        "measured": date.today().isoformat(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": _told([python, "-c", "import platform; print(platform.python_version())"]),
    }
    return found | {name: version(name) for name in PACKAGES}


def compared_with(node: str, bench: Path) -> dict[str, str]:
    """Return the versions of what we are compared with, given node's program and the environment's folder."""
    found = {"Node": _told([node, "--version"]).removeprefix("v")} | packages_of(
        str(bench / "bin" / "python"), "sceptre"
    )
    for name in ("aws-cdk", "aws-cdk-lib"):
        package = json.loads((bench / "node_modules" / name / "package.json").read_text(encoding="utf-8"))
        found[name] = package["version"]
    return found


def packages_of(python: str, *names: str, suffix: str = "") -> dict[str, str]:
    """Return the versions of packages of another environment; a suffix tells them from packages of the same name."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    versions = _told([python, "-c", code, *names]).split()
    return {f"{name}{suffix}": each for name, each in zip(names, versions, strict=True)}


def _told(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
