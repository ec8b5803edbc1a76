"""Where visitors find the rehearsed platform: the names they ask for, and the ports of this machine that answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Site:
    """The platform as its visitors see it.

    `website` and `application` are origins such as `https://shop.example.com`; with a domain they are the same. For
    each of their hosts, `ports` has the port on `LOOPBACK` that stands for its port 443. `certificates` is a file of
    PEM certificates, which a visitor trusts alone.
    """

    website: str
    application: str
    ports: Mapping[str, int]
    certificates: str

    def as_dict(self) -> dict[str, Any]:
        """Return what `Site(**…)` takes, fit for JSON."""
        return asdict(self)
