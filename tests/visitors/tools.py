"""The tools that visit: programs in an environment of their own, told what to do by JSON on their standard input."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from generator.errors import UserError

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv-visitors" / "bin" / "python"
GRACE_SECONDS = 20.0
"""How long a tool may take to end after it was asked to."""


def run(module: str, job: Mapping[str, Any]) -> Any:
    """Let a tool do a job; return what it answers. Raises `UserError` where it does not answer."""
    with started(module, job) as process:
        answer, _ = process.communicate()
    if process.returncode != 0:
        raise UserError(f"{module} ended with code {process.returncode}; see above")
    return json.loads(answer)


@contextlib.contextmanager
def started(module: str, job: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """Provide a tool that does a job, for the time of a `with` block; it ends with the block for sure."""
    if not PYTHON.exists():
        raise UserError(f"{PYTHON} is missing; run make load or make pages, which set it up")
    with tempfile.TemporaryDirectory(prefix="visitors-", ignore_cleanup_errors=True) as temporary:
        process = _start(module, temporary)
        try:
            tell(process.stdin, json.dumps(job))
            yield process
        finally:
            _end(process)


def tell(stdin: IO[str] | None, line: str) -> None:
    """Write a line to a tool. One that has ended already does not hear it, and its exit code says why."""
    assert stdin is not None
    with contextlib.suppress(BrokenPipeError):
        stdin.write(f"{line}\n")
        stdin.flush()


def _start(module: str, temporary: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(PYTHON), "-m", module],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "*", "TMPDIR": temporary},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A group of its own: the terminal's Ctrl-C reaches this process alone, which ends the tool and its children.
        start_new_session=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    try:
        if process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
    finally:
        # Also after Ctrl-C while waiting, and a browser that outlives its driver.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
