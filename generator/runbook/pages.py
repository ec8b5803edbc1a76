"""Pages of the runbook, and the commands that stand on them.

A page begins with a heading of the second level, whose anchor at GitHub is the one that alarms name. Commands stand in
blocks of the language `console`: a line that begins with `$ ` is a command, one that ends with a backslash goes on, and
what follows is printed by it; `…` in that is anything. A comment before a block says more about it:

    <!-- as administrator -->                 the operators' role may not do it
    <!-- not run: the emulator has no ... -->  the tests do not run it, and why
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from generator.errors import UserError
from generator.naming import PROJECT, kebab_case

RUNBOOK = Path("runbook.md")
CONTENTS = "Contents"
"""The heading of the table of contents, which is no page."""

CONSOLE = "console"
PROMPT = "$ "
AS_ADMINISTRATOR = "as administrator"
NOT_RUN = "not run:"
REMARK = re.compile(rf"(?P<administrator>{AS_ADMINISTRATOR})?(?:(?:^|; ){NOT_RUN} (?P<reason>.*\S))?", re.DOTALL)

PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Z]\w+)\}")
"""What a deployed environment fills in: the name of an output of its root stack, or of a parameter."""


@dataclass(frozen=True)
class Step:
    """One command as a shell takes it, and what it prints: nothing in particular where that is empty."""

    command: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Commands that are run one after the other, in the same shell as those of the page's earlier blocks."""

    steps: tuple[Step, ...]
    as_administrator: bool
    not_run: str
    """Why tests do not run it; empty where they do."""


@dataclass(frozen=True)
class Page:
    """One procedure, or what to do about one alarm."""

    title: str
    parts: tuple[str | Block, ...]
    """Text and commands in their order."""

    @property
    def anchor(self) -> str:
        """Return what links to the page end with."""
        return anchor_of(self.title)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return the commands alone."""
        return tuple(part for part in self.parts if isinstance(part, Block))

    @property
    def text(self) -> str:
        """Return the text alone."""
        return "\n\n".join(part for part in self.parts if isinstance(part, str))


def read_pages(path: Path = RUNBOOK) -> list[Page]:
    """Return the pages of a runbook. Raises `UserError` where it cannot be read, or two pages are called the same."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    pages = parse(text, str(path))
    anchors = [page.anchor for page in pages]
    if twice := sorted({anchor for anchor in anchors if anchors.count(anchor) > 1}):
        raise UserError(f"{path}: has two pages {twice[0]!r}; give one of them another heading")
    return pages


def parse(text: str, source: str) -> list[Page]:
    """Return the pages of a text. Raises `UserError` for a block of commands that is none."""
    lines = text.splitlines()
    tokens = MarkdownIt("commonmark").parse(text)
    starts = [number for number, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    pages = [
        Page(
            tokens[start + 1].content,
            tuple(_parts(tokens[start + 3 : end], lines, _line(tokens, end, len(lines)), source)),
        )
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True)
    ]
    return [page for page in pages if page.title != CONTENTS]


def anchor_of(title: str) -> str:
    """Return the anchor that GitHub gives a heading: `No healthy server` becomes `no-healthy-server`."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def find(pages: Sequence[Page], wanted: str) -> Page | None:
    """Return the page of an anchor, of an alarm's logical id, or of an alarm as CloudWatch calls it in its mails."""
    by_anchor = {page.anchor: page for page in pages}
    parts = wanted.split("-")
    # web-platform-prod-Observability-1A2B3C-NoHealthyServer-4D5E6F
    logical_id = parts[-2] if wanted.startswith(f"{PROJECT}-") and len(parts) > 1 else ""
    names = (wanted, anchor_of(wanted), kebab_case(wanted), kebab_case(logical_id))
    return next((by_anchor[name] for name in names if name in by_anchor), None)


def suggestions(pages: Sequence[Page], wanted: str) -> list[str]:
    """Return the anchors that somebody may have meant, the likeliest first."""
    word = anchor_of(wanted)
    anchors = [page.anchor for page in pages]
    holding = [anchor for anchor in anchors if word and word in anchor]
    return list(dict.fromkeys([*difflib.get_close_matches(word, anchors, 3, 0.5), *holding]))[:5]


def _line(tokens: Sequence[Token], number: int, last: int) -> int:
    place = tokens[number].map if number < len(tokens) else None
    return place[0] if place else last


def _parts(tokens: Sequence[Token], lines: Sequence[str], end: int, source: str) -> list[str | Block]:
    """Return text and commands of a page whose last line is the one before `end`."""
    parts: list[str | Block] = []
    remark, line = "", None
    for token in tokens:
        if token.map is None:
            continue
        line = token.map[0] if line is None else line
        if token.type == "html_block" or (token.type == "fence" and token.info == CONSOLE):
            parts.append("\n".join(lines[line : token.map[0]]).strip("\n"))
            line = token.map[1]
        if token.type == "html_block":
            remark = token.content.strip().removeprefix("<!--").removesuffix("-->").strip()
        elif token.type == "fence" and token.info == CONSOLE:
            parts.append(_block(token.content, remark, f"{source}, line {token.map[0] + 1}"))
            remark = ""
    if line is not None:
        parts.append("\n".join(lines[line:end]).strip("\n"))
    return [part for part in parts if part]


def _block(content: str, remark: str, where: str) -> Block:
    known = REMARK.fullmatch(remark)
    if known is None:
        raise UserError(
            f"{where}: the comment before commands is {remark!r}; it says {AS_ADMINISTRATOR!r}, {NOT_RUN!r} and why, "
            "or both with a semicolon between them"
        )
    return Block(tuple(_steps(content, where)), known["administrator"] is not None, known["reason"] or "")


def _steps(content: str, where: str) -> list[Step]:
    steps: list[Step] = []
    unfinished = False
    for line in content.splitlines():
        if unfinished:
            steps[-1] = Step(f"{steps[-1].command}\n{line}", ())
        elif line.startswith(PROMPT):
            steps.append(Step(line.removeprefix(PROMPT), ()))
        elif steps:
            steps[-1] = Step(steps[-1].command, (*steps[-1].expected, line))
        else:
            raise UserError(f"{where}: commands begin with {PROMPT!r}, and this is {line!r}")
        unfinished = (unfinished or line.startswith(PROMPT)) and line.endswith("\\")
    if not steps:
        raise UserError(f"{where}: has no command")
    return steps
