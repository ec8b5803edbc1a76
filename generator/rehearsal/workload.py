"""What runs behind the emulator's control plane: servers on its instances, tasks of its ECS, and databases.

Load balancers check health in rounds that the rehearsal asks for. Auto Scaling and ECS replace what they find unhealthy
(W6, W7).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from generator.environment import ENVIRONMENTS
from generator.rehearsal.accounts import Accounts
from generator.rehearsal.attendant import Attendant, Instance
from generator.rehearsal.container_attendant import ContainerAttendant, Task
from generator.rehearsal.container_rounds import Rounds
from generator.rehearsal.database_servers import DatabaseServers
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_instances import Health, Targets, write_targets
from generator.rehearsal.health_checks import HEALTHY, UNHEALTHY, Check, HealthChecks
from generator.rehearsal.running_programs import HOST

APPLICATION_PYTHON = Path(".venv-application/bin/python")
"""Runs the sample application; `make` sets it up."""

MOST_ROUNDS = 11
"""More than any threshold of a target group, which is 10 at most."""


class Workload:
    """The servers and tasks of some accounts of an emulator, for the time of a `with` block.

    `python` runs the application. `on_failure` is told of servers and tasks that did not come up.
    """

    def __init__(
        self,
        emulator: Emulator,
        account_ids: Collection[str],
        folder: Path,
        python: Path,
        on_failure: Callable[[str], None],
    ) -> None:
        self._emulator = emulator
        self._checks: dict[str, HealthChecks] = {}
        self._lock = threading.RLock()
        self._attendant = Attendant(
            emulator, account_ids, folder, python, on_failure, self._publish, self._enters_service
        )
        self._containers = ContainerAttendant(
            emulator, account_ids, folder, python, self._attendant.databases, on_failure, self._publish
        )
        self._rounds = Rounds(emulator.directory, self._containers, account_ids, self.check_health, on_failure)

    def __enter__(self) -> Self:
        self._attendant.start()
        self._containers.start()
        self._rounds.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._rounds.stop()
        self._containers.stop()
        self._attendant.stop()

    @property
    def databases(self) -> DatabaseServers:
        """The databases behind the accounts' endpoints."""
        return self._attendant.databases

    def instances(self, account_id: str) -> list[Instance]:
        """Return the running instances of an account, the oldest first."""
        return [each for each in self._attendant.instances if each.launch.account_id == account_id]

    def tasks(self, account_id: str) -> list[Task]:
        """Return the tasks of an account that ECS wants to run, the oldest first."""
        return [each for each in self._containers.tasks if each.start.account_id == account_id]

    def settle(self, account_id: str = "") -> None:
        """Wait until everything launched is up, and let load balancers and ECS make up their minds about it.

        It is about one account, or all of them.
        """
        for _ in range(MOST_ROUNDS):
            self._attendant.wait_until_quiet(account_id)
            self.databases.catch_up()
            self._containers.wait_until_quiet(account_id)
            self.check_health(account_id)
            for each in {task.start.account_id for task in self._containers.tasks}:
                if account_id in ("", each):
                    self.round(each)
            self._containers.wait_until_quiet(account_id)
            if self._is_settled(account_id):
                return

    def _is_settled(self, account_id: str) -> bool:
        with self._lock:
            checks = [each for arn, each in self._checks.items() if account_id in ("", _account_of(arn))]
        tasks = [each for each in self._containers.tasks if account_id in ("", each.start.account_id)]
        return all(each.settled for each in checks) and all(self.task_health(each) for each in tasks)

    def round(self, account_id: str) -> None:
        """Let one minute of ECS pass in an account: health checks, replacements, a step of each deployment."""
        self.databases.catch_up()
        self._rounds.round(account_id)

    def is_deploying(self, account_id: str) -> bool:
        """Whether a deployment of ECS is under way in an account."""
        return self._containers.is_deploying(account_id)

    def held(self, account_id: str) -> AbstractContextManager[None]:
        """Let deployments of ECS in an account go on with `round` alone, for the time of a `with` block."""
        return self._rounds.held(account_id)

    def check_health(self, account_id: str = "") -> None:
        """Let the load balancers of one account, or of all, check all of their targets once."""
        with self._lock:
            for each in [account_id] if account_id else sorted({account for account, _ in self._places}):
                self._check_health(each)
            self._publish()

    @property
    def _places(self) -> set[tuple[str, str]]:
        """The accounts and regions in which something runs."""
        instances, tasks = self._attendant.instances, self._containers.tasks
        servers = {(each.launch.account_id, each.launch.region) for each in instances}
        return servers | {(each.start.account_id, each.start.region) for each in tasks}

    def _check_health(self, account_id: str) -> None:
        found = {arn: each for arn, each in self._checks.items() if _account_of(arn) == account_id}
        for arn in found:
            del self._checks[arn]
        addresses = {**self._instance_addresses(), **self._task_addresses(account_id)}
        for region in sorted(region for account, region in self._places if account == account_id):
            elb = self._emulator.client("elbv2", account_id, region)
            for group in elb.describe_target_groups()["TargetGroups"]:
                arn = group["TargetGroupArn"]
                registered = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
                check = Check.of(group)
                self._checks[arn] = found.get(arn) or HealthChecks(check)
                # A deployment may have changed how the group checks.
                self._checks[arn].check = check
                self._checks[arn].round([each["Target"]["Id"] for each in registered], addresses)

    def _enters_service(self, instance: Instance) -> bool:
        """Let the load balancers check until one finds the instance healthy, or ought to have."""
        for _ in range(MOST_ROUNDS):
            self.check_health(instance.launch.account_id)
            health = self.health(instance)
            if health is not None and health.state == HEALTHY:
                return True
        return False

    def health(self, instance: Instance) -> Health | None:
        """Return how healthy an instance is found; nothing where no load balancer knows it."""
        found = (each.health.get(instance.launch.instance_id) for each in self._checks.values())
        return next((health for health in found if health), None)

    def task_health(self, task: Task) -> Health | None:
        """Return how healthy a task is found; nothing where no load balancer knows it."""
        with self._lock:
            checks = [each for arn, each in self._checks.items() if _account_of(arn) == task.start.account_id]
        return next((health for each in checks if (health := each.health.get(task.start.ip))), None)

    def replace_unhealthy(self, account_id: str) -> list[Instance]:
        """Let Auto Scaling replace the instances that load balancers find unhealthy; return those that went.

        Auto Scaling learns of them by itself on AWS, where the group's health checks are the load balancer's.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html
        """
        gone = []
        for each in self.instances(account_id):
            health = self.health(each)
            if health is not None and health.state == UNHEALTHY and self._is_judged_by_load_balancer(each):
                self._client("autoscaling", each).set_instance_health(
                    InstanceId=each.launch.instance_id, HealthStatus="Unhealthy"
                )
                gone.append(each)
        return gone

    @contextmanager
    def out_of_service(self, account_id: str) -> Iterator[None]:
        """Let all web servers and tasks of an account be down for the time of a `with` block."""
        servers = [each.server for each in self.instances(account_id)]
        tasks = self.tasks(account_id)
        for server in servers:
            server.kill()
        for task in tasks:
            task.running.is_reachable = False
        self._publish()
        try:
            yield
        finally:
            for server in servers:
                server.restart()
            for task in tasks:
                task.running.is_reachable = True
            self.settle(account_id)

    def _is_judged_by_load_balancer(self, instance: Instance) -> bool:
        name = instance.launch.group
        found = self._client("autoscaling", instance).describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return bool(found["AutoScalingGroups"][0]["HealthCheckType"] == "ELB")

    def _instance_addresses(self) -> dict[str, tuple[str, int]]:
        instances = self._attendant.answering
        return {each.launch.instance_id: (HOST, each.server.port) for each in instances if each.server.port}

    def _task_addresses(self, account_id: str) -> dict[str, tuple[str, int]]:
        return {each.start.ip: (HOST, each.running.port) for each in self.tasks(account_id) if each.is_reachable}

    def _publish(self) -> None:
        """Tell the emulator's load balancers where instances and tasks answer, and how healthy they are."""
        with self._lock:
            health = {arn: each.health for arn, each in self._checks.items()}
            tasks = {each.key: (HOST, each.running.port) for each in self._containers.answering if each.is_reachable}
            write_targets(self._emulator.directory, Targets(self._instance_addresses() | tasks, health))

    def _client(self, service: str, instance: Instance) -> Any:
        return self._emulator.client(service, instance.launch.account_id, instance.launch.region)


def workload_of(accounts: Accounts, project: Path, folder: Path, on_failure: Callable[[str], None]) -> Workload:
    """Return what runs the web servers of the environments' accounts, in a folder."""
    account_ids = [accounts.id_of(name) for name in ENVIRONMENTS]
    return Workload(accounts.emulator, account_ids, folder, project / APPLICATION_PYTHON, on_failure)


def _account_of(arn: str) -> str:
    return arn.split(":")[4]
