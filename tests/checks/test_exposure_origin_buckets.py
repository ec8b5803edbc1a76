"""The website's bucket: whoever else may read it, or write, breaks the right claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure import origin_buckets
from tests.exposure import (
    Break,
    added,
    assert_broken,
    behind_cloudfront,
    taken_away,
    unbroken,
)
from tests.releases import setting

PRIVATE = "The website's bucket is not public, whatever its policy says"
READERS = "The website's bucket lets its own distribution read, over TLS, and nobody else"
READING = "PolicyDocument.Statement.1"
LISTING = "PolicyDocument.Statement.2"
ACCESS_BLOCK = "PublicAccessBlockConfiguration"


BREAKS = [
    *(
        behind_cloudfront(
            f"{switch} is off",
            PRIVATE,
            f"Edge/WebsiteBucket may be made public: {switch} is not on",
            setting("edge", "WebsiteBucket", f"{ACCESS_BLOCK}.{switch}", False),
        )
        for switch in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    ),
    behind_cloudfront(
        "there is no public access block",
        PRIVATE,
        "may be made public: BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets is not on",
        setting("edge", "WebsiteBucket", ACCESS_BLOCK, None),
    ),
    behind_cloudfront(
        "access control lists count",
        PRIVATE,
        "Edge/WebsiteBucket may be opened by access control lists",
        setting("edge", "WebsiteBucket", "OwnershipControls.Rules.0.ObjectOwnership", "BucketOwnerPreferred"),
    ),
    behind_cloudfront(
        "any distribution may read",
        READERS,
        "CloudFront in the name of anybody's distribution: let in by Edge/WebsiteBucketPolicy.ReadingByCloudFront",
        setting("edge", "WebsiteBucketPolicy", f"{READING}.Condition", None),
    ),
    behind_cloudfront(
        "any distribution of the account may read",
        READERS,
        "CloudFront in the name of arn:aws:cloudfront::111122223333:distribution/*: let in by",
        setting(
            "edge",
            "WebsiteBucketPolicy",
            f"{READING}.Condition",
            {"StringEquals": {"AWS:SourceArn": {"Fn::Sub": "arn:aws:cloudfront::${AWS::AccountId}:distribution/*"}}},
        ),
    ),
    behind_cloudfront(
        "distributions are compared by pattern",
        READERS,
        "CloudFront in the name of anybody's distribution",
        setting(
            "edge",
            "WebsiteBucketPolicy",
            f"{READING}.Condition",
            {"StringLike": {"AWS:SourceArn": {"Fn::Sub": "arn:aws:cloudfront::*:distribution/${Distribution}"}}},
        ),
    ),
    behind_cloudfront(
        "everybody may read",
        READERS,
        "everybody: let in by Edge/WebsiteBucketPolicy.ReadingByCloudFront",
        setting("edge", "WebsiteBucketPolicy", f"{READING}.Principal", "*"),
    ),
    behind_cloudfront(
        "another account may read",
        READERS,
        "AWS arn:aws:iam::444455556666:root: let in by Edge/WebsiteBucketPolicy.ReadingByCloudFront",
        setting("edge", "WebsiteBucketPolicy", f"{READING}.Principal", {"AWS": "arn:aws:iam::444455556666:root"}),
    ),
    behind_cloudfront(
        "CloudFront may write",
        READERS,
        "CloudFront may s3:PutObject: let in by Edge/WebsiteBucketPolicy.TellingWhatIsMissing",
        setting("edge", "WebsiteBucketPolicy", f"{LISTING}.Action", ["s3:ListBucket", "s3:PutObject"]),
    ),
    behind_cloudfront(
        "CloudFront may not read",
        READERS,
        "CloudFront's request to Edge/WebsiteBucket: no statement allows it",
        taken_away("edge", "WebsiteBucketPolicy", "PolicyDocument.Statement", 1),
    ),
    behind_cloudfront(
        "the bucket takes plain HTTP",
        READERS,
        "a request to Edge/WebsiteBucket over HTTP is not refused by its policy",
        taken_away("edge", "WebsiteBucketPolicy", "PolicyDocument.Statement", 0),
    ),
    behind_cloudfront(
        "an access point leads to the bucket",
        READERS,
        "Edge/SideDoor (AWS::S3::AccessPoint) names Edge/WebsiteBucket, and may open it",
        added("edge", "SideDoor", "AWS::S3::AccessPoint", Bucket={"Ref": "WebsiteBucket"}),
    ),
]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)


def test_every_claim_can_be_broken() -> None:
    assert unbroken(origin_buckets.claims(), BREAKS) == set()
