"""The rounds: each runs every subject once, in an order that rotates, so that none always runs after the same one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.errors import UserError
from tests.bench.measurements import Sample

STOPWATCH = Path(__file__).with_name("stopwatch.py")
LINES_SHOWN = 15
"""How much of its output is shown of a command that fails."""


def _nothing(_: int) -> None:
    pass


def _no_complaint() -> list[str]:
    return []


@dataclass(frozen=True)
class Subject:
    """Something whose speed is measured: one command, run once a round."""

    name: str
    what: str
    """What it does, for the page's reader."""
    command: tuple[str, ...]
    folder: Path
    """Where it runs."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment."""
    before: Callable[[int], None] = _nothing
    """What is done before a round, by its number from 1, and is not measured: a cache emptied, a file changed."""
    complaints: Callable[[], list[str]] = _no_complaint
    """What is wrong with what it has made; asked once, after a first run that does not count (round 0)."""


Take = Callable[[Subject], Sample]


def rotated(subjects: Sequence[Subject], number: int) -> list[Subject]:
    """Return the subjects in the order of a round: the next one begins in each."""
    start = number % len(subjects) if subjects else 0
    return [*subjects[start:], *subjects[:start]]


def refused(subjects: Sequence[Subject], take: Take, say: Callable[[str], None]) -> dict[str, list[str]]:
    """Run every subject once, unmeasured, and return the complaints about what each made, of those that have any.

    This first run also fills caches of compiled code and of the disk for all alike.
    """
    found = {}
    for subject in subjects:
        subject.before(0)
        taken = take(subject)
        complaints = subject.complaints()
        verdict = f"refused: {complaints[0]}" if complaints else "its output is as it should be"
        say(f"  {subject.name}: {taken.seconds:.2f} s, {verdict}")
        if complaints:
            found[subject.name] = complaints
    return found


def measured(
    subjects: Sequence[Subject], rounds: int, take: Take, say: Callable[[str], None]
) -> dict[str, list[Sample]]:
    """Return the samples of each subject in the order of the rounds."""
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}
    for number in range(1, rounds + 1):
        for subject in rotated(subjects, number):
            subject.before(number)
            samples[subject.name].append(take(subject))
        say(f"  round {number} of {rounds}: {sum(of[-1].seconds for of in samples.values()):.0f} s")
    return samples


def take(subject: Subject) -> Sample:
    """Run a subject's command under the stopwatch. Raises `UserError` with the end of its output where it fails."""
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        report, log = Path(folder, "report"), Path(folder, "log")
        with log.open("wb") as output:
            code = subprocess.run(
                [sys.executable, "-I", "-S", str(STOPWATCH), str(report), *subject.command],
                cwd=subject.folder,
                env=environment() | dict(subject.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if code != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:]
            raise UserError("\n".join([f"{subject.name}: {' '.join(subject.command)[:200]} failed", *lines]))
        took, cpu, peak = report.read_text(encoding="ascii").split()
        return Sample(float(took), float(cpu), int(peak))


def environment() -> dict[str, str]:
    """Return the environment of all subjects: this one's, without what would change how Python or AWS tools behave."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "AWS_", "NODE_", "CDK_", "MAKE", "MFLAGS", "VIRTUAL_ENV"))
    }
