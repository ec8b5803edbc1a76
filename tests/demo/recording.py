"""A recorded terminal session in asciinema's format, asciicast v2.

A line of JSON says how large the terminal was; each following line is an event: seconds, kind, and what was written
("o") or the name of a place to jump to ("m"). https://docs.asciinema.org/manual/asciicast/v2/
"""

from __future__ import annotations

import json
import shlex
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from generator import __version__
from generator.errors import UserError
from tests.demo.script import PAGE, Scene, scenes
from tests.working_copy import ROOT, WorkingCopy

CAST = Path("docs/demo/demo.cast")
RECORDER = ROOT / ".venv-demo/bin/python"
COLUMNS, ROWS = 100, 30
MOST_BYTES = 300_000
IDLE_SECONDS = 2
"""Where nothing happens for longer, players wait no longer than this."""

REDRAWN = "\r\x1b[2K"
"""How a live line begins that is written over itself."""
REDRAWN_SECONDS = 1.0
"""A live line turns four times a second; this often is enough to see that it does."""

OUTPUT, MARKER, PROMPT = "o", "m", "$ "
HEADING = "# "
"""How a scene's heading begins, as a remark in a shell does."""

NOTHING = (0.0, "", "")
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@dataclass(frozen=True)
class Recording:
    """What a terminal showed: the header, and events of seconds, kind and text."""

    header: dict[str, Any]
    events: list[tuple[float, str, str]]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file. Raises `UserError` where it is none of this format."""
        try:
            header, *events = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
            if header["version"] != 2:
                raise UserError(f"{path}: is asciicast {header['version']}, and 2 is read here; run make recording")
            return cls(header, [(float(seconds), str(kind), str(text)) for seconds, kind, text in events])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: is no recording in asciinema's format; run make recording") from error

    def text(self) -> str:
        """Return the file's text."""
        return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in (self.header, *self.events))

    def printed(self) -> str:
        """Return all that was shown, without colours, with every state of a line that was written anew."""
        shown = "".join(text for _, kind, text in self.events if kind == OUTPUT)
        return click.unstyle(shown).replace("\r\n", "\n").replace("\r", "\n")

    def answers(self) -> list[tuple[str, str]]:
        """Return each command that was typed, with what was printed until the next one or the next scene."""
        found: list[tuple[str, list[str]]] = []
        for line in self.printed().splitlines():
            if line.startswith(PROMPT):
                found.append((line.removeprefix(PROMPT), []))
            elif found and not line.startswith(HEADING):
                found[-1][1].append(line)
        return [(command, "\n".join(lines)) for command, lines in found]

    def thinned(self) -> Recording:
        """Return the recording without most of the states of a live line, each of which wipes the former out."""
        kept: list[tuple[float, str, str]] = []
        drawn = -REDRAWN_SECONDS
        for (seconds, kind, text), (_, _, following) in pairwise([*self.events, NOTHING]):
            shown = text
            if following.startswith(REDRAWN):
                if seconds - drawn < REDRAWN_SECONDS:
                    shown = text[: text.rfind("\n") + 1]
                else:
                    drawn = seconds
            if shown:
                kept.append((seconds, kind, shown))
        return Recording(self.header, kept)

    def marked(self, script: list[Scene]) -> Recording:
        """Return the recording with a place to jump to where each scene begins."""
        waiting = [scene.heading for scene in script if scene.commands]
        events: list[tuple[float, str, str]] = []
        for seconds, kind, text in self.events:
            if waiting and f"# {waiting[0]}" in text:
                events.append((seconds, MARKER, waiting.pop(0)))
            events.append((seconds, kind, text))
        if waiting:
            raise UserError(f"the recording has no scene {waiting[0]}: the demo broke off before it")
        return Recording(self.header, events)


def record(target: Path) -> Recording:
    """Play the demo in a copy of the project, and write what the terminal shows; the file appears whole or not at all.

    Raises `UserError` where there is no recorder, the demo breaks off, or the file gets too large.
    """
    if not RECORDER.exists():
        raise UserError(f"{RECORDER}: is missing; run make recording, which sets it up")
    script = scenes((ROOT / PAGE).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as temporary:
        raw = Path(temporary, "raw.cast")
        # As after a clone and the set-up that the page asks for: nothing is cached but what `make templates` keeps.
        copy = WorkingCopy(Path(temporary))
        done = copy.run(shlex.join(_command(raw)), **TERMINAL)
        if done.returncode != 0 or not raw.exists():
            raise UserError(f"asciinema ended with code {done.returncode}: {done.stderr.strip()}")
        recording = Recording.read(raw).thinned().marked(script)
    size = len(recording.text().encode())
    if size >= MOST_BYTES:
        raise UserError(f"the recording has {size:,} bytes, and {MOST_BYTES:,} is the most: leave a command out")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(recording.text(), encoding="utf-8")
    partial.replace(target)
    return recording


def _command(raw: Path) -> list[str]:
    """Return the recorder's command line; it runs in the copy, whose Python types."""
    typist = ".venv/bin/python -m tests.demo.typist"
    title = f"Web platform on AWS {__version__}: the demo"
    size = ["--cols", str(COLUMNS), "--rows", str(ROWS), "--idle-time-limit", str(IDLE_SECONDS)]
    recorder = [str(RECORDER), "-m", "asciinema", "rec", "--quiet", "--env", "TERM", *size]
    return [*recorder, "--title", title, "--command", typist, str(raw)]
