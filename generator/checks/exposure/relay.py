"""Claims on the load balancer as a relay: what it takes from clients it hands on, so packets alone do not tell.

Its listeners say what it answers, its rules what it forwards, its target groups to whom and on which port.
"""

from __future__ import annotations

from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.front import SentHeader
from generator.checks.exposure.network import Action, HeaderCondition, Place
from generator.checks.exposure.security_headers import SecurityHeader
from generator.checks.exposure.statements import ORIGIN_HEADER

LISTENS = {80: "HTTP", 443: "HTTPS"}
"""The ports on which the load balancer listens, with their protocols."""

PORT_OF = {"HTTP": 80, "HTTPS": 443}
"""The port of web servers, by the protocol in which they are called."""

HEADERS = frozenset(SecurityHeader) - {SecurityHeader.REFERRER}
"""The security headers that a load balancer can send; the referrer policy is the web servers' part."""

ANSWERS = ("redirect", "fixed-response")
"""Actions that end at the load balancer."""


def claims() -> list[Claim]:
    """Return the claims on listeners, rules and target groups."""
    return [
        claim("The load balancer listens on 80 and 443 alone, the latter with TLS", ("W1", "W3", "E8"), _listeners),
        claim("Plain HTTP is answered with a redirect to HTTPS and never forwarded", ("W3",), _redirects),
        claim("What is forwarded goes to web servers alone", ("W1", "E13"), _forwards),
        claim(
            "Behind CloudFront, the load balancer forwards nothing without the secret header of its distribution",
            ("W1", "D8"),
            _secrets,
        ),
        claim("Every answer of the load balancer over HTTPS carries the security headers", ("D17",), _headers),
        claim("Web servers are called, and checked for health, on the port of their protocol", ("W4", "W6"), _targets),
    ]


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


def _secrets(case: Case) -> Looks:
    """Look at every action that forwards: CloudFront's addresses are everybody's who has a distribution."""
    if not case.network.asked.behind_cloudfront:
        return
    sent = {header for one in case.network.front.distributions for origin in one.origins for header in origin.headers}
    for action in case.network.relay.actions:
        if action.target_groups or action.kind not in ANSWERS:
            wanted = [header for header in action.headers if header.name == ORIGIN_HEADER]
            secret = any(_is_secret(header, sent) for header in wanted)
            found = f"wants {ORIGIN_HEADER}, but no secret that CloudFront sends" if wanted else "asks for no secret"
            stranger = f"a request of somebody else's distribution: {action.address} forwards it and {found}"
            yield None if secret else stranger


def _is_secret(wanted: HeaderCondition, sent: set[SentHeader]) -> bool:
    """Return whether a rule wants what CloudFront sends, word for word, and that is a secret that nobody wrote down."""
    return set(wanted.values) <= {header.value for header in sent if header.name == wanted.name and header.secret}


def _headers(case: Case) -> Looks:
    for one in case.network.relay.listeners:
        if one.protocol == "HTTPS":
            missing = ", ".join(sorted(HEADERS - one.headers))
            yield f"an answer of {one.address} lacks {missing}" if missing else None


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
