"""A self-signed certificate for a load balancer that has no domain of its own (W5): what is in it, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from generator.naming import PROJECT

CLOCK_SKEW = timedelta(hours=1)
"""How late a client's clock may be: the certificate is valid from that long ago."""


def self_signed(environment_name: str, region: str, now: datetime, days: int) -> tuple[str, str]:
    """Return a new certificate and its private key, both as PEM. It can sign no other certificate.

    The key is one of ECDSA with P-256: ACM imports it, the load balancer takes whatever ACM does, and its TLS policy
    has ciphers for it. Key type and extensions must stay as they are: a certificate that is imported into the ARN of
    an earlier one cannot change the former nor add to the latter.
    https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
    https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html
    """
    key = ec.generate_private_key(ec.SECP256R1())
    names = names_of(environment_name, region)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    start = now - CLOCK_SKEW
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_for_signatures(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The older form of the two, since it is the one that ACM documents for elliptic curves.
    # https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-format.html
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def names_of(environment_name: str, region: str) -> list[str]:
    """Return the names that a certificate is for: one that says whose it is, and those of the region's load balancers.

    The load balancer's own name is not known before it exists, and a certificate has to exist before it. With the
    wildcard, a client that was given the certificate can verify all of it, the name included; the first name is for
    people, in ACM's lists. Nobody can register a name under `internal`.
    https://datatracker.ietf.org/doc/draft-davies-internal-tld/
    """
    return [f"{environment_name}.{PROJECT}.internal", f"*.{region}.elb.amazonaws.com"]


def expiry_of(certificate: str) -> datetime:
    """Return when a certificate, given as PEM, ends."""
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def fingerprint_of(certificate: str) -> str:
    """Return the SHA-256 digest by which clients recognize a certificate, such as `AB:CD:...`."""
    return x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256()).hex(":").upper()


def _for_signatures() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
