"""The load balancer: who gets a second's requests, and whose health checks fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from generator.scaling import facts
from generator.scaling.design import LEAST_OUTSTANDING, Design
from generator.scaling.servers import ERRS_AT_ONCE, Server, State


@dataclass
class Target:
    """A server as the load balancer knows it."""

    server: Server
    healthy: bool = False
    new: bool = True
    """Whether it has neither passed nor failed its first health checks."""
    passed: int = 0
    failed: int = 0
    draining: bool = False

    def judge(self, ok: bool, design: Design) -> bool:
        """Count a health check; return whether the verdict on the target has changed."""
        self.passed, self.failed = (self.passed + 1, 0) if ok else (0, self.failed + 1)
        needed = facts.CHECKS_OF_A_NEW_TARGET if self.new else design.health.healthy_after
        if not self.healthy and self.passed >= needed:
            self.healthy, self.new = True, False
            return True
        if (self.healthy or self.new) and self.failed >= design.health.unhealthy_after:
            self.healthy, self.new = False, False
            return True
        return False

    @property
    def unhealthy(self) -> bool:
        """Whether the load balancer calls it unhealthy, and not only new."""
        return not self.healthy and not self.new


@dataclass
class LoadBalancer:
    """All targets, each checked in a rhythm of its own."""

    env: simpy.Environment
    design: Design
    changed: Callable[[Target], None]
    targets: list[Target] = field(default_factory=list)

    def register(self, server: Server) -> Target:
        """Add a server and begin to check it."""
        target = Target(server)
        self.targets.append(target)
        self.env.process(self._check(target))
        return target

    def adopt(self, server: Server) -> Target:
        """Add a server that is known to be healthy, as those at the beginning of a run are."""
        target = Target(server, healthy=True, new=False)
        self.targets.append(target)
        self.env.process(self._check(target))
        return target

    def deregister(self, server: Server) -> None:
        """Send a server no new requests; what it has, it may finish."""
        for target in self.targets:
            if target.server is server:
                target.draining = True
        self.targets = [target for target in self.targets if not target.draining]

    def in_rotation(self) -> list[Server]:
        """Return who gets requests: healthy targets, or all of them where none is healthy (it fails open).

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        healthy = [target.server for target in self.targets if target.healthy]
        return healthy or [target.server for target in self.targets]

    def healthy(self) -> list[Server]:
        """Return the servers that are healthy and answer."""
        return [t.server for t in self.targets if t.healthy and t.server.state is State.ANSWERING]

    def _check(self, target: Target) -> Generator[Any, Any, None]:
        """Check a target for ever. How long it takes to answer does not put off the next check."""
        while not target.draining:
            yield self.env.timeout(self.design.health.interval)
            ok = target.server.delay <= self.design.health.timeout
            waits = not ok and target.server.state not in ERRS_AT_ONCE
            self.env.process(self._verdict(target, ok, self.design.health.timeout if waits else 0.0))

    def _verdict(self, target: Target, ok: bool, after: float) -> Generator[Any, Any, None]:
        yield self.env.timeout(after)
        if not target.draining and target.judge(ok, self.design):
            self.changed(target)


def share_out(requests: float, servers: Sequence[Server], algorithm: str, now: float) -> list[float]:
    """Return how many of a second's requests each server gets."""
    if not servers:
        return []
    idle = all(server.state is State.ANSWERING and server.waiting == 0.0 for server in servers)
    if idle or algorithm != LEAST_OUTSTANDING:
        return [requests / len(servers)] * len(servers)
    working = [server for server in servers if server.state is State.ANSWERING]
    failing = [server for server in servers if server.state in ERRS_AT_ONCE]
    if not working:
        return [requests / len(servers)] * len(servers)
    silent = {id(s): _to_silent(s, requests, working, now) for s in servers if s.state is State.SILENT}
    left = max(0.0, requests - sum(silent.values()))
    to_failing = _to_failing(left, working, len(failing))
    levels = _levelled(left - to_failing, working)
    shares = {**silent, **{id(s): to_failing / len(failing) for s in failing}}
    shares.update({id(server): share for server, share in zip(working, levels, strict=True)})
    return [shares[id(server)] for server in servers]


def _to_silent(server: Server, requests: float, working: Sequence[Server], now: float) -> float:
    """Return what a server gets that never answers: what it holds counts against it, until it is given up.

    It gets a request as soon as it holds no more than the others do.
    """
    while server.unanswered and server.unanswered[0][0] <= now - facts.CONNECT_TIMEOUT:
        server.unanswered.popleft()
    holds = sum(count for _, count in server.unanswered)
    of_others = sum(s.waiting for s in working) + requests * facts.RESPONSE
    return min(requests / (len(working) + 1), max(0.0, 1.0 + of_others / len(working) - holds))


def _to_failing(requests: float, working: Sequence[Server], failing: int) -> float:
    """Return what goes to servers that fail at once, and so never hold a request: all that finds no idle server.

    A working server is idle with the probability of a Poisson number of requests under way being zero; among the idle
    ones and the failing ones, chance decides.
    """
    if not failing:
        return 0.0
    idle = [server for server in working if server.waiting < 1.0]
    if not idle:
        return requests

    def answered(rate: float) -> float:
        free = math.exp(-rate * facts.RESPONSE)
        chances = (
            math.comb(len(idle), n) * free**n * (1 - free) ** (len(idle) - n) * n / (n + failing)
            for n in range(1, len(idle) + 1)
        )
        return requests * sum(chances) / len(idle)

    low, high = 0.0, requests / len(idle)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if answered(middle) > middle else (low, middle)
    return requests - low * len(idle)


def _levelled(requests: float, servers: Sequence[Server]) -> list[float]:
    """Return what each server gets so that all hold equally much, as far as that goes."""
    held = sorted(server.waiting for server in servers)
    level = held[0]
    left = requests
    for number, next_level in enumerate([*held[1:], float("inf")], start=1):
        step = min(left / number, next_level - level)
        level += step
        left -= step * number
        if left <= 0.0:
            break
    return [max(0.0, level - server.waiting) for server in servers]
