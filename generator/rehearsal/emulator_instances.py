"""What the emulator and whoever runs its instances tell each other, in files beside the emulator's state.

The emulator's EC2 keeps records; nothing runs on them. It notes each instance that an Auto Scaling group launches or
ends. A rehearsal that wants web servers attends to accounts: there the emulator reads where an instance answers, how
healthy its load balancer finds it, and waits for its signals. Where nobody attends, every instance counts as started
and healthy at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from generator.rehearsal import emulator_journal

JOURNAL = "instances.jsonl"
"""What has happened to instances, a line each."""

ATTENDED = "attended.json"
"""The accounts whose instances somebody runs, and the process that does."""

TARGETS = "targets.json"
"""Where instances answer, and how healthy they are."""


@dataclass(frozen=True)
class Launch:
    """An instance as its group launches it. `user_data` is in base64, as EC2 has it; `profile` names the role."""

    instance_id: str
    account_id: str
    region: str
    group: str
    profile: str
    user_data: str


@dataclass(frozen=True)
class End:
    """An instance that is terminated."""

    instance_id: str


@dataclass(frozen=True)
class Health:
    """What DescribeTargetHealth says of a target.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    """

    state: str
    reason: str = ""
    description: str = ""


@dataclass(frozen=True)
class Targets:
    """Where instances answer (host and port), and the health of the targets of each target group."""

    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)
    health: dict[str, dict[str, Health]] = field(default_factory=dict)


UNCHECKED = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
"""A target that has not been checked often enough yet."""


def emulator_directory() -> Path:
    """Return the folder of the emulator that runs in this process."""
    return Path(os.environ["TMPDIR"])


def attend(directory: Path, account_ids: Collection[str]) -> None:
    """Let the emulator of this folder know that somebody runs the instances of these accounts from now on."""
    write_targets(directory, Targets())
    _write(directory / ATTENDED, {"accounts": sorted(account_ids), "process": os.getpid()})


def leave(directory: Path) -> None:
    """Let the emulator know that nobody runs instances any more."""
    (directory / ATTENDED).unlink(missing_ok=True)


def is_attended(directory: Path, account_id: str) -> bool:
    """Whether somebody runs the instances of an account; who was killed could not say that nobody does."""
    try:
        found = json.loads((directory / ATTENDED).read_text(encoding="utf-8"))
        os.kill(found["process"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return account_id in found["accounts"]


def announce(directory: Path, event: Launch | End) -> None:
    """Note what happened to an instance."""
    emulator_journal.append(directory / JOURNAL, event)


def journal_size(directory: Path) -> int:
    """Return the position behind all that has happened so far."""
    return emulator_journal.size(directory / JOURNAL)


def announced(directory: Path, after: int) -> Iterator[tuple[Launch | End, int]]:
    """Yield what happened after a position in the journal, each with the position behind it."""
    for event, position in emulator_journal.read(directory / JOURNAL, after):
        yield Launch(**event) if "user_data" in event else End(**event), position


def read_targets(directory: Path) -> Targets:
    """Return what the emulator is to know of the instances."""
    content: dict[str, Any] = json.loads((directory / TARGETS).read_text(encoding="utf-8"))
    addresses = {instance_id: (host, port) for instance_id, (host, port) in content["addresses"].items()}
    health = {
        group: {instance_id: Health(**each) for instance_id, each in found.items()}
        for group, found in content["health"].items()
    }
    return Targets(addresses, health)


def write_targets(directory: Path, targets: Targets) -> None:
    """Tell the emulator where instances answer and how healthy they are."""
    _write(directory / TARGETS, asdict(targets))


def _write(file: Path, content: Any) -> None:
    """Write a file whole or not at all."""
    aside = file.with_suffix(".new")
    aside.write_text(json.dumps(content), encoding="utf-8")
    aside.replace(file)
