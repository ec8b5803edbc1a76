"""Runs the tasks that the emulator's ECS starts, and tells it how they are."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.rehearsal.attendant import DRAINING_SECONDS
from generator.rehearsal.container_images import Images, UnpackedImage
from generator.rehearsal.container_task import RunningTask, StartError, TaskSurroundings
from generator.rehearsal.database_servers import DatabaseServers
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from generator.rehearsal.emulator_tasks import (
    STOPPED,
    DeploymentEnd,
    DeploymentStart,
    TaskEvent,
    TaskStart,
    TaskStop,
    announced,
    journal_size,
    target_key,
    write_states,
)

ECS_TASKS = "ecs-tasks.amazonaws.com"
PARAMETER_PATH = "PARAMETER_PATH"
POLL_SECONDS = 0.02
QUIET_SECONDS = 120.0
STARTING_AT_ONCE = 4
SECRETS_MANAGER = "secretsmanager"


@dataclass
class Task:
    """A task that runs here. `started` is over when it takes requests, or has failed."""

    start: TaskStart
    running: RunningTask
    started: Future[None] = field(default_factory=Future)

    @property
    def key(self) -> str:
        """Under which its address is known."""
        return target_key(self.start.account_id, self.start.ip)

    @property
    def is_reachable(self) -> bool:
        """Whether somebody may answer at its address."""
        return bool(self.running.port) and self.running.is_reachable


class ContainerAttendant:
    """Starts tasks as the emulator's ECS asks for it in some accounts, and stops them when it is told to.

    `python` runs the application. `on_failure` is told of tasks that did not come up, `on_change` of every change.
    """

    def __init__(
        self,
        emulator: Emulator,
        account_ids: Collection[str],
        folder: Path,
        python: Path,
        databases: DatabaseServers,
        on_failure: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._emulator = emulator
        self._account_ids = account_ids
        self._folder = folder
        self._python = python
        self._databases = databases
        self._on_failure, self._on_change = on_failure, on_change
        self._pulled = Images(folder / "pulled")
        self._tasks: dict[str, Task] = {}
        self._leaving: list[tuple[float, Task]] = []
        self._known_to_have_stopped: set[str] = set()
        self._deployments: dict[str, DeploymentStart] = {}
        self._position = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(STARTING_AT_ONCE, thread_name_prefix="task")
        self._thread = threading.Thread(target=self._watch, name="container-attendant", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End all tasks at once."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        for each in self.answering:
            each.running.kill()
        self._pool.shutdown(cancel_futures=True)
        # A start that was under way may have started one more program.
        for each in self.answering:
            each.running.kill()

    @property
    def tasks(self) -> list[Task]:
        """The tasks that ECS has started and not stopped, in the order of their start."""
        return list(self._tasks.values())

    @property
    def answering(self) -> list[Task]:
        """The tasks that answer: those that are to run, and those that are stopped and finish what they are asked."""
        return [*self._tasks.values(), *(task for _, task in list(self._leaving))]

    def is_deploying(self, account_id: str) -> bool:
        """Whether a deployment is under way in an account."""
        return any(each.account_id == account_id for each in list(self._deployments.values()))

    def wait_until_quiet(self, account_id: str = "") -> None:
        """Wait until all that was asked for so far, in one account or in all, runs or has failed, and has migrated.

        Raises `UserError` where it takes too long.
        """
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            if self._all(account_id, lambda task: task.started.done() and task.running.is_migrated):
                return
            time.sleep(POLL_SECONDS)
        raise UserError(f"The tasks of the rehearsal did not come up within {QUIET_SECONDS:.0f} seconds.")

    def has_started(self, account_id: str) -> bool:
        """Whether all that was asked for so far in an account runs, or has failed."""
        return self._all(account_id, lambda task: task.started.done())

    def _all(self, account_id: str, is_so: Callable[[Task], bool]) -> bool:
        read_all = self._position == journal_size(self._emulator.directory)
        return read_all and all(is_so(each) for each in self.tasks if account_id in ("", each.start.account_id))

    def check_health(self, account_id: str) -> None:
        """Let the containers of an account make their own health checks once, and tell ECS how its tasks are."""
        tasks = [each for each in self.tasks if each.start.account_id == account_id]
        list(self._pool.map(lambda each: each.running.check_health(), tasks))
        self.report()

    def report(self) -> None:
        """Tell ECS how all tasks are."""
        with self._lock:
            states = {each.start.task_arn: each.running.state for each in self.tasks}
            write_states(self._emulator.directory, states)
            self._known_to_have_stopped = {arn for arn, state in states.items() if state.status == STOPPED}

    def forget_stopped(self, account_id: str) -> None:
        """Forget the tasks that had stopped by themselves when ECS was last told, and that it has ended since then."""
        with self._lock:
            for arn in self._known_to_have_stopped:
                task = self._tasks.get(arn)
                if task is not None and task.start.account_id == account_id:
                    del self._tasks[arn]
                    task.running.kill()

    def _watch(self) -> None:
        while not self._ending.wait(POLL_SECONDS):
            news = list(announced(self._emulator.directory, self._position))
            stopped = {event.task_arn for event, _ in news if isinstance(event, TaskStop)}
            for event, position in news:
                self._happened(event, stopped)
                self._position = position
            self._stop_drained()

    def _happened(self, event: TaskEvent, stopped: Collection[str]) -> None:
        if isinstance(event, DeploymentStart):
            self._deployments[event.deployment_arn] = event
        elif isinstance(event, DeploymentEnd):
            self._deployments.pop(event.deployment_arn, None)
        elif isinstance(event, TaskStop):
            self._stopped(event)
        elif event.task_arn not in stopped and event.account_id in self._account_ids:
            self._asked_for(event)

    def _asked_for(self, start: TaskStart) -> None:
        ecs = self._client("ecs", start)
        found = ecs.describe_task_definition(taskDefinition=start.task_definition_arn)["taskDefinition"]
        folder = self._folder / start.task_arn.rpartition("/")[2]
        running = RunningTask(start.task_arn, found, folder, self._surroundings(start, found))
        task = self._tasks[start.task_arn] = Task(start, running)
        self._pool.submit(self._start, task)

    def _stopped(self, stop: TaskStop) -> None:
        task = self._tasks.pop(stop.task_arn, None)
        if task is not None:
            self._leaving.append((time.monotonic() + DRAINING_SECONDS, task))
            self.report()

    def _stop_drained(self) -> None:
        while self._leaving and self._leaving[0][0] < time.monotonic():
            _, task = self._leaving.pop(0)
            self._on_change()
            self._pool.submit(task.running.stop)

    def _start(self, task: Task) -> None:
        try:
            task.running.start()
        except StartError as error:
            self._failed(task, str(error))
        except Exception as error:  # whatever it is, a deployment must not wait for the task in vain
            task.running.failure = f"{type(error).__name__}: {error}"
            self._failed(task, task.running.failure)
        finally:
            self._on_change()
            self.report()
            task.started.set_result(None)

    def _failed(self, task: Task, why: str) -> None:
        task.running.kill()
        if task in self.tasks and not self._ending.is_set():
            self._on_failure(f"task {task.start.task_arn.rpartition('/')[2]}: {why}")

    def _surroundings(self, start: TaskStart, definition: Mapping[str, Any]) -> TaskSurroundings:
        def execution() -> Session:
            return self._session(start, definition["executionRoleArn"])

        def pull(uri: str) -> UnpackedImage:
            return self._pulled.pull(execution().client("ecr"), uri)

        def secret(arn: str) -> str:
            return _secret(execution(), arn)

        images = self._folder / "images" / start.account_id
        images.mkdir(parents=True, exist_ok=True)
        return TaskSurroundings(pull, secret, images, self._python, self._variables(start, definition))

    def _variables(self, start: TaskStart, definition: Mapping[str, Any]) -> Callable[[], Mapping[str, str]]:
        paths = [
            each["value"]
            for container in definition["containerDefinitions"]
            for each in container.get("environment") or ()
            if each["name"] == PARAMETER_PATH
        ]

        def variables() -> Mapping[str, str]:
            session = self._session(start, definition["taskRoleArn"])
            return {
                "AWS_ENDPOINT_URL": self._emulator.endpoint_url,
                "AWS_EC2_METADATA_DISABLED": "true",
                **session.variables,
                **(self._databases.variables(paths[0], session) if paths else {}),
            }

        return variables

    def _session(self, start: TaskStart, role_arn: str) -> Session:
        """Return a session of a role as ECS assumes it for the task."""
        name = start.task_arn.rpartition("/")[2]
        return assumed_by_service(self._emulator, role_arn, start.region, ECS_TASKS, start.task_arn, name)

    def _client(self, service: str, start: TaskStart) -> Any:
        return self._emulator.client(service, start.account_id, start.region)


def _secret(session: Session, arn: str) -> str:
    """Return the value of a secret, or of a key in it, or of a parameter.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    service = arn.split(":")[2]
    if service != SECRETS_MANAGER:
        name = arn.partition(":parameter")[2]
        found = session.client("ssm").get_parameters(Names=[name], WithDecryption=True)["Parameters"]
        if not found:
            raise UserError(f"invalid ssm parameters: {name}")
        return str(found[0]["Value"])
    secret_id, key = ":".join(arn.split(":")[:7]), (arn.split(":")[7:] or [""])[0]
    text = str(session.client(service).get_secret_value(SecretId=secret_id)["SecretString"])
    return str(json.loads(text)[key]) if key else text
