"""Certificates of a rehearsal: those that servers sign themselves, and those of an authority that its clients trust.

The authority stands in for Amazon's public one, which issues what ACM gives to a domain and what CloudFront answers
with under its own names.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = datetime.timedelta(days=2)
CLOCK_SKEW = datetime.timedelta(hours=1)
LONGEST_COMMON_NAME = 64


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both as PEM."""

    certificate: str
    key: str = field(repr=False)

    def write(self, folder: Path) -> None:
        """Write `server.crt`, and `server.key` for its owner alone."""
        (folder / "server.crt").write_text(self.certificate, encoding="ascii")
        key = folder / "server.key"
        key.touch(mode=0o600)
        key.write_text(self.key, encoding="ascii")


def self_signed(name: str) -> KeyPair:
    """Return a certificate that nobody but itself vouches for."""
    key = _new_key()
    return KeyPair(_pem(_builder(name, _name(name), key).sign(key, hashes.SHA256())), _private_pem(key))


class Authority:
    """Somebody whose signature the rehearsal's clients trust. It lives in memory, as long as the rehearsal does."""

    def __init__(self, name: str = "Rehearsal of Amazon Trust Services") -> None:
        key = _new_key()
        self._name = name
        self._key = _private_pem(key)
        builder = _builder(name, _name(name), key)
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_for_certificates(), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        ):
            builder = builder.add_extension(extension, critical)
        self.certificate = _pem(builder.sign(key, hashes.SHA256()))
        """Its own certificate, as PEM."""

    def issue(self, names: Sequence[str]) -> KeyPair:
        """Return a certificate for host names, which may begin with `*.`, and addresses."""
        own_key = serialization.load_pem_private_key(self._key.encode(), password=None)
        assert isinstance(own_key, ec.EllipticCurvePrivateKey)
        key = _new_key()
        alternatives = x509.SubjectAlternativeName([_host(name) for name in names])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(own_key.public_key())
        builder = _builder(names[0], _name(self._name), key)
        builder = builder.add_extension(alternatives, critical=False).add_extension(issuer, critical=False)
        return KeyPair(_pem(builder.sign(own_key, hashes.SHA256())), _private_pem(key))


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    start = datetime.datetime.now(datetime.UTC) - CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID_FOR)
    )


def _for_certificates() -> x509.KeyUsage:
    uses = dict.fromkeys(
        (
            "content_commitment",
            "crl_sign",
            "data_encipherment",
            "decipher_only",
            "digital_signature",
            "encipher_only",
            "key_agreement",
            "key_encipherment",
        ),
        False,
    )
    return x509.KeyUsage(key_cert_sign=True, **uses)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_COMMON_NAME])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    unencrypted = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted).decode()
