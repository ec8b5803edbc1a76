"""How long it takes to create an environment, and why: the longest path through its stacks and resources.

A nested stack starts when every stack that it waits for is complete, and inside a stack a resource starts when those
that it waits for are there. How long each takes is a dated table, `creation_times.yaml`. Compared with the same
resources in one flat stack, where each waits only for what it uses, this says what the cut of the stacks costs.

Updates are not timed: how long a change in place takes depends on the data and the load of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from generator.resolver import NESTED_STACK, Resolution, Resource

TABLE = Path(__file__).with_name("creation_times.yaml")

ESTIMATES = ("low", "typical", "high")

Waits = dict[str, dict[str, float]]
"""For each node the nodes that it waits for, and how many seconds after *their start* it may begin."""


@dataclass(frozen=True)
class Step:
    """One resource of the longest path; `start` and `end` in seconds from the beginning of the deployment."""

    address: str
    start: float
    end: float


@dataclass(frozen=True)
class StackTime:
    """When a nested stack is created, and by how much it could take longer without anybody noticing. Seconds."""

    stack: str
    start: float
    end: float
    slack: float


@dataclass(frozen=True)
class DeploymentTime:
    """How long creating an environment from nothing takes, in seconds."""

    low: float
    typical: float
    high: float
    path: tuple[Step, ...]
    """What the typical time consists of, in order; a nested stack's own step is what nesting costs."""
    stacks: tuple[StackTime, ...]
    """The stacks nested in the root, in the order in which they are complete."""
    flat: float
    """The typical time of the same resources in one stack: no cut can be faster."""
    checked: str
    """The date of the table of creation times."""

    @property
    def ratio(self) -> float:
        """Return how many times as long the nested stacks take as one flat stack would; 1 for nothing at all."""
        return self.typical / self.flat if self.flat else 1.0


@dataclass(frozen=True)
class _Schedule:
    starts: Mapping[str, float]
    ends: Mapping[str, float]
    slacks: Mapping[str, float]
    total: float


def deployment_time(resolution: Resolution) -> DeploymentTime:
    """Return how long creating all resources of a resolution takes, and on what that time is spent."""
    waits, durations = _nested_graph(resolution, "typical")
    typical = _schedule(waits, durations)
    totals = {estimate: _schedule(*_nested_graph(resolution, estimate)).total for estimate in ("low", "high")}
    stacks = [
        StackTime(name, typical.starts[_beginning(name)], typical.ends[name], typical.slacks[name])
        for name, resource in resolution.resources.items()
        if resource.type == NESTED_STACK and resource.stack == ""
    ]
    return DeploymentTime(
        totals["low"],
        typical.total,
        totals["high"],
        _longest_path(waits, typical),
        tuple(sorted(stacks, key=lambda stack: (stack.end, stack.stack))),
        _schedule(*_flat_graph(resolution)).total,
        str(_table()["checked"]),
    )


def creation_time(resource: Resource, estimate: str) -> float:
    """Return how long creating one resource takes, in seconds; `estimate` is low, typical or high."""
    return float(_figures(resource)[estimate])


def _figures(resource: Resource) -> Mapping[str, Any]:
    table = _table()
    figures: Mapping[str, Any] = table["types"].get(resource.type, table["default"])
    for variant in figures.get("variants", ()):
        value = resource.properties.get(variant["property"], resource.attributes.get(variant["property"]))
        if value and str(value).lower() == str(variant.get("is", value)).lower():
            found: Mapping[str, Any] = variant
            return found
    return figures


def _nested_graph(resolution: Resolution, estimate: str) -> tuple[Waits, dict[str, float]]:
    """Return what waits for what. A nested stack has two nodes: its beginning, and its completion under its address."""
    own_time = float(_table()["nested_stack"][estimate])
    waits: Waits = {}
    durations: dict[str, float] = {}
    for address, resource in resolution.resources.items():
        lags = {other: _lag(resolution.resources[other], estimate) for other in resource.waits_for}
        if resource.stack:
            lags[_beginning(resource.stack)] = own_time
        if resource.type == NESTED_STACK:
            beginning = _beginning(address)
            waits[beginning], durations[beginning] = lags, own_time
            held = resolution.of_stack(address)
            waits[address] = {beginning: own_time} | {inner.address: _whole(inner, estimate) for inner in held}
            durations[address] = 0
        else:
            waits[address], durations[address] = lags, creation_time(resource, estimate)
    return waits, durations


def _flat_graph(resolution: Resolution) -> tuple[Waits, dict[str, float]]:
    """Return what would wait for what in one stack: only what is used. `DependsOn` between stacks is kept as it is."""
    resources = {
        address: resource for address, resource in resolution.resources.items() if resource.type != NESTED_STACK
    }
    dependencies = resolution.dependencies()
    waits: Waits = {}
    for address, resource in resources.items():
        needed = {other for other in dependencies[address] if other in resources and other != address}
        stack = resolution.resources.get(resource.stack)
        for awaited in stack.attributes.get("DependsOn", ()) if stack else ():
            needed |= {other.address for other in resolution.of_stack(awaited)}
        waits[address] = {other: _lag(resources[other], "typical") for other in sorted(needed & resources.keys())}
    return waits, {address: creation_time(resource, "typical") for address, resource in resources.items()}


def _lag(resource: Resource, estimate: str) -> float:
    """Return how long after its start the resource is good enough for those that wait for it."""
    return float(_figures(resource).get("dependents_after", _whole(resource, estimate)))


def _whole(resource: Resource, estimate: str) -> float:
    """Return how long after its node's start a resource is complete; a nested stack's node is its completion."""
    return 0 if resource.type == NESTED_STACK else creation_time(resource, estimate)


def _schedule(waits: Waits, durations: Mapping[str, float]) -> _Schedule:
    """Return when every node starts and ends at the earliest, and by how much it may be late."""
    order = list(TopologicalSorter(waits).static_order())
    starts: dict[str, float] = {}
    for node in order:
        starts[node] = max((starts[other] + lag for other, lag in waits[node].items()), default=0)
    ends = {node: starts[node] + durations[node] for node in order}
    total = max(ends.values(), default=0)
    latest = {node: total - durations[node] for node in order}
    for node in reversed(order):
        for other, lag in waits[node].items():
            latest[other] = min(latest[other], latest[node] - lag)
    return _Schedule(starts, ends, {node: latest[node] - starts[node] for node in order}, total)


def _longest_path(waits: Waits, schedule: _Schedule) -> tuple[Step, ...]:
    """Walk back from what ends last to the beginning; nodes that take no time are left out."""
    steps: list[Step] = []
    node = max(schedule.ends, key=lambda name: (schedule.ends[name], name), default=None)
    end = schedule.total
    while node is not None:
        start = schedule.starts[node]
        if end > start:
            steps.append(Step(node.removeprefix(_beginning("")), start, end))
        end = start
        decisive = [other for other, lag in waits[node].items() if schedule.starts[other] + lag == start]
        node = max(decisive, key=lambda name: (schedule.ends[name], name), default=None)
    return tuple(reversed(steps))


def _beginning(stack: str) -> str:
    return f"begin:{stack}"


@cache
def _table() -> Any:
    return yaml.load(TABLE.read_bytes(), Loader=yaml.CSafeLoader)
