"""The certificate is accepted by TLS clients that were given it, by its names, and by nobody for anything else."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.delivery.self_signed_certificate import expiry_of, fingerprint_of, self_signed

NOW = datetime.now(UTC).replace(microsecond=0)
LOAD_BALANCER = "web-platform-dev-1234567890.eu-west-1.elb.amazonaws.com"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def made() -> tuple[str, str]:
    return self_signed("dev", "eu-west-1", NOW, 365)


@pytest.fixture
def server(made: tuple[str, str], tmp_path: Path) -> ssl.SSLContext:
    """A server with the certificate, which speaks what the load balancer's policy does: TLS 1.2 and 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = TLS12, TLS13
    file = tmp_path / "server.pem"
    file.touch(mode=0o600)
    file.write_text("".join(made))
    context.load_cert_chain(file)
    return context


def client(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=certificate)
    # What Python asks for by default since 3.13: RFC 5280 to the letter.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    """Return the version that both agree on. Raises what the client's handshake does."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as secured:
                secured.recv(1)
        except (ssl.SSLError, ConnectionError):
            theirs.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as secured:
            return secured.version()
    finally:
        ours.close()
        thread.join(10)


@pytest.mark.parametrize(("version", "called"), [(TLS12, "TLSv1.2"), (TLS13, "TLSv1.3")])
@pytest.mark.parametrize("name", [LOAD_BALANCER, "dev.web-platform.internal"])
def test_a_client_that_was_given_it_verifies_all_of_it(
    server: ssl.SSLContext, made: tuple[str, str], version: ssl.TLSVersion, called: str, name: str
) -> None:
    verifying = client(made[0])
    verifying.minimum_version = verifying.maximum_version = version
    assert handshake(server, verifying, name) == called


def test_the_ciphers_of_the_load_balancers_policy_fit_its_key(server: ssl.SSLContext, made: tuple[str, str]) -> None:
    """ELBSecurityPolicy-TLS13-1-2-Res-2021-06, of TLS 1.2 those that go with such a key."""
    verifying = client(made[0])
    verifying.maximum_version = TLS12
    verifying.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    assert handshake(server, verifying, LOAD_BALANCER) == "TLSv1.2"


def test_nobody_else_trusts_it(server: ssl.SSLContext) -> None:
    another, _ = self_signed("dev", "eu-west-1", NOW, 365)
    for stranger in (ssl.create_default_context(), client(another)):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(server, stranger, LOAD_BALANCER)


@pytest.mark.parametrize(
    "name",
    ["shop.example.com", "prod.web-platform.internal", "web-platform-dev-1.us-east-1.elb.amazonaws.com", "eu-west-1"],
)
def test_it_is_for_no_other_name(server: ssl.SSLContext, made: tuple[str, str], name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client(made[0]), name)


def test_it_signs_no_other_certificate(made: tuple[str, str]) -> None:
    extensions = x509.load_pem_x509_certificate(made[0].encode()).extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


def test_key_and_certificate_are_of_the_form_that_acm_imports(made: tuple[str, str]) -> None:
    """https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html."""
    certificate, key = x509.load_pem_x509_certificate(made[0].encode()), load_pem_private_key(made[1].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert certificate.version is x509.Version.v3
    assert certificate.public_key() == key.public_key()
    assert certificate.issuer.rfc4514_string() == "CN=dev.web-platform.internal"
    assert made[1].split()[1] == "EC", "the form of keys that ACM documents"
    assert len(made[1]) < 5120


@settings(max_examples=25)
@given(days=st.integers(1, 398), environment=st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True))
def test_it_is_valid_now_and_for_as_long_as_asked(days: int, environment: str) -> None:
    certificate, _ = self_signed(environment, "eu-west-1", NOW, days)
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    assert parsed.not_valid_before_utc <= NOW < parsed.not_valid_after_utc
    assert parsed.not_valid_after_utc - parsed.not_valid_before_utc == timedelta(days=days)
    assert expiry_of(certificate) == parsed.not_valid_after_utc


def test_two_are_told_apart_by_their_fingerprints(made: tuple[str, str]) -> None:
    another, _ = self_signed("dev", "eu-west-1", NOW, 365)
    assert fingerprint_of(made[0]) != fingerprint_of(another)
    assert fingerprint_of(made[0]) == ":".join(fingerprint_of(made[0]).split(":")).upper()
    assert len(fingerprint_of(made[0]).split(":")) == 32
