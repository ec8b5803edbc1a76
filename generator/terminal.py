"""The terminal: where results and messages go, how wide they are, what is being done, and what comes next.

Results go to standard output, everything else to standard error, so that a program can read the former. Colour is for
terminals alone: rich reads `NO_COLOR`, `FORCE_COLOR` and `TERM`. https://clig.dev/#output, https://no-color.org

rich is imported where something is printed with it: half of the time that a short command takes would go there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from generator.progress import silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

WIDTH_OF_LOGS = 160
"""Columns for tables where no terminal says how many there are."""

REFRESHES_PER_SECOND = 4


def results() -> Console:
    """Return what prints to standard output: as wide as the terminal, or as wide as tables need in a log."""
    from rich.console import Console

    # No emoji: in an ARN or a fingerprint, the letters between two colons would become one.
    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else WIDTH_OF_LOGS)


def messages() -> Console:
    """Return what prints to standard error: progress, errors, and what to do next."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def narration(json: bool) -> Console:
    """Return where a command tells what it does while it does it: JSON has standard output for itself."""
    return messages() if json else results()


def next_step(words: str) -> None:
    """Tell who sits at a terminal what may come next; a program that reads the output learns nothing of it."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        messages().print(f"next: {words}", style="dim", markup=False, soft_wrap=True)


class LiveLine:
    """A line that says what is being done and for how long, and goes when that is done. Call it with what comes now."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self, doing: str) -> None:
        self._progress.update(self._task, description=doing)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the line away for the time of a `with` block, such as for a question."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


class NoLine:
    """What stands for a `LiveLine` where nobody watches."""

    def __call__(self, doing: str) -> None:
        silent(doing)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do nothing for the time of a `with` block."""
        yield


def working(doing: str, console: Console | None = None) -> AbstractContextManager[LiveLine | NoLine]:
    """Show what is being done for the time of a `with` block, on a console: standard error's by default.

    Only a terminal shows it: nothing of it stands in a log, nor on a terminal that cannot move its cursor. What is
    printed meanwhile on the same terminal must go through the same console, or it would be torn.
    """
    # Asked first: FORCE_COLOR makes rich take a file for a terminal, and where nobody watches rich is not needed.
    if not (console.file if console else sys.stderr).isatty():
        return _unwatched()
    chosen = console or messages()
    return _live(doing, chosen) if chosen.is_interactive else _unwatched()


@contextmanager
def _live(doing: str, console: Console) -> Iterator[LiveLine]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    words = TextColumn(
        "{task.description}", style="dim", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")
    )
    progress = Progress(
        SpinnerColumn(),
        words,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,  # results are for whom standard output leads to
        redirect_stderr=False,
        refresh_per_second=REFRESHES_PER_SECOND,
    )
    with progress:
        yield LiveLine(progress, progress.add_task(doing, total=None))


@contextmanager
def _unwatched() -> Iterator[NoLine]:
    yield NoLine()
