"""A task of ECS, run on this machine: the programs of its containers, from the files of their images.

The task definition is followed: image, command, environment, secrets, which containers are essential, health checks and
the time to stop. Not followed, for want of a container runtime: namespaces and limits of the kernel (user, read-only
root, capabilities, CPU, memory), mounts (a folder of this machine takes the place of each), and Service Connect.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from generator.rehearsal.container_images import Pull, UnpackedImage
from generator.rehearsal.emulator_tasks import HEALTHY, PENDING, RUNNING, STOPPED, UNHEALTHY, UNKNOWN, TaskState
from generator.rehearsal.running_programs import HOST, RunningProgram, free_port

READY_SECONDS = 60.0
"""How long a task may take to listen; the definition's own start period would hold up a rehearsal."""

POLL_SECONDS = 0.05
START_ATTEMPTS = 3
PORT_IN_USE = ("Address already in use", "Address in use", "Connection in use")
STOP_SECONDS = 30
"""What ECS gives a container to stop, unless the definition says otherwise.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_timeout
"""

ESSENTIAL_EXITED = "Essential container in task exited"
NOT_RUN = {"collector": "there is no program of the collector's image here; it counts as healthy"}
"""Containers that do not run here, by name, and why. Their image is pulled and their secrets are read all the same."""

WITHOUT = ("OTEL_EXPORTER_OTLP_ENDPOINT",)
"""What is left out of a container's environment: no collector takes traces here."""

FOR_A_REHEARSAL = {"WEB_CONCURRENCY": "1", "RETRY_SECONDS": "1"}
"""One process a task, and no long pauses before a database is asked again. application/README.md"""

PYTHON = "python3.11"
"""How the application's image calls its Python, which is not among the files that are unpacked here."""


class StartError(Exception):
    """A task cannot start; the message is the reason that ECS would give."""


