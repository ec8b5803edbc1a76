"""Claims on the buckets that CloudFront reads: nobody else does, whoever asks and however."""

from __future__ import annotations

import re

from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.front import Grant, OriginBucket

CLOUDFRONT = "Service cloudfront.amazonaws.com"
"""The principal as which CloudFront asks."""

READS = frozenset({"s3:GetObject", "s3:ListBucket"})
"""What CloudFront may do. Without the list S3 says of what is not there that it is forbidden."""


def claims() -> list[Claim]:
    """Return the claims on origins' buckets."""
    return [
        claim("The website's bucket is not public, whatever its policy says", ("D4", "E7", "D8"), _private),
        claim(
            "The website's bucket lets its own distribution read, over TLS, and nobody else",
            ("D4", "E7", "D10"),
            _grants,
        ),
    ]


def _private(case: Case) -> Looks:
    for bucket in case.network.front.buckets.values():
        switches = ", ".join(bucket.open_switches)
        yield f"{bucket.address} may be made public: {switches} is not on" if switches else None
        yield f"{bucket.address} may be opened by access control lists" if bucket.has_acls else None


def _grants(case: Case) -> Looks:
    for bucket in case.network.front.buckets.values():
        readers = _readers(case, bucket)
        for grant in bucket.grants:
            yield _excess(grant, readers)
        yield from (f"{one} names {bucket.address}, and may open it" for one in bucket.also_named_by)
        plain = f"a request to {bucket.address} over HTTP is not refused by its policy"
        yield None if bucket.refuses_plain_http else plain
        may_read = any("s3:GetObject" in grant.actions for grant in bucket.grants)
        yield None if may_read else f"CloudFront's request to {bucket.address}: no statement allows it"


def _readers(case: Case, bucket: OriginBucket) -> re.Pattern[str]:
    """Return what the ARNs look like of the distributions that have a bucket as origin."""
    addresses = [
        one.address
        for one in case.network.front.distributions
        if bucket.address in {origin.bucket for origin in one.origins}
    ]
    distribution = "|".join(re.escape(f"⟨{address}⟩") for address in addresses)
    return re.compile(rf"arn:[a-z-]+:cloudfront::\d{{12}}:distribution/({distribution})", re.ASCII)


def _excess(grant: Grant, readers: re.Pattern[str]) -> str | None:
    """Return what a statement allows beyond reading by the bucket's own distribution."""
    who = ", ".join(principal for principal in grant.principals if principal != CLOUDFRONT)
    if who:
        return f"{who}: let in by {grant.address}"
    what = ", ".join(action for action in grant.actions if action not in READS)
    if what:
        return f"CloudFront may {what}: let in by {grant.address}"
    if not grant.sources:
        return f"CloudFront in the name of anybody's distribution: let in by {grant.address}"
    others = ", ".join(source for source in grant.sources if not readers.fullmatch(source))
    return f"CloudFront in the name of {others}: let in by {grant.address}" if others else None
