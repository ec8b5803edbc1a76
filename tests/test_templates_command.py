"""`templates`: what it says as JSON, and that a mistake is said before cfn-lint has looked."""

from __future__ import annotations

import json
import shutil
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
    (project / "params/dev.json").write_text("{")
    again = run(project, "-S", "-c", short)
    assert (again.returncode, again.stdout) == (1, "")
    assert "params/dev.json" in again.stderr


def test_a_plain_mistake_is_said_before_cfn_lint_has_linted_anything(project: Path) -> None:
    verdicts = project / ".cache/lint"
    shutil.rmtree(verdicts, ignore_errors=True)
    source = project / "generator/stacks/ingress.py"
    source.write_text(source.read_text().replace('Scheme="internet-facing"', 'Scheme="public"'))
    result = run(project, "-m", "generator", "templates")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ingress.yaml:")
    assert not verdicts.exists()
    assert not (project / ".cache/templates.stamp").exists()


def move(project: Path, region: str) -> None:
    """Let dev be in another region."""
    path = project / "params/dev.json"
    content = json.loads(path.read_text())
    content["Parameters"] |= {f"AvailabilityZone{zone}": f"{region}{zone.lower()}" for zone in "AB"}
    content["Parameters"] |= {"AvailabilityZoneC": "", "RecoveryRegion": ""}
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-9"])
def test_a_region_in_which_no_template_is_checked_is_refused(project: Path, region: str) -> None:
    move(project, region)
    result = run(project, "-m", "generator", "templates")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: params/dev.json: Parameters: AvailabilityZoneA: templates are not checked in {region}; "
        "allowed: eu-west-1, us-east-1, ap-southeast-2; "
        "add it to REGIONS in generator/checks/lint.py and to taskcat.yml\n"
    )


def test_an_environment_may_be_in_any_region_in_which_templates_are_checked(project: Path) -> None:
    move(project, "us-east-1")
    result = run(project, "-m", "generator", "templates")
    assert (result.returncode, result.stderr) == (0, "")
    assert "3 environments are valid" in result.stdout
