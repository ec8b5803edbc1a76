"""How long a rehearsal of all environments takes, and where the seconds go.

The release is deployed as it is: a build would run the whole test suite, and say nothing about the rehearsal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from generator.environment import ENVIRONMENTS, load_all
from generator.errors import UserError


@dataclass(frozen=True)
class Step:
    """A part of the rehearsal, and how long it took; `within` is the larger part that it belongs to, if any."""

    name: str
    seconds: float
    within: str = ""


def steps(project: Path, release: Path) -> list[Step]:
    """Rehearse a release and return what took how long. Raises `UserError` where anything is not as promised."""
    from generator.rehearsal.rehearse import started

    taken: list[Step] = []
    with open(os.devnull, "w", encoding="utf-8") as silence:  # noqa: PTH123
        began = time.perf_counter()
        with started(project, release, load_all(project / "params"), Console(file=silence, width=140)) as rehearsal:
            taken.append(Step("accounts bootstrapped", time.perf_counter() - began))
            with _timed("promoted to all environments", taken):
                deployed = rehearsal.bring_to(release, ENVIRONMENTS[-1])
            runs = [run for execution in rehearsal.engine.history for run in execution.runs]
            taken += [Step(f"{run.stage}: {run.action}", run.seconds, taken[-1].name) for run in runs]
            with _timed("application released and visited", taken):
                rows = rehearsal.visit(list(deployed.of))
        taken.append(Step("in all, with stopping what ran", time.perf_counter() - began))
    if not all(row.holds for row in rows):
        raise UserError("the rehearsal's visitors did not get what they should; run make rehearse to see it")
    return taken


@contextmanager
def _timed(name: str, taken: list[Step]) -> Iterator[None]:
    began = time.perf_counter()
    place = len(taken)
    yield
    taken.insert(place, Step(name, time.perf_counter() - began))
