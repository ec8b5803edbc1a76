"""What the emulator's ECS and whoever runs its tasks tell each other, in files beside the emulator's state.

The emulator notes each task that a service starts or stops, and each deployment that begins or ends. Who attends to an
account (`emulator_instances`) runs the tasks, and says how they are. Time passes there in rounds that the attendant
grants, one after the other, and none by the wall clock: in a round ECS looks once at all services of the account. It
replaces tasks that have stopped or are unhealthy, and a deployment moves on by one lifecycle stage, or by one minute
of a time that it waits.
Where nobody attends, tasks run and are healthy at once, and a deployment is over when its request is answered.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from generator.rehearsal import emulator_journal

JOURNAL = "tasks.jsonl"
"""What has happened to tasks and deployments, a line each."""

STATES = "task-states.json"
"""How the tasks are that somebody runs."""

GRANTED, HANDLED = "rounds-granted", "rounds-handled"
"""Folders with a file for each account: how many rounds the attendant has granted, and how many ECS is through with."""

PENDING, RUNNING, STOPPED = "PENDING", "RUNNING", "STOPPED"
UNKNOWN, HEALTHY, UNHEALTHY = "UNKNOWN", "HEALTHY", "UNHEALTHY"


@dataclass(frozen=True)
class TaskStart:
    """A task that a service starts. `service` is the service's ARN, `revision` its service revision's."""

    task_arn: str
    account_id: str
    region: str
    cluster: str
    service: str
    revision: str
    task_definition_arn: str
    ip: str


@dataclass(frozen=True)
class TaskStop:
    """A task that ECS wants to end: it has left its target groups, and gets SIGTERM."""

    task_arn: str
    reason: str


@dataclass(frozen=True)
class DeploymentStart:
    """A deployment of a service that begins."""

    deployment_arn: str
    account_id: str
    service: str


@dataclass(frozen=True)
class DeploymentEnd:
    """A deployment that is over, however it went: `status` is its last."""

    deployment_arn: str
    status: str


TaskEvent = TaskStart | TaskStop | DeploymentStart | DeploymentEnd
_EVENTS: Mapping[str, type[TaskEvent]] = {
    each.__name__: each for each in (TaskStart, TaskStop, DeploymentStart, DeploymentEnd)
}


@dataclass(frozen=True)
class TaskState:
    """How a task is: `status` as DescribeTasks' lastStatus, `health` as its healthStatus.

    `exit_codes` are of the containers that have ended, by name; `reason` is why the task stopped.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
    """

    status: str = PENDING
    health: str = UNKNOWN
    reason: str = ""
    exit_codes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Line:
    """An event as the journal keeps it."""

    kind: str
    event: dict[str, Any]


def announce(directory: Path, event: TaskEvent) -> None:
    """Note what happened to a task or a deployment."""
    emulator_journal.append(directory / JOURNAL, _Line(type(event).__name__, asdict(event)))


def journal_size(directory: Path) -> int:
    """Return the position behind all that has happened so far."""
    return emulator_journal.size(directory / JOURNAL)


def announced(directory: Path, after: int) -> Iterator[tuple[TaskEvent, int]]:
    """Yield what happened after a position in the journal, each with the position behind it."""
    for line, position in emulator_journal.read(directory / JOURNAL, after):
        yield _EVENTS[line["kind"]](**line["event"]), position


def write_states(directory: Path, states: Mapping[str, TaskState]) -> None:
    """Tell the emulator how tasks are, by their ARN."""
    _write(directory / STATES, json.dumps({arn: asdict(state) for arn, state in states.items()}))


def read_states(directory: Path) -> dict[str, TaskState]:
    """Return how tasks are, by their ARN; one that is not there has not been seen by whoever runs it."""
    try:
        content = json.loads((directory / STATES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {arn: TaskState(**state) for arn, state in content.items()}


def target_key(account_id: str, ip: str) -> str:
    """Return the key of a task among the addresses of `Targets`: accounts may have the same private addresses."""
    return f"{account_id}/{ip}"


def grant_round(directory: Path, account_id: str) -> int:
    """Let one more round pass in an account; return how many that makes."""
    number = _count(directory / GRANTED / account_id) + 1
    _write(directory / GRANTED / account_id, str(number))
    return number


def granted_rounds(directory: Path, account_id: str) -> int:
    """Return how many rounds have been granted."""
    return _count(directory / GRANTED / account_id)


def note_handled(directory: Path, account_id: str, number: int) -> None:
    """Let the attendant know that ECS is through with so many rounds."""
    _write(directory / HANDLED / account_id, str(number))


def handled_rounds(directory: Path, account_id: str) -> int:
    """Return how many rounds ECS is through with."""
    return _count(directory / HANDLED / account_id)


def _count(file: Path) -> int:
    try:
        return int(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0


def _write(file: Path, content: str) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    aside = file.with_name(f"{file.name}.{os.getpid()}.new")
    aside.write_text(content, encoding="utf-8")
    aside.replace(file)
