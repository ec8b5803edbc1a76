"""Claims on CloudFront as a relay: what viewers get from it, whom it asks, and over what.

Like the load balancer it hands on what it takes, so that packets alone do not tell. Its behaviours say which paths go
where, its origins how they are asked.
"""

from __future__ import annotations

from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.front import EVERY_PATH, Behaviour, Distribution, Origin
from generator.checks.exposure.network import Place
from generator.checks.exposure.security_headers import SecurityHeader
from generator.checks.exposure.statements import APPLICATION_PATHS, ORIGIN_HEADER
from generator.naming import EDGE_CERTIFICATE_PARAMETER, PROJECT

ENCRYPTED = ("redirect-to-https", "https-only")
"""Viewer protocol policies under which nothing is answered over plain HTTP but a redirect."""

VIEWER_TLS = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
"""Security policies of CloudFront that speak TLS 1.2 or newer, without ciphers of the time before.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html"""

ORIGIN_TLS = frozenset({"TLSv1.2"})
"""The newest that CloudFront offers a server, and all that it may.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-ciphers-cloudfront-to-origin.html"""

HEADERS = frozenset(SecurityHeader)
"""The headers that CloudFront must send: all of them."""


def claims() -> list[Claim]:
    """Return the claims on distributions."""
    return [
        claim("CloudFront answers plain HTTP with a redirect to HTTPS, on every path", ("W3", "D4"), _viewers),
        claim("CloudFront speaks TLS 1.2 or newer under a domain of ours", ("W4", "W5", "D4"), _certificate),
        claim(
            "CloudFront asks the load balancer over HTTPS with TLS 1.2, for the application's paths alone",
            ("W1", "W4", "D4"),
            _application,
        ),
        claim("Everything else CloudFront reads from a bucket, and signs what it asks", ("D4", "E7"), _website),
        claim("No code at the edge chooses another origin", ("W1", "D4"), _functions),
        claim("What CloudFront keeps for the next viewer was asked for in nobody's name", ("D4", "D10"), _kept),
        claim("Every answer of CloudFront carries the security headers", ("D17", "D4"), _headers),
        claim(
            "Viewers' names lead to CloudFront, and only its origin's name to the load balancer", ("W1", "W5"), _names
        ),
    ]


def _viewers(case: Case) -> Looks:
    for _, behaviour in _behaviours(case):
        encrypted = behaviour.viewer_protocol in ENCRYPTED
        wrong = f"a viewer's request for {behaviour.path} over HTTP: {behaviour.address} is {behaviour.viewer_protocol}"
        yield None if encrypted else wrong


def _certificate(case: Case) -> Looks:
    asked = case.network.asked
    for one in case.network.front.distributions:
        expected = (asked.domain,) if asked.domain else ()
        names = ", ".join(one.names) or "no name"
        yield None if one.names == expected else f"{one.address} answers as {names}, not as {asked.domain or 'none'}"
        if asked.domain:
            own = f"{{{{resolve:ssm:/{PROJECT}/{asked.environment}/{EDGE_CERTIFICATE_PARAMETER}}}}}"
            found = one.certificate or "CloudFront's own certificate"
            yield None if one.certificate == own else f"{one.address} shows {found}, not that of {asked.domain}"
            old = f"a viewer's connection with an old TLS: {one.address} speaks {one.minimum_tls} and newer"
            yield None if one.minimum_tls in VIEWER_TLS else old


def _application(case: Case) -> Looks:
    for one in case.network.front.distributions:
        origins = {origin.id: origin for origin in one.origins}
        served = {behaviour.path: origins.get(behaviour.origin) for behaviour in one.behaviours}
        for behaviour in one.behaviours:
            yield _asked_too_much(case, behaviour, served[behaviour.path])
        for path in APPLICATION_PATHS if case.network.asked.domain else ():
            origin = served.get(path, served.get(EVERY_PATH))
            to_server = origin is not None and not origin.bucket
            wrong = f"a viewer's request for {path}: {one.address} asks {origin and origin.domain}, no load balancer"
            yield None if to_server else wrong
        for origin in one.origins:
            if not origin.bucket:
                yield from _badly_asked(case, origin)


