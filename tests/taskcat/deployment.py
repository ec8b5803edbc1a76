"""One deployment by taskcat, as a pytest plugin of taskcat's environment: its options, its fixtures, what they yield.

taskcat's own command is not used: its HTML report fetches a style sheet from the internet and fails the run without it,
settings in the user's home directory would get into the run, and nothing would look at what was deployed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from taskcat._cfn.stack import Stack
from taskcat._cfn.template import Template
from taskcat._cfn.threaded import Stacker
from taskcat._config import Config
from taskcat._tui import TerminalPrinter
from taskcat.exceptions import TaskCatException
from taskcat.testing import CFNTest

POLL_SECONDS = 15.0
EMULATOR_POLL_SECONDS = 0.5
NO_FILE = Path("/nonexistent")


@dataclass(frozen=True)
class Settings:
    """What `python -m tests.taskcat` says about the run."""

    run_name: str
    project: Path
    configuration: Path
    bucket_prefix: str
    regions: tuple[str, ...]
    profile: str | None
    role_name: str | None
    emulator_url: str | None

    @property
    def poll_seconds(self) -> float:
        """How often stacks are looked at."""
        return EMULATOR_POLL_SECONDS if self.emulator_url else POLL_SECONDS


class Deployment:
    """The stacks of one run, from their creation to their deletion."""

    def __init__(self, settings: Settings, project: Path, regions: tuple[str, ...]) -> None:
        self.project = project
        self._test = CFNTest(
            _config(settings, project),
            printer=Progress(settings.poll_seconds),
            regions=",".join(regions),
            # `make templates` has linted them already, more strictly.
            lint_disable=True,
            dont_wait_for_delete=False,
        )
        self._deleted = False
        self.stacks: dict[str, Stack] = {}

    def create(self) -> None:
        """Create the stacks and wait for them. A failure is no exception: see `failures`."""
        self._test.run()
        self.stacks = {stack.region_name: stack for stack in self._test.result}

    def delete(self) -> None:
        """Delete the stacks and wait, once. Raises `TaskCatException` where one failed to be created or deleted."""
        if not self._deleted:
            self._deleted = True
            self._test.clean_up()

    def failures(self) -> list[str]:
        """Return what failed, each with its region, stack, resource and reason."""
        lines = []
        for region, stack in self.stacks.items():
            if stack.status == "CREATE_COMPLETE":
                continue
            lines.append(f"{region}: {stack.status}: {stack.status_reason}")
            events = [] if stack.launch_exception else stack.error_events(refresh=True)
            lines += [f"{region}: {e.stack_name}: {e.logical_id}: {e.status_reason}" for e in events]
        return lines

    def template(self, name: str) -> dict[str, Any]:
        """Return one of the templates that were deployed, with long-form intrinsics."""
        return Template(self.project / name, project_root=self.project).template


class Progress(TerminalPrinter):
    """Waits until no stack is in progress, and says each change of status. taskcat's own looks once a minute."""

    def __init__(self, poll_seconds: float) -> None:
        super().__init__(minimalist=True)
        self._poll_seconds = poll_seconds
        self._seen: dict[str, str] = {}

    def report_test_progress(self, stacker: Stacker, poll_interval: float = 0) -> None:
        """Return when every stack is complete or failed."""
        while True:
            for stack in stacker.stacks:
                stack.refresh()
                if self._seen.get(stack.id) != stack.status:
                    self._seen[stack.id] = stack.status
                    print(f"  {time.strftime('%H:%M:%S')} {stack.region_name:15} {stack.status}", flush=True)
            if not stacker.status()["IN_PROGRESS"]:
                return
            time.sleep(self._poll_seconds)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("taskcat")
    for name in ("--run-name", "--project", "--configuration", "--bucket-prefix"):
        group.addoption(name, required=True)
    group.addoption("--region", action="append", required=True)
    for name in ("--profile", "--role-name", "--emulator"):
        group.addoption(name)


def pytest_configure(config: pytest.Config) -> None:
    """An emulator ends with the process that started it, and then there is nothing left to do here either.

    In a real account the tests outlive that process, because the stacks must be deleted.
    """
    if config.getoption("--emulator"):
        threading.Thread(target=_end_with_input, daemon=True).start()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "region" in metafunc.fixturenames:
        metafunc.parametrize("region", metafunc.config.getoption("--region"))


@pytest.fixture(scope="session")
def settings(pytestconfig: pytest.Config) -> Settings:
    """The run that this session belongs to."""
    return Settings(
        run_name=pytestconfig.getoption("--run-name"),
        project=Path(pytestconfig.getoption("--project")),
        configuration=Path(pytestconfig.getoption("--configuration")),
        bucket_prefix=pytestconfig.getoption("--bucket-prefix"),
        regions=tuple(pytestconfig.getoption("--region")),
        profile=pytestconfig.getoption("--profile"),
        role_name=pytestconfig.getoption("--role-name"),
        emulator_url=pytestconfig.getoption("--emulator"),
    )


@pytest.fixture(scope="module")
def deployment(settings: Settings) -> Iterator[Deployment]:
    """The release in all regions. Its stacks are deleted after the module's last test, however the tests end."""
    deployment = Deployment(settings, settings.project, settings.regions)
    try:
        deployment.create()
        yield deployment
    finally:
        try:
            deployment.delete()
        except TaskCatException as error:
            print(f"\n  {error}", flush=True)


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


def _config(settings: Settings, project: Path) -> Config:
    """taskcat.yml with what belongs to this run; nothing from the user's home directory, environment or overrides."""
    of_run: dict[str, Any] = {
        "name": settings.run_name,
        "s3_bucket": settings.bucket_prefix,
        "tags": {"Environment": settings.run_name},
        # A source of settings that does not name it sets taskcat's default, which new buckets refuse.
        "s3_object_acl": "bucket-owner-full-control",
    }
    if settings.profile:
        of_run["auth"] = {"default": settings.profile}
    if settings.role_name:
        of_run["role_name"] = settings.role_name
    return Config.create(
        project_root=project,
        project_config_path=settings.configuration,
        global_config_path=NO_FILE,
        overrides_path=NO_FILE,
        env_vars={},
        args={"project": of_run},
        # Stacks are named after its first six digits: the run's own.
        uid=UUID(settings.run_name[-6:] + uuid4().hex[6:]),
    )
