"""A canary's visit in a rehearsal: the very script that the stack has, run as a program against the rehearsed platform.

It finds the platform's names at the rehearsal's addresses, and trusts whom browsers trust there. Its variables are the
canary's, and nothing else is in its environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.delivery.smoke_test import CONNECT_TO
from generator.rehearsal.emulator_canaries import Canary
from generator.rehearsal.requests_table import Names, Row
from generator.rehearsal.tls_front import TlsFronts

TIMEOUT_SECONDS = 60

PROGRAM = """\
import importlib, json, os, socket

addresses = {tuple(name): tuple(address) for name, address in json.loads(os.environ.pop("ADDRESSES"))}
connect = socket.create_connection

def reach(address, *how, **named):
    host, port = address
    return connect(addresses.get((host.lower(), port), addresses.get(("", port), address)), *how, **named)

socket.create_connection = reach
module, function = os.environ.pop("HANDLER").rsplit(".", 1)
print(getattr(importlib.import_module(module), function)({}, None))
"""
"""What calls the handler, as the runtime of Synthetics does. The rehearsal's names are not in any DNS."""


@dataclass(frozen=True)
class Visit:
    """How a canary's run ended. `said` is the last line that it wrote."""

    passed: bool
    said: str


def canary_rows(canaries: Sequence[Canary], fronts: TlsFronts, trusted: str, names: Names) -> Iterator[Row]:
    """Let the canaries of an environment visit it, and yield whether they found what they look for (D11)."""
    for canary in canaries:
        line = f"{canary.handler}() at {canary.variables.get('ADDRESS', 'nowhere')}"
        found = visit(canary, fronts.connect_to, trusted)
        said = found.said if found.passed else f"failed: {found.said}"
        yield names.row("D11", "the canary's own script", names.abstract(line), "visited", said)


def visit(canary: Canary, connect_to: str, trusted: str) -> Visit:
    """Run a canary once. `connect_to` says where names are reached (`TlsFronts`), `trusted` are certificates as PEM."""
    with TemporaryDirectory(prefix="canary-") as folder:
        module = canary.handler.rpartition(".")[0]
        Path(folder, f"{module}.py").write_text(canary.script, encoding="utf-8")
        anchors = Path(folder, "trusted.pem")
        anchors.write_text(trusted, encoding="ascii")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
            "SSL_CERT_FILE": str(anchors),
            "HANDLER": canary.handler,
            "ADDRESSES": json.dumps(list(_addresses(connect_to).items())),
            **canary.variables,
        }
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return Visit(done.returncode == 0, lines[-1] if lines else "nothing")


def _addresses(connect_to: str) -> Mapping[tuple[str, int], tuple[str, int]]:
    """Return where a name and port are reached; without a name, where all others are."""
    found = [match for each in connect_to.split() if (match := CONNECT_TO.fullmatch(each))]
    return {(each["host"].lower(), int(each["port"])): (each["to_host"], int(each["to_port"])) for each in found}
