"""The programs of a rehearsal come from wheels, else from PATH, else with words."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import get_args

import pytest

from generator.errors import UserError
from generator.rehearsal import programs
from generator.rehearsal.programs import DEBIAN_PACKAGES, Program, program

PROGRAMS: tuple[Program, ...] = get_args(Program)


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_in_wheel", lambda _: None)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_of_the_wheels_runs(name: Program) -> None:
    option = "-v" if name == "nginx" else "--version"
    assert subprocess.run([program(name), option], capture_output=True, check=True)
    assert "site-packages" in str(program(name))


@pytest.mark.usefixtures("no_wheels")
@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_wheel_the_program_on_path_is_taken(
    name: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / name
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program(name) == installed


@pytest.mark.usefixtures("no_wheels")
def test_the_newest_postgresql_that_debian_keeps_off_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9.6", "15", "17"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "initdb").touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(programs, "DEBIAN_POSTGRESQL", tmp_path)
    assert program("initdb") == tmp_path / "17/bin/initdb"


@pytest.mark.usefixtures("no_wheels")
@pytest.mark.parametrize("name", PROGRAMS)
def test_where_there_is_neither_the_debian_package_is_named(
    name: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "DEBIAN_POSTGRESQL", tmp_path)
    with pytest.raises(UserError, match=rf"^{name}: .*apt-get install {DEBIAN_PACKAGES[name]}$"):
        program(name)
