"""The stacks that a root nests: the table of contents, in the order in which they depend on each other."""

from types import ModuleType

from generator.stacks import (
    access,
    containers,
    cost,
    database,
    edge,
    egress,
    encryption,
    ingress,
    network,
    observability,
    on_call,
    recovery,
    security,
    storage,
    web_tier,
)

STACKS: tuple[ModuleType, ...] = (
    encryption,
    edge,
    network,
    security,
    egress,
    database,
    storage,
    ingress,
    containers,
    web_tier,
    access,
    on_call,
    observability,
    recovery,
    cost,
)
