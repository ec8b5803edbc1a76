"""The generator itself, in each of the states in which somebody runs it, and the floor below it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from generator.errors import UserError
from generator.release import folder_of
from generator.stacks import STACKS
from tests.bench import equality, workspace
from tests.bench.ground import COPIES, Ground
from tests.bench.rounds import Subject, environment

PASS = "python -c pass"
IMPORTS = "imports alone"
NOTHING, CACHED, CHANGED = "ours: nothing changed", "ours: all cached", "ours: one template changed"
COLD, COLD_ONE_REGION = "ours: cold", "ours: cold, one region"
FULL, FULL_TENFOLD = "ours: all regenerated", "ours: all regenerated, tenfold"

SETTLED = 2.5
"""Seconds after which a file's time tells whether it has changed (git's racy timestamps)."""

LIBRARIES = ("troposphere", "awacs", "yaml")
LIST_IMPORTS = (
    "import sys; from generator.rendering import render; render(); "
    f"print(*sorted(name for name in sys.modules if name.split('.')[0] in {LIBRARIES!r}), sep='\\n')"
)


def floor(ground: Ground) -> Iterator[Subject]:
    """Yield what no generator in Python can be faster than: the interpreter, and the libraries it is made of."""
    yield Subject(PASS, "starts Python and ends", (ground.python, "-c", "pass"), ground.source)
    asked = [ground.python, "-c", LIST_IMPORTS]
    told = subprocess.run(asked, cwd=ground.source, env=environment(), capture_output=True, text=True, check=False)
    if told.returncode != 0:
        raise UserError(f"the generator's imports cannot be listed: {told.stderr}")
    modules = told.stdout.split()
    script = ground.folder("imports") / "imports.py"
    script.write_text("".join(f"import {name}\n" for name in modules), encoding="utf-8")
    what = f"imports the {len(modules)} modules of troposphere, awacs and PyYAML that the generator uses, and ends"
    yield Subject(IMPORTS, what, (ground.python, str(script)), ground.source)


def ours(ground: Ground) -> Iterator[Subject]:
    """Yield the command `make templates` in every state of its caches, and generation without any check."""
    command = workspace.command_of(ground.source, "templates")
    stacks = [module.__name__.rpartition(".")[2] for module in STACKS]
    changed = workspace.median_stack(ground.release, stacks)

    def mode(name: str, what: str, before: Callable[[Path, int], object], but: str = "") -> Subject:
        folder = ground.root / re.sub(r"\W+", "-", name)

        def prepare(number: int) -> None:
            if number == 0:
                _make_ready(ground, folder, one_region=name == COLD_ONE_REGION, with_caches=before is not _forget)
            before(folder, number)

        return Subject(name, what, command, folder, {}, prepare, _same(ground, folder, but))

    yield mode(NOTHING, "what `make templates` runs, where nothing has changed", _let_settle)
    yield mode(
        CACHED, "a source has changed, no template: all is made anew, every verdict known", workspace.touch_source
    )
    touch = partial(_touch, changed)
    yield mode(CHANGED, f"the template `{changed}.yaml` has changed, of middle size", touch, f"{changed}.yaml")
    yield mode(COLD, "all caches are empty: everything is made and checked", _forget)
    what = "the same, checked in one region instead of three"
    yield mode(COLD_ONE_REGION, what, _forget)
    yield _unchecked(ground, FULL, 1)


def ours_tenfold(ground: Ground) -> Iterator[Subject]:
    """Yield the same generation ten times in one process."""
    yield _unchecked(ground, FULL_TENFOLD, COPIES)


def _unchecked(ground: Ground, name: str, copies: int) -> Subject:
    folder = ground.folder(f"ours-{copies}")
    command = (ground.python, "-m", "tests.bench.drivers.generate_ours", str(folder), str(copies))
    what = "makes all templates and writes them, unchecked" + (f", {copies} times in one process" if copies > 1 else "")
    return Subject(name, what, command, ground.source, complaints=ground.makes_the_same(folder, copies))


def _touch(module: str, folder: Path, number: int) -> None:
    workspace.touch_template(folder, module, number)


def _forget(folder: Path, _: int) -> None:
    workspace.forget(folder)


def _let_settle(_: Path, number: int) -> None:
    """Wait until the files are old enough for their times to be trusted, as they are in all but the first seconds."""
    if number == 0:
        time.sleep(SETTLED)


def _make_ready(ground: Ground, folder: Path, one_region: bool, with_caches: bool) -> None:
    """Copy the source to a subject's folder; what starts from caches gets them by running the command once."""
    workspace.twin_of(ground.source, folder)
    if one_region:
        workspace.in_one_region(folder)
    if with_caches:
        command = workspace.command_of(folder, "templates")
        first = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
        if first.returncode != 0:
            raise UserError(f"{' '.join(command)}: {first.stdout}{first.stderr}")


def _same(ground: Ground, folder: Path, but: str) -> Callable[[], list[str]]:
    """Return what complains where a copy's release is not as expected; `but` is the template that must differ."""

    def complaints() -> list[str]:
        release = folder_of(folder / workspace.TEMPLATES_OUT)
        found = {path.name: equality.read(path) for path in release.glob("*.yaml")}
        expected = ground.expected()
        if but and found.pop(but, None) == expected.pop(but):
            return [f"{but} should have changed, and has not"]
        return equality.complaints(expected, found)

    return complaints
