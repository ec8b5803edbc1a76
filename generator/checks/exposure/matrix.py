"""Who can talk to whom, as a table: from, to, and on which ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from generator.checks.exposure.case import Case
from generator.checks.exposure.network import AWS_SERVICES, Place
from generator.checks.exposure.reading import read
from generator.checks.exposure.services import EPHEMERAL, NONE, Services
from generator.checks.settings import Setting
from generator.resolver import Resolution

SENDERS = tuple(place for place in Place if place not in AWS_SERVICES)
TAKERS = tuple(place for place in Place if place not in (Place.OPERATORS, Place.CLOUDFRONT, Place.ELSEWHERE))
"""Whom tables show as being talked to; operators and CloudFront are talked to as any address of the internet is."""


class Ends(NamedTuple):
    """Who starts a conversation, and with whom."""

    source: Place
    target: Place


Matrix = Mapping[Ends, Services]
"""What gets an answer, between all places that exist in a setting; nothing is an empty set of services."""


BEHIND_CLOUDFRONT = "cloudfront"
"""The kind of the settings in which the load balancer takes CloudFront's requests alone."""


@dataclass(frozen=True)
class Exposure:
    """The matrix of all settings of one kind."""

    kind: str
    """The access mode, where clients reach the load balancer themselves; `cloudfront` where they do not."""
    matrix: Mapping[Ends, frozenset[Services]]
    """More than one set of services for the same ends where settings differ."""
    sometimes: frozenset[Place]
    """Places that only some of the settings have."""
    takers: tuple[Place, ...]
    """Whom the matrix shows as being talked to: behind CloudFront, those for whom that makes a difference."""


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
    """Return one matrix for each access mode, which decides who can talk to whom, then what CloudFront changes."""
    by_kind: dict[str, list[Matrix]] = {}
    for _, resolution in settings:
        asked = resolution.parameters[""]
        behind = asked.get("LoadBalancerAccess") == BEHIND_CLOUDFRONT
        by_kind.setdefault(BEHIND_CLOUDFRONT if behind else asked["AccessMode"], []).append(matrix(resolution))
    behind_cloudfront = by_kind.pop(BEHIND_CLOUDFRONT, [])
    found = [_merged(mode, matrices) for mode, matrices in by_kind.items()]
    return [*found, _what_changes(found, behind_cloudfront)] if behind_cloudfront else found


def _merged(kind: str, found: Sequence[Matrix]) -> Exposure:
    everywhere: dict[Ends, set[Services]] = {}
    for one in found:
        for ends, services in one.items():
            everywhere.setdefault(ends, set()).add(services)
    standing = [_places(one) for one in found]
    return Exposure(
        kind=kind,
        matrix={ends: frozenset(services) for ends, services in everywhere.items()},
        sometimes=frozenset().union(*standing) - frozenset.intersection(*standing),
        takers=tuple(place for place in TAKERS if place in frozenset().union(*standing)),
    )


def _what_changes(otherwise: Sequence[Exposure], behind_cloudfront: Sequence[Matrix]) -> Exposure:
    """Return the matrix of settings behind CloudFront, of whom it says something that the other settings do not."""
    merged = _merged(BEHIND_CLOUDFRONT, behind_cloudfront)
    known: dict[Ends, frozenset[Services]] = {}
    for one in otherwise:
        for ends, services in one.matrix.items():
            known[ends] = known.get(ends, frozenset()) | services
    nothing = frozenset({NONE})
    changed = {ends.target for ends, found in merged.matrix.items() if not found <= known.get(ends, nothing)}
    return replace(merged, takers=tuple(place for place in merged.takers if place in changed))


def _places(of: Iterable[Ends]) -> frozenset[Place]:
    return frozenset(place for ends in of for place in ends)
