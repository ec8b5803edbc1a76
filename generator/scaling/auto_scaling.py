"""The Auto Scaling group: what policies ask for, launching, ending and replacing servers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from generator.scaling import facts
from generator.scaling.design import SIMPLE, Design, Policy
from generator.scaling.events import Note, What
from generator.scaling.load_balancing import LoadBalancer, Target
from generator.scaling.servers import Server, State


@dataclass
class AutoScalingGroup:
    """The group. `members` are the servers that it counts; `leaving` ones finish what they have."""

    env: simpy.Environment
    design: Design
    balancer: LoadBalancer
    bootstrap: float
    note: Note
    lose: Callable[[float], None]
    members: list[Server] = field(default_factory=list)
    leaving: list[Server] = field(default_factory=list)
    ended: list[Server] = field(default_factory=list)
    desired: int = 0
    number: int = 0
    cooling_until: float = 0.0
    lost_zones: set[int] = field(default_factory=set)

    def begin(self) -> None:
        """Have the minimum of servers, in service and warm."""
        self.desired = self.design.minimum
        for _ in range(self.desired):
            server = self._new(warm_up=0.0)
            server.state, server.in_service_since = State.ANSWERING, self.env.now - self.design.grace
            self.balancer.adopt(server)

    def execute(self, policy: Policy, beyond: float) -> None:
        """Do what a policy says, where the metric is so far beyond its alarm's threshold.

        Servers that warm up are no capacity yet, but have been asked for: repeated wishes for the same step start one.
        While one warms up, none is removed.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
        """
        adjustment = policy.adjustment(beyond)
        if policy.kind == SIMPLE:
            if self.env.now < self.cooling_until:
                return
            wanted = self.desired + adjustment
        else:
            warming = sum(not server.warm(self.env.now) for server in self.members)
            if adjustment < 0 and warming:
                return
            wanted = self.desired + adjustment - (warming if adjustment > 0 else 0)
        wanted = min(max(wanted, self.design.minimum), self.design.maximum)
        if (wanted - self.desired) * adjustment <= 0:
            return
        self.note(What.SCALE_OUT if adjustment > 0 else What.SCALE_IN, policy.name)
        self.desired = wanted
        self.cooling_until = self.env.now + policy.cooldown
        self._reconcile(policy.warm_up)

    def without_zone(self, zone: int) -> None:
        """Launch nothing in a zone any more, as the group does where it gets no instances."""
        self.lost_zones.add(zone)

    def found_unhealthy(self, target: Target) -> None:
        """Take the load balancer's word for it, where the group does."""
        if self.design.replaces_unhealthy:
            self.env.process(self._replace(target))

    def _replace(self, target: Target) -> Generator[Any, Any, None]:
        """Replace a server that stays unhealthy, once its grace is over. It is ended as its successor is launched.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-maintenance-policy-overview-and-considerations.html
        """
        server = target.server
        yield self.env.timeout(facts.HEALTH_SYNC)
        begun = self.env.now if server.in_service_since is None else server.in_service_since
        yield self.env.timeout(max(0.0, begun + self.design.grace - self.env.now))
        if target.unhealthy and server in self.members:
            self.note(What.REPLACED_ALIVE if server.state is State.ANSWERING else What.REPLACED, str(server.number))
            self._end(server)
            self._reconcile(self.design.warm_up)

    def _reconcile(self, warm_up: float) -> None:
        """Launch or end servers until there are as many as wanted."""
        while len(self.members) < self.desired:
            self.env.process(self._launch(self._new(warm_up)))
        while len(self.members) > self.desired:
            self._end(self._oldest())

    def _oldest(self) -> Server:
        """Return whom the group ends first: the oldest in the zone that has most (its termination policies)."""
        crowd = {zone: sum(server.zone == zone for server in self.members) for zone in range(self.design.zones)}
        return min(self.members, key=lambda server: (-crowd[server.zone], server.launched, server.number))

    def _new(self, warm_up: float) -> Server:
        zones = [zone for zone in range(self.design.zones) if zone not in self.lost_zones]
        zone = min(zones, key=lambda each: (sum(server.zone == each for server in self.members), each))
        self.number += 1
        server = Server(self.number, zone, self.design, self.env.now, warm_up=warm_up)
        self.members.append(server)
        return server

    def _launch(self, server: Server) -> Generator[Any, Any, None]:
        self.note(What.LAUNCHED, str(server.number))
        yield self.env.timeout(facts.LAUNCH)
        if server.state is not State.LAUNCHING:
            return
        server.state, server.in_service_since = State.BOOTING, self.env.now
        self.balancer.register(server)
        yield self.env.timeout(facts.BOOT + self.bootstrap)
        if server.state is State.BOOTING:
            server.state = State.ANSWERING

    def _end(self, server: Server) -> None:
        self.members.remove(server)
        self.leaving.append(server)
        self.balancer.deregister(server)
        self.env.process(self._drain(server))

    def _drain(self, server: Server) -> Generator[Any, Any, None]:
        """Let it finish what it has, for as long as the target group allows."""
        if server.state is State.LAUNCHING:
            server.state = State.ENDED
        yield self.env.timeout(self.design.draining)
        server.state = State.ENDED
        self.lose(server.abandon())
        self.leaving.remove(server)
        self.ended.append(server)
        self.note(What.ENDED, str(server.number))
