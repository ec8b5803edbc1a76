"""What is new in a setting: the resources that no earlier setting has judged already.

Settings differ in a few resources. A resource that is the same, with the same neighbours, gets the same verdict from
any rule, so it is judged once. Neighbours are the resources that it refers to, or that refer to it: rules that look at
two resources at once, such as a bucket and its policy, look along a reference.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from generator.resolver import NESTED_STACK, Resolution, Resource, references


def new_in(resolution: Resolution, known: set[str]) -> tuple[Resolution, frozenset[str]]:
    """Return the part of a resolution that is to be judged, and which addresses of it are only there as neighbours.

    `known` holds what earlier settings have judged, and takes in what is new. Nested stacks themselves are left out.
    """
    resources = {address: each for address, each in resolution.resources.items() if each.type != NESTED_STACK}
    neighbours = _neighbours(resources)
    prints = {address: _print(resources, {address, *neighbours[address]}, address) for address in resources}
    new = {address for address, fingerprint in prints.items() if fingerprint not in known}
    known.update(prints.values())
    context = frozenset().union(*(neighbours[address] for address in new)) - new
    part = {address: each for address, each in resources.items() if address in new | context}
    return replace(resolution, resources=part), context


def _neighbours(resources: Mapping[str, Resource]) -> dict[str, set[str]]:
    neighbours: dict[str, set[str]] = defaultdict(set)
    for address, resource in resources.items():
        for reference in references([resource.properties, resource.attributes]):
            if reference.address in resources:
                neighbours[address].add(reference.address)
                neighbours[reference.address].add(address)
    return neighbours


def _print(resources: Mapping[str, Resource], addresses: set[str], own: str) -> str:
    """Return all that a rule can see of a resource and its neighbours, as text to be compared."""
    seen = [(name, resources[name].type, resources[name].properties, resources[name].attributes) for name in addresses]
    return json.dumps([own, sorted(seen, key=lambda each: each[0])], sort_keys=True, default=dict)
