"""All product images are deleted; they come back from the night's backup of the file system.

A folder stands in for EFS, and a copy of it for the recovery point: AWS Backup's own jobs are not exercised. What is:
that a plan takes this very file system, what visitors see, and how restored files get from where AWS Backup puts them
to where they belong, without touching what is newer.
https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-efs.html
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from generator.rehearsal.drills.drill import Result, Scene
from generator.rehearsal.drills.objectives import DAY, IMAGES
from generator.rehearsal.drills.shoppers import get

IMAGES_PATH = "/product-images"
TAG = "aws:ResourceTag/"
DAILY = re.compile(r"cron\(\S+ \S+ (\* \* \?|\? \* (\*|MON-FRI)) \*\)")
"""Schedules of every day, or of every day on which an environment with office hours runs."""

SINCE_THE_NIGHT = "uploaded-today.svg"


def product_images(scene: Scene) -> Result:
    """Images of the night are back, those uploaded after the loss are left alone, and a plan takes the file system."""
    folder = scene.live.instances[0].server.images
    names = sorted(each.name for each in folder.glob("*.svg"))
    [file_system] = scene.client("efs").describe_file_systems(FileSystemId=scene.physical_id("Storage", "FileSystem"))[
        "FileSystems"
    ]
    complaints = []
    gap = _longest_gap(scene.client("backup"), file_system)
    if math.isinf(gap):
        complaints.append(f"no daily plan takes {file_system['FileSystemId']}: there is nothing to restore from")
    night = scene.rehearsal.workspace / f"recovery-point-{scene.environment}"
    if not complaints:
        scene.step("a copy of the folder stands in for what AWS Backup takes every night")
        shutil.copytree(folder, night)
    (folder / SINCE_THE_NIGHT).write_bytes((folder / names[0]).read_bytes())
    scene.damage(f"all {len(names) + 1} images are deleted")
    for each in folder.glob("*.svg"):
        each.unlink()
    if _shown(scene, names):
        complaints.append("images are still shown: nothing was destroyed")
    (folder / names[0]).write_text("<svg>newer</svg>")
    if night.exists():
        scene.step(
            "its copy back stands in for AWS Backup's restore job, which puts files beside those of the file system"
        )
        restored = folder.with_name(f"aws-backup-restore-{scene.environment}")
        shutil.copytree(night, restored)
        scene.step(f"files go to {IMAGES_PATH} where nothing newer is: cp --archive --no-clobber")
        subprocess.run(["cp", "--archive", "--no-clobber", f"{restored}/.", str(folder)], check=True)
        shutil.rmtree(restored)
    scene.step("images are looked for")
    seconds, back = scene.seconds_since_damage, _shown(scene, names)
    if back != len(names):
        complaints.append(f"{len(names) - back} of {len(names)} images are lost")
    if "newer" not in (folder / names[0]).read_text():
        complaints.append("an image that was uploaded after the loss is overwritten")
    return Result(
        drill="product images",
        objective=IMAGES,
        destroyed=f"all {len(names) + 1} images",
        restored=f"{back} of {len(names)} images of the night",
        lost="1 image, uploaded since",
        loss_seconds=gap,
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def _shown(scene: Scene, names: list[str]) -> int:
    answers = [get(scene.live, "application", f"{IMAGES_PATH}/{name}") for name in names]
    return sum(each is not None and each.status == 200 for each in answers)


def _longest_gap(backup: Any, file_system: Mapping[str, Any]) -> float:
    """Return the seconds between two backups of a file system; infinity where no plan takes it."""
    gaps = [
        DAY
        for plan, selection in _selections(backup)
        if _takes(selection, file_system)
        for rule in plan["Rules"]
        if DAILY.fullmatch(rule["ScheduleExpression"])
    ]
    return float(min(gaps, default=math.inf))


def _takes(selection: Mapping[str, Any], file_system: Mapping[str, Any]) -> bool:
    """Whether a selection names the file system, by its ARN and its tags."""
    tags = {each["Key"]: each["Value"] for each in file_system.get("Tags", ())}
    return any(fnmatchcase(file_system["FileSystemArn"], each) for each in selection.get("Resources", ())) and all(
        tags.get(each["ConditionKey"].removeprefix(TAG)) == each["ConditionValue"]
        for each in selection.get("Conditions", {}).get("StringEquals", ())
    )


def _selections(backup: Any) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the selections of all plans, each with its plan."""
    for listed in backup.list_backup_plans()["BackupPlansList"]:
        plan_id = listed["BackupPlanId"]
        plan = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]
        for each in backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]:
            chosen = backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=each["SelectionId"])
            yield plan, chosen["BackupSelection"]
