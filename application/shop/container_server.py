"""How gunicorn serves the application in a container; read by `serve`. What is not said here is as in shop.server.

https://docs.gunicorn.org/en/stable/settings.html
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

from shop import server
from shop.overload import UNDER_WAY

worker_class, workers = server.worker_class, server.workers
timeout, graceful_timeout = server.timeout, server.graceful_timeout
logconfig_dict, accesslog = server.logconfig_dict, server.accesslog
control_socket_disable = server.control_socket_disable

AT_ONCE = server.threads
wsgi_app = f"shop.front:create_app({workers}, {AT_ONCE})"
bind = f"{os.environ.get('ADDRESS', '0.0.0.0')}:{os.environ['PORT']}"

# Requests that wait for their turn each hold a thread; health checks and pages must find one free.
threads = UNDER_WAY // workers + AT_ONCE
keepalive = 75  # longer than the load balancer's idle timeout, so that it is never the server that closes one in use
limit_request_line = 8190

if os.environ.get("TARGET_PROTOCOL") == "HTTPS":
    certfile, keyfile = (f"{os.environ['CERTIFICATES']}/server.{kind}" for kind in ("crt", "key"))


def ssl_context(config: Any, default_ssl_context_factory: Any) -> ssl.SSLContext:
    """Return the one context of a process: TLS 1.2 and 1.3, with forward secrecy, as nginx speaks it (W4)."""
    return _context(config.certfile, config.keyfile)


@cache
def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_TICKET
    context.load_cert_chain(certificate, key)
    return context
