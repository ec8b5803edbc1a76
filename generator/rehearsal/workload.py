"""What runs behind the emulator's control plane: web servers on its instances, and a database for each environment.

Load balancers check the servers' health in rounds that the rehearsal asks for, and Auto Scaling replaces those that
they find unhealthy (W6, W7).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from generator.environment import ENVIRONMENTS
from generator.rehearsal.accounts import Accounts
from generator.rehearsal.attendant import Attendant, Instance
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
    """The servers of some accounts of an emulator, for the time of a `with` block.

    `python` runs the application. `on_failure` is told of servers that did not come up.
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

    def __enter__(self) -> Self:
        self._attendant.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._attendant.stop()

    @property
    def databases(self) -> DatabaseServers:
        """The databases behind the accounts' endpoints."""
        return self._attendant.databases

    def instances(self, account_id: str) -> list[Instance]:
        """Return the running instances of an account, the oldest first."""
        return [each for each in self._attendant.instances if each.launch.account_id == account_id]

    def settle(self, account_id: str = "") -> None:
        """Wait until everything launched is booted, and let the load balancers make up their minds about it.

        It is about one account, or all of them.
        """
        self._attendant.wait_until_quiet(account_id)
        for _ in range(MOST_ROUNDS):
            self.check_health(account_id)
            with self._lock:
                found = [each for arn, each in self._checks.items() if account_id in ("", _account_of(arn))]
            if all(each.settled for each in found):
                return

    def check_health(self, account_id: str = "") -> None:
        """Let the load balancers of one account, or of all, check all of their targets once."""
        with self._lock:
            for each in [account_id] if account_id else {i.launch.account_id for i in self._attendant.instances}:
                self._check_health(each)
            self._publish()

    def _check_health(self, account_id: str) -> None:
        found = {arn: each for arn, each in self._checks.items() if _account_of(arn) == account_id}
        for arn in found:
            del self._checks[arn]
        instances = self.instances(account_id)
        for region in {each.launch.region for each in instances}:
            elb = self._emulator.client("elbv2", account_id, region)
            for group in elb.describe_target_groups()["TargetGroups"]:
                arn = group["TargetGroupArn"]
                registered = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
                check = Check.of(group)
                self._checks[arn] = found.get(arn) or HealthChecks(check)
                # A deployment may have changed how the group checks.
                self._checks[arn].check = check
                self._checks[arn].round([each["Target"]["Id"] for each in registered], self._addresses())

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
        """Let all web servers of an account be down for the time of a `with` block."""
        servers = [each.server for each in self.instances(account_id)]
        for each in servers:
            each.kill()
        try:
            yield
        finally:
            for each in servers:
                each.restart()
            self.settle(account_id)

    def _is_judged_by_load_balancer(self, instance: Instance) -> bool:
        name = instance.launch.group
        found = self._client("autoscaling", instance).describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return bool(found["AutoScalingGroups"][0]["HealthCheckType"] == "ELB")

    def _addresses(self) -> Mapping[str, tuple[str, int]]:
        instances = self._attendant.instances
        return {each.launch.instance_id: (HOST, each.server.port) for each in instances if each.server.port}

    def _publish(self) -> None:
        """Tell the emulator's load balancers where instances answer and how healthy they are."""
        with self._lock:
            health = {arn: each.health for arn, each in self._checks.items()}
            write_targets(self._emulator.directory, Targets(dict(self._addresses()), health))

    def _client(self, service: str, instance: Instance) -> Any:
        return self._emulator.client(service, instance.launch.account_id, instance.launch.region)


def workload_of(accounts: Accounts, project: Path, folder: Path, on_failure: Callable[[str], None]) -> Workload:
    """Return what runs the web servers of the environments' accounts, in a folder."""
    account_ids = [accounts.id_of(name) for name in ENVIRONMENTS]
    return Workload(accounts.emulator, account_ids, folder, project / APPLICATION_PYTHON, on_failure)


def _account_of(arn: str) -> str:
    return arn.split(":")[4]
