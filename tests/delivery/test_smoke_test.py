"""The smoke test passes on a platform that answers as promised, and on nothing else."""

from __future__ import annotations

import datetime
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from generator.delivery import smoke_test as module
from generator.delivery.smoke_test import ConnectTo, host_of, main, parse_connect_to, smoke_test

HOST = "platform.example"
URL = f"https://{HOST}"
REDIRECT = f"https://{HOST}:443/healthz?x=1"
LOCAL = "127.0.0.1"


@dataclass
class Platform:
    """A load balancer on this machine, and what it answers next: status and Location."""

    http: tuple[int, str] = (301, REDIRECT)
    https: list[int] = field(default_factory=lambda: [200])
    """Statuses one after the other; the last one stays."""
    asked: list[str] = field(default_factory=list)
    connect_to: list[str] = field(default_factory=list)

    def ways(self) -> list[ConnectTo]:
        return [parse_connect_to(text) for text in self.connect_to]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "platform.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def serve(platform: Platform, context: ssl.SSLContext | None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scheme = "http" if context is None else "https"
            platform.asked.append(f"{scheme}://{self.headers['Host']}{self.path}")
            if context is None:
                status, location = platform.http
            else:
                status, location = platform.https[0], ""
                platform.https = platform.https[1:] or platform.https
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer((LOCAL, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def platform(certificate: Path) -> Iterator[Platform]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    platform = Platform()
    with ExitStack() as stack:
        for port, server in ((80, serve(platform, None)), (443, serve(platform, context))):
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            platform.connect_to.append(f"{HOST}:{port}:{LOCAL}:{server.server_address[1]}")
        yield platform


def outcome(platform: Platform, attempts: int = 1) -> tuple[bool, str]:
    lines: list[str] = []
    passed = smoke_test(URL, platform.ways(), attempts, 0, lines.append)
    return passed, "\n".join(lines)


def test_a_platform_as_promised_passes_and_the_output_says_why(platform: Platform) -> None:
    passed, output = outcome(platform)
    assert passed
    assert platform.asked == [f"http://{HOST}/healthz?x=1", *[f"https://{HOST}/healthz"]]
    assert f"answers 301 {REDIRECT}" in output
    assert "answers 200 over TLSv1.3" in output
    assert "certificate NOT verified (self-signed certificate)" in output


def test_a_certificate_that_can_be_verified_is(
    platform: Platform, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    passed, output = outcome(platform)
    assert passed
    assert "certificate verified" in output


@pytest.mark.parametrize(
    "answer",
    [
        (200, ""),
        (302, REDIRECT),
        (301, ""),
        (301, f"https://{HOST}/healthz"),
        (301, f"https://{HOST}/?x=1"),
        (301, f"http://{HOST}/healthz?x=1"),
        (301, f"https://{HOST}:8443/healthz?x=1"),
        (301, "https://elsewhere.example/healthz?x=1"),
    ],
)
def test_any_other_redirect_fails(platform: Platform, answer: tuple[int, str]) -> None:
    platform.http = answer
    passed, output = outcome(platform)
    assert not passed
    assert f"answered {answer[0]} {answer[1]}".rstrip() in output
    assert f"expected 301 https://{HOST}/healthz?x=1" in output


def test_a_redirect_without_the_port_is_the_same(platform: Platform) -> None:
    platform.http = (301, f"https://{HOST}/healthz?x=1")
    assert outcome(platform)[0]


def test_an_unhealthy_platform_fails(platform: Platform) -> None:
    platform.https = [503]
    passed, output = outcome(platform)
    assert not passed
    assert "answered 503, expected 200" in output
    assert "failed: https://platform.example" in output


def test_a_target_that_needs_time_is_asked_again_as_often_as_allowed(platform: Platform) -> None:
    platform.https = [503, 503, 200]
    assert outcome(platform, attempts=3)[0]
    platform.https = [503, 503, 200]
    assert not outcome(platform, attempts=2)[0]


@pytest.mark.parametrize("missing", [80, 443])
def test_a_port_where_nobody_answers_fails(platform: Platform, missing: int) -> None:
    gone = serve(platform, None)
    gone.shutdown()
    gone.server_close()
    platform.connect_to.insert(0, f":{missing}:{LOCAL}:{gone.server_address[1]}")
    passed, output = outcome(platform)
    assert not passed
    assert "Connection refused" in output


def test_http_on_the_https_port_fails(platform: Platform) -> None:
    platform.connect_to = [platform.connect_to[0], platform.connect_to[0].replace(":80:", ":443:")]
    passed, output = outcome(platform)
    assert not passed
    assert "https://platform.example/healthz: " in output


def test_tls_below_1_2_is_never_spoken() -> None:
    for verified in (True, False):
        assert module._context(verified).minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:80:b:8080", ConnectTo("a", "80", "b", "8080")),
        (":80::8080", ConnectTo("", "80", "", "8080")),
        ("::[::1]:443", ConnectTo("", "", "::1", "443")),
    ],
)
def test_connect_to_is_read_as_curl_reads_it(text: str, expected: ConnectTo) -> None:
    assert parse_connect_to(text) == expected


def test_connect_to_applies_to_its_host_and_port_alone() -> None:
    assert ConnectTo("a", "80", "b", "1").applies("a", 80)
    assert not ConnectTo("a", "80", "b", "1").applies("a", 443)
    assert not ConnectTo("a", "80", "b", "1").applies("c", 80)
    assert ConnectTo("", "", "b", "1").applies("c", 443)


@given(st.text(max_size=40))
def test_any_address_is_taken_or_refused(text: str) -> None:
    for read in (host_of, parse_connect_to):
        try:
            read(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "url", ["", "platform.example", "http://platform.example", "https://a:8443", "https://u@a", "https://[a"]
)
def test_an_address_that_is_none_is_wrong_use(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([url])
    assert exit_.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_wrong_options_are_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in (["--attempts", "0"], ["--attempts", "x"], ["--connect-to", "a:b"]):
        with pytest.raises(SystemExit) as exit_:
            main([URL, *options])
        assert exit_.value.code == 2
    monkeypatch.setenv("SMOKE_TEST_CONNECT_TO", "nonsense")
    with pytest.raises(SystemExit) as exit_:
        main([URL])
    assert exit_.value.code == 2


def test_it_runs_by_itself_anywhere_with_the_standard_library_alone(platform: Platform, tmp_path: Path) -> None:
    script = tmp_path / "smoke_test.py"
    script.write_bytes(Path(module.__file__).read_bytes())

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", script, URL, "--attempts", "1", *options],
            env={"SMOKE_TEST_CONNECT_TO": " ".join(platform.connect_to)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run().returncode == 0
    platform.https = [503]
    assert run().returncode == 1
    platform.https = [200]
    result = run("--connect-to", "::127.0.0.1:1")
    assert result.returncode == 1, "the option goes before the variable"
    assert "Connection refused" in result.stdout
