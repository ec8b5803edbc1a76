"""What a client on the internet sees of a deployed platform: `python3 smoke_test.py https://host`.

HTTP is redirected to the same address over HTTPS (W3), HTTPS answers the health check (W6) with TLS 1.2 or newer. A
certificate that cannot be verified is accepted, because an environment without a domain has an imported one (W5); the
output says so. A single file of the standard library alone, so that it runs wherever the release's files are.

Exit codes: 0 everything as expected, 1 not, 2 wrong use.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

HEALTH_CHECK = "/healthz"
REDIRECTED = f"{HEALTH_CHECK}?x=1"
"""Path and query that the redirect must keep."""

HTTP_PORT, HTTPS_PORT = 80, 443
TIMEOUT_SECONDS = 10.0
ATTEMPTS, SECONDS_BETWEEN = 20, 3.0
"""A new target passes its health checks within half a minute."""

CONNECT_TO_VARIABLE, PAUSE_VARIABLE = "SMOKE_TEST_CONNECT_TO", "SMOKE_TEST_SECONDS_BETWEEN"
"""What a rehearsal sets: its servers are on this machine, and are healthy at once or never."""

CONNECT_TO = re.compile(r"(?P<host>\[[^]]*\]|[^:]*):(?P<port>\d*):(?P<to_host>\[[^]]*\]|[^:]*):(?P<to_port>\d*)")


@dataclass(frozen=True)
class ConnectTo:
    """Another place to connect to for a host and port, as with curl's `--connect-to`: empty means any, or kept.

    https://curl.se/docs/manpage.html#--connect-to
    """

    host: str
    port: str
    to_host: str
    to_port: str

    def applies(self, host: str, port: int) -> bool:
        """Whether this is about connections to the host and port."""
        return self.host in ("", host) and self.port in ("", str(port))


class SmokeTestError(Exception):
    """Something is not as a client expects it."""


def smoke_test(
    url: str,
    connect_to: Sequence[ConnectTo] = (),
    attempts: int = ATTEMPTS,
    seconds_between: float = SECONDS_BETWEEN,
    say: Callable[[str], None] = print,
) -> bool:
    """Check an application until everything is as expected, or for that many attempts; return whether it is."""
    host = host_of(url)
    for attempt in range(1, attempts + 1):
        try:
            results = [check_redirect(host, connect_to), check_health(host, connect_to)]
        except SmokeTestError as error:
            say(f"attempt {attempt} of {attempts}: {error}")
            if attempt < attempts:
                time.sleep(seconds_between)
        else:
            for result in results:
                say(f"ok: {result}")
            return True
    say(f"failed: {url} is not as expected after {attempts} attempts")
    return False


def check_redirect(host: str, connect_to: Sequence[ConnectTo]) -> str:
    """Return how HTTP is redirected to the same address over HTTPS. Raises `SmokeTestError` where it is not."""
    asked = f"http://{host}{REDIRECTED}"
    connection = http.client.HTTPConnection(host, HTTP_PORT)
    try:
        connection.sock = _connect(host, HTTP_PORT, connect_to)
        status, location = _get(connection, REDIRECTED)
    except (OSError, http.client.HTTPException) as error:
        raise SmokeTestError(f"{asked}: {_words(error)}") from error
    finally:
        connection.close()
    expected = f"https://{host}{REDIRECTED}"
    # A load balancer names the port that goes without saying.
    if status != http.HTTPStatus.MOVED_PERMANENTLY or location.replace(f":{HTTPS_PORT}/", "/", 1) != expected:
        raise SmokeTestError(f"{asked}: answered {status} {location}".rstrip() + f", expected 301 {expected}")
    return f"{asked} answers 301 {location}"


def check_health(host: str, connect_to: Sequence[ConnectTo]) -> str:
    """Return how the health check answers over HTTPS. Raises `SmokeTestError` where it is not healthy."""
    asked = f"https://{host}{HEALTH_CHECK}"
    try:
        try:
            status, version = _get_over_tls(host, connect_to, _context(verified=True))
            certificate = "certificate verified"
        except ssl.SSLCertVerificationError as error:
            status, version = _get_over_tls(host, connect_to, _context(verified=False))
            certificate = f"certificate NOT verified ({error.verify_message}): self-signed or imported"
    except (OSError, http.client.HTTPException) as error:
        raise SmokeTestError(f"{asked}: {_words(error)}") from error
    if status != http.HTTPStatus.OK:
        raise SmokeTestError(f"{asked}: answered {status}, expected 200")
    return f"{asked} answers 200 over {version}, {certificate}"


def host_of(url: str) -> str:
    """Return the host of an application's address. Raises `ValueError` unless it is `https://host`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.netloc.lower() != parts.hostname:
        raise ValueError(f"{url!r} is not of the form https://host")
    return parts.hostname


def parse_connect_to(text: str) -> ConnectTo:
    """Return what `HOST:PORT:HOST2:PORT2` says. Raises `ValueError` where it is not of that form."""
    match = CONNECT_TO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not of the form HOST:PORT:HOST2:PORT2")
    return ConnectTo(**{name: value.strip("[]") for name, value in match.groupdict().items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description="Check what a client on the internet sees of a deployed platform.")
    parser.add_argument("url", help="address of the application: https://host")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="default: %(default)s")
    pause = float(os.environ.get(PAUSE_VARIABLE, SECONDS_BETWEEN))
    parser.add_argument("--seconds-between", type=float, default=pause, help="default: %(default)s")
    parser.add_argument(
        "--connect-to",
        action="append",
        metavar="HOST:PORT:HOST2:PORT2",
        help=f"as for curl; may be repeated; default: {CONNECT_TO_VARIABLE}, separated by spaces",
    )
    given = parser.parse_args(arguments)
    if given.attempts < 1 or given.seconds_between < 0:
        parser.error("--attempts must be at least 1, --seconds-between at least 0")
    wanted = given.connect_to if given.connect_to is not None else os.environ.get(CONNECT_TO_VARIABLE, "").split()
    try:
        host_of(given.url)
        connect_to = [parse_connect_to(text) for text in wanted]
    except ValueError as error:
        parser.error(str(error))
    return 0 if smoke_test(given.url, connect_to, given.attempts, given.seconds_between) else 1


def _get_over_tls(host: str, connect_to: Sequence[ConnectTo], context: ssl.SSLContext) -> tuple[int, str]:
    connection = http.client.HTTPSConnection(host, HTTPS_PORT)
    try:
        connection.sock = _connect(host, HTTPS_PORT, connect_to)
        connection.sock = secured = context.wrap_socket(connection.sock, server_hostname=host)
        version = secured.version() or "no TLS"
        status, _ = _get(connection, HEALTH_CHECK)
        return status, version
    finally:
        connection.close()


def _context(verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _connect(host: str, port: int, connect_to: Sequence[ConnectTo]) -> socket.socket:
    for other in connect_to:
        if other.applies(host, port):
            return socket.create_connection(
                (other.to_host or host, int(other.to_port or port)), timeout=TIMEOUT_SECONDS
            )
    return socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """Return status and Location of an answer."""
    connection.request("GET", path, headers={"User-Agent": "smoke-test", "Connection": "close"})
    response = connection.getresponse()
    return response.status, response.getheader("Location") or ""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
