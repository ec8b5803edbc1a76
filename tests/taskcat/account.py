"""What a run finds in a stranger's account, and what it takes away again: certificates, uploads, stacks and their data.

Everything carries the run's name, so cleaning up can be done at any time, by anyone and more than once, and touches
nothing else. A step that fails does not keep the others from being done; it is reported.
"""

from __future__ import annotations

import functools
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from generator.delivery import environment_parameters
from generator.delivery.certificate import Validity, ensure_self_signed, imported_for
from generator.delivery.deploy import deploy, template_text
from generator.errors import UserError
from generator.naming import BOUNDARIES_STACK, CERTIFICATE_PARAMETER, PROJECT, TEST_STACK_PREFIX

RUN_NAME = re.compile(r"taskcat-[0-9a-f]{6}")
CERTIFICATE = Validity(days=30, renew_before_days=1)
KEY_DELETION_DAYS = 7
"""The shortest wait that KMS allows. A key that waits for its deletion costs nothing."""
STACK_DELETION = {"Delay": 15, "MaxAttempts": 240}
"""Seconds between two looks at a stack that is being deleted, and how many."""
IN_USE_ATTEMPTS = 20
IN_USE_SECONDS = 15.0
"""ACM notices some minutes late that a load balancer is gone."""

Client = Callable[[str, str], Any]
"""Service and region → boto3 client."""


@dataclass(frozen=True)
class Run:
    """One run of taskcat: its name, and the account and regions it deploys to."""

    name: str
    account_id: str
    regions: tuple[str, ...]
    client: Client

    def __post_init__(self) -> None:
        check_run_name(self.name)

    @property
    def bucket_prefix(self) -> str:
        """The name of the upload buckets, to which taskcat adds `-<region>`."""
        return f"{self.name}-{self.account_id}"

    def owns_stack(self, name: str) -> bool:
        """Whether a stack, or the root it is nested in, was created by this run."""
        return re.match(rf"^{TEST_STACK_PREFIX}[A-Za-z0-9-]+-{self.name[-6:]}(-|$)", name) is not None


@dataclass(frozen=True)
class Leftover:
    """A resource that outlives its stack: its DeletionPolicy says so."""

    type: str
    id: str


class _RemovedBeforeError(Exception):
    """The resource still exists, but an earlier clean-up has removed it as far as that is possible."""


def new_run_name() -> str:
    """Return a name that no other run has, and that is a valid `EnvironmentName`."""
    return f"taskcat-{secrets.token_hex(3)}"


def check_run_name(name: str) -> None:
    """Raise `UserError` unless a run can have this name."""
    if not RUN_NAME.fullmatch(name):
        raise UserError(f"{name!r} is no run of taskcat; a run is called like taskcat-3f9a1c")


def bootstrap_boundaries(run: Run, release: Path) -> None:
    """Give the account the boundaries that every role of the platform names, as the bootstrap of an account does."""
    template = template_text((release / "boundaries.yaml").read_text(encoding="utf-8"))
    home, *others = run.regions
    given = {"AdditionalRegions": ",".join(others)}
    tags = {"Project": PROJECT}
    deployment = deploy(run.client("cloudformation", home), BOUNDARIES_STACK, template, given, tags, lambda _: None)
    if not deployment.complete:
        raise UserError(f"stack {BOUNDARIES_STACK}: {deployment.status}")


def prepare(run: Run, region: str) -> str:
    """Give a region the certificate that the release expects without a domain, and return its ARN.

    It is valid for a month. Calling it again changes nothing.
    """
    acm, ssm = run.client("acm", region), run.client("ssm", region)
    tags = {"Project": PROJECT, "Environment": run.name}
    return ensure_self_signed(acm, ssm, run.name, tags, datetime.now(UTC), CERTIFICATE).arn


def clean_up(run: Run, region: str, say: Callable[[str], None]) -> list[str]:
    """Take away all that a run has put into a region; return what could not be done, in words.

    `say` gets a line for each thing removed. Stacks come first, since what is left of them is known by their events.
    """
    problems: list[str] = []
    for step in (_delete_stacks, _delete_leftovers, _delete_certificate, _delete_uploads):
        try:
            for line in step(run, region):
                say(f"{region}: {line}")
        except (ClientError, BotoCoreError, UserError) as error:
            problems.append(f"{region}: {error}")
    return problems


def leftovers(run: Run, region: str) -> list[Leftover]:
    """Return what the deleted stacks of a run have left in a region, in the order in which it can be removed.

    CloudFormation keeps the events of a deleted stack for 90 days.
    """
    found: set[Leftover] = set()
    for stack_id in _deleted_stacks(run, region):
        pages = run.client("cloudformation", region).get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["ResourceStatus"] == "DELETE_SKIPPED":
                found.add(Leftover(event["ResourceType"], event["PhysicalResourceId"]))
            elif event["ResourceType"] == "AWS::RDS::DBInstance" and event["ResourceStatus"] == "DELETE_COMPLETE":
                found.update(_final_snapshots(run, region, event["PhysicalResourceId"]))
    order = list(REMOVERS)
    return sorted(found, key=lambda each: (order.index(each.type) if each.type in order else -1, each.id))


def _delete_stacks(run: Run, region: str) -> Iterator[str]:
    """Delete what taskcat did not: it was killed, or a deletion failed. Roots take their children along."""
    cloudformation = run.client("cloudformation", region)
    for only_roots in (True, False):
        for stack in list(_live_stacks(run, region)):
            if only_roots and stack.get("ParentId"):
                continue
            cloudformation.delete_stack(StackName=stack["StackId"])
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack["StackId"], WaiterConfig=STACK_DELETION
            )
            yield f"stack {stack['StackName']} deleted"


