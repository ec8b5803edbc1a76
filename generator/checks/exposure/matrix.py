"""Who can talk to whom, as a table: from, to, and on which ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from generator.checks.exposure.case import Case
from generator.checks.exposure.network import AWS_SERVICES, Place
from generator.checks.exposure.reading import read
from generator.checks.exposure.services import EPHEMERAL, NONE, Services
from generator.checks.settings import Setting
from generator.resolver import Resolution

SENDERS = tuple(place for place in Place if place not in AWS_SERVICES)
TAKERS = tuple(place for place in Place if place not in (Place.OPERATORS, Place.ELSEWHERE))
"""Whom tables show as being talked to; operators are talked to as any address of the internet is."""


class Ends(NamedTuple):
    """Who starts a conversation, and with whom."""

    source: Place
    target: Place


Matrix = Mapping[Ends, Services]
"""What gets an answer, between all places that exist in a setting; nothing is an empty set of services."""


@dataclass(frozen=True)
class Exposure:
    """The matrix of all settings with one access mode."""

    access_mode: str
    matrix: Mapping[Ends, frozenset[Services]]
    """More than one set of services for the same ends where settings differ."""
    sometimes: frozenset[Place]
    """Places that only some of the settings have."""


def matrix(resolution: Resolution) -> Matrix:
    """Return what passes all layers in one setting, with answers to at least one client port."""
    case = Case(read(resolution))
    found: dict[Ends, Services] = {}
    for source in case.sources:
        for target in case.targets:
            if source.subnet or target.subnet:
                path = case.path(source, target)
                answered = path.delivered if path.answered & EPHEMERAL else NONE
                ends = Ends(source.place, target.place)
                found[ends] = found.get(ends, NONE) | answered
    return found


def exposures(settings: Sequence[tuple[Setting, Resolution]]) -> list[Exposure]:
    """Return one matrix for each access mode: it is what decides who can talk to whom."""
    by_mode: dict[str, list[Matrix]] = {}
    for _, resolution in settings:
        by_mode.setdefault(resolution.parameters[""]["AccessMode"], []).append(matrix(resolution))
    return [_merged(mode, found) for mode, found in by_mode.items()]


def _merged(mode: str, found: Sequence[Matrix]) -> Exposure:
    everywhere: dict[Ends, set[Services]] = {}
    for one in found:
        for ends, services in one.items():
            everywhere.setdefault(ends, set()).add(services)
    standing = [_places(one) for one in found]
    return Exposure(
        access_mode=mode,
        matrix={ends: frozenset(services) for ends, services in everywhere.items()},
        sometimes=frozenset().union(*standing) - frozenset.intersection(*standing),
    )


def _places(of: Iterable[Ends]) -> frozenset[Place]:
    return frozenset(place for ends in of for place in ends)
