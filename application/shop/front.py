"""The application in a container, where nothing stands between it and the load balancer: it does what nginx does on a
web server. tests/test_parity.py asks both the same questions.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request
from werkzeug.wsgi import ClosingIterator

from shop import telemetry, web
from shop.overload import UNDER_WAY, Limit
from shop.pages import PICTURES, Application, Pages, Pictures
from shop.settings import Settings

PAGES = Path(__file__).parents[1] / "public"
HEALTH, INTERFACE = "/healthz", "/api/"
VERSION = "APPLICATION_VERSION"

CLIENT_SECONDS = 15
"""How long a client may say nothing in the middle of a request, or not take its answer."""

SECRETS = ("HTTP_X_ORIGIN_VERIFY", "HTTP_X_WEB_PLATFORM_TEST")
"""Headers by which CloudFront and testers prove themselves to the load balancer: nothing for the application."""

log = logging.getLogger("shop.access")


def create_app(workers: int, at_once: int) -> Application:
    """Return all that a container answers, for one of its processes."""
    telemetry.log_to_stdout()
    pages = Pages(PAGES)
    application = web.create_app()
    front = Front(
        health=application,
        interface=Limit(application, UNDER_WAY // workers, at_once),
        pictures=Pictures(Settings.read().product_images, without=pages.not_found),
        pages=pages,
    )
    # The load balancer adds the address that it saw to what a client wrote, and we look at that one alone.
    return ProxyFix(front, x_for=1, x_proto=0)


class Front:
    """Gives each request its id, shows it to whom it belongs, and logs it in the fields of nginx's log."""

    def __init__(
        self, *, health: Application, interface: Application, pictures: Application, pages: Application
    ) -> None:
        self._health, self._interface, self._pictures, self._pages = health, interface, pictures, pages
        self._version = os.environ.get(VERSION)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        forwarded_for = _prepare(environ, request_id)
        request = Request(environ)
        answer: dict[str, Any] = {}

        def start(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers = Headers(given)
            self._complete(headers, request_id)
            answer.update(status=int(status.split(" ", 1)[0]), bytes=int(headers["Content-Length"] or 0))
            return start_response(status, headers.items(), exc_info)

        def end() -> None:
            seconds = round(time.perf_counter() - started, 3)
            if request.path != HEALTH:
                facts = {"request_id": request_id, "forwarded_for": forwarded_for, "seconds": seconds, **answer}
                log.info("access", extra=_described(request) | facts)

        return ClosingIterator(self._whose(request.path)(environ, start), end)

    def _whose(self, path: str) -> Application:
        if path == HEALTH:
            return self._health
        if path.startswith(INTERFACE):
            return self._interface
        return self._pictures if path.startswith(PICTURES) else self._pages

    def _complete(self, headers: Headers, request_id: str) -> None:
        """Add what every answer has. The load balancer adds the other security headers."""
        headers["X-Request-Id"] = request_id
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        headers.setdefault("Cache-Control", "no-cache")
        if self._version:
            headers["X-Application-Version"] = self._version


def _prepare(environ: dict[str, Any], request_id: str) -> str:
    """Let the application see who asks and nothing that others wrote; return the addresses as they came."""
    if connection := environ.get("gunicorn.socket"):
        connection.settimeout(CLIENT_SECONDS)
    for secret in SECRETS:
        environ.pop(secret, None)
    forwarded_for = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    environ["HTTP_X_FORWARDED_FOR"] = environ["REMOTE_ADDR"]
    environ["HTTP_X_REQUEST_ID"] = request_id
    return forwarded_for


def _described(request: Request) -> dict[str, Any]:
    """Return what the log tells of a request: without its query, which may hold what nobody should read in a log."""
    return {
        "trace_id": request.headers.get("X-Amzn-Trace-Id", ""),
        "client": request.remote_addr,
        "method": request.method,
        "host": request.host,
        "path": str(request.environ.get("RAW_URI", request.path)).split("?", 1)[0],
        "user_agent": request.headers.get("User-Agent", ""),
    }
