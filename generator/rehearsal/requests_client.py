"""A client on the internet, for a rehearsal: it finds names at the rehearsal's own addresses, and trusts nobody else.

Certificates are verified to the full. Redirects are not followed, nothing is tried again, bodies stay as they were
sent: what is compared is what the server said.
"""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from generator.rehearsal.tls_front import TlsFronts

TIMEOUT_SECONDS = 30.0
AMAZON = ".amazonaws.com"
"""How the names of AWS's own services end. Their TLS is not rehearsed."""


class NoAnswerError(Exception):
    """A client got no answer; the message is the reason."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes

    @property
    def text(self) -> str:
        """The body as a reader sees it, without its compression."""
        compressed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.content) if compressed else self.content).decode(errors="replace")

    def fact(self, name: str) -> str:
        """Return `status`, `body`, or the value of a header; nothing where it is absent."""
        if name == "status":
            return str(self.status)
        return self.text if name == "body" else self.headers.get(name, "")


class Client:
    """Sends requests to the platform's public names. `amazon` is where AWS's own names are answered (host:port)."""

    def __init__(self, fronts: TlsFronts, amazon: str) -> None:
        self._fronts = fronts
        self._amazon = amazon

    def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        """Return the answer to a request. Raises `NoAnswerError` where there is none, for whatever reason."""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": parts.hostname or "", "Accept-Encoding": "identity", **(headers or {})}
        try:
            with self._pool(parts.scheme, parts.hostname or "") as pool:
                answer = pool.urlopen(
                    method, target, body=body.encode() or None, headers=sent, redirect=False, decode_content=False
                )
        except KeyError as error:
            raise NoAnswerError(f"nobody answers to {error.args[0]}") from error
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(str(error)) from error
        return Answer(answer.status, urllib3.HTTPHeaderDict(answer.headers), answer.data)

    def _pool(self, scheme: str, name: str) -> urllib3.HTTPConnectionPool:
        is_amazons = name.endswith(AMAZON) and not self._fronts.knows(name)
        if scheme == "http" or is_amazons:
            host, _, port = self._amazon.partition(":")
            return urllib3.HTTPConnectionPool(host, int(port), timeout=TIMEOUT_SECONDS, retries=False)
        front = self._fronts.of(name)
        context = ssl.create_default_context(cadata=front.endpoint.trusted)
        return urllib3.HTTPSConnectionPool(
            front.host,
            front.port,
            timeout=TIMEOUT_SECONDS,
            retries=False,
            ssl_context=context,
            server_hostname=name,
            assert_hostname=name,
        )
