"""Claims on the load balancer as a relay: what it takes from clients it hands on, so packets alone do not tell.

Its listeners say what it answers, its rules what it forwards, its target groups to whom and on which port.
"""

from __future__ import annotations

from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.front import SentHeader
from generator.checks.exposure.network import Action, HeaderCondition, Place
from generator.checks.exposure.security_headers import SecurityHeader
from generator.checks.exposure.statements import ORIGIN_HEADER, TEST_HEADER

LISTENS = {80: "HTTP", 443: "HTTPS"}
"""The ports on which the load balancer listens, with their protocols."""

PORT_OF = {"HTTP": 80, "HTTPS": 443}
"""The port of web servers, by the protocol in which they are called."""

PORT_OF_CONTAINERS = {"HTTP": 8080, "HTTPS": 8443}
"""The port of containers, in which nobody is root: ports below 1024 are root's."""

ANSWERING = frozenset({Place.WEB_SERVERS, Place.CONTAINERS})
"""Who answers what the load balancer forwards."""

HEADERS = frozenset(SecurityHeader) - {SecurityHeader.REFERRER}
"""The security headers that a load balancer can send; the referrer policy is the web servers' part."""

ANSWERS = ("redirect", "fixed-response")
"""Actions that end at the load balancer."""


def claims() -> list[Claim]:
    """Return the claims on listeners, rules and target groups."""
    return [
        claim("The load balancer listens on 80 and 443 alone, the latter with TLS", ("W1", "W3", "E8"), _listeners),
        claim("Plain HTTP is answered with a redirect to HTTPS and never forwarded", ("W3",), _redirects),
        claim("What is forwarded goes to web servers and containers alone", ("W1", "E13"), _forwards),
        claim(
            "Behind CloudFront, the load balancer forwards nothing without the secret header of its distribution",
            ("W1", "D8"),
            _secrets,
        ),
        claim("Every answer of the load balancer over HTTPS carries the security headers", ("D17",), _headers),
        claim(
            "Web servers and containers are called, and checked for health, on the port of their protocol",
            ("W4", "W6"),
            _targets,
        ),
        claim(
            "ECS moves requests between two target groups of its own, by two rules that nobody else needs",
            ("D15",),
            _own_rules,
        ),
        claim(
            "A version that is still tested answers nobody but whoever has the secret header",
            ("D15", "W1"),
            _tests,
        ),
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
            # A test may come before there is anything to test.
            answered = registered or target in action.without_share or _told(action)
            others = ", ".join(sorted(registered - ANSWERING)) or ("" if answered else "nobody")
            yield f"a request over {action.listener}: {action.address} forwards it to {others}" if others else None
    if not any(action.target_groups for action in relay.actions if action.listener in secure):
        yield "a request over HTTPS reaches nobody who answers: nothing forwards it"


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
            ports = PORT_OF_CONTAINERS if Place.CONTAINERS in group.registered else PORT_OF
            yield None if ports.get(protocol) == port and protocol == group.protocol else wrong
        yield None if group.health_checks else f"{group.address} checks nobody's health"


def _own_rules(case: Case) -> Looks:
    """Look at what ECS changes during a deployment: nothing that anybody else's requests go by may be among it."""
    relay = case.network.relay
    secure = {one.address for one in relay.listeners if one.protocol == "HTTPS"}
    for one in relay.deployments:
        own = (one.production_rule, one.test_rule)
        two = len(one.target_groups) == len(set(own) - {""}) == 2
        yield None if two else f"{one.service} has not two target groups, and two rules to move requests by"
        for action in relay.actions:
            if action.address in own:
                exactly = action.target_groups == one.target_groups and action.listener in secure
                yield None if exactly else f"{one.service} changes {action.address}, by which others are asked too"
            else:
                shared = ", ".join(sorted({*action.target_groups} & {*one.target_groups}))
                yield f"{action.address} forwards to {shared}, which {one.service} empties" if shared else None


def _tests(case: Case) -> Looks:
    """Look at the rules for tests, and at whatever else leads where visitors' requests have no share."""
    relay = case.network.relay
    rules = {one.test_rule for one in relay.deployments} - {""}
    tried = {group for action in relay.actions if not _told(action) for group in action.without_share}
    for action in relay.actions:
        leads_to = {*action.target_groups} - action.without_share
        if action.address in rules or _told(action) or leads_to & tried:
            secret = any(header.secret for header in _told(action))
            yield None if secret else f"a request without a secret {TEST_HEADER}: {action.address} forwards it"


def _told(action: Action) -> list[HeaderCondition]:
    """Return the conditions of a rule for tests; none of any other."""
    return [header for header in action.headers if header.name == TEST_HEADER]


def _done_by(action: Action) -> str:
    if action.target_groups:
        return f"{action.address} forwards it to {', '.join(action.target_groups)}"
    return f"{action.address} answers with {action.kind} {' '.join(filter(None, action.redirects_to))}".rstrip()
