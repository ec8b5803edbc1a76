"""What a resource is billed for: an item of the price list, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from generator.cost.usage import Usage
from generator.resolver import Resolution, Resource, references


@dataclass(frozen=True)
class Charge:
    """A quantity of an item. `unit` is what the quantity was counted in; pricing it checks that AWS bills that unit."""

    item: str
    quantity: Decimal
    unit: str
    why: str
    """How the quantity came about, such as `2 servers, and 60 hours of a further one under load`."""
    region: str = ""
    """Where it is billed, if not in the region of the resource."""


@dataclass(frozen=True)
class NoCharge:
    """Why a resource costs nothing by itself, or where its cost is counted."""

    why: str


@dataclass(frozen=True)
class Surroundings:
    """What a resource's bill depends on besides its own properties."""

    resolution: Resolution
    usage: Usage
    neighbours: Sequence[Resolution]
    """All stacks of the account, the resource's own among them."""

    def share(self, resource: Resource) -> Decimal:
        """Return the part of one resource in what all of its type in the account use together."""
        return 1 / Decimal(sum(len(resolution.of_type(resource.type)) for resolution in self.neighbours))

    def referred(self, value: Any) -> list[Resource]:
        """Return the resources of the same stacks that a value refers to."""
        found = {reference.address for reference in references(value)}
        return [resource for address, resource in self.resolution.resources.items() if address in found]


Billed = Iterable[Charge | NoCharge]

Rule = Callable[[Resource, Surroundings], Billed]
"""Says what one resource of a type is billed for. It never answers nothing: what is free says why."""


def is_true(value: object) -> bool:
    """Return whether a property is switched on; through a parameter it comes as text."""
    return str(value).lower() == "true"
