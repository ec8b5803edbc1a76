"""One archive, one emulator and one database for all tests of the application."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from surroundings import PYTHON, ROOT, Platform, Server, prepared, with_database

from generator.rehearsal.emulator import Emulator


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked."""
    folder = tmp_path_factory.mktemp("archive")
    packed = folder / "application.tar.gz"
    builder = [PYTHON, ROOT / "application/build_archive.py", "--output", packed, "--without-dependencies"]
    subprocess.run(builder, check=True, capture_output=True)
    subprocess.run(["tar", "--extract", "--file", packed, "--directory", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture(scope="session")
def platform(emulator: Emulator, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose database is there and migrated."""
    with with_database(prepared(emulator, archive, tmp_path_factory.mktemp("platform"))) as made:
        migrated = made.migrate()
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        yield made


@pytest.fixture(scope="session")
def server(platform: Platform) -> Iterator[Server]:
    with platform.server() as started:
        yield started
