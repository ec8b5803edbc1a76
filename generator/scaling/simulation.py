"""One run: a trace against a design, second by second, with all that AWS does in its own time between.

Requests of one second are shared out as a fluid, so that waits below a second are not resolved. Everything else is an
event at its own time (simpy): health checks, data points, alarm evaluations, launches, warm-ups, drains. The arrivals
are drawn with a seed; the same trace gives the same run.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from generator.scaling import facts
from generator.scaling.auto_scaling import AutoScalingGroup
from generator.scaling.design import Design
from generator.scaling.events import Event, What
from generator.scaling.facts import MINUTE
from generator.scaling.load_balancing import LoadBalancer, Target, share_out
from generator.scaling.metrics import AlarmState, GroupMetric
from generator.scaling.servers import ERRS_AT_ONCE, Server, State
from generator.scaling.traces import Damage, Trace, arrivals

SEED = 20
STEP = 1.0
WAIT_RESOLUTION = 0.1


@dataclass(slots=True)
class Minute:
    """One minute of a run."""

    arrived: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    worst_wait: float = 0.0
    desired: int = 0
    serving: int = 0
    """Healthy servers that answer, at its end."""
    running: int = 0
    """All instances that cost money, at its end."""
    utilisation: float = 0.0
    """Average share of the healthy servers' processors."""


@dataclass
class Run:
    """All that a run has to say."""

    design: Design
    trace: Trace
    minutes: list[Minute] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    waits: dict[int, float] = field(default_factory=dict)
    """Answered requests by how long they waited, in tenths of a second."""
    arrived: float = 0.0
    lost: float = 0.0
    most_members: int = 0
    most_running: int = 0
    overdrawn: float = 0.0
    """CPU credits that all servers together overdrew and did not earn back."""

    def all(self, *whats: What) -> list[Event]:
        """Return the events of some kinds."""
        return [event for event in self.events if event.what in whats]

    def first(self, what: What, after: float = 0.0, name: str = "") -> Event | None:
        """Return the first event of a kind from a moment on, of anybody or of one server or alarm."""
        return next((e for e in self.all(what) if e.at >= after and name in ("", e.name)), None)


def simulate(design: Design, trace: Trace, *, bootstrap: float = facts.BOOTSTRAP, seed: int = SEED) -> Run:
    """Let a trace run against a design; `bootstrap` is how long user data takes, in seconds."""
    return _Simulation(design, trace, bootstrap, seed).run()


