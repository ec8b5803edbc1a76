"""A limit to the requests under way, so that a busy container says so at once and goes on answering its health check.

More requests than these would wait longer than a health check does: better a few 503 than that the load balancer gives
up containers which answer (W7). docs/scaling.md
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

from shop.pages import Application

UNDER_WAY = 48
"""As many as nginx lets through to the application of a web server."""

RETRY_AFTER_SECONDS = "5"
REFUSAL = json.dumps(
    {"type": "about:blank", "status": 503, "detail": "The shop is very busy; try again in a moment."}
).encode()


class Limit:
    """Lets requests through to an application: so many are under way, and so many of these are worked on at once."""

    def __init__(self, application: Application, under_way: int, at_once: int) -> None:
        self._application = application
        self._places = threading.Semaphore(under_way)
        self._turns = threading.Semaphore(at_once)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self._places.acquire(blocking=False):
            headers = {
                "Content-Type": "application/problem+json",
                "Content-Length": str(len(REFUSAL)),
                "Cache-Control": "no-store",
                "Retry-After": RETRY_AFTER_SECONDS,
            }
            start_response("503 Service Unavailable", list(headers.items()))
            return [REFUSAL]
        try:
            with self._turns:
                return self._application(environ, start_response)
        finally:
            self._places.release()
