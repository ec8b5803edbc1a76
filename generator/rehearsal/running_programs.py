"""Programs that a rehearsal starts on this machine, each with a log, and none of them left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
STOP_GRACE_SECONDS = 5.0
LOG_TAIL_LINES = 20
KILLED = 128
"""What is added to the number of the signal that ended a program."""

# Below the ports that systems lend to the clients of connections, so that none of those can be in the way.
# https://www.rfc-editor.org/rfc/rfc6335#section-6 and Linux's ip_local_port_range
PORTS = range(20_000, 32_000)

# The whole group is killed when the pipe at its standard input closes: whenever whoever started it is gone.
BOUND_TO_THE_PIPE = 'exec 3<&0; { cat <&3 >/dev/null; kill -KILL 0; } & exec "$@" 3<&- </dev/null'


class RunningProgram:
    """A program, from its start to its end. It has its own group of processes: Ctrl-C is for us to pass on."""

    def __init__(self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", BOUND_TO_THE_PIPE, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The code with which the program has ended, as a shell shows it; nothing while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else KILLED - code

    def stop(self, number: signal.Signals = signal.SIGTERM, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Ask the program to end, and make it and what it started end after the grace period."""
        try:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the program and what it started at once, as when a machine fails."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def log_tail(self) -> str:
        """Return the last lines that the program has logged."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    while True:
        port = random.choice(PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
