"""Claims on the load balancer as a relay: what it takes from clients it hands on, so packets alone do not tell.

Its listeners say what it answers, its rules what it forwards, its target groups to whom and on which port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from generator.checks.exposure.case import Case, Claim, Finding
from generator.checks.exposure.network import Action, Place

LISTENS = {80: "HTTP", 443: "HTTPS"}
"""The ports on which the load balancer listens, with their protocols."""

PORT_OF = {"HTTP": 80, "HTTPS": 443}
"""The port of web servers, by the protocol in which they are called."""

ANSWERS = ("redirect", "fixed-response")
"""Actions that end at the load balancer."""

Looks = Iterator[str | None]
"""One item for each thing looked at: what is wrong with it, or None."""


def claims() -> list[Claim]:
    """Return the claims on listeners, rules and target groups."""
    return [
        _claim("The load balancer listens on 80 and 443 alone, the latter with TLS", ("W1", "W3", "E8"), _listeners),
        _claim("Plain HTTP is answered with a redirect to HTTPS and never forwarded", ("W3",), _redirects),
        _claim("What is forwarded goes to web servers alone", ("W1", "E13"), _forwards),
        _claim("Web servers are called, and checked for health, on the port of their protocol", ("W4", "W6"), _targets),
    ]


def _claim(text: str, requirements: tuple[str, ...], look: Callable[[Case], Looks]) -> Claim:
    def examine(case: Case) -> Finding:
        looks = list(look(case))
        return Finding(len(looks), tuple(one for one in looks if one))

    return Claim(text, requirements, examine)


def _listeners(case: Case) -> Looks:
    listeners = case.network.relay.listeners
    for one in listeners:
        wrong = f"a client's connection to port {one.port} is answered by {one.address} ({one.protocol})"
        yield None if LISTENS.get(one.port) == one.protocol else wrong
    for port in sorted(set(LISTENS) - {one.port for one in listeners}):
        yield f"a client's connection to port {port} is refused: no listener has it"


def _redirects(case: Case) -> Looks:
    plain = {one.address for one in case.network.relay.listeners if one.protocol == "HTTP"}
    for action in case.network.relay.actions:
        if action.listener in plain:
            yield None if action.redirects_to == ("HTTPS", "443") else f"a request over HTTP: {_done_by(action)}"


def _forwards(case: Case) -> Looks:
    relay = case.network.relay
    groups = {group.address: group for group in relay.target_groups}
    secure = {one.address for one in relay.listeners if one.protocol == "HTTPS"}
    for action in relay.actions:
        if action.kind not in ("forward", *ANSWERS):
            yield f"a request is handled by {action.address} in a way that the proof does not know: {action.kind}"
        for target in action.target_groups:
            registered = groups[target].registered if target in groups else frozenset()
            others = ", ".join(sorted(registered - {Place.WEB_SERVERS})) or ("" if registered else "nobody")
            yield f"a request over {action.listener}: {action.address} forwards it to {others}" if others else None
    if not any(action.target_groups for action in relay.actions if action.listener in secure):
        yield "a request over HTTPS reaches no web server: nothing forwards it"


def _targets(case: Case) -> Looks:
    for group in case.network.relay.target_groups:
        calls = {"requests": (group.protocol, group.port), "health checks": (group.health_protocol, group.health_port)}
        for what, (protocol, port) in calls.items():
            wrong = f"{group.address} sends {what} in {protocol} to port {port}"
            yield None if PORT_OF.get(protocol) == port and protocol == group.protocol else wrong
        yield None if group.health_checks else f"{group.address} checks no server's health"


def _done_by(action: Action) -> str:
    if action.target_groups:
        return f"{action.address} forwards it to {', '.join(action.target_groups)}"
    return f"{action.address} answers with {action.kind} {' '.join(filter(None, action.redirects_to))}".rstrip()
