"""Bring objects of a bucket that keeps versions back to what they were at a moment.

What was deleted since gets its delete marker removed, what was overwritten the former content as a new version, what is
new since is left alone. Nothing is deleted that has content, so that all of it can be undone.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/RestoringPreviousVersions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from generator.delivery.session import explained
from generator.errors import UserError
from generator.restore.steps import Say


@dataclass(frozen=True)
class ObjectsRestored:
    """Keys of what is back."""

    undeleted: tuple[str, ...]
    reverted: tuple[str, ...]


@dataclass(frozen=True)
class _Version:
    key: str
    id: str
    since: datetime
    is_marker: bool
    is_latest: bool


def restore_objects(s3: Any, bucket: str, moment: datetime, say: Say, prefix: str = "") -> ObjectsRestored:
    """Bring the objects below a prefix back to what they were at a moment. `s3` is boto3's client.

    Raises `UserError` where the bucket keeps no versions.
    """
    undeleted, reverted = [], []
    with explained(f"restoring {bucket}"):
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise UserError(f"{bucket}: keeps no versions: there is nothing to restore from")
        say(f"s3api list-object-versions: what has changed in {bucket} since {moment:%H:%M:%S} UTC")
        for key, versions in groupby(_versions(s3, bucket, prefix), key=lambda each: each.key):
            newest_first = sorted(versions, key=lambda each: (each.since, each.is_latest), reverse=True)
            then = next((each for each in newest_first if each.since <= moment), None)
            if then is None or then.is_marker or then is newest_first[0]:
                continue
            newer = newest_first[: newest_first.index(then)]
            if all(each.is_marker for each in newer):
                say(f"s3api delete-object: the delete marker of {key}")
                for each in newer:
                    s3.delete_object(Bucket=bucket, Key=key, VersionId=each.id)
                undeleted.append(key)
            else:
                say(f"s3api copy-object: {key} gets its former content")
                s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key, "VersionId": then.id})
                reverted.append(key)
    return ObjectsRestored(tuple(undeleted), tuple(reverted))


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[_Version]:
    """Yield the versions of all objects, those of one key beside each other."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    found = [
        _Version(each["Key"], each["VersionId"], each["LastModified"], kind == "DeleteMarkers", each["IsLatest"])
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for each in page.get(kind, ())
    ]
    yield from sorted(found, key=lambda each: each.key)
