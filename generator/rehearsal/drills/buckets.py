"""Pages of the website and the archive that web servers fetch are deleted and overwritten; their versions come back."""

from __future__ import annotations

import time
from typing import Any

from generator.errors import UserError
from generator.rehearsal.drills.drill import Result, Scene, until
from generator.rehearsal.drills.objectives import BUCKETS
from generator.rehearsal.drills.shoppers import get
from generator.rehearsal.requests_client import Answer
from generator.restore.objects import restore_objects

PAGE = "index.html"
DEFACED = b"<!doctype html><title>Defaced</title>"
FORGOTTEN_WITHIN_SECONDS = 5.0


def buckets(scene: Scene) -> Result:
    """Visitors get the pages they had, and a web server that boots finds its archive."""
    s3, website = scene.client("s3"), scene.physical_id("Edge", "WebsiteBucket")
    releases, stylesheet = scene.physical_id("Storage", "ReleaseBucket"), scene.live.names.values["stylesheet"]
    archive = scene.archive_key
    before = _shown(scene, stylesheet)
    moment = scene.next_second()
    scene.next_second()  # S3 counts in seconds
    damaged = scene.damage(f"the page {PAGE} is overwritten; {stylesheet[1:]} and the release's archive are deleted")
    s3.put_object(Bucket=website, Key=PAGE, Body=DEFACED, ContentType="text/html")
    s3.delete_object(Bucket=website, Key=stylesheet[1:])
    s3.delete_object(Bucket=releases, Key=archive)
    _forget(scene)
    complaints = []
    if not until(lambda: _differs(_shown(scene, stylesheet), before), FORGOTTEN_WITHIN_SECONDS):
        complaints.append("visitors see no difference: nothing was destroyed")
    back = 0
    try:
        for bucket in (website, releases):
            found = restore_objects(s3, bucket, moment, scene.step)
            back += len(found.undeleted) + len(found.reverted)
    except UserError as error:
        complaints.append(str(error))
    _forget(scene)
    if not until(lambda: not _differs(_shown(scene, stylesheet), before), FORGOTTEN_WITHIN_SECONDS):
        complaints.append("visitors do not see what they saw before")
    seconds = scene.seconds_since_damage
    if not _is_there(s3, releases, archive):
        complaints.append(f"the archive is lost: s3://{releases}/{archive}")
    return Result(
        drill="buckets",
        objective=BUCKETS,
        destroyed="2 objects of the website, 1 archive",
        restored=f"{back} objects",
        lost="nothing" if not complaints else "; ".join(complaints),
        loss_seconds=0.0 if not complaints else (damaged - moment).total_seconds(),
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


Shown = list[tuple[int, bytes] | None]


def _shown(scene: Scene, stylesheet: str) -> Shown:
    answers: list[Answer | None] = [get(scene.live, "website", path) for path in ("/", stylesheet)]
    return [(each.status, each.content) if each else None for each in answers]


def _differs(now: Shown, before: Shown) -> bool:
    """Whether anything that visitors see is not what it was."""
    return now != before


def _forget(scene: Scene) -> None:
    """Let CloudFront forget what it has of the website."""
    scene.step("cloudfront create-invalidation: /*")
    paths = {"Quantity": 1, "Items": ["/*"]}
    batch = {"Paths": paths, "CallerReference": str(time.monotonic_ns())}
    distribution = scene.live.names.values["distribution"]
    scene.client("cloudfront").create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    return any(each["Key"] == key for each in found)
