"""`python -m tests.demo.terminal_picture`: the screen of a terminal as SVG, from all that was written to it.

Standard input is the job: `written`, `columns`, `rows` and `title`; standard output is the picture. It names no font to
load: readers' own monospaced one is taken, each run of characters stretched to its cells.
"""

from __future__ import annotations

import io
import json
import re
import sys
from itertools import groupby

import pyte
from pyte.screens import Char
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FONTS = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
NAMED = {"brown": "yellow", "brightbrown": "bright_yellow", "default": "default"}
"""Colours that pyte and rich call differently; what begins with `bright` has no underscore there."""

THEME = TerminalTheme(
    (27, 31, 40),
    (218, 222, 230),
    [
        (61, 68, 81),
        (240, 98, 106),
        (126, 199, 120),
        (229, 192, 98),
        (102, 166, 240),
        (198, 134, 222),
        (86, 190, 200),
        (218, 222, 230),
    ],
    [
        (122, 132, 148),
        (255, 123, 130),
        (152, 220, 146),
        (245, 212, 125),
        (130, 186, 255),
        (214, 158, 236),
        (116, 212, 222),
        (255, 255, 255),
    ],
)
"""Background, text, and the eight colours of a terminal, each also bright: soft enough for a slide."""


def colour(name: str) -> str | None:
    """Return a colour as rich names it."""
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return NAMED.get(name, re.sub("^bright_?", "bright_", name))


def style(char: Char) -> Style:
    """Return how a character looks."""
    front, back = (char.bg, char.fg) if char.reverse else (char.fg, char.bg)
    return Style(
        color=colour(front), bgcolor=colour(back), bold=char.bold, italic=char.italics, underline=char.underscore
    )


def picture(job: dict[str, str | int]) -> str:
    """Return the picture of a screen."""
    columns, rows = int(job["columns"]), int(job["rows"])
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(str(job["written"]))
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for number in range(rows):
        line = screen.buffer[number]
        runs = groupby((line[x] for x in range(columns)), style)
        console.print(Text.assemble(*(("".join(c.data for c in chars), look) for look, chars in runs)), soft_wrap=True)
    without_fonts = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    code_format = re.sub(r"font-family: Fira Code, monospace", f"font-family: {FONTS}", without_fonts)
    return console.export_svg(title=str(job["title"]), theme=THEME, code_format=code_format)


if __name__ == "__main__":
    print(picture(json.load(sys.stdin)))
