"""A proxy between us and the emulator that injects faults on demand: microburst, one process, started here.

Faults are counted, never random. What they are in microburst's words: https://pypi.org/project/microburst/
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
PATIENCE_SECONDS = 300.0
"""After which something hangs, on the busiest machine too: promoting to prod takes a minute beside other tests."""
FOR_EVER_MS = 3_600_000

Effect = dict[str, Any]

THROTTLED: Effect = {"error": {"code": "ThrottlingException"}}
SLOW_DOWN: Effect = {"error": {"code": "SlowDown", "status": 503}}
INTERNAL_ERROR: Effect = {"error": {"code": "InternalError", "status": 500}}
RESET: Effect = {"reset": True}
"""The connection is reset before the request arrives."""

LOST: Effect = {"response": {"abort_bytes": 0}}
"""The request takes effect, then the connection is reset: its answer is lost. For answers that have a body."""

CUT: Effect = {"response": {"abort_bytes": 100}}
"""The connection is reset within the answer."""

NEVER_ENDING: Effect = {"response": {"set_headers": {"Content-Length": "100000"}}}
"""The request takes effect, but its answer promises more than ever comes, until the client's patience ends."""

SILENT: Effect = {"timeout_ms": FOR_EVER_MS}
"""The request does not arrive, and nothing answers, until the client's patience ends."""

UNHARMED: Effect = {"latency": 1}
"""A millisecond passes; for requests that go through before the one that does not."""


def fault(service: str, operation: str, effect: Effect, times: int | None = None, **which: Any) -> dict[str, Any]:
    """Return a rule: what happens to an operation's requests, how many of them, and which."""
    limited = {} if times is None else {"times": times}
    return {"service": service, "operation": operation, **effect, **limited, **which}


class FaultProxy:
    """A proxy in front of an endpoint for the time of a `with` block."""

    def __init__(self, upstream: str, folder: Path) -> None:
        self._upstream, self._folder = upstream, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "microburst", "--upstream", self._upstream, "--port", str(self.port)]
        with (self._folder / "microburst.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers)
        # The first request makes it read botocore's service models, which takes seconds.
        urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=PATIENCE_SECONDS).close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()  # it would wait for the requests that it holds
        self._process.wait()

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @contextmanager
    def injecting(self, *faults: dict[str, Any]) -> Iterator[None]:
        """Inject faults inside a `with` block. The first that applies to a request decides."""
        self._control("DELETE", "fired")
        self._control("POST", "rules", list(faults))
        try:
            yield
        finally:
            self._control("POST", "rules", [])

    def fired(self) -> list[str]:
        """Return the operations that a fault has happened to, one after the other; unharmed ones are left out."""
        events = self._control("GET", "fired?limit=2000")
        return [event["operation"] for event in events if not event["action"].startswith("latency")]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "microburst.log").read_text(errors="replace")
        try:
            return bool(self._control("GET", "health"))
        except OSError:
            return False

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.endpoint_url}/_microburst/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)


def wait_until(holds: Callable[[], Any]) -> None:
    """Wait until something holds. Raises `AssertionError` when patience is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "this never came"
        time.sleep(0.05)


def after(unharmed: int, rule: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rules that let some requests through before the rule applies."""
    which = {key: value for key, value in rule.items() if key in ("service", "operation", "headers", "body")}
    return [{**which, **UNHARMED, "times": unharmed}, rule]