@dataclass(frozen=True)
class Container:
    """A container of a task definition, as DescribeTaskDefinition shows it."""

    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def image(self) -> str:
        return str(self.definition["image"])

    @property
    def is_essential(self) -> bool:
        return bool(self.definition.get("essential", True))

    @property
    def runs(self) -> bool:
        """Whether it runs on this machine."""
        return self.name not in NOT_RUN

    @property
    def listens(self) -> bool:
        return bool(self.definition.get("portMappings"))

    @property
    def stop_seconds(self) -> int:
        return int(self.definition.get("stopTimeout") or STOP_SECONDS)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        return {each["name"]: each["value"] for each in self.definition.get("environment") or ()}

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Variable → ARN of the secret or parameter whose value it has."""
        return {each["name"]: each["valueFrom"] for each in self.definition.get("secrets") or ()}

    @property
    def health_check(self) -> Sequence[str]:
        """The program that checks its health, and its arguments; nothing where there is no check."""
        kind, *words = (self.definition.get("healthCheck") or {}).get("command") or ("NONE",)
        return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words if kind == "CMD" else []

    @property
    def retries(self) -> int:
        """After how many failures in a row it is unhealthy."""
        return int((self.definition.get("healthCheck") or {}).get("retries", 3))

    @property
    def mount_points(self) -> Mapping[str, str]:
        """Volume → path in the container."""
        return {each["sourceVolume"]: each["containerPath"] for each in self.definition.get("mountPoints") or ()}


@dataclass(frozen=True)
class TaskSurroundings:
    """What a task finds around it.

    `pull` pulls an image and `secret` reads one by its ARN, both with the rights of the execution role; they raise
    whatever says why they may not. `images` is the folder that all tasks and servers of the environment share, as on
    EFS. `variables` is what every container has besides what the definition gives it: the task role's credentials, the
    ways to emulator and database.
    """

    pull: Pull
    secret: Callable[[str], str]
    images: Path
    python: Path
    variables: Callable[[], Mapping[str, str]]


class RunningTask:
    """The programs of one task, in a folder of their own."""

    def __init__(self, task_arn: str, definition: Mapping[str, Any], folder: Path, surroundings: TaskSurroundings):
        self.task_arn = task_arn
        self.definition = definition
        self.port = 0
        self.failure = ""
        """Why the task could not start, where it could not."""
        self.is_reachable = True
        """Whether its network interface is there for others."""
        self._folder = folder
        self._surroundings = surroundings
        self._programs: dict[str, RunningProgram] = {}
        self._images: dict[str, UnpackedImage] = {}
        self._environments: dict[str, dict[str, str]] = {}
        self._failures = 0
        self._health = UNKNOWN
        self._started = False
        self._is_off = threading.Event()

    @property
    def containers(self) -> list[Container]:
        return [Container(each) for each in self.definition["containerDefinitions"]]

    @property
    def state(self) -> TaskState:
        """How the task is, as it is reported to ECS."""
        codes = self.exit_codes
        gone = [each.name for each in self.containers if each.is_essential and each.name in codes]
        if self.failure or self._is_off.is_set():
            return TaskState(STOPPED, UNKNOWN, self.failure, codes)
        if gone:
            return TaskState(STOPPED, UNKNOWN, ESSENTIAL_EXITED, codes)
        return TaskState(RUNNING, self._health, "", codes) if self._started else TaskState(PENDING)

    @property
    def exit_codes(self) -> dict[str, int]:
        """The exit codes of the containers that have ended, by name."""
        codes = {name: each.exit_code for name, each in self._programs.items()}
        return {name: code for name, code in codes.items() if code is not None}

    @property
    def is_migrated(self) -> bool:
        """Whether the containers that only have something to do at the start have done it."""
        passing = {each.name for each in self.containers if not each.is_essential and each.runs}
        return passing <= set(self.exit_codes) or self.state.status == STOPPED

    @property
    def images(self) -> Mapping[str, UnpackedImage]:
        """The image of each container."""
        return self._images

    def has_answered(self, request_id: str) -> bool:
        """Whether it was this task that answered a request, by the id in its answer (`X-Request-Id`)."""
        return any(request_id in self.log(each.name) for each in self.containers if each.listens)

    def log(self, container: str) -> str:
        """Return what a container has printed."""
        file = self._folder / f"{container}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Do what Fargate does to start a task, up to the first connection that it takes. Raises `StartError`."""
        try:
            self._prepare()
            for attempt in range(1, START_ATTEMPTS + 1):
                try:
                    self._start_once()
                    break
                except StartError as error:
                    self._kill_programs()
                    # Somebody took a free port between our look and the program's bind.
                    if attempt == START_ATTEMPTS or not any(words in str(error) for words in PORT_IN_USE):
                        raise
        except StartError as error:
            self.failure = str(error)
            raise
        self._started = True

    def check_health(self) -> None:
        """Let the containers' own health checks be made once."""
        if not self._started or self.state.status == STOPPED:
            return
        checked = [each for each in self.containers if each.runs and each.health_check]
        if not checked:
            return
        if all(self._passes(each) for each in checked):
            self._failures, self._health = 0, HEALTHY
            return
        self._failures += 1
        if self._failures >= max(each.retries for each in checked):
            self._health = UNHEALTHY

    def stop(self) -> None:
        """End the programs as ECS does: SIGTERM, and SIGKILL to who has not ended in time."""
        self._is_off.set()
        seconds = {each.name: each.stop_seconds for each in self.containers}
        for name, each in self._programs.items():
            each.stop(signal.SIGTERM, seconds[name])

    def kill(self) -> None:
        """End the programs at once, as when the machine below fails; a start under way fails."""
        self._is_off.set()
        self._kill_programs()

    def crash(self) -> None:
        """Kill the essential containers, which ECS then finds stopped."""
        for each in self.containers:
            if each.is_essential and each.name in self._programs:
                self._programs[each.name].kill()

    def _kill_programs(self) -> None:
        for each in list(self._programs.values()):
            each.kill()

    def _prepare(self) -> None:
        (self._folder / "bin").mkdir(parents=True)
        interpreter = self._folder / "bin" / PYTHON
        interpreter.write_text(f'#!/bin/sh\nexec "{self._surroundings.python}" "$@"\n', encoding="utf-8")
        interpreter.chmod(0o755)
        for each in self.containers:
            try:
                secrets = {name: self._surroundings.secret(arn) for name, arn in each.secrets.items()}
            except Exception as error:  # as many ways to fail as IAM, Secrets Manager and SSM have together
                raise StartError(f"ResourceInitializationError: unable to pull secrets: {error}") from error
            try:
                image = self._images[each.name] = self._surroundings.pull(each.image)
            except Exception as error:  # as many as IAM, ECR and the network have
                raise StartError(f"CannotPullContainerError: {error}") from error
            self._environments[each.name] = self._environment(each, image, secrets)

    def _environment(self, container: Container, image: UnpackedImage, secrets: Mapping[str, str]) -> dict[str, str]:
        """What a container has in its environment, and what leads it to the rehearsal's services."""
        temporary = self._folder / f"{container.name}-tmp"
        temporary.mkdir()
        given = {**image.environment, **container.environment}
        here = {path: str(self._surroundings.images) for path in container.mount_points.values() if path != "/tmp"}
        return {
            **{name: here.get(value, value) for name, value in given.items() if name not in WITHOUT},
            "PATH": f"{self._folder / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            **FOR_A_REHEARSAL,
            **self._surroundings.variables(),
            **secrets,
        }

    def _start_once(self) -> None:
        self.port = free_port()
        where = {"ADDRESS": HOST, "PORT": str(self.port)}
        for each in self.containers:
            if each.runs:
                self._environments[each.name] |= where
                self._programs[each.name] = self._program(each)
        deadline = time.monotonic() + READY_SECONDS
        while not self._listens():
            if self._is_off.is_set():
                raise StartError("the task was stopped while it started")
            for each in self.containers:
                if each.is_essential and each.name in self.exit_codes:
                    tail = self._programs[each.name].log_tail()
                    raise StartError(f"{ESSENTIAL_EXITED}: {each.name}. Its log:\n{tail}")
            if time.monotonic() > deadline:
                raise StartError(f"nobody listens on the container's port after {READY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _program(self, container: Container) -> RunningProgram:
        image = self._images[container.name]
        given = container.definition.get("command")
        entry = container.definition.get("entryPoint") or ()
        command = _inside(image, [*entry, *(given or image.command)])
        folder = image.path(container.definition.get("workingDirectory") or image.working_directory)
        log = self._folder / f"{container.name}.log"
        return RunningProgram(command, folder, self._environments[container.name], log)

    def _listens(self) -> bool:
        """Whether somebody takes connections on the task's port, or nobody is to."""
        if not any(each.listens and each.runs for each in self.containers):
            return True
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _passes(self, container: Container) -> bool:
        image = self._images[container.name]
        check = container.definition["healthCheck"]
        try:
            done = subprocess.run(
                _inside(image, container.health_check),
                cwd=image.path(image.working_directory),
                env=self._environments[container.name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=float(check.get("timeout", 5)),
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False
        return done.returncode == 0


def _inside(image: UnpackedImage, command: Sequence[str]) -> list[str]:
    """Return a command whose program is the image's own where the image has a file of that path."""
    found = image.path(command[0])
    return [str(found) if command[0].startswith("/") and found.is_file() else command[0], *command[1:]]
