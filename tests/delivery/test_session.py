"""Clients try again where trying again can help, and say in words what AWS refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generator.delivery.session import ATTEMPTS, account_and_region, client, explained
from generator.errors import UserError
from tests.delivery.conftest import Account

ACCOUNT_ID = "399999999999"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The user's AWS settings: an account and a region, and nothing else of this machine's."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rehearsal")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return monkeypatch


@pytest.fixture
def throttling() -> Iterator[tuple[str, list[str]]]:
    """A service that refuses everything for now."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            body = b"<ErrorResponse><Error><Code>Throttling</Code><Message>slow down</Message></Error></ErrorResponse>"
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_what_is_throttled_is_tried_again_as_often_as_said(
    configured: pytest.MonkeyPatch, throttling: tuple[str, list[str]]
) -> None:
    endpoint, asked = throttling
    configured.setenv("AWS_ENDPOINT_URL", endpoint)
    configured.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with pytest.raises(UserError, match=r"asking AWS which account this is: .*slow down"):
        account_and_region()
    assert len(asked) == ATTEMPTS


def test_account_and_region_are_those_that_boto3_finds(configured: pytest.MonkeyPatch, account: Account) -> None:
    configured.setenv("AWS_ENDPOINT_URL", account.emulator.endpoint_url)
    assert account_and_region() == (ACCOUNT_ID, "eu-west-1")
    assert client("s3", "us-east-1").meta.region_name == "us-east-1"


def test_without_a_region_there_is_no_client(configured: pytest.MonkeyPatch) -> None:
    configured.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UserError, match="client of cloudformation: You must specify a region"):
        client("cloudformation")


def test_without_credentials_the_error_says_so(configured: pytest.MonkeyPatch) -> None:
    configured.delenv("AWS_ACCESS_KEY_ID")
    configured.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match=r"Unable to locate credentials; set AWS_PROFILE or the like \(docs/comm.*\)$"):
        account_and_region()


def test_any_other_error_is_a_defect_and_stays_whole() -> None:
    with pytest.raises(KeyError), explained("something"):
        raise KeyError("defect")