def _live_stacks(run: Run, region: str) -> Iterator[Mapping[str, Any]]:
    for page in run.client("cloudformation", region).get_paginator("describe_stacks").paginate():
        yield from (stack for stack in page["Stacks"] if run.owns_stack(stack["StackName"]))


def _deleted_stacks(run: Run, region: str) -> Iterator[str]:
    pages = (
        run.client("cloudformation", region)
        .get_paginator("list_stacks")
        .paginate(StackStatusFilter=["DELETE_COMPLETE"])
    )
    for page in pages:
        for stack in page["StackSummaries"]:
            if run.owns_stack(stack["StackName"]):
                yield stack["StackId"]


def _final_snapshots(run: Run, region: str, instance_id: str) -> Iterator[Leftover]:
    pages = (
        run.client("rds", region)
        .get_paginator("describe_db_snapshots")
        .paginate(DBInstanceIdentifier=instance_id, SnapshotType="manual")
    )
    for page in pages:
        for snapshot in page["DBSnapshots"]:
            yield Leftover("AWS::RDS::DBSnapshot", snapshot["DBSnapshotIdentifier"])


def _delete_leftovers(run: Run, region: str) -> Iterator[str]:
    failures = []
    for leftover in leftovers(run, region):
        remove = REMOVERS.get(leftover.type)
        if remove is None:
            failures.append(f"{leftover.type} {leftover.id}: remove it by hand, nobody here knows how")
            continue
        try:
            remove(run, region, leftover.id)
        except _RemovedBeforeError:
            continue
        except ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                failures.append(f"{leftover.type} {leftover.id}: {error}")
        else:
            yield f"{leftover.type} {leftover.id} removed{AFTERWARDS.get(leftover.type, '')}"
    if failures:
        raise UserError("\n".join(failures))


def _delete_certificate(run: Run, region: str) -> Iterator[str]:
    acm, ssm = run.client("acm", region), run.client("ssm", region)
    parameter = environment_parameters.path(run.name, CERTIFICATE_PARAMETER)
    if not ssm.delete_parameters(Names=[parameter])["InvalidParameters"]:
        yield f"parameter {parameter} deleted"
    for arn in list(imported_for(acm, run.name)):
        _retry_while_in_use(functools.partial(acm.delete_certificate, CertificateArn=arn))
        yield f"certificate {arn} deleted"


def _retry_while_in_use(delete: Callable[[], Any]) -> None:
    for attempt in range(1, IN_USE_ATTEMPTS + 1):
        try:
            delete()
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException" or attempt == IN_USE_ATTEMPTS:
                raise
            time.sleep(IN_USE_SECONDS)


def _delete_uploads(run: Run, region: str) -> Iterator[str]:
    bucket = f"{run.bucket_prefix}-{region}"
    try:
        _delete_bucket(run, region, bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
    else:
        yield f"bucket {bucket} deleted"


def _delete_bucket(run: Run, region: str, bucket: str) -> None:
    s3 = run.client("s3", region)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


def _delete_table(run: Run, region: str, name: str) -> None:
    dynamodb = run.client("dynamodb", region)
    if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
    dynamodb.delete_table(TableName=name)


def _delete_file_system(run: Run, region: str, file_system_id: str) -> None:
    run.client("efs", region).delete_file_system(FileSystemId=file_system_id)


def _delete_snapshot(run: Run, region: str, identifier: str) -> None:
    run.client("rds", region).delete_db_snapshot(DBSnapshotIdentifier=identifier)


def _delete_secret(run: Run, region: str, arn: str) -> None:
    run.client("secretsmanager", region).delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def _delete_vault(run: Run, region: str, name: str) -> None:
    """Delete a vault. One that a daily backup went into during the run refuses; its backups are due after a week."""
    run.client("backup", region).delete_backup_vault(BackupVaultName=name)


def _delete_log_group(run: Run, region: str, name: str) -> None:
    run.client("logs", region).delete_log_group(logGroupName=name)


def _delete_key(run: Run, region: str, key_id: str) -> None:
    kms = run.client("kms", region)
    if kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion":
        raise _RemovedBeforeError
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=KEY_DELETION_DAYS)


# Keys go last: what they encrypt must be deletable before.
REMOVERS: Mapping[str, Callable[[Run, str, str], None]] = MappingProxyType(
    {
        "AWS::S3::Bucket": _delete_bucket,
        "AWS::DynamoDB::Table": _delete_table,
        "AWS::EFS::FileSystem": _delete_file_system,
        "AWS::RDS::DBSnapshot": _delete_snapshot,
        "AWS::SecretsManager::Secret": _delete_secret,
        "AWS::Logs::LogGroup": _delete_log_group,
        "AWS::Backup::BackupVault": _delete_vault,
        "AWS::KMS::Key": _delete_key,
    }
)
"""How each kind of resource is removed that may outlive its stack."""

AFTERWARDS: Mapping[str, str] = MappingProxyType({"AWS::KMS::Key": f" (gone in {KEY_DELETION_DAYS} days)"})

ABSENT = frozenset(
    {
        "NoSuchBucket",
        "ResourceNotFoundException",
        "FileSystemNotFound",
        "DBSnapshotNotFound",
        "NotFoundException",
    }
)
"""Error codes by which a service says that a resource is gone already."""
