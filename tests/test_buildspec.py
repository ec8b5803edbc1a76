"""`buildspec.yml` publishes what was reviewed and tested, and nothing else. Make is a stand-in that notes its calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from generator.rehearsal.codebuild import Build, BuildResult, run_build

ROOT = Path(__file__).parents[1]

MAKE = """\
#!/bin/sh
echo "$*" >>{calls}
case "$1" in
  templates) {templates} ;;
  test) {test} ;;
  publish) mkdir dist && echo {{}} >dist/release.json ;;
esac
"""

Runner = Callable[..., BuildResult]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def run(tmp_path: Path, calls: Path) -> Runner:
    source, programs = tmp_path / "source", tmp_path / "programs"
    (source / "templates_out" / "v1").mkdir(parents=True)
    (source / "templates_out" / "v1" / "network.yaml").write_text("Resources: {}\n")
    shutil.copy(ROOT / "buildspec.yml", source)
    (source / "requirements.lock").write_text("locked\n")
    programs.mkdir()

    def run(templates: str = "true", test: str = "true", **others: object) -> BuildResult:
        make = programs / "make"
        make.write_text(MAKE.format(calls=calls, templates=templates, test=test))
        make.chmod(0o755)
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "TEMPLATE_BUCKET": "the-bucket"}
        environment["CONTAINER_IMAGES"] = "true"
        build = Build(source, environment=environment, **others)  # type: ignore[arg-type]
        return run_build(build, tmp_path / "workspace", lambda line: None)

    return run


def test_a_good_source_is_checked_tested_and_published(run: Runner, calls: Path) -> None:
    result = run()
    assert result.succeeded, result.log
    assert calls.read_text().splitlines() == ["templates", "test", "publish BUCKET=the-bucket IMAGES=true"]
    assert result.artifacts is not None
    assert [path.name for path in result.artifacts.iterdir()] == ["release.json"]


@pytest.mark.parametrize(
    "change",
    [
        "echo 'Resources: {A: 1}' >templates_out/v1/network.yaml",
        "touch templates_out/v1/added.yaml",
        "rm templates_out/v1/network.yaml",
        "mkdir templates_out/v2",
    ],
)
def test_templates_that_nobody_reviewed_are_not_published(run: Runner, calls: Path, change: str) -> None:
    result = run(templates=change)
    assert not result.succeeded
    assert "run make templates and commit templates_out" in result.log
    assert calls.read_text().splitlines() == ["templates"]
    assert result.artifacts is None


def test_a_refused_generation_or_a_failed_test_publishes_nothing(run: Runner, calls: Path) -> None:
    for failing in ("templates", "test"):
        calls.unlink(missing_ok=True)
        result = run(**{failing: "false"})
        assert not result.succeeded
        assert f"make {failing}" in result.reason
        assert "publish" not in calls.read_text()


def test_an_environment_whose_python_is_gone_is_made_anew(run: Runner, tmp_path: Path) -> None:
    programs = tmp_path / "caches" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to("/no/longer/there")
    shutil.copy(ROOT / "buildspec.yml", tmp_path / "caches")
    (tmp_path / "caches" / "requirements.lock").write_text("locked\n")
    result = run(templates="test ! -e .venv", caches=tmp_path / "caches")
    assert "Cache: .venv" in result.log
    assert result.succeeded, result.log


def test_its_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("templates", "test", "publish"):
        assert f"\n{target}:" in makefile
