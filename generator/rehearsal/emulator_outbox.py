"""What the emulated AWS sends to people and addresses outside: e-mail, requests to URLs, incidents.

Nothing leaves this machine. What would be sent lies in a file beside the emulator's state, a line each, in the order in
which it was sent.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

OUTBOX = "outbox.jsonl"

NOTIFICATION, CONFIRMATION, INCIDENT = "notification", "confirmation", "incident"

_writing = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """One message to the world outside.

    `kind` is a notification of a topic, the question whether somebody wants to subscribe to it, with the `token` that
    says yes, or the start of an incident. `source` is the ARN of the topic or response plan, `to` an address or URL.
    """

    kind: str
    source: str
    protocol: str
    to: str
    subject: str
    text: str
    token: str = ""


def send(directory: Path, message: Sent) -> None:
    """Put a message into the outbox of the emulator with this folder."""
    with _writing, (directory / OUTBOX).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(message)) + "\n")


def sent(directory: Path, after: int = 0) -> Iterator[Sent]:
    """Yield what was sent, but for the first so many messages."""
    file = directory / OUTBOX
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for line in lines[after:]:
        yield Sent(**json.loads(line))
