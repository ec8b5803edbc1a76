"""The stand-in answers the health check over TLS, well or ill, and is gone afterwards."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading

import pytest

from generator.rehearsal.web_server_stand_in import HOST, WebServerStandIn

PATIENCE_SECONDS = 30.0


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(port: int, path: str, context: ssl.SSLContext | None = None) -> int:
    connection = http.client.HTTPSConnection(HOST, port, timeout=PATIENCE_SECONDS, context=context or trusting())
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.read() == b""
        return response.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "healthy", "status"),
    [
        ("/healthz", True, 200),
        ("/healthz?probe=1", True, 200),
        ("/healthz", False, 503),
        ("/", True, 404),
        ("/", False, 404),
        ("/healthz/deeper", True, 404),
    ],
)
def test_it_answers_the_health_check_alone(path: str, healthy: bool, status: int) -> None:
    with WebServerStandIn() as stand_in:
        stand_in.healthy = healthy
        assert ask(stand_in.port, path) == status


def test_its_health_changes_while_it_runs() -> None:
    with WebServerStandIn() as stand_in:
        answers = []
        for healthy in (True, False, True):
            stand_in.healthy = healthy
            answers.append(ask(stand_in.port, "/healthz"))
    assert answers == [200, 503, 200]


def test_a_client_that_trusts_nobody_does_not_disturb_it(capfd: pytest.CaptureFixture[str]) -> None:
    with WebServerStandIn() as stand_in:
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            ask(stand_in.port, "/healthz", ssl.create_default_context())
        assert ask(stand_in.port, "/healthz") == 200
    assert "".join(capfd.readouterr()) == ""


def test_a_client_that_says_nothing_holds_up_nobody() -> None:
    with WebServerStandIn() as stand_in, socket.create_connection((HOST, stand_in.port)):
        assert ask(stand_in.port, "/healthz") == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_it_does_not_speak_http_or_old_tls() -> None:
    with WebServerStandIn() as stand_in:
        plain = http.client.HTTPConnection(HOST, stand_in.port, timeout=PATIENCE_SECONDS)
        plain.request("GET", "/healthz")
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            plain.getresponse()
        old = trusting()
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(stand_in.port, "/healthz", old)


def test_it_is_there_for_the_time_of_its_block() -> None:
    stand_in = WebServerStandIn()
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        _ = stand_in.port
    threads = threading.active_count()
    with stand_in:
        port = stand_in.port
        assert threading.active_count() > threads
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        _ = stand_in.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port)).close()


def test_two_are_apart() -> None:
    with WebServerStandIn() as one, WebServerStandIn() as other:
        other.healthy = False
        assert (ask(one.port, "/healthz"), ask(other.port, "/healthz")) == (200, 503)
