"""The whole run: the ground, the equality of what is made, the rounds, and what is calculated beside them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from generator.errors import UserError
from generator.release import folder_of
from tests.bench import (
    deployment,
    equality,
    machine,
    subjects_cdk,
    subjects_others,
    subjects_ours,
    workspace,
)
from tests.bench.ground import Ground
from tests.bench.results import Measured, Results
from tests.bench.rounds import Subject, environment, measured, refused, take

Say = Callable[[str], None]

FAMILIES: tuple[tuple[tuple[str, ...], Callable[[Ground], Iterable[Subject]]], ...] = (
    ((subjects_ours.PASS, subjects_ours.IMPORTS), subjects_ours.floor),
    (
        (
            subjects_ours.NOTHING,
            subjects_ours.CACHED,
            subjects_ours.CHANGED,
            subjects_ours.COLD,
            subjects_ours.COLD_ONE_REGION,
            subjects_ours.FULL,
        ),
        subjects_ours.ours,
    ),
    ((subjects_others.PLAIN,), subjects_others.plain),
    ((subjects_others.PLAIN_AND_LINT, subjects_others.CFN_LINT, subjects_others.VALIDATE), subjects_others.linters),
    ((subjects_others.SCEPTRE,), subjects_others.sceptre),
    (
        (subjects_cdk.NODE, subjects_cdk.CDK, subjects_cdk.CDK_VALIDATED),
        subjects_cdk.cdk,
    ),
    ((subjects_ours.FULL_TENFOLD,), subjects_ours.ours_tenfold),
    ((subjects_others.PLAIN_TENFOLD,), subjects_others.plain_tenfold),
    ((subjects_cdk.CDK_TENFOLD,), subjects_cdk.cdk_tenfold),
)
"""The names of all subjects, in the order of the page, and what makes them: only those asked for are made ready."""


def wanted(only: str = "") -> list[str]:
    """Return the names of the subjects in which a regular expression is found, whatever the case of letters.

    Raises `UserError` for one that is found in none, or is none.
    """
    names = [name for family, _ in FAMILIES for name in family]
    try:
        found = [name for name in names if re.search(only, name, re.IGNORECASE)]
    except re.error as error:
        raise UserError(f"--only {only}: is no regular expression: {error}") from error
    if not found:
        raise UserError(f"--only {only}: no subject is called so; there are: {'; '.join(names)}")
    return found


def measure(project: Path, root: Path, rounds: int, only: str, say: Say) -> Results:
    """Measure the subjects asked for in rounds, below a folder of the run's own, and return what was found."""
    names = wanted(only)
    say("copying the source, and making what others are to make (a minute) ...")
    ground = prepared(project, root)
    subjects = [
        subject
        for family, make in FAMILIES
        if set(family) & set(names)
        for subject in make(ground)
        if subject.name in names
    ]
    say("comparing what each subject makes with ours:")
    complaints = refused(subjects, take, say)
    equal = [subject for subject in subjects if subject.name not in complaints]
    say(f"measuring {len(equal)} subjects:")
    samples = measured(equal, rounds, take, say)
    load = os.getloadavg()[1]
    expected = ground.expected()
    compared = any(subject.name not in _OURS for subject in subjects)
    return Results(
        machine=machine.described(ground.python, *((ground.node, ground.bench) if compared else (None, None))),
        rounds=rounds,
        load=load,
        resources=sum(equality.types(expected).values()),
        templates=len(expected),
        subjects=tuple(Measured(each.name, each.what, tuple(samples[each.name])) for each in equal),
        refused={name: "; ".join(found) for name, found in complaints.items()},
        deployment={} if only else deployment.samples(deployment.times(ground.release, ground.source / "params")),
        rehearsal=(),
    )


def prepared(project: Path, root: Path) -> Ground:
    """Make the copy that everything is compared with: its release is made anew, by the command that is measured."""
    source = workspace.copy_of(project, root / "source")
    command = workspace.command_of(source, "templates")
    made = subprocess.run(command, cwd=source, env=environment(), capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise UserError(f"{' '.join(command)}: {made.stdout}{made.stderr}")
    return Ground(project, root, source, folder_of(source / workspace.TEMPLATES_OUT))


_OURS = {name for family, make in FAMILIES if make.__module__ == subjects_ours.__name__ for name in family}
