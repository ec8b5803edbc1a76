"""Waivers: dangers of an upgrade that somebody has looked at and accepts, for a reason and for a while.

`params/waivers.yaml` holds them, so that a waiver is reviewed and recorded like any other change:

    waivers:
      - address: Database/Database        # of the resource, as `make impact` prints it
        environments: [dev, staging]      # those it is good for; prod is named, never meant
        action: replace                   # replace, remove or weaken
        reason: Moved to PostgreSQL 18 by dump and restore on 2026-12-01, see the runbook.
        added: 2026-11-21
        expires: 2026-12-15               # the last day it is good for, at most 90 days after `added`
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from generator.checks.waiver_files import key_of, read_entries
from generator.errors import UserError

KEYS = ("address", "environments", "action", "reason", "added", "expires")

LONGEST_DAYS = 90
"""How long a waiver is good for at most: a change that takes longer is looked at again."""

SHORTEST_REASON = 15
"""Characters that a reason has at least; "ok" is none."""


class Action(StrEnum):
    """What is waived."""

    REPLACE = "replace"
    REMOVE = "remove"
    WEAKEN = "weaken"


@dataclass(frozen=True)
class Waiver:
    """One accepted danger. `key` says where it stands in the file: `waivers[0]`."""

    key: str
    address: str
    environments: tuple[str, ...]
    action: Action
    reason: str
    added: date
    expires: date

    def covers(self, environment: str, address: str, action: Action) -> bool:
        """Whether this waiver is about such a danger; see `expired` for whether it is still good."""
        return environment in self.environments and (address, action) == (self.address, self.action)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires


def load(path: Path, environments: Collection[str], today: date) -> list[Waiver]:
    """Return the waivers of a file, none where there is no file.

    `environments` are the names that may stand in it; nothing may be added after `today`. Raises `UserError` naming
    file and key, with all that is wrong. An expired waiver is read too: it waives nothing, and whoever judges an
    upgrade of its environments fails for it.
    """
    names = list(environments)
    entries = read_entries(path, lambda entry: _problems(entry, names, today), optional=True)
    waivers = [
        Waiver(
            key_of(number),
            entry["address"],
            tuple(entry["environments"]),
            Action(entry["action"]),
            entry["reason"].strip(),
            entry["added"],
            entry["expires"],
        )
        for number, entry in enumerate(entries)
    ]
    _refuse_repetition(path, waivers)
    return waivers


def _problems(entry: Any, environments: Sequence[str], today: date) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"must have the keys {', '.join(KEYS)}"]
    problems = [f"{key} is unknown; allowed: {', '.join(KEYS)}" for key in entry if key not in KEYS]
    problems += [f"{key} is missing" for key in KEYS if key not in entry]
    if problems:
        return problems
    return [
        *_problems_of_subject(entry, environments),
        *problems_of_reason(entry["reason"]),
        *problems_of_dates(entry["added"], entry["expires"], today),
    ]


def _problems_of_subject(entry: Mapping[str, Any], environments: Sequence[str]) -> list[str]:
    problems = []
    if not isinstance(entry["address"], str) or not all(part.isalnum() for part in entry["address"].split("/")):
        problems.append("address: must be a resource's address, such as Database/Database")
    if entry["action"] not in list(Action):
        problems.append(f"action: {entry['action']!r} is none; allowed: {', '.join(Action)}")
    named = entry["environments"]
    if not isinstance(named, list) or not named:
        problems.append("environments: must be a list of at least one environment, such as [dev]")
    else:
        known = ", ".join(environments)
        problems += [f"environments: {name!r} is none; allowed: {known}" for name in named if name not in environments]
    return problems


def problems_of_reason(reason: Any) -> list[str]:
    """Return what is wrong with the reason of a waiver that expires."""
    if isinstance(reason, str) and len(reason.strip()) >= SHORTEST_REASON:
        return []
    return [f"reason: must say in {SHORTEST_REASON} characters or more why nothing is lost, or why that is accepted"]


def problems_of_dates(added: Any, expires: Any, today: date) -> list[str]:
    """Return what is wrong with the days between which a waiver is good."""
    dates = {"added": added, "expires": expires}
    problems = [
        f"{key}: {value!r} is no date; write it as 2026-12-31"
        for key, value in dates.items()
        if not isinstance(value, date) or isinstance(value, datetime)
    ]
    if problems:
        return problems
    if added > today:
        return [f"added: {added} is still to come; write the day on which it is added"]
    if not 0 <= (expires - added).days <= LONGEST_DAYS:
        return [f"expires: {expires} must be 0 to {LONGEST_DAYS} days after added ({added})"]
    return []


def _refuse_repetition(path: Path, waivers: Sequence[Waiver]) -> None:
    seen: dict[tuple[str, str, Action], str] = {}
    for waiver in waivers:
        for environment in waiver.environments:
            subject = (environment, waiver.address, waiver.action)
            if subject in seen:
                danger = f"{waiver.action} {waiver.address} in {environment}"
                raise UserError(f"{path}: {waiver.key}: repeats {seen[subject]} ({danger}); remove one")
            seen[subject] = waiver.key
