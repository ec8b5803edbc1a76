"""One emulator for all tests of this folder, and an empty account of it for each test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generator.rehearsal.emulator import Emulator
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
NUMBERS = itertools.count(1)


@dataclass
class Account:
    """An account of the emulator that nothing has been done in yet."""

    emulator: Emulator
    account_id: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service, self.account_id, REGION)

    def bucket(self) -> str:
        name = f"templates-{self.account_id}"
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture
def account(emulator: Emulator) -> Account:
    return Account(emulator, f"3{next(NUMBERS):011d}")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of the current release, in an otherwise empty folder."""
    folder = folder_of(tmp_path / "templates_out")
    shutil.copytree(folder_of(ROOT / "templates_out"), folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the real environments' settings, to run commands in."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    return tmp_path
