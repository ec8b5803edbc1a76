"""What counts as a security header: the name alone protects nobody, the value must too (D17).

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

ONE_YEAR_SECONDS = 31_536_000

CAREFUL_REFERRERS = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
"""Policies that tell another site no path, and tell nothing over plain HTTP."""

SCRIPTS = ("default-src", "script-src")
"""The directives of a content security policy that say whose scripts run."""

ANYBODYS = ("*", "data:", "blob:", "http:", "https:")
"""Sources that are everybody's."""


class SecurityHeader(StrEnum):
    """The headers of answers that protect who gets them, by their names in small letters."""

    CONTENT = "content-security-policy"
    CONTENT_TYPE = "x-content-type-options"
    FRAME = "x-frame-options"
    REFERRER = "referrer-policy"
    TRANSPORT = "strict-transport-security"


def effective(headers: Mapping[SecurityHeader, str]) -> frozenset[SecurityHeader]:
    """Return those of some headers, given with their values, that protect."""
    return frozenset(header for header, value in headers.items() if _protects(header, value))


def _protects(header: SecurityHeader, value: str) -> bool:
    match header:
        case SecurityHeader.CONTENT:
            return _lets_only_known_scripts_run(value)
        case SecurityHeader.CONTENT_TYPE:
            return value == "nosniff"
        case SecurityHeader.FRAME:
            return value in ("DENY", "SAMEORIGIN")
        case SecurityHeader.REFERRER:
            return value in CAREFUL_REFERRERS
        case SecurityHeader.TRANSPORT:
            seconds = re.search(r"max-age=(\d+)", value, re.ASCII)
            return seconds is not None and int(seconds[1]) >= ONE_YEAR_SECONDS


def _lets_only_known_scripts_run(policy: str) -> bool:
    directives = {name: sources for name, *sources in (part.split() for part in policy.split(";") if part.strip())}
    sources = [source for name in SCRIPTS for source in directives.get(name, [])]
    return "default-src" in directives and not any(one in ANYBODYS or one.startswith("'unsafe-") for one in sources)
