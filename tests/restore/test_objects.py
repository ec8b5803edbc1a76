"""Objects of a bucket come back as they were at a moment, and nothing that has content is deleted (D10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.errors import UserError
from generator.restore.objects import restore_objects
from tests.restore.conftest import REGION

Client = Callable[[str], Any]
BUCKET = "restore-objects-900000000001"


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def next_second() -> datetime:
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.02)
    return datetime.fromtimestamp(begun + 1, UTC)


def contents(s3: Any, prefix: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found}


def test_deleted_and_overwritten_objects_come_back_and_the_rest_is_left_alone(s3: Any) -> None:
    for key in ("a/deleted", "a/overwritten", "a/both", "a/untouched", "a/gone before", "b/elsewhere"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    s3.delete_object(Bucket=BUCKET, Key="a/gone before")
    moment = next_second()
    next_second()
    for key in ("a/overwritten", "a/both", "a/new"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"other")
    for key in ("a/deleted", "a/both", "b/elsewhere"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    count = len(s3.list_object_versions(Bucket=BUCKET)["Versions"])
    told: list[str] = []
    found = restore_objects(s3, BUCKET, moment, told.append, "a/")
    assert found.undeleted == ("a/deleted",)
    assert found.reverted == ("a/both", "a/overwritten")
    as_before = {key: key.encode() for key in ("a/deleted", "a/overwritten", "a/both", "a/untouched")}
    assert contents(s3, "") == as_before | {"a/new": b"other"}
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == count + 2
    assert told[1:] == [
        "s3api copy-object: a/both gets its former content",
        "s3api delete-object: the delete marker of a/deleted",
        "s3api copy-object: a/overwritten gets its former content",
    ]
    assert restore_objects(s3, BUCKET, moment, lambda _: None, "a/").undeleted == ()


def test_a_bucket_without_versions_is_refused(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=f"{BUCKET}-plain", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(UserError, match="-plain: keeps no versions: there is nothing to restore from"):
        restore_objects(s3, f"{BUCKET}-plain", datetime.now(UTC), lambda _: None)


def test_a_bucket_that_is_not_there_is_an_error_in_words(client: Client) -> None:
    with pytest.raises(UserError, match=r"restoring no-such-bucket: .*NoSuchBucket"):
        restore_objects(client("s3"), "no-such-bucket", datetime.now(UTC), lambda _: None)
