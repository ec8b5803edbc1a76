"""Recipes of `docs/extending.md`: what each chapter tells a reader to write and to type, as a test can do it.

A comment before a block says what the block is:

<!-- file: generator/stacks/jobs.py -->                     the whole of a new file, or of one that it replaces
<!-- patch: generator/roots/platform.py -->                 a diff of one file, as git makes it
<!-- edit: params/qa.json -->                               commands that write a file
<!-- run -->                                                commands that succeed, and what they print
<!-- refused -->                                            commands that fail, and what they say
<!-- refused without: params/qa.json -->                    what `make templates` says where that step is left out
<!-- refused without: params/usage.yaml (make cost) -->     what another command says
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from generator.errors import UserError
from tests.documented_commands import Command, read

EXTENDING = "docs/extending.md"
MARKER = re.compile(r"<!-- (file|patch|edit|run|refused without|refused)(?:: (\S+))?(?: \((.+)\))? -->")
CHANGES = ("file", "patch", "edit")
"""Kinds of blocks that change the project."""


@dataclass(frozen=True)
class Step:
    """One block: of which kind, about which file, and what stands in it."""

    kind: str
    file: str
    command: str
    content: str
    place: str

    @property
    def commands(self) -> list[Command]:
        """The commands of a block of commands, each with what the document shows of its output."""
        return read(f"```console\n{self.content}```\n", self.place)


@dataclass(frozen=True)
class Recipe:
    """One chapter."""

    title: str
    steps: Sequence[Step]

    def of(self, *kinds: str) -> list[Step]:
        """Return the blocks of these kinds."""
        return [step for step in self.steps if step.kind in kinds]

    def without(self, file: str) -> Recipe:
        """Return the recipe without what it does to a file. Raises `LookupError` where it does nothing to it."""
        left = [step for step in self.steps if not (step.file == file and step.kind in CHANGES)]
        if len(left) == len(self.steps):
            raise LookupError(f"{self.title}: no step is about {file}")
        return Recipe(self.title, left)


def recipes(text: str) -> list[Recipe]:
    """Return the chapters of the document that have steps. Raises `UserError` for a block that nobody can place."""
    chapters: dict[str, list[Step]] = {}
    title, marker = "", None
    tokens = MarkdownIt("commonmark").parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            title = tokens[number + 1].content
        elif token.type == "html_block":
            marker = MARKER.fullmatch(token.content.strip()) or marker
        elif token.type == "fence":
            place = f"{EXTENDING}:{(token.map or [0])[0] + 1}"
            if marker is None:
                raise UserError(f"{place}: no comment says what this block is")
            kind, file, command = marker.groups(default="")
            chapters.setdefault(title, []).append(Step(kind, file, command, token.content, place))
            marker = None
    return [Recipe(name, steps) for name, steps in chapters.items()]


def apply(recipe: Recipe, folder: Path) -> None:
    """Make all the changes of a recipe in a copy of the project. Raises `UserError` naming the block that fails."""
    for step in recipe.of(*CHANGES):
        if step.kind == "file":
            (folder / step.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.file).write_text(step.content, encoding="utf-8")
        elif step.kind == "patch":
            _succeed(step, ["git", "apply", "-"], folder, step.content)
        else:
            for command in step.commands:
                _succeed(step, ["bash", "-c", command.text], folder)


def _succeed(step: Step, command: Sequence[str], folder: Path, typed: str = "") -> None:
    done = subprocess.run(command, cwd=folder, input=typed, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"{step.place}: {step.kind} {step.file}: {done.stderr or done.stdout}")
