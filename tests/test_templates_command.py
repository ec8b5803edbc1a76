"""`templates`: what it says as JSON, and that a mistake is said before cfn-lint is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from generator import __version__
from generator.release import folder_of
from tests import json_reports
from tests.working_copy import copy_of_templates


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_of_templates(tmp_path)


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=project, capture_output=True, text=True, check=False, timeout=300
    )


def test_it_says_as_json_what_it_changed(project: Path) -> None:
    (folder_of(project / "templates_out") / "network.yaml").write_text("Resources: {}\n")
    result = run(project, "-m", "generator", "templates", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    said = json_reports.read("templates", result.stdout)
    assert said["release"] == f"v{__version__}"
    assert said["changed"] == {"network.yaml": "changed"}
    result = run(project, "-m", "generator", "templates", "--json")
    assert json_reports.read("templates", result.stdout)["changed"] == {}


def test_a_run_leaves_a_stamp_and_the_next_is_left_out(project: Path) -> None:
    first = run(project, "-m", "generator", "templates")
    short = "from generator.unchanged import main; main()"
    assert run(project, "-S", "-c", short).stdout == first.stdout
    imported = run(project, "-X", "importtime", "-m", "generator", "templates")
    assert imported.stdout == first.stdout
    assert "click" not in imported.stderr
    assert "hashlib" in imported.stderr or "generator.unchanged" in imported.stderr
    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text() + "\n")
    assert run(project, "-S", "-c", short).returncode == 1


def test_a_mistake_is_said_before_cfn_lint_is_imported(project: Path) -> None:
    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text().replace('Scheme="internet-facing"', 'Scheme="public"'))
    result = run(project, "-X", "importtime", "-m", "generator", "templates")
    assert result.returncode == 1
    assert "ingress.yaml" in result.stderr
    assert "cfnlint" not in result.stderr
    assert not (project / ".cache/templates.stamp").exists()
