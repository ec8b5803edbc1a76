"""A deployed environment that is looked at, and what a look finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

from generator.delivery.deploy import Deployment
from generator.environment import Environment

ANYWHERE = "0.0.0.0/0"
ZONES = ("A", "B", "C")


@dataclass(frozen=True)
class Target:
    """An environment after its deployment: how to ask its account, and what it was meant to be."""

    client: Callable[[str], Any]
    endpoint_url: str
    environment: Environment
    deployment: Deployment

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones that have subnets."""
        return ZONES if self.environment.availability_zone_c.literal else ZONES[:2]

    @property
    def has_servers(self) -> bool:
        """Whether web servers on EC2 are wanted."""
        return self.environment.compute.literal != "fargate"

    @property
    def has_containers(self) -> bool:
        """Whether containers on Fargate are wanted."""
        return self.environment.compute.literal != "ec2"

    def id(self, stack: str, logical_id: str) -> str:
        """Return the physical id of a resource."""
        return self.deployment.physical_id(stack, logical_id)

    def subnets(self, tier: str) -> set[str]:
        """Return the ids of a tier's subnets."""
        return {self.id("Network", f"{tier}Subnet{zone}") for zone in self.zones}


@dataclass(frozen=True)
class Finding:
    """One comparison. `claim` names the requirement it serves."""

    claim: str
    expected: object
    actual: object

    @property
    def holds(self) -> bool:
        """Whether what was deployed is what was promised."""
        return self.expected == self.actual


Findings = Iterator[Finding]
Probe = Callable[[Target], Findings]


def where(condition: Callable[[Target], bool], *probes: Probe) -> tuple[Probe, ...]:
    """Return probes that find nothing in environments for which the condition does not hold."""

    def conditional(probe: Probe) -> Probe:
        @wraps(probe)
        def asked(target: Target) -> Findings:
            return probe(target) if condition(target) else iter(())

        return asked

    return tuple(conditional(each) for each in probes)
