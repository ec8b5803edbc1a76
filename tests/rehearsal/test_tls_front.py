"""TLS before the emulator is what the services' policies say, with certificates that clients can verify."""

from __future__ import annotations

import ssl
import threading
import warnings
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from generator.errors import UserError
from generator.rehearsal import tls_front
from generator.rehearsal.certificates import Authority, KeyPair, self_signed
from generator.rehearsal.requests_client import Client, NoAnswerError
from generator.rehearsal.running_programs import free_port
from generator.rehearsal.tls_front import (
    ALL_VERSIONS,
    DISTRIBUTION_POLICIES,
    LOAD_BALANCER_POLICIES,
    Endpoint,
    TlsFront,
    TlsFronts,
    speaks,
)

VERSIONS = dict(zip(ALL_VERSIONS, list(ssl.TLSVersion)[2:6], strict=True))
NAME = "shop.example.com"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Stands in for the emulator: it answers with what it was told."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {name.lower(): value for name, value in self.headers.items()}
            body = f"{said['host']} {said.get('x-forwarded-proto')} {self.path}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def endpoint(
    protocols: Sequence[str] = ALL_VERSIONS[2:], host: str = NAME, pair: KeyPair | None = None, trusted: str = ""
) -> Endpoint:
    if pair is None:
        authority = Authority()
        pair, trusted = authority.issue([NAME, "*.other.example.com"]), authority.certificate
    return Endpoint([NAME, "one.other.example.com"], host, pair, trusted, protocols)


def spoken(port: int) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return [name for name, version in VERSIONS.items() if speaks(port, version)]


@pytest.mark.parametrize("protocols", [ALL_VERSIONS, ALL_VERSIONS[:3], ALL_VERSIONS[2:], ALL_VERSIONS[3:]])
def test_a_front_speaks_the_versions_of_its_policy_and_no_other(tmp_path: Path, protocols: Sequence[str]) -> None:
    front = TlsFront(endpoint(protocols), tmp_path / "front", "127.0.0.1:9")
    front.start()
    try:
        assert spoken(front.port) == list(protocols)
    finally:
        front.stop()
    assert spoken(front.port) == []


def test_policies_of_the_platform_begin_with_tls_1_2() -> None:
    for policy in ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-2021-06"):
        assert LOAD_BALANCER_POLICIES[policy] == ("TLSv1.2", "TLSv1.3")
    assert DISTRIBUTION_POLICIES["TLSv1.2_2021"] == ("TLSv1.2", "TLSv1.3")
    assert DISTRIBUTION_POLICIES["TLSv1"] == ALL_VERSIONS


def test_it_says_for_whom_a_request_is_and_not_what_the_client_claims(upstream: str, tmp_path: Path) -> None:
    with TlsFronts(tmp_path, upstream) as fronts:
        fronts.open(endpoint(host="balancer.amazonaws.com:443"))
        client = Client(fronts, upstream)
        claimed = {"X-Forwarded-Proto": "http"}
        for name in (NAME, "one.other.example.com"):
            answer = client.send("GET", f"https://{name}/a?b=c", claimed)
            assert answer.text == "balancer.amazonaws.com:443 https /a?b=c"
        assert client.send("GET", f"http://{NAME}/a", claimed).text == f"{NAME} http /a"


def test_clients_verify_the_certificate(upstream: str, tmp_path: Path) -> None:
    signed = self_signed(NAME)
    for pair, trusted, reason in (
        (signed, Authority().certificate, "certificate verify failed: self-signed certificate"),
        (Authority().issue(["elsewhere.example.com"]), "", "doesn't match|certificate verify failed"),
    ):
        with TlsFronts(tmp_path / str(len(trusted)), upstream) as fronts:
            fronts.open(endpoint(pair=pair, trusted=trusted or pair.certificate))
            with pytest.raises(NoAnswerError, match=reason):
                Client(fronts, upstream).send("GET", f"https://{NAME}/")


def test_an_endpoint_that_changes_is_opened_anew_and_one_that_does_not_stays(upstream: str, tmp_path: Path) -> None:
    first = endpoint()
    with TlsFronts(tmp_path, upstream) as fronts:
        fronts.open(first)
        port = fronts.of(NAME).port
        fronts.open(first)
        assert fronts.of(NAME.upper()).port == port
        fronts.open(endpoint(host="elsewhere"))
        assert fronts.of(NAME).port != port
        assert spoken(port) == []
        assert f":80:{upstream} {NAME}:443:127.0.0.1:{fronts.of(NAME).port}" in fronts.connect_to
        assert (fronts.knows(NAME), fronts.knows("nobody.example.com")) == (True, False)
        with pytest.raises(NoAnswerError, match=r"nobody answers to nobody\.example\.com"):
            Client(fronts, upstream).send("GET", "https://nobody.example.com/")


def test_a_front_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(tls_front, "free_port", lambda: port)
    monkeypatch.setattr(tls_front, "START_ATTEMPTS", 1)
    first, second = (TlsFront(endpoint(), tmp_path / name, "127.0.0.1:9") for name in ("one", "two"))
    first.start()
    try:
        with pytest.raises(UserError, match=r"Address( already)? in use"):
            second.start()
    finally:
        first.stop()
        second.stop()


def test_keys_are_for_nobody_else(tmp_path: Path) -> None:
    self_signed(NAME).write(tmp_path)
    assert (tmp_path / "server.key").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(self_signed(NAME))