def _asked_too_much(case: Case, behaviour: Behaviour, origin: Origin | None) -> str | None:
    if origin is None:
        return f"a viewer's request for {behaviour.path}: {behaviour.address} names no origin that is there"
    expected = case.network.asked.domain and behaviour.path in APPLICATION_PATHS
    if origin.bucket or expected:
        return None
    return f"a viewer's request for {behaviour.path}: {behaviour.address} hands it to {origin.domain}"


def _badly_asked(case: Case, origin: Origin) -> Looks:
    if not case.network.asked.domain:
        yield f"{origin.address} leads to {origin.domain}, and without a domain CloudFront serves the website alone"
    plain = f"{origin.address} is asked over {origin.protocol} on port {origin.port}"
    yield None if (origin.protocol, origin.port) == ("https-only", 443) else plain
    old = ", ".join(sorted(origin.tls - ORIGIN_TLS))
    yield f"{origin.address} is asked with {old}" if old else None
    secret = any(header.secret for header in origin.headers if header.name == ORIGIN_HEADER)
    yield (
        None
        if secret
        else f"{origin.address} is asked without a secret in {ORIGIN_HEADER}, by which it knows CloudFront"
    )


def _website(case: Case) -> Looks:
    for one in case.network.front.distributions:
        for origin in one.origins:
            if origin.bucket:
                yield None if origin.signs else f"a request to {origin.bucket} is not signed: {origin.address}"
        origins = {origin.id: origin for origin in one.origins}
        for behaviour in one.behaviours:
            if behaviour.path not in APPLICATION_PATHS:
                asked = origins.get(behaviour.origin)
                wrong = f"a viewer's request for {behaviour.path}: {behaviour.address} reads no bucket of the release"
                yield None if asked is not None and asked.bucket else wrong


def _functions(case: Case) -> Looks:
    yield from (None for _ in _behaviours(case))
    yield from case.network.front.redirecting_functions


def _kept(case: Case) -> Looks:
    for _, behaviour in _behaviours(case):
        personal = behaviour.keeps and behaviour.tells_who_asks
        kept = f"an answer to one viewer of {behaviour.path} is kept for others: {behaviour.address}"
        yield f"{kept} tells the origin who asks" if personal else None
    for one in case.network.front.distributions:
        for status, seconds in one.kept_errors.items():
            kept = f"a {status} that one viewer met is shown to others for {seconds:g} seconds: {one.address}"
            yield kept if seconds else None


def _headers(case: Case) -> Looks:
    for _, behaviour in _behaviours(case):
        missing = ", ".join(sorted(HEADERS - behaviour.headers))
        yield f"an answer to {behaviour.path} lacks {missing}: {behaviour.address}" if missing else None


def _names(case: Case) -> Looks:
    front, domain = case.network.front, case.network.asked.domain
    servers = {resource for one in case.network.of(Place.LOAD_BALANCER) for resource in one.resources}
    meant = {domain: {one.address for one in front.distributions}} if domain else {}
    meant |= {origin.domain: servers for one in front.distributions for origin in one.origins if not origin.bucket}
    for one in front.names:
        right = one.target in meant.get(one.name, set())
        yield None if right else f"the name {one.name} leads to {one.target or 'a stranger'}: {one.address}"
    for name in sorted(meant.keys() - {one.name for one in front.names}):
        yield f"the name {name} leads nowhere: the release has no record of it"
    shown = {address for one in case.network.relay.listeners for address in one.certificates}
    certified = {name for one in front.certificates if one.address in shown for name in one.names}
    for name in sorted(meant):
        yield None if name in certified else f"no certificate of a listener is for {name}, so that CloudFront hangs up"


def _behaviours(case: Case) -> list[tuple[Distribution, Behaviour]]:
    return [(one, behaviour) for one in case.network.front.distributions for behaviour in one.behaviours]
