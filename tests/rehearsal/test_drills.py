"""Drills pass where everything can be restored, and fail with the reason where something cannot (D10, D17, W7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from generator.environment import load_all
from generator.rehearsal.drills import run
from generator.rehearsal.drills.drill import Result, Scene
from generator.rehearsal.rehearse import started
from generator.release import folder_of
from generator.restore import database as restore_database

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
NAME = "staging"


class Ground:
    """An environment with its application, in which drills take place one after the other."""

    def __init__(self, make_scene: Callable[[], Scene]) -> None:
        self._make_scene = make_scene

    def scene(self) -> Scene:
        return self._make_scene()

    def drill(self, name: str) -> Result:
        return run.DRILLS[name](self.scene())


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    console = Console(file=StringIO(), width=200)
    with started(ROOT, RELEASE, load_all(ROOT / "params"), console) as rehearsal:
        rehearsal.bring_to(RELEASE, NAME, alone=True)
        live = rehearsal.release_application(NAME)
        yield Ground(lambda: Scene(rehearsal, live, lambda _: None))


LOST = {
    "session-table": "1 cart, filled after the restored moment",
    "database-damaged": "1 product, written after the restored moment",
    "database-lost": "1 product, written after the log was shipped",
    "product-images": "1 image, uploaded since",
    "buckets": "nothing",
    "release": "nothing",
}
"""What each drill cannot bring back, and need not."""


CALLS = {
    "session-table": "dynamodb restore-table-to-point-in-time: SessionTable as of the moment becomes SessionTable-time",
    "database-damaged": "rds modify-db-instance: Database is called Database-time from now on",
    "database-lost": "iam put-role-policy: UseDatabase of WebServerRole names the new instance",
    "product-images": "files go to /product-images where nothing newer is: cp --archive --no-clobber",
    "buckets": "s3api copy-object: index.html gets its former content",
    "release": "the former archive is deployed again: application/digest.tar.gz",
}
"""A step of each, without what differs between two drills."""


@pytest.mark.parametrize("name", LOST)
def test_d10_what_was_destroyed_is_back_but_for_what_came_last(ground: Ground, name: str) -> None:
    result = ground.drill(name)
    assert result.all_complaints == ()
    assert result.lost == LOST[name]
    assert result.loss_seconds <= result.objective.point
    assert result.seconds > 0
    assert [step.at for step in result.steps] == sorted(step.at for step in result.steps)
    assert CALLS[name] in [step.words for step in result.steps]


def test_w7_a_lost_web_server_costs_its_visitors_a_retry_at_most(ground: Ground) -> None:
    result = ground.drill("web-server")
    assert result.all_complaints == ()
    assert result.restored == "2 of 2 in service"
    assert result.lost.startswith("0 of ")


# What follows takes something away that a restore needs: each drill must find out, and say so.


def test_carts_of_before_the_restored_moment_that_are_lost_fail_the_drill(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_early(scene: Scene) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=3)

    monkeypatch.setattr(Scene, "next_second", too_early)
    result = ground.drill("session-table")
    assert not result.passed
    assert "12 of 12 carts from before the restored moment are lost" in result.all_complaints


def test_a_table_without_point_in_time_recovery_fails_the_drill(ground: Ground) -> None:
    scene = ground.scene()
    dynamodb, table = scene.client("dynamodb"), scene.physical_id("Storage", "SessionTable")

    def switch(on: bool) -> None:
        wanted = {"PointInTimeRecoveryEnabled": on}
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=wanted)

    switch(on=False)
    try:
        complaints = ground.drill("session-table").all_complaints
    finally:
        switch(on=True)
    assert f"{table}: point-in-time recovery is off: there is nothing to restore from" in complaints
    assert "12 of 12 carts from before the restored moment are lost" in complaints


def test_a_file_system_that_no_plan_takes_fails_the_drill(ground: Ground) -> None:
    scene = ground.scene()
    file_system = scene.physical_id("Storage", "FileSystem")
    efs = scene.client("efs")
    tag = {"Key": "Backup", "Value": "daily"}
    efs.untag_resource(ResourceId=file_system, TagKeys=[tag["Key"]])
    try:
        complaints = ground.drill("product-images").all_complaints
    finally:
        efs.tag_resource(ResourceId=file_system, Tags=[tag])
    assert f"no daily plan takes {file_system}: there is nothing to restore from" in complaints


def test_a_server_that_auto_scaling_does_not_replace_fails_the_drill(ground: Ground) -> None:
    scene = ground.scene()
    auto_scaling, group = scene.client("autoscaling"), scene.live.instances[0].launch.group
    auto_scaling.update_auto_scaling_group(AutoScalingGroupName=group, HealthCheckType="EC2")
    try:
        complaints = ground.drill("web-server").all_complaints
    finally:
        auto_scaling.update_auto_scaling_group(AutoScalingGroupName=group, HealthCheckType="ELB")
        scene.live.workload.replace_unhealthy(scene.live.account_id)
        scene.live.workload.settle(scene.live.account_id)
    assert "1 of 2 web servers are healthy; 0 were replaced" in complaints


def test_a_restore_that_is_interrupted_fails_the_drill_and_is_finished_when_started_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy names the instance by its resource id, and the secret by its ARN: both are new."""
    with monkeypatch.context() as interrupted:
        interrupted.setattr(restore_database, "_let_in", lambda *_: None)
        complaints = ground.drill("database-lost").all_complaints
    assert complaints[0].startswith("web servers may not rds-db:connect on arn:aws:rds-db:")
    assert complaints[-1].startswith("the published secret is gone: arn:aws:secretsmanager:")
    scene = ground.scene()
    told: list[str] = []
    found = restore_database.restore_database(scene.client, NAME, None, told.append, pause_seconds=0.1)
    assert found.until is None
    assert "an earlier restore is finished first" in told[0]
    assert not any("restore-db-instance-to-point-in-time" in each for each in told)
    assert ground.drill("database-damaged").all_complaints == ()


def test_a_database_without_backups_fails_the_drill(ground: Ground) -> None:
    scene = ground.scene()
    identifier = scene.physical_id("Database", "Database")
    rds = scene.client("rds")
    # Those of instances that had the name before are still there, and no substitute.
    rds.modify_db_instance(DBInstanceIdentifier=identifier, BackupRetentionPeriod=0, ApplyImmediately=True)
    result = ground.drill("database-lost")
    assert re.fullmatch(
        rf"{identifier} \(db-\w+\): there are no automated backups: there is nothing to restore from",
        result.complaints[0],
    )
    assert result.complaints[1:] == ("visitors get no products",)
    assert not result.passed


def test_a_bucket_without_versions_fails_the_drill(ground: Ground) -> None:
    scene = ground.scene()
    bucket = scene.physical_id("Edge", "WebsiteBucket")
    scene.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    complaints = ground.drill("buckets").all_complaints
    assert f"{bucket}: keeps no versions: there is nothing to restore from" in complaints
    assert "visitors do not see what they saw before" in complaints
