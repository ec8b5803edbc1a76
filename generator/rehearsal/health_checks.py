"""The health checks of the load balancers, made in rounds that a rehearsal asks for.

Path, protocol, status codes, timeout and thresholds are the target group's own; only the seconds between two rounds are
left out. Each round asks every registered target for real.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from generator.rehearsal.emulator_instances import UNCHECKED, Health
from generator.rehearsal.target_requests import ask_target

HEALTHY, UNHEALTHY = "healthy", "unhealthy"
THREADS = 8

Address = tuple[str, int]


@dataclass(frozen=True)
class Check:
    """How a target group checks its targets."""

    protocol: str
    path: str
    status_codes: frozenset[int]
    timeout_seconds: float
    healthy_after: int
    unhealthy_after: int

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Check:
        """Return the check of a target group as DescribeTargetGroups shows it."""
        return cls(
            group["HealthCheckProtocol"],
            group["HealthCheckPath"],
            frozenset(_status_codes(group["Matcher"]["HttpCode"])),
            float(group["HealthCheckTimeoutSeconds"]),
            int(group["HealthyThresholdCount"]),
            int(group["UnhealthyThresholdCount"]),
        )


@dataclass
class _Target:
    """What the rounds so far found of a target: `run` counts the newest results that were alike."""

    health: Health = UNCHECKED
    passed: bool = False
    run: int = 0


@dataclass
class HealthChecks:
    """The health of the targets of one target group."""

    check: Check
    _targets: dict[str, _Target] = field(default_factory=dict)

    @property
    def health(self) -> dict[str, Health]:
        """The health of each target by the id of its instance."""
        return {instance_id: each.health for instance_id, each in self._targets.items()}

    @property
    def settled(self) -> bool:
        """Whether another round like the last one would change nothing."""
        return all(
            each.run >= max(self.check.healthy_after, self.check.unhealthy_after) for each in self._targets.values()
        )

    def round(self, registered: Sequence[str], addresses: Mapping[str, Address]) -> None:
        """Ask every registered target once; forget those that are not registered any more."""
        self._targets = {each: self._targets.get(each, _Target()) for each in registered}
        with ThreadPoolExecutor(THREADS) as pool:
            answers = pool.map(lambda each: ask(self.check, addresses.get(each)), registered)
            for instance_id, failure in zip(registered, answers, strict=True):
                self._note(self._targets[instance_id], failure)

    def _note(self, target: _Target, failure: Health | None) -> None:
        passed = failure is None
        target.run = target.run + 1 if passed == target.passed and target.run else 1
        target.passed = passed
        # A new target enters service with its first success.
        enough = 1 if target.health == UNCHECKED else self.check.healthy_after
        if passed and target.run >= enough:
            target.health = Health(HEALTHY)
        elif failure is not None and target.run >= self.check.unhealthy_after:
            target.health = failure


def ask(check: Check, address: Address | None) -> Health | None:
    """Ask a target; return nothing where it passes, and what DescribeTargetHealth would say where it does not.

    A new connection each time, and no look at the certificate, as the load balancer does it.
    """
    if address is None:
        return _failed("Target.FailedHealthChecks", "Health checks failed")
    headers = {"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
    try:
        answer = ask_target(check.protocol, address, "GET", check.path, headers, timeout_seconds=check.timeout_seconds)
    except TimeoutError:
        return _failed("Target.Timeout", "Request timed out")
    except (OSError, HTTPException):
        return _failed("Target.FailedHealthChecks", "Health checks failed")
    if answer.status in check.status_codes:
        return None
    return _failed("Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{answer.status}]")


def _failed(reason: str, description: str) -> Health:
    return Health(UNHEALTHY, reason, description)


def _status_codes(matcher: str) -> Iterator[int]:
    """Yield the codes of a matcher such as `200`, `200,302` or `200-299`."""
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
