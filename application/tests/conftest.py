"""One archive, one emulator and one database for all tests of the application."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from surroundings import PYTHON, ROOT, Platform, Server, prepared, unpacked, with_database

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.image_build import build
from generator.rehearsal.oci_images import Image

LONG_AGO = 1_500_000_000


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


@pytest.fixture(scope="session")
def image() -> Image:
    return build(ROOT / "application", PYTHON)


@pytest.fixture(scope="session")
def container_root(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image, unpacked, with files of a time, as those of a built image are."""
    root = unpacked(image, tmp_path_factory.mktemp("container"))
    for path in root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return root


@pytest.fixture(scope="session")
def container(platform: Platform, container_root: Path) -> Iterator[Server]:
    with platform.container(container_root, TARGET_PROTOCOL="HTTPS") as started:
        yield started
