"""Pictures of the recording: what the terminal showed when a command had ended."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click

from generator.errors import UserError
from tests.demo.recording import MARKER, OUTPUT, PROMPT, RECORDER, Recording
from tests.demo.typist import CLEAR
from tests.working_copy import ROOT

FOLDER = Path("docs/demo")


@dataclass(frozen=True)
class Screen:
    """A picture: its name, and the command after which it is taken."""

    name: str
    command: str
    title: str
    seen: str = ""
    """Words at whose first occurrence the picture is taken already, with the rest of their line."""


SCREENS = (
    Screen("replaced", "generator impact --from .before", "One word, and what it would do to production"),
    Screen("refused", "make check ONLY=exposure", "An open port is refused, with the packet that gets in", "╯"),
    Screen("rehearsed", "make rehearse AS_IS=yes APPROVE=yes", "Three environments, rehearsed and visited"),
    Screen("rolled-back", "FAIL_AT=staging:SmokeTest", "A stage that rolled back by itself"),
)


def until(recording: Recording, command: str) -> str:
    """Return all that was written until the next prompt or scene after a command. Raises `UserError` without it."""
    written, line, typed = "", "", False
    for _, kind, text in recording.events:
        plain = click.unstyle(text)
        if typed and (kind == MARKER or plain.startswith(PROMPT)):
            break
        if kind == OUTPUT:
            written += text
            line = (line + plain).rpartition("\n")[2]
            typed = typed or command in line
    if not typed:
        raise UserError(f"the recording has no command {command}; run make recording")
    return written


def shown(recording: Recording, screen: Screen) -> str:
    """Return all that was written when a picture is taken. Raises `UserError` where its words did not come."""
    written = until(recording, screen.command)
    if not screen.seen:
        return written
    # What was shown since the scene began: the commands before are on the same screen.
    scene = written.rfind(CLEAR)
    place = written.find(screen.seen, max(scene, 0))
    if place < 0:
        raise UserError(f"the recording has no {screen.seen} after {screen.command}; run make recording")
    return written[:place] + written[place:].partition("\n")[0]


def draw(cast: Path) -> list[Path]:
    """Write the pictures of a recording; return their paths. Raises `UserError`."""
    recording = Recording.read(ROOT / cast)
    size = {"columns": recording.header["width"], "rows": recording.header["height"]}
    drawn = []
    for screen in SCREENS:
        job = {**size, "title": screen.title, "written": shown(recording, screen)}
        run = subprocess.run(
            [str(RECORDER), "-m", "tests.demo.terminal_picture"],
            input=json.dumps(job),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise UserError(f"{screen.name}: cannot be drawn: {run.stderr.strip()}")
        path = FOLDER / f"{screen.name}.svg"
        (ROOT / path).write_text(run.stdout, encoding="utf-8")
        drawn.append(path)
    return drawn
