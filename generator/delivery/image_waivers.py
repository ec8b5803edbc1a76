"""Vulnerabilities of images that somebody has looked at and accepts, for a reason and for a while.

`params/image_waivers.yaml` holds them:

    waivers:
      - vulnerability: CVE-2026-12345     # as the scan names it
        reason: In the parser of a format that the application never reads; Debian has no fix yet.
        added: 2026-11-21
        expires: 2026-12-15               # the last day it is good for, at most 90 days after `added`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from generator.checks.waiver_files import key_of, read_entries
from generator.checks.waivers import problems_of_dates, problems_of_reason

KEYS = ("vulnerability", "reason", "added", "expires")


@dataclass(frozen=True)
class ImageWaiver:
    """One accepted vulnerability. `key` says where it stands in the file: `waivers[0]`."""

    key: str
    vulnerability: str
    reason: str
    expires: date


def load(path: Path, today: date) -> list[ImageWaiver]:
    """Return the waivers of a file that are still good, none where there is no file.

    Raises `UserError` naming file and key, with all that is wrong.
    """
    entries = read_entries(path, lambda entry: _problems(entry, today), optional=True)
    waivers = [
        ImageWaiver(key_of(number), entry["vulnerability"], entry["reason"].strip(), entry["expires"])
        for number, entry in enumerate(entries)
    ]
    return [waiver for waiver in waivers if today <= waiver.expires]


def _problems(entry: Any, today: date) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"must have the keys {', '.join(KEYS)}"]
    problems = [f"{key} is unknown; allowed: {', '.join(KEYS)}" for key in entry if key not in KEYS]
    problems += [f"{key} is missing" for key in KEYS if key not in entry]
    if problems:
        return problems
    if not isinstance(entry["vulnerability"], str) or not entry["vulnerability"].strip():
        problems.append("vulnerability: must be its name, such as CVE-2026-12345")
    return [
        *problems,
        *problems_of_reason(entry["reason"]),
        *problems_of_dates(entry["added"], entry["expires"], today),
    ]
