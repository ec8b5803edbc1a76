"""Objects of a bucket that are uploaded once: what lies there already, with this content and type, is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.release import digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

DIGEST_KEY = "sha256"
"""Name of the metadata that holds an object's digest. The ETag does not serve: with KMS it is no digest of the content.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html"""

ABSENT = ("403", "404", "NoSuchKey", "AccessDenied", "Forbidden")
"""What S3 says of an object that is not there; 403 to those who may not list the bucket. Whether it may be written is
then seen by writing. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""


@dataclass(frozen=True)
class Upload:
    """An object as it is to be."""

    key: str
    body: bytes
    content_type: str
    cache_control: str = ""
    """What browsers and CloudFront may keep, and for how long; empty says nothing."""


def put(s3: S3Client, bucket: str, upload: Upload) -> bool:
    """Let an object be in a bucket; return whether it had to be uploaded."""
    if _is_there(s3, bucket, upload):
        return False
    request: PutObjectRequestTypeDef = {
        "Bucket": bucket,
        "Key": upload.key,
        "Body": upload.body,
        "ContentType": upload.content_type,
        "Metadata": {DIGEST_KEY: digest(upload.body)},
    }
    if upload.cache_control:
        request["CacheControl"] = upload.cache_control
    s3.put_object(**request)
    return True


def _is_there(s3: S3Client, bucket: str, upload: Upload) -> bool:
    try:
        found = s3.head_object(Bucket=bucket, Key=upload.key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return False
        raise
    return (found["Metadata"].get(DIGEST_KEY), found["ContentType"], found.get("CacheControl", "")) == (
        digest(upload.body),
        upload.content_type,
        upload.cache_control,
    )
