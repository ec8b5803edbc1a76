"""What counts as a security header: the name with a value that protects."""

from __future__ import annotations

import pytest

from generator.checks.exposure.security_headers import SecurityHeader, effective


@pytest.mark.parametrize(
    ("header", "weak"),
    [
        (SecurityHeader.TRANSPORT, "max-age=3600"),
        (SecurityHeader.TRANSPORT, "includeSubDomains"),
        (SecurityHeader.CONTENT, "default-src 'self'; script-src 'unsafe-inline'"),
        (SecurityHeader.CONTENT, "default-src *"),
        (SecurityHeader.CONTENT, "default-src 'self'; script-src https:; object-src 'none'"),
        (SecurityHeader.CONTENT, "frame-ancestors 'none'"),
        (SecurityHeader.FRAME, "ALLOW-FROM https://example.com"),
        (SecurityHeader.REFERRER, "unsafe-url"),
    ],
)
def test_a_header_that_protects_nobody_does_not_count(header: SecurityHeader, weak: str) -> None:
    strong = {SecurityHeader.CONTENT_TYPE: "nosniff"}
    assert effective({**strong, header: weak}) == {SecurityHeader.CONTENT_TYPE}


@pytest.mark.parametrize(
    ("header", "strong"),
    [
        (SecurityHeader.TRANSPORT, "max-age=31536000"),
        (SecurityHeader.TRANSPORT, "max-age=63072000; includeSubDomains"),
        (SecurityHeader.CONTENT, "default-src 'self'; img-src 'self' data:; object-src 'none'"),
        (SecurityHeader.CONTENT, "default-src 'none'; script-src 'self'"),
        (SecurityHeader.FRAME, "SAMEORIGIN"),
        (SecurityHeader.REFERRER, "no-referrer"),
    ],
)
def test_a_header_that_protects_counts(header: SecurityHeader, strong: str) -> None:
    assert effective({header: strong}) == {header}
