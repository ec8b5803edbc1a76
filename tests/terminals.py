"""A real terminal to run commands in: a pseudo-terminal of a given size, as a person's or a recorder's."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[1]
COLOUR = "\x1b[3"
"""How a change of colour begins, in what a terminal is sent. https://en.wikipedia.org/wiki/ANSI_escape_code#SGR"""

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

TOLD = {
    name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
}
"""The variables of these tests, without what tells programs to colour."""


@dataclass(frozen=True)
class Shown:
    """What a terminal was sent, and how the command ended."""

    text: str
    exit_code: int

    @property
    def lines(self) -> list[str]:
        """The lines, without what only a terminal makes something of."""
        return plain(self.text).replace("\r\n", "\n").splitlines()


def plain(text: str) -> str:
    """Return a text without colours and movements of the cursor."""
    return SEQUENCE.sub("", text)


def on_terminal(
    command: list[str],
    columns: int = 80,
    answers: Mapping[str, str] = MappingProxyType({}),
    cwd: Path = ROOT,
    variables: Mapping[str, str] = TOLD,
) -> Shown:
    """Run a command with a terminal for standard input, output and error, and return what it showed.

    `answers` are typed, each once what it answers is shown.
    """
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, columns))
    environment = {**variables, "TERM": variables.get("TERM", "xterm-256color")}
    # Its own session, so that the terminal is the one whose Ctrl-C interrupts it.
    with subprocess.Popen(command, cwd=cwd, env=environment, preexec_fn=partial(os.login_tty, writer)) as process:
        os.close(writer)
        text, left = b"", dict(answers)
        while part := _read(reader):
            text += part
            for asked in [each for each in left if each.encode() in text]:
                os.write(reader, left.pop(asked).encode())
        os.close(reader)
    return Shown(text.decode(), process.returncode)


def generator(*arguments: str) -> list[str]:
    """Return a command of the generator's as it is run."""
    return [sys.executable, "-m", "generator", *arguments]


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # Linux says so where the last program has left the terminal
        return b""
