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


def described(python: str, node: str | None, bench: Path | None) -> dict[str, str]:
    """Return what the machine is and what ran on it, in the order in which a reader wants it.

    `python` and `node` are the programs; `bench` is the environment of what we are compared with. Without these two
    only our own packages are named.
    """
    found = {
        "measured": date.today().isoformat(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": _told([python, "-c", "import platform; print(platform.python_version())"]),
    }
    found |= {name: version(name) for name in PACKAGES}
    if node and bench:
        found["Node"] = _told([node, "--version"]).removeprefix("v")
        found["Sceptre"] = _told([str(bench / "bin" / "python"), "-c", _VERSION_OF_SCEPTRE])
        package = json.loads((bench / "node_modules" / "aws-cdk-lib" / "package.json").read_text(encoding="utf-8"))
        found["aws-cdk-lib"] = package["version"]
    return found


_VERSION_OF_SCEPTRE = "from importlib.metadata import version; print(version('sceptre'))"


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
