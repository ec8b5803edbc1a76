"""One way through the house: settings, stacks, templates, then checks and rehearsal, and no import back up."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORTED = "import sys, {module}; print(*sorted(name for name in sys.modules if name.startswith('generator.')))"


def imported_by(module: str) -> list[str]:
    command = [sys.executable, "-c", IMPORTED.format(module=module)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


READERS = [
    "generator.checks.environment_impact",
    "generator.checks.exposure",
    "generator.checks.first_gate",
    "generator.checks.impact",
    "generator.checks.lint",
    "generator.checks.permissions.proof",
    "generator.checks.proofs",
    "generator.checks.quotas",
    "generator.cost.advice",
    "generator.cost.estimate",
    "generator.delivery.application",
    "generator.delivery.bootstrap",
    "generator.delivery.certificate",
    "generator.delivery.publish",
    "generator.delivery.review",
    "generator.diagram.drawing",
    "generator.rehearsal.drills.run",
    "generator.rehearsal.rehearse",
    "generator.reports.cost",
    "generator.reports.exposure",
    "generator.reports.impact",
    "generator.reports.reference",
    "generator.reports.verdicts",
    "generator.resolver",
    "generator.restore.database",
    "generator.runbook.pages",
    "generator.scaling.claims",
]


@pytest.mark.parametrize("module", READERS)
def test_what_reads_releases_knows_no_stack(module: str) -> None:
    """A rehearsal or a check that asked the stacks would prove what was meant, not what was released."""
    names = imported_by(module)
    assert module in names
    assert [name for name in names if name.startswith(("generator.stacks", "generator.roots"))] == []


@pytest.mark.parametrize("module", ["generator.roots", "generator.stacks"])
def test_templates_know_nothing_of_who_reads_them(module: str) -> None:
    readers = (
        "generator.checks",
        "generator.cli",
        "generator.cost",
        "generator.delivery",
        "generator.diagram",
        "generator.rehearsal",
        "generator.release",
        "generator.reports",
        "generator.resolver",
        "generator.restore",
        "generator.runbook",
        "generator.scaling",
    )
    assert [name for name in imported_by(module) if name.startswith(readers)] == []
