"""Claims on what arrives in the end, through all layers together: what must be impossible, and what must work.

Impossible means that no packet arrives, from any client port, answered or not. Working means that every request
arrives and its answer comes back, from every client port, between every two spots.
"""

from __future__ import annotations

from collections.abc import Iterable

from generator.checks.exposure.case import Case, Claim, Finding
from generator.checks.exposure.counterexamples import dropped, let_through
from generator.checks.exposure.network import COMPONENTS, OUTSIDE, Place, Way
from generator.checks.exposure.paths import Path
from generator.checks.exposure.services import Services, tcp
from generator.checks.exposure.statements import FLOWS, Flow, accepts, leads, sends

EVERYBODY = frozenset(Place)


def claims() -> list[Claim]:
    """Return the claims that no layer alone can make."""
    return [
        _only(
            "From the internet one reaches the load balancer on TCP 80 and 443, and nothing else",
            ("W1", "D8", "E8", "E13"),
            {Place.INTERNET},
            COMPONENTS,
        ),
        _shut(
            "Behind CloudFront, the load balancer takes nobody else's packets, and the internet reaches nothing at all",
            ("W1", "D4", "D8"),
        ),
        _only(
            "CloudFront reaches the load balancer on TCP 443, and nothing else",
            ("W1", "D4", "D8"),
            {Place.CLOUDFRONT},
            COMPONENTS,
        ),
        _only("Web servers accept the load balancer alone", ("W1", "D8", "E8"), EVERYBODY, {Place.WEB_SERVERS}),
        _only(
            "Containers accept the load balancer and each other alone",
            ("W1", "D5", "D8"),
            EVERYBODY,
            {Place.CONTAINERS},
        ),
        _only(
            "The database accepts web servers, containers and the bastion alone",
            ("D8", "E9"),
            EVERYBODY,
            {Place.DATABASE},
        ),
        _only(
            "The file system accepts web servers and containers alone", ("D8", "E11"), EVERYBODY, {Place.FILE_SYSTEM}
        ),
        _only(
            "The bastion accepts SSH from operators alone, and nothing at all where access is not by SSH",
            ("D8", "E5"),
            EVERYBODY,
            {Place.BASTION},
        ),
        _only(
            "Interface endpoints accept web servers, containers and the bastion alone",
            ("D8",),
            EVERYBODY,
            {Place.ENDPOINTS},
        ),
        _only("The load balancer accepts 80 and 443 alone", ("W1", "E8"), EVERYBODY, {Place.LOAD_BALANCER}),
        _only(
            "Nothing leaves the VPC but HTTPS of web servers, containers and bastion",
            ("D8", "W2"),
            COMPONENTS,
            OUTSIDE,
        ),
        *(_works(flow) for flow in FLOWS),
    ]


def _only(text: str, requirements: tuple[str, ...], sources: Iterable[Place], targets: Iterable[Place]) -> Claim:
    def examine(case: Case) -> Finding:
        broken = []
        paths = case.between(sources, targets)
        for path in paths:
            excess = path.delivered & ~allowed(case, path.source.place, path.target.place)
            if excess:
                broken.append(let_through(path, excess))
        return Finding(len(paths), tuple(broken))

    return Claim(text, requirements, examine)


def _shut(text: str, requirements: tuple[str, ...]) -> Claim:
    def examine(case: Case) -> Finding:
        if not case.network.asked.behind_cloudfront:
            return Finding(0, ())
        others = EVERYBODY - {Place.CLOUDFRONT}
        paths = [*case.between({Place.INTERNET}, COMPONENTS), *case.between(others, {Place.LOAD_BALANCER})]
        broken = dict.fromkeys(let_through(path, path.delivered) for path in paths if path.delivered)
        return Finding(len(paths), tuple(broken))

    return Claim(text, requirements, examine)


def allowed(case: Case, source: Place, target: Place) -> Services:
    """Return the services that both ends are meant to allow."""
    return sends(case.network.asked, source, target) & accepts(case.network.asked, target, source)


def _works(flow: Flow) -> Claim:
    def examine(case: Case) -> Finding:
        if not flow.when(case.network.asked):
            return Finding(0, ())
        paths = required_paths(case, flow)
        if not paths:
            return Finding(0, (f"nothing to look at: {flow.source} or {flow.target} does not exist",))
        failures = (_failure(case, flow, path) for path in paths)
        return Finding(len(paths), tuple(failure for failure in failures if failure))

    return Claim(flow.claim, flow.requirements, examine)


def required_paths(case: Case, flow: Flow) -> list[Path]:
    """Return the paths on which a flow must work in a setting; none where the setting does not ask for it."""
    return case.between({flow.source}, {flow.target}) if flow.when(case.network.asked) else []


def required_services(flow: Flow, path: Path) -> Services:
    """Return what must arrive on one of a flow's paths."""
    listening = path.target.component.ports if path.target.component else ()
    return tcp(*(flow.ports or listening))


def required_way(case: Case, path: Path) -> Way | None:
    """Return what the first route on the way out must lead to; None inside the VPC and on the way in."""
    if path.target.subnet or not path.source.subnet:
        return None
    tiers = sorted(case.network.tiers(path.source.subnet))
    return leads(tiers[0], path.target.place) if tiers else None


def _failure(case: Case, flow: Flow, path: Path) -> str | None:
    way = required_way(case, path)
    if way is not None and way not in path.ways[:1]:
        taken = path.ways[0] if path.ways else "nowhere"
        return f"{path.source} → {path.target}: the route leads to {taken}, not to the {way}"
    return dropped(path, required_services(flow, path))
