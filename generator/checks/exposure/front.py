"""What stands before the network, without CloudFormation: distributions, their origins and buckets, names, firewalls.

CloudFront hands requests on as the load balancer does, so that packets alone do not tell what a viewer gets. What a
setting puts before the load balancer is read into this model; `network` has what lies behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from generator.checks.exposure.security_headers import SecurityHeader

EVERY_PATH = "*"
"""The path of the behaviour that takes what no other one does."""


@dataclass(frozen=True)
class SentHeader:
    """A header that CloudFront adds to its requests to an origin."""

    name: str
    """In small letters, as HTTP does not tell them apart."""
    value: str
    secret: str
    """Address of the secret that the value is; empty for what somebody wrote down."""


@dataclass(frozen=True)
class Origin:
    """Whom a distribution asks for what it does not have."""

    address: str
    id: str
    domain: str
    bucket: str
    """Address of the bucket that it is; empty for a server."""
    signs: bool
    """Whether CloudFront signs every request, so that a bucket can tell whose it is."""
    protocol: str
    """`https-only`, `http-only` or `match-viewer`, for a server."""
    port: int
    tls: frozenset[str]
    """The versions of TLS that CloudFront offers a server."""
    headers: tuple[SentHeader, ...]


@dataclass(frozen=True)
class Behaviour:
    """What a distribution does with the requests for some paths."""

    address: str
    path: str
    origin: str
    """The origin's id."""
    viewer_protocol: str
    """`redirect-to-https`, `https-only` or `allow-all`."""
    headers: frozenset[SecurityHeader]
    """The security headers that every answer carries whatever the origin says."""
    keeps: bool
    """Whether an answer to one viewer may be given to the next."""
    tells_who_asks: bool
    """Whether the origin is told more of a viewer than what tells one kept answer from another, such as cookies."""


@dataclass(frozen=True)
class Distribution:
    """A CloudFront distribution."""

    address: str
    names: tuple[str, ...]
    """The names by which viewers know it, besides the one that CloudFront gives."""
    certificate: str
    """The ARN of the certificate for these names; empty for CloudFront's own certificate."""
    minimum_tls: str
    """CloudFront's name of the oldest protocol that it speaks, such as `TLSv1.2_2021`."""
    web_acl: str
    """The ARN of its web ACL; empty for none."""
    origins: tuple[Origin, ...]
    behaviours: tuple[Behaviour, ...]
    kept_errors: Mapping[int, float]
    """Status of a server's error → for how many seconds it is shown to others, whatever the error itself says."""


@dataclass(frozen=True)
class Grant:
    """One statement of a bucket's policy that allows something."""

    address: str
    principals: tuple[str, ...]
    """Kind and name, such as `Service cloudfront.amazonaws.com`."""
    actions: tuple[str, ...]
    sources: tuple[str, ...]
    """The ARNs in whose name the principal must act, any one of them; empty where it may act in anybody's."""


@dataclass(frozen=True)
class OriginBucket:
    """A bucket that a distribution reads."""

    address: str
    open_switches: tuple[str, ...]
    """The switches of the public access block that are not on."""
    has_acls: bool
    """Whether access control lists count besides the policy."""
    refuses_plain_http: bool
    grants: tuple[Grant, ...]
    also_named_by: tuple[str, ...]
    """Resources, each with its type, that name the bucket and may open it in a way that the proof does not know."""


@dataclass(frozen=True)
class AliasName:
    """A name that leads to a resource of the release."""

    address: str
    name: str
    target: str


@dataclass(frozen=True)
class Certificate:
    """A certificate of the release, and the names that it is for."""

    address: str
    names: frozenset[str]


@dataclass(frozen=True)
class WebAcl:
    """A web ACL of the release: what it blocks."""

    address: str
    scope: str
    blocks: frozenset[str]
    """AWS's managed rule groups whose own actions hold."""
    limits: bool
    """Whether it blocks an address that asks too often."""
    lets_past: tuple[str, ...]
    """Rules that let requests past all later ones."""


@dataclass(frozen=True)
class Front:
    """All that decides what a viewer reaches through CloudFront, and who examines it on the way."""

    distributions: tuple[Distribution, ...]
    buckets: Mapping[str, OriginBucket]
    names: tuple[AliasName, ...]
    certificates: tuple[Certificate, ...]
    web_acls: tuple[WebAcl, ...]
    examined: Mapping[str, str]
    """The address of the web ACL that a resource of the release is associated with, by the resource's address."""
    shielded: frozenset[str]
    """Resources that Shield Advanced protects."""
    redirecting_functions: tuple[str, ...]
    """Code at the edge that may choose another origin, each with its reason."""
