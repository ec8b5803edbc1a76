"""The buckets that CloudFront reads: whether they are private, and whom their policies let in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.exposure.front import Distribution, Grant, OriginBucket
from generator.checks.exposure.reading_unknown import is_true, named
from generator.resolver import Resolution, Resource

BUCKET = "AWS::S3::Bucket"
POLICY = "AWS::S3::BucketPolicy"

SWITCHES = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
"""The switches of a public access block.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""

OPENS_NOTHING = frozenset(
    {
        "AWS::CloudFormation::Stack",
        "AWS::CloudFront::Distribution",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::S3::BucketPolicy",
        "AWS::SSM::Parameter",
    }
)
"""Types that may name an origin's bucket. What policies and roles allow is the permission proof's part."""

EXACT = ("stringequals", "arnequals")
"""Operators with which a condition names ARNs exactly; those that know wildcards fit more than they name."""

ANYBODY = "everybody"


def origin_buckets(resolution: Resolution, read: tuple[Distribution, ...]) -> dict[str, OriginBucket]:
    """Return the buckets of some distributions' origins, by address."""
    addresses = {origin.bucket for one in read for origin in one.origins if origin.bucket}
    return {address: _bucket(resolution, resolution.resources[address]) for address in sorted(addresses)}


def _bucket(resolution: Resolution, bucket: Resource) -> OriginBucket:
    block = bucket.properties.get("PublicAccessBlockConfiguration", {})
    # Where a template is silent, new buckets have no access control lists.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    rules = bucket.properties.get("OwnershipControls", {}).get("Rules", [])
    policies = [one for one in resolution.of_type(POLICY) if named(one.properties["Bucket"]) == bucket.address]
    statements = [found for policy in policies for found in _statements(policy)]
    return OriginBucket(
        bucket.address,
        open_switches=tuple(switch for switch in SWITCHES if not is_true(block.get(switch))),
        has_acls=any(rule["ObjectOwnership"] != "BucketOwnerEnforced" for rule in rules),
        refuses_plain_http=any(_refuses_plain_http(statement, bucket) for _, statement in statements),
        grants=tuple(_grant(address, one) for address, one in statements if one["Effect"] == "Allow"),
        also_named_by=tuple(_also_named_by(resolution, bucket)),
    )


def _statements(policy: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for index, statement in enumerate(_list(policy.properties["PolicyDocument"]["Statement"])):
        yield f"{policy.address}.{statement.get('Sid', f'Statement[{index}]')}", statement


def _refuses_plain_http(statement: Mapping[str, Any], bucket: Resource) -> bool:
    everything = {f"⟨{bucket.address}.Arn⟩", f"⟨{bucket.address}.Arn⟩/*"}
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not {"s3:*", "*"}.isdisjoint(_list(statement.get("Action", [])))
        and everything <= set(_list(statement.get("Resource", [])))
        and _lowered(statement.get("Condition", {})) == {"bool": {"aws:securetransport": ["false"]}}
    )


def _grant(address: str, statement: Mapping[str, Any]) -> Grant:
    condition = _lowered(statement.get("Condition", {}))
    return Grant(
        address,
        principals=tuple(_principals(statement.get("Principal", ANYBODY))),
        actions=tuple(_list(statement.get("Action", "*"))),
        sources=tuple(source for operator in EXACT for source in condition.get(operator, {}).get("aws:sourcearn", [])),
    )


def _principals(principal: Any) -> Iterator[str]:
    if isinstance(principal, Mapping):
        yield from (f"{kind} {name}" for kind, names in principal.items() for name in _list(names))
    else:
        yield ANYBODY


def _lowered(condition: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Return a condition with its words in small letters, as IAM does not tell them apart, and its values as lists."""
    return {
        operator.lower(): {key.lower(): [_text(value) for value in _list(values)] for key, values in keys.items()}
        for operator, keys in condition.items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _also_named_by(resolution: Resolution, bucket: Resource) -> Iterator[str]:
    for one in resolution.resources.values():
        if bucket.address in one.referred and one.type not in OPENS_NOTHING:
            yield f"{one.address} ({one.type})"
