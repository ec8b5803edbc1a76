"""The canary's visit, run as Synthetics runs it: the script of the template, against a platform that has its faults."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generator.canary import HANDLER, visit_script
from generator.rehearsal.certificates import Authority, KeyPair, self_signed

HOME = (
    '<!doctype html><title>Shop</title><link rel="stylesheet" href="/assets/shop.0123.css">'
    '<script src="/assets/shop.4567.js" defer></script><a href="/assets-of-the-firm.html">About</a>'
)


@dataclass(frozen=True)
class Reply:
    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0


HEALTHY: Mapping[str, Reply] = {
    "/": Reply(HOME, headers={"Cache-Control": "no-cache"}),
    "/assets/shop.0123.css": Reply("body {}"),
    "/assets/shop.4567.js": Reply("'use strict'"),
    "/healthz": Reply("ok\n"),
    "/api/products": Reply('{"products": []}'),
}


@dataclass
class Platform:
    """A platform with its answers, and who asked for what."""

    address: str
    asked: list[tuple[str, str]]


@contextmanager
def platform(replies: Mapping[str, Reply], key_pair: KeyPair | None, folder: Path) -> Iterator[Platform]:
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("User-Agent", "")))
            reply = replies.get(self.path, Reply("not here", 404))
            time.sleep(reply.seconds)
            with suppress(OSError):  # a visitor who did not wait has gone
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body.encode())

        def log_message(self, *_: object) -> None:
            """The test says what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if key_pair is not None:
            scheme = "https"
            key_pair.write(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.crt", folder / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Platform(f"{scheme}://localhost:{server.server_port}/", asked)
        server.shutdown()


def visit(address: str, folder: Path, before: str = "pass", **variables: str) -> subprocess.CompletedProcess[str]:
    """Visit with the script as Synthetics unpacks it, by the entry that the template names; `before` is done first."""
    module, function = HANDLER.split(".")
    (folder / f"{module}.py").write_text(visit_script(), encoding="utf-8")
    env = {"ADDRESS": address, "API_PATH": "/api/products", "VERIFY_CERTIFICATE": "true", **variables}
    return subprocess.run(
        [sys.executable, "-c", f"import {module}; {before}; print({module}.{function}({{}}, None))"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_visit_asks_for_what_a_customers_browser_asks_for(tmp_path: Path) -> None:
    with platform(HEALTHY, None, tmp_path) as here:
        run = visit(here.address, tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "visited"
    paths = [path for path, _ in here.asked]
    assert paths == ["/", "/assets/shop.0123.css", "/assets/shop.4567.js", "/healthz", "/api/products"]
    assert all(agent.startswith("Mozilla/5.0") for _, agent in here.asked), "AWS WAF refuses requests without one"
    assert [line.partition(":")[0] for line in run.stdout.splitlines()[:-1]] == paths


def test_where_no_application_is_released_its_interface_is_not_asked_for(tmp_path: Path) -> None:
    with platform(HEALTHY, None, tmp_path) as here:
        assert visit(here.address, tmp_path, API_PATH="").returncode == 0
    assert "/api/products" not in [path for path, _ in here.asked]


@pytest.mark.parametrize(
    ("path", "reply", "complaint"),
    [
        ("/", Reply("down", 503), "/: answered 503 instead of 200"),
        ("/", Reply("", 301, {"Location": "/elsewhere"}), "/: answered 301 instead of 200"),
        ("/", Reply("<p>It works!", headers={"Cache-Control": "no-cache"}), "/: is no page with a title"),
        ("/", Reply(HOME, headers={"Cache-Control": "max-age=60"}), "/: may be kept by browsers"),
        ("/assets/shop.0123.css", Reply("gone", 404), "/assets/shop.0123.css: answered 404 instead of 200"),
        ("/assets/shop.4567.js", Reply(""), "/assets/shop.4567.js: is empty"),
        ("/healthz", Reply("starting"), "/healthz: does not say ok"),
        ("/api/products", Reply("<html>"), "/api/products: is no JSON object"),
        ("/api/products", Reply("[]"), "/api/products: is no JSON object"),
        ("/api/products", Reply("{}", 503), "/api/products: answered 503 instead of 200"),
    ],
)
def test_what_a_customer_would_not_put_up_with_fails_the_visit_in_words(
    tmp_path: Path, path: str, reply: Reply, complaint: str
) -> None:
    with platform({**HEALTHY, path: reply}, None, tmp_path) as here:
        run = visit(here.address, tmp_path)
    assert run.returncode != 0
    assert complaint in run.stderr


def test_an_answer_that_takes_too_long_is_none(tmp_path: Path) -> None:
    with platform({**HEALTHY, "/healthz": Reply("ok", seconds=2)}, None, tmp_path) as here:
        run = visit(here.address, tmp_path, before="index.SLOW_SECONDS = 0.5")
    assert run.returncode != 0
    assert "/healthz: no answer: timed out" in run.stderr


def test_nobody_at_the_address_fails_the_visit_in_words(tmp_path: Path) -> None:
    run = visit("http://127.0.0.1:1/", tmp_path)
    assert run.returncode != 0
    assert "/: no answer: " in run.stderr


def test_w5_a_self_signed_certificate_is_accepted_only_where_it_is_said(tmp_path: Path) -> None:
    with platform(HEALTHY, self_signed("localhost"), tmp_path) as here:
        assert visit(here.address, tmp_path, VERIFY_CERTIFICATE="false").returncode == 0
        run = visit(here.address, tmp_path)
    assert run.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in run.stderr


def test_w5_a_certificate_of_a_trusted_authority_is_accepted_for_its_own_name_alone(tmp_path: Path) -> None:
    authority = Authority()
    trusted = tmp_path / "authorities.pem"
    trusted.write_text(authority.certificate)
    with platform(HEALTHY, authority.issue(["localhost"]), tmp_path) as here:
        assert visit(here.address, tmp_path, SSL_CERT_FILE=str(trusted)).returncode == 0
        run = visit(here.address.replace("localhost", "127.0.0.1"), tmp_path, SSL_CERT_FILE=str(trusted))
    assert "CERTIFICATE_VERIFY_FAILED" in run.stderr


def test_a_visit_needs_the_standard_library_alone() -> None:
    """What Synthetics' runtime brings besides changes from one to the next."""
    imports = [line.split()[1] for line in visit_script().splitlines() if line.startswith(("import ", "from "))]
    assert imports
    assert {name.partition(".")[0] for name in imports} <= sys.stdlib_module_names
