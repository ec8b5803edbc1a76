"""What a browser met on the pages of the website, and what of it should not be so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

FROM_CLOUDFRONT = "x-amz-cf-id"
"""The header in which CloudFront says the id under which it logs a request.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html (x-edge-request-id)"""
POLICIES = (
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
)
COMPLAINTS = ("error", "warning")
PROTOCOLS = ("TLS 1.2", "TLS 1.3")


@dataclass
class Visit:
    """What a page was like: who answered what it asked for, and what was wrong. `expected` is the page's own status."""

    name: str
    url: str
    expected: int = 200
    tls: str = ""
    answers: int = 0
    from_cloudfront: int = 0
    images: int = 0
    problems: list[str] = field(default_factory=list)

    def document(self, status: int, headers: Mapping[str, str], security: Mapping[str, Any]) -> None:
        """Take note of the answer that is the page itself."""
        self.tls = str(security.get("protocol", ""))
        if status != self.expected:
            self.problems.append(f"status {status} instead of {self.expected}")
        if self.tls not in PROTOCOLS:
            self.problems.append(f"protocol {self.tls or 'without TLS'}")
        self.problems += [f"no header {name}" for name in POLICIES if not headers.get(name)]

    def answered(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Take note of an answer: to the page, or to something that the page wants."""
        self.answers += 1
        if FROM_CLOUDFRONT in headers:
            self.from_cloudfront += 1
        else:
            self.problems.append(f"not answered by CloudFront: {url}")
        if status >= HTTPStatus.BAD_REQUEST and not self._should_fail(url):
            self.problems.append(f"status {status}: {url}")

    def said(self, kind: str, text: str, about: str) -> None:
        """Take note of a line on the console about a URL. That a page which should fail does so is no complaint."""
        if kind in COMPLAINTS and not self._should_fail(about):
            self.problems.append(f"console: {text}")

    def _should_fail(self, url: str) -> bool:
        return url == self.url and self.expected >= HTTPStatus.BAD_REQUEST
