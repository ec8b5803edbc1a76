"""A real bash completes commands, options and their values after `web-platform`, from every folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from generator.completion_command import NAME, SHELLS, script
from tests.releases import ROOT

ASK = """
eval "$('{project}/bin/{name}' completion bash)"
complete -p {name} >/dev/null
COMP_WORDS=({name} {words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_web_platform_completion {name}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with its environment. In a build, the pipeline's archive may not have kept who may execute what."""
    folder = tmp_path_factory.mktemp("a clone")
    for name in ("generator", "params", "templates_out", "runbook.md"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "bin").mkdir()
    shutil.copy(ROOT / "bin" / NAME, folder / "bin")
    (folder / "bin" / NAME).chmod(0o755)
    return folder


def completed(project: Path, words: str) -> list[str]:
    asked = ASK.format(project=project, name=NAME, words=words)
    result = subprocess.run(["bash", "--norc", "-euc", asked], cwd="/", capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("re", ["release", "rehearse", "restore"]),
        ("restore ''", ["database", "objects", "sessions"]),
        ("impact --fo", ["--format"]),
        ("rehearse --to ''", ["dev", "staging", "prod"]),
        ("runbook no-healthy-s", ["no-healthy-server"]),
        ("nothing-like-it", []),
    ],
)
def test_bash_completes(project: Path, words: str, expected: list[str]) -> None:
    assert completed(project, words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_names_program_and_folder(shell: str) -> None:
    text = script(shell, Path("/home/me/my project"))
    assert "'/home/me/my project/bin'" in text.splitlines()[0]
    assert NAME in text


def test_the_program_works_from_every_folder(project: Path) -> None:
    command = [project / "bin" / NAME, "exposure", "--help"]
    result = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    assert "Show who can reach whom" in result.stdout


def test_without_its_environment_the_program_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "bin" / NAME, tmp_path / "bin")
    result = subprocess.run(["sh", tmp_path / "bin" / NAME], cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == f"error: {tmp_path}/.venv is missing: run make templates there first\n"