class _Simulation:
    """A run under way."""

    def __init__(self, design: Design, trace: Trace, bootstrap: float, seed: int) -> None:
        self.env = simpy.Environment()
        self.design, self.trace = design, trace
        self.result = Run(design, trace)
        self.arrivals = arrivals(trace, design, seed)
        self.minute = Minute()
        self.busy: list[float] = []
        self.metric = GroupMetric()
        self.alarms = [AlarmState(alarm) for alarm in design.alarms]
        self.balancer = LoadBalancer(self.env, design, self._judged)
        self.group = AutoScalingGroup(self.env, design, self.balancer, bootstrap, self._note, self._lose)

    def run(self) -> Run:
        self.group.begin()
        self.env.process(self._traffic())
        self.env.process(self._cloudwatch())
        self.env.process(self._damage())
        self.env.run(until=self.trace.seconds)
        ever = [*self.group.members, *self.group.leaving, *self.group.ended]
        self.result.overdrawn = sum(server.overdrawn for server in ever)
        return self.result

    # Requests

    def _traffic(self) -> Generator[Any, Any, None]:
        for second, requests in enumerate(self.arrivals):
            self._serve(float(requests))
            self._write_down(second)
            yield self.env.timeout(STEP)

    def _serve(self, requests: float) -> None:
        """Share out a second's requests, and let every server work for that second."""
        now = self.env.now
        self.result.arrived += requests
        self.minute.arrived += requests
        servers = self.balancer.in_rotation()
        shares = share_out(requests, servers, self.design.algorithm, now)
        if not servers:
            self._lose(requests)
        for server, share in zip(servers, shares, strict=True):
            self._hand_over(server, share, now)
        for server in [*self.group.members, *self.group.leaving]:
            for waited, count in server.work(now, STEP):
                self._answered(waited, count)

    def _hand_over(self, server: Server, requests: float, now: float) -> None:
        if server.state in ERRS_AT_ONCE:
            self._lose(requests)
        elif server.state is State.SILENT:
            server.unanswered.append((now, requests))
            self._lose(requests)
        else:
            self._lose(server.take(now, requests, STEP))

    def _answered(self, waited: float, count: float) -> None:
        if waited > self.design.patience:
            self._lose(count)
            return
        tenths = round(waited / WAIT_RESOLUTION)
        self.result.waits[tenths] = self.result.waits.get(tenths, 0.0) + count
        self.minute.worst_wait = max(self.minute.worst_wait, waited)
        if waited > facts.LATE:
            self.minute.late += count

    def _lose(self, count: float) -> None:
        self.result.lost += count
        self.minute.lost += count

    def _write_down(self, second: int) -> None:
        """Keep what a picture and the claims need."""
        group, result = self.group, self.result
        running = [s for s in [*group.members, *group.leaving] if s.state is not State.LAUNCHING]
        result.most_members = max(result.most_members, len(group.members))
        result.most_running = max(result.most_running, len(running))
        healthy = self.balancer.healthy()
        if healthy:
            self.busy.append(sum(server.last_share for server in healthy) / len(healthy))
        if (second + 1) % MINUTE == 0:
            self.minute.desired, self.minute.serving, self.minute.running = group.desired, len(healthy), len(running)
            self.minute.utilisation = sum(self.busy) / len(self.busy) if self.busy else 0.0
            result.minutes.append(self.minute)
            self.minute, self.busy = Minute(), []

    # CloudWatch

    def _cloudwatch(self) -> Generator[Any, Any, None]:
        """Collect data points at the end of each minute; let alarms see them later."""
        every = self.design.monitoring // MINUTE
        minute = 0
        while True:
            yield self.env.timeout(MINUTE)
            minute += 1
            if minute % every == 0:
                self._collect(minute - every)
            self.env.process(self._evaluate(minute))

    def _collect(self, begin: int) -> None:
        for server in self.group.members:
            percent = server.measured()
            # The group's metrics leave out servers that warm up.
            if server.state is not State.LAUNCHING and server.warm(self.env.now):
                self.metric.publish(begin, percent)

    def _evaluate(self, minute: int) -> Generator[Any, Any, None]:
        yield self.env.timeout(facts.METRIC_DELAY)
        for state in self.alarms:
            before = state.on
            if state.evaluate(self.metric, minute):
                if not before:
                    self._note(What.ALARM, state.alarm.name)
                # An action of Auto Scaling is repeated as long as the alarm is on.
                self.group.execute(state.alarm.policy, state.newest - state.alarm.threshold)
            elif before:
                self._note(What.ALARM_OVER, state.alarm.name)

    # What breaks

    def _damage(self) -> Generator[Any, Any, None]:
        if self.trace.damage is Damage.NONE or self.trace.begins is None:
            return
        yield self.env.timeout(self.trace.begins)
        first = self.group.members[0]
        zone = self.trace.damage is Damage.DEAD_ZONE
        for server in [s for s in self.group.members if s is first or (zone and s.zone == first.zone)]:
            self._note(What.BROKEN, str(server.number))
            server.state = State.FAILING if self.trace.damage is Damage.FAILING_SERVER else State.SILENT
            self._lose(server.abandon())
        if zone:
            self.group.without_zone(first.zone)

    def _judged(self, target: Target) -> None:
        self._note(What.HEALTHY if target.healthy else What.UNHEALTHY, str(target.server.number))
        if not target.healthy:
            self.group.found_unhealthy(target)

    def _note(self, what: What, name: str) -> None:
        self.result.events.append(Event(self.env.now, what, name))
