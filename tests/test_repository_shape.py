"""The packages and the top level that were asked for (C5, C6)."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.releases import ROOT

OWN_ENVIRONMENT = {"taskcat": "tests/taskcat/requirements"}
"""taskcat wants older libraries than the project: it is pinned and locked beside it."""

FOLDERS = ("generator", "templates_out", "params", "tests")
FILES = ("taskcat.yml", "buildspec.yml", "README.md", "runbook.md")


def asked_for() -> list[str]:
    """Lines that ask for packages, such as `troposphere==4.11.1`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]


@pytest.mark.parametrize("package", ["troposphere", "awacs", "boto3", "cfn-lint", "pytest", "taskcat"])
def test_c5_packages_are_pinned_and_locked(package: str) -> None:
    own = OWN_ENVIRONMENT.get(package)
    lines = (ROOT / f"{own}.in").read_text(encoding="utf-8").splitlines() if own else asked_for()
    pins = [found["pin"] for line in lines if (found := re.match(rf"{package}(?P<pin>==[\d.]+)(?=\s|$)", line))]
    assert len(pins) == 1
    lock = (ROOT / (f"{own}.lock" if own else "requirements.lock")).read_text(encoding="utf-8")
    assert f"\n{package}{pins[0]} \\\n    --hash=sha256:" in lock


def test_c6_the_top_level_is_as_was_asked_for() -> None:
    assert [name for name in FOLDERS if not (ROOT / name).is_dir()] == []
    assert [name for name in FILES if not (ROOT / name).is_file()] == []
