"""Runs the instances that the emulator's Auto Scaling groups launch, and signals CloudFormation how their boot went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from generator.errors import UserError
from generator.rehearsal.database_servers import DatabaseServers
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_instances import End, Launch, announced, attend, journal_size, leave
from generator.rehearsal.emulator_sessions import Session, assumed_by_service
from generator.rehearsal.web_servers import BootError, Surroundings, UserData, WebServer

EC2 = "ec2.amazonaws.com"
SIGNALLED = ("FLEET", "WebServerGroup")
"""The setting in which a user data names the resource that it signals, and what that is without such a setting."""

WAITS_FOR_LOAD_BALANCER = "TARGET_GROUP_ARN"
"""The setting of a user data that signals only when the load balancer finds the server healthy."""

POLL_SECONDS = 0.02
DRAINING_SECONDS = 1.0
"""How long an instance answers on once its group has terminated it: a request may be on its way to it.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay
"""
QUIET_SECONDS = 120.0
BOOTING_AT_ONCE = 4


@dataclass
class Instance:
    """An instance that runs here. `booted` is over when CloudFormation has its signal."""

    launch: Launch
    server: WebServer
    booted: Future[None] = field(default_factory=Future)


class Attendant:
    """Boots web servers as the emulator launches instances in some accounts, and ends them as it terminates them.

    What was launched before, and is still there, is booted too. `python` runs the application; `on_failure` is told of
    servers that did not come up, `on_change` of every change. `enters_service` waits until the load balancer finds an
    instance healthy, and says whether it does.
    """

    def __init__(
        self,
        emulator: Emulator,
        account_ids: Collection[str],
        folder: Path,
        python: Path,
        on_failure: Callable[[str], None],
        on_change: Callable[[], None],
        enters_service: Callable[[Instance], bool],
    ) -> None:
        self._emulator = emulator
        self._account_ids = account_ids
        self._folder = folder
        self._python = python
        self._on_failure, self._on_change, self._enters_service = on_failure, on_change, enters_service
        self.databases = DatabaseServers(emulator)
        self._instances: dict[str, Instance] = {}
        self._leaving: list[tuple[float, Instance]] = []
        self._position = 0
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(BOOTING_AT_ONCE, thread_name_prefix="boot")
        self._threads = [
            threading.Thread(target=each, name="attendant", daemon=True)
            for each in (self._watch, self._watch_databases)
        ]

    def start(self) -> None:
        attend(self._emulator.directory, self._account_ids)
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """End all servers and databases at once."""
        self._ending.set()
        leave(self._emulator.directory)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for each in self.answering:
            each.server.kill()
        self._pool.shutdown(cancel_futures=True)
        # A boot that was under way may have started one more program.
        for each in self.answering:
            each.server.kill()
        self.databases.stop()

    @property
    def instances(self) -> list[Instance]:
        """The instances that the emulator has launched and not ended, in the order of their launch."""
        return list(self._instances.values())

    @property
    def answering(self) -> list[Instance]:
        """The instances that answer: those that run, and those that are terminated and finish what they are asked."""
        return [*self._instances.values(), *(instance for _, instance in list(self._leaving))]

    def wait_until_quiet(self, account_id: str = "") -> None:
        """Wait until all that was launched so far, in one account or in all, is booted and has migrated its database.

        A boot may have gone well or ill. Raises `UserError` where it takes too long.
        """
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            read_all = self._position == journal_size(self._emulator.directory)
            found = [each for each in self.instances if account_id in ("", each.launch.account_id)]
            if read_all and all(each.booted.done() and each.server.is_migrated for each in found):
                return
            time.sleep(POLL_SECONDS)
        raise UserError(f"The web servers of the rehearsal did not come up within {QUIET_SECONDS:.0f} seconds.")

    def _watch(self) -> None:
        while not self._ending.wait(POLL_SECONDS):
            news = list(announced(self._emulator.directory, self._position))
            ended = {event.instance_id for event, _ in news if isinstance(event, End)}
            for event, position in news:
                if isinstance(event, End):
                    self._ended(event)
                elif event.instance_id not in ended:
                    self._launched(event)
                self._position = position
            self._end_drained()

    def _watch_databases(self) -> None:
        # Beside the instances: to restore a database takes a while.
        while not self._ending.wait(POLL_SECONDS):
            try:
                self.databases.follow()
            except UserError as error:
                self._on_failure(str(error))

    def _launched(self, launch: Launch) -> None:
        user_data = UserData.decoded(launch.user_data)
        # What has no such setting is no web server, but a bastion.
        if launch.account_id not in self._account_ids or "TARGET_PROTOCOL" not in user_data.settings:
            return
        server = WebServer(
            launch.instance_id,
            user_data,
            self._folder / launch.instance_id,
            Surroundings(self._images(launch), self._python, self._fetcher(launch), self._variables(launch, user_data)),
        )
        instance = self._instances[launch.instance_id] = Instance(launch, server)
        self._pool.submit(self._boot, instance)

    def _ended(self, end: End) -> None:
        instance = self._instances.pop(end.instance_id, None)
        if instance is not None:
            self._leaving.append((time.monotonic() + DRAINING_SECONDS, instance))

    def _end_drained(self) -> None:
        while self._leaving and self._leaving[0][0] < time.monotonic():
            _, instance = self._leaving.pop(0)
            self._on_change()
            self._pool.submit(instance.server.shut_down)

    def _boot(self, instance: Instance) -> None:
        try:
            status = "SUCCESS" if self._comes_up(instance) else "FAILURE"
            self._signal(instance, status)
        finally:
            instance.booted.set_result(None)

    def _comes_up(self, instance: Instance) -> bool:
        """Boot an instance, and wait for the load balancer where its user data does."""
        try:
            instance.server.boot()
            self._on_change()
            if WAITS_FOR_LOAD_BALANCER not in instance.server.user_data.settings or self._enters_service(instance):
                return True
            failure = f"{instance.launch.instance_id}: the load balancer does not find it healthy"
        except BootError as error:
            failure = str(error)
        except Exception as error:  # whatever it is, the stack must not wait for a signal in vain
            failure = f"{instance.launch.instance_id}: {type(error).__name__}: {error}"
        if instance in self.instances and not self._ending.is_set():
            self._on_failure(failure)
        return False

    def _signal(self, instance: Instance, status: str) -> None:
        """Tell the stack how the boot went. Where it is not being deployed, nobody listens, as on AWS."""
        cloudformation = self._client("cloudformation", instance.launch)
        while not self._ending.is_set():
            try:
                cloudformation.signal_resource(
                    StackName=instance.server.user_data.settings["STACK_NAME"],
                    LogicalResourceId=instance.server.user_data.settings.get(*SIGNALLED),
                    UniqueId=instance.launch.instance_id,
                    Status=status,
                )
                return
            except ClientError as error:
                # A boot may be faster here than CloudFormation is with waiting for it.
                if "is not waiting for signals" not in str(error):
                    return
            self._ending.wait(POLL_SECONDS)

    def _images(self, launch: Launch) -> Path:
        """Return the folder that stands in for the environment's file system."""
        images = self._folder / "images" / launch.account_id
        images.mkdir(parents=True, exist_ok=True)
        return images

    def _fetcher(self, launch: Launch) -> Callable[[str, str], bytes]:
        def fetch(bucket: str, key: str) -> bytes:
            content: bytes = self._session(launch).client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            return content

        return fetch

    def _variables(self, launch: Launch, user_data: UserData) -> Callable[[], Mapping[str, str]]:
        def variables() -> Mapping[str, str]:
            session = self._session(launch)
            return {
                "AWS_ENDPOINT_URL": self._emulator.endpoint_url,
                "AWS_EC2_METADATA_DISABLED": "true",
                **session.variables,
                **self.databases.variables(user_data.settings["PARAMETER_PATH"], session),
            }

        return variables

    def _session(self, launch: Launch) -> Session:
        """Return a session of the instance's role, as EC2 assumes it for the instance."""
        profile = self._client("iam", launch).get_instance_profile(InstanceProfileName=launch.profile)
        role_arn = profile["InstanceProfile"]["Roles"][0]["Arn"]
        source = f"arn:aws:ec2:{launch.region}:{launch.account_id}:instance/{launch.instance_id}"
        return assumed_by_service(self._emulator, role_arn, launch.region, EC2, source, launch.instance_id)

    def _client(self, service: str, launch: Launch) -> Any:
        return self._emulator.client(service, launch.account_id, launch.region)
