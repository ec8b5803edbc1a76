"""What answers HTTPS in a rehearsal: a stand-in for listener and web servers, because the emulator has no TLS.

It answers the health check and nothing else, with a certificate signed by itself. It proves nothing about the platform;
it lets the pipeline's smoke test run unchanged, and fail for real when a rehearsal wants to see that.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
HEALTH_CHECK = "/healthz"


class WebServerStandIn:
    """An HTTPS server on a free port for the time of a `with` block.

    While `healthy` is false it answers 503, as a load balancer does when no target is healthy.
    """

    def __init__(self) -> None:
        self.healthy = True
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._server = _Server((HOST, 0), _handler(self))
        # The handshake is left to the thread of each connection: a client that says nothing must not hold up the rest.
        self._server.socket = _with_certificate().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("The stand-in has not been started: use it in a with statement.")
        return int(self._server.server_address[1])


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves, or does not trust the certificate, is no matter for the terminal."""


def _handler(stand_in: WebServerStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = urlsplit(self.path).path == HEALTH_CHECK
            status = HTTPStatus.OK if stand_in.healthy else HTTPStatus.SERVICE_UNAVAILABLE
            self.send_response(status if known else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The rehearsal's own report says what was asked and answered."""

    return Handler


def _with_certificate() -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="stand-in-") as folder:
        file = Path(folder, "key-and-certificate.pem")
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted) + certificate.public_bytes(pem)
        )
        context.load_cert_chain(file)
    return context
