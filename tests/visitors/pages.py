"""`make pages`: the shop's pages as a browser shows them, through CloudFront, and what is amiss with them."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from generator.errors import UserError
from tests.visitors import tools
from tests.visitors.site import LOOPBACK, Site
from tests.visitors.visits import Visit

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CONNECT_SECONDS = 10.0


def look(site: Site, folder: Path) -> list[Visit]:
    """Let a browser walk through the shop, put pictures of it into a folder, and return what it met."""
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "site": site.as_dict(),
        "program": str(chromium()),
        "key": key_of(site),
        "folder": str(folder.resolve()),
    }
    return [Visit(**visit) for visit in tools.run("tests.visitors.browser", job)]


def chromium() -> Path:
    """Return the browser of this machine. Raises `UserError` where there is none."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise UserError(f"no browser: {' or '.join(PROGRAMS)} must be on PATH; on Debian: apt-get install chromium")


def key_of(site: Site) -> str:
    """Return the digest of the website's public key, by which a browser knows a certificate of no known authority.

    The certificate is verified before, name and all, with those that the site's visitors trust.
    https://source.chromium.org/chromium/chromium/src/+/main:services/network/public/cpp/network_switches.cc
    """
    host = urlsplit(site.website).netloc
    context = ssl.create_default_context(cafile=site.certificates)
    with (
        socket.create_connection((LOOPBACK, site.ports[host]), timeout=CONNECT_SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    key = x509.load_der_x509_certificate(certificate).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return base64.b64encode(digest).decode()


def summary(visits: Sequence[Visit]) -> str:
    """Return the visits as lines of text, each with its problems."""
    lines = []
    for visit in visits:
        what = f"{visit.answers} answers, {visit.from_cloudfront} of them from CloudFront; {visit.images} images"
        lines.append(f"{'amiss' if visit.problems else 'fine':>5}  {visit.name:<14}  {visit.url}: {what}")
        lines += [f"       {problem}" for problem in visit.problems]
    return "\n".join(lines)
