"""Requests as a load balancer makes them to its targets: over HTTPS without a look at the certificate, or over HTTP.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-routing-configuration
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TargetAnswer:
    """What a target answered. A name may come several times among the headers."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def ask_target(
    protocol: str,
    address: tuple[str, int],
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout_seconds: float = 60.0,
) -> TargetAnswer:
    """Send a request over a connection of its own. Raises `TimeoutError`, `OSError` and `HTTPException`."""
    host, port = address
    if protocol == "HTTPS":
        # Not the default context: it reads all authorities of the system first, of which none is asked.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout_seconds, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request(method, url, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return TargetAnswer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()
