"""The whole run: the ground, the equality of what is made, the rounds, and what is calculated beside them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from tests.bench.measurements import Sample
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
        (subjects_cdk.NODE, subjects_cdk.CDK, subjects_cdk.CDK_VALIDATED, subjects_cdk.CDK_COMMAND),
        subjects_cdk.cdk,
    ),
    ((subjects_cdk.PYTHON_CDK, subjects_cdk.PYTHON_CDK_VALIDATED), subjects_cdk.cdk_in_python),
    ((subjects_ours.FULL_TENFOLD,), subjects_ours.ours_tenfold),
    ((subjects_others.PLAIN_TENFOLD,), subjects_others.plain_tenfold),
    ((subjects_cdk.CDK_TENFOLD,), subjects_cdk.cdk_tenfold),
)
"""The names of all subjects, in the order of the page, and what makes them: only those asked for are made ready."""

OPT_IN = frozenset({subjects_cdk.PYTHON_CDK, subjects_cdk.PYTHON_CDK_VALIDATED})
"""Subjects that need an environment of their own, which is large."""


def wanted(only: str = "", python_cdk: bool = False) -> list[str]:
    """Return the names of the subjects in which a regular expression is found, whatever the case of letters.

    Those in `OPT_IN` are among them with `python_cdk`. Raises `UserError` for an expression that is found in none, or
    is none.
    """
    names = [name for family, _ in FAMILIES for name in family if python_cdk or name not in OPT_IN]
    try:
        found = [name for name in names if re.search(only, name, re.IGNORECASE)]
    except re.error as error:
        raise UserError(f"--only {only}: is no regular expression: {error}") from error
    if not found:
        raise UserError(f"--only {only}: no subject is called so; there are: {'; '.join(names)}")
    return found


def measure(project: Path, root: Path, rounds: int, names: Collection[str], say: Say) -> Results:
    """Measure the subjects named in rounds, below a folder of the run's own, and return what was found."""
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
    say(f"measuring {len(equal)} subject{'' if len(equal) == 1 else 's'}:")
    samples = measured(equal, rounds, take, say)
    load = os.getloadavg()[1]
    expected = ground.expected()
    return Results(
        machine=_machine(ground, {subject.name for subject in subjects}),
        rounds=rounds,
        load=load,
        resources=sum(equality.types(expected).values()),
        templates=len(expected),
        subjects=tuple(Measured(each.name, each.what, tuple(samples[each.name])) for each in equal),
        refused={name: "; ".join(found) for name, found in complaints.items()},
        deployment=_deployment(ground) if set(wanted()) <= set(names) else {},
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


def _machine(ground: Ground, names: Collection[str]) -> dict[str, str]:
    """Return what ran where, as far as the subjects of these names need it."""
    found = machine.described(ground.python)
    if set(names) - _OURS:
        found |= machine.compared_with(ground.node, ground.bench)
    if set(names) & OPT_IN:
        found |= machine.packages_of(ground.python_of_cdk, "aws-cdk-lib", suffix=" in Python")
    return found


def _deployment(ground: Ground) -> Mapping[str, Sequence[Sample]]:
    return deployment.samples(deployment.times(ground.release, ground.source / "params"))


_OURS = {name for family, make in FAMILIES if make.__module__ == subjects_ours.__name__ for name in family}
