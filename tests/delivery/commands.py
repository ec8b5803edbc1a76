"""The command line as an administrator of an account of the emulator uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.delivery.conftest import ROOT, Account

ANOTHER_REGION = "ap-southeast-2"
"""The region of the shell, where nothing of the environment is."""


def run(project: Path, account: Account | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the credentials of an account's administrator, or of nobody."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(project),
        "PYTHONPATH": str(ROOT),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": ANOTHER_REGION,
    }
    if account:
        variables["AWS_ENDPOINT_URL"] = account.emulator.endpoint_url
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = account.account_id, "rehearsal"
    command = [sys.executable, "-m", "generator", *arguments]
    return subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of an error that a user can mend."""
    assert (result.returncode, result.stdout) == (1, ""), result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def set_parameters(project: Path, **parameters: str) -> None:
    """Change settings of dev."""
    file = project / "params/dev.json"
    content: dict[str, Any] = json.loads(file.read_text())
    content["Parameters"] |= parameters
    file.write_text(json.dumps(content))
