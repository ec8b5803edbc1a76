"""Commands that the documents tell their readers to type, for tests that hold the documents to what happens.

`found` yields each with its place and with what the document shows of its output. `documented` gives a test the
arguments of a command as a document has it, so that the test runs that and nothing like it:

    project.run(*documented("make rehearse FROM=v1.1.0 APPROVE=yes"))

`test_documented_commands.py` finds these calls in the source of tests, and demands one for each command that it does
not run itself.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from generator.errors import UserError
from generator.source_files import source_files
from tests.working_copy import ROOT, without_make

NOT_INSTRUCTIONS = ("CHANGELOG.md",)
"""Documents that say what was, not what to do."""

PROMPT, PROMPTED, PLAIN = "$ ", ("console",), ("sh", "bash", "shell")
PROGRAM = re.compile(r"(?:[A-Z_]+=\S+ )*(?:make|git|aws|python3? -m|\.venv[\w-]*/bin/[\w-]+) \S")
"""How a command begins that stands in the text, or in a block that does not say what it is."""
OPEN = re.compile(r"…|<[^<>]+>|\{[A-Z]\w+\}")
"""What a reader fills in: `…`, `<instance>`, or `{EnvironmentName}` in the runbook."""
DRAWN = re.compile(r"[\u2500-\u257f]")
"""What tables and rules are drawn with."""
SECONDS = re.compile(r"(?<![\w.])\d+\.\d s")
"""A time that was measured, which differs from run to run."""

SET_UP = re.compile(r"^(\w*READY) :=", re.MULTILINE)
"""Variables of the Makefile that name what a target sets up first."""


@dataclass(frozen=True)
class Command:
    """A command as a shell takes it, where it stands, and what the document shows of its output."""

    file: str
    line: int
    text: str
    shown: tuple[str, ...] = ()
    fenced: bool = False
    """Whether it stands in a block of its own, and not in a sentence or a table."""

    @property
    def place(self) -> str:
        """Return where to look, as editors understand it."""
        return f"{self.file}:{self.line}"


@functools.cache
def found() -> tuple[Command, ...]:
    """Return every command of every document of this repository, in the order in which they stand there."""
    return tuple(
        command for path in documents() for command in read((ROOT / path).read_text(encoding="utf-8"), str(path))
    )


def documents() -> list[Path]:
    """Return the Markdown files that tell readers what to do, relative to the repository."""
    files = sorted(path.relative_to(ROOT) for path in source_files(ROOT) if path.suffix == ".md")
    return [path for path in files if str(path) not in NOT_INSTRUCTIONS and not path.parts[0].startswith(".")]


def read(text: str, file: str) -> list[Command]:
    """Return the commands of a document. Raises `UserError` for a block of which nobody can say whether it has some."""
    commands: list[Command] = []
    line = 1
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        line = token.map[0] + 1 if token.map else line
        if token.type in ("fence", "code_block"):
            commands += _block(token, line, file)
        for child in token.children or ():
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "code_inline" and PROGRAM.match(child.content):
                commands.append(Command(file, line, normal(child.content)))
    return commands


def _block(token: Token, line: int, file: str) -> Iterator[Command]:
    language = token.info.strip()
    if language not in (*PROMPTED, *PLAIN):
        if not language and any(map(PROGRAM.match, token.content.splitlines())):
            raise UserError(f"{file}:{line}: a block with commands does not say so; begin it with ```{PROMPTED[0]}")
        return
    first = line + 1 if token.type == "fence" else line
    started: list[tuple[int, list[str], list[str]]] = []
    goes_on = False
    for number, content in enumerate(token.content.splitlines(), first):
        if goes_on:
            started[-1][1].append(content)
        elif content.startswith(PROMPT) or (language in PLAIN and content.strip() and not content.startswith("#")):
            started.append((number, [content.removeprefix(PROMPT)], []))
        elif started and language in PROMPTED:
            started[-1][2].append(content)
            continue
        goes_on = content.endswith("\\")
    for number, typed, shown in started:
        yield Command(file, number, normal("\n".join(typed)), tuple(_without_blank_ends(shown)), fenced=True)


def _without_blank_ends(lines: Sequence[str]) -> list[str]:
    return "\n".join(lines).strip("\n").splitlines()


def normal(typed: str) -> str:
    """Return a command as one line, without the remark at its end: two that differ in these are the same."""
    line = re.sub(r"\s*\\\n\s*", " ", typed)
    return re.sub(r"\s+#(?: .*)?$", "", line).strip()


def matches(pattern: str, text: str) -> bool:
    """Whether a command is the one that a document means, which may leave something open: `make certificate …`."""
    return re.fullmatch(".+".join(map(re.escape, OPEN.split(pattern))), text) is not None


def printed_as_shown(shown: Sequence[str], printed: str) -> bool:
    """Whether a document shows what was printed, from its first line on.

    `…` is anything, and alone on a line any number of lines; measured seconds are any. How wide a table or a rule is,
    and what it is drawn with, depends on the terminal; empty lines are nobody's.
    """
    there = "".join(f"{line}\n" for line in map(_at_any_width, printed.splitlines()) if line)
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else _pattern(line) + r"\n" for line in map(_at_any_width, shown) if line
    )
    return re.match(pattern, there) is not None


def _pattern(line: str) -> str:
    parts = (".*".join(map(re.escape, each.split("…"))) for each in SECONDS.split(line))
    return SECONDS.pattern.join(parts)


def _at_any_width(line: str) -> str:
    return " ".join(DRAWN.sub(" ", line).split())


def documented(line: str, *values: str, module: str = "generator") -> tuple[str, ...]:
    """Return the arguments for `python -m <module>` of a command that stands in a document in exactly these words.

    `values` take the place of what it leaves open, in order. Raises `LookupError` where no document has it, and
    `ValueError` where it starts something else.
    """
    [*_, called] = programs(documented_line(line, *values))
    if called[1:3] != ["-m", module]:
        raise ValueError(f"{line!r} starts {shlex.join(called)!r}, not python -m {module}")
    return tuple(called[3:])


def documented_line(line: str, *values: str) -> str:
    """Return a command that stands in a document in exactly these words, with what it leaves open filled in.

    Without `values` it stays open. Raises `LookupError` where no document has it.
    """
    if normal(line) not in {command.text for command in found()}:
        raise LookupError(f"no document has the command {line!r}: test one that readers are told")
    return filled(line, values) if values else normal(line)


def shown(line: str) -> tuple[str, ...]:
    """Return the most that a document shows of what a command prints. Raises `LookupError` where none does."""
    if outputs := [command.shown for command in found() if command.text == normal(line) and command.shown]:
        return max(outputs, key=len)
    raise LookupError(f"no document shows what {line!r} prints")


def filled(line: str, values: Sequence[str]) -> str:
    """Return a command with what it leaves open filled in. Raises `ValueError` where there are more or fewer values."""
    parts = OPEN.split(normal(line))
    if len(parts) != len(values) + 1:
        raise ValueError(f"{line!r} leaves {len(parts) - 1} things open, and {len(values)} are given")
    return "".join(part + value for part, value in zip(parts, [*values, ""], strict=True))


def programs(line: str) -> list[list[str]]:
    """Return the programs that a simple command starts, with their arguments, and starts none of them.

    A target of the Makefile is expanded by make itself. Raises `ValueError` where make refuses it.
    """
    words = shlex.split(line)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if words[:1] != ["make"]:
        return [words] if words else []
    set_up = SET_UP.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    command = ["make", "--dry-run", "--no-print-directory", *(f"{name}=" for name in set_up), *words[1:]]
    done = subprocess.run(command, cwd=ROOT, env=without_make(os.environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"{line!r}: {done.stderr.strip()}")
    return [words for each in done.stdout.replace("\\\n", " ").splitlines() if (words := shlex.split(each))]
