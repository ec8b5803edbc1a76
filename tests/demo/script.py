"""The script of the demo as its page has it: scenes, each with the minute of its beginning and what is typed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from generator.errors import UserError
from tests.documented_commands import Command, read

PAGE = Path("docs/demo.md")
HEADING = re.compile(r"^## (?P<minute>\d+):(?P<second>[0-5]\d) (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Scene:
    """A part of the demo: when it begins, in seconds, what it is about, and the commands of its blocks."""

    begin: int
    title: str
    commands: tuple[Command, ...]

    @property
    def heading(self) -> str:
        """The heading as the page has it, such as `1:00 One line changes`."""
        return f"{self.begin // 60}:{self.begin % 60:02} {self.title}"


def scenes(text: str) -> list[Scene]:
    """Return the scenes of a page, in order. Raises `UserError` where there is none, or one begins before the last."""
    headings = list(HEADING.finditer(text))
    if not headings:
        raise UserError(f"{PAGE}: has no scene; a scene is a heading such as `## 1:30 What happens then`")
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    found = [_scene(heading, text[heading.end() : end]) for heading, end in zip(headings, ends, strict=True)]
    for before, after in pairwise(found):
        if after.begin <= before.begin:
            raise UserError(f"{PAGE}: {after.heading} does not come after {before.heading}; mend the minutes")
    return found


def _scene(heading: re.Match[str], text: str) -> Scene:
    begin = int(heading["minute"]) * 60 + int(heading["second"])
    # What follows under a heading without a minute, such as what to do in trouble, is not played.
    played = re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]
    commands = tuple(command for command in read(played, str(PAGE)) if command.fenced)
    return Scene(begin, heading["title"].strip(), commands)
