"""Replication of buckets in the emulator: ministack 1.5.33 knows it, and drops it from templates."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError
from generator.rehearsal.emulator_guards import apply_settings, guarded, handler_of
from generator.rehearsal.emulator_handlers import Properties
from generator.rehearsal.emulator_xml import document, element, text

S3, BUCKET = "ministack.services.s3", "AWS::S3::Bucket"
PROPERTY = "ReplicationConfiguration"


def bucket_replication() -> None:
    """What is written into a bucket is replicated as its template says, to a bucket that is there.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html
    """
    put = guarded(S3, "_put_bucket_replication", "bucket_name", "body")
    end = guarded(S3, "_delete_bucket_replication", "bucket_name")

    def set_up(name: str, old: Properties, new: Properties) -> None:
        if PROPERTY in new:
            status, _, answer = put(name, _replication(new[PROPERTY]).encode())
            if status >= 300:
                raise ApiError(f"{BUCKET} {name}: {PROPERTY}: {answer.decode()}")
        elif PROPERTY in old:
            end(name)

    apply_settings(handler_of(BUCKET), set_up)


def _replication(configuration: Properties) -> str:
    rules = (_rule(rule) for rule in configuration["Rules"])
    return document("ReplicationConfiguration", text("Role", configuration["Role"]), *rules)


def _rule(rule: Properties) -> str:
    return element(
        "Rule",
        text("ID", rule.get("Id")),
        text("Priority", rule.get("Priority")),
        _filter(rule.get("Filter")),
        text("Prefix", rule.get("Prefix")),
        text("Status", rule["Status"]),
        _status_of("SourceSelectionCriteria", rule, "SseKmsEncryptedObjects", "ReplicaModifications"),
        _destination(rule["Destination"]),
        element("DeleteMarkerReplication", text("Status", rule["DeleteMarkerReplication"]["Status"]))
        if "DeleteMarkerReplication" in rule
        else "",
    )


def _filter(wanted: Properties | None) -> str:
    if wanted is None:
        return ""
    if set(wanted) - {"Prefix"}:
        raise ApiError("Filters of replication by tag are not understood by the emulator.")
    return element("Filter", element("Prefix", wanted.get("Prefix", "")))


def _destination(wanted: Properties) -> str:
    name = str(wanted["Bucket"]).removeprefix("arn:aws:s3:::")
    if import_module(S3)._bucket_owner_account(name) is None:
        raise ApiError(f"Destination bucket must exist: {name} (Service: S3, Status Code: 400)")
    encryption = wanted.get("EncryptionConfiguration") or {}
    key = text("ReplicaKmsKeyID", encryption.get("ReplicaKmsKeyID"))
    return element(
        "Destination",
        text("Bucket", wanted["Bucket"]),
        text("Account", wanted.get("Account")),
        text("StorageClass", wanted.get("StorageClass")),
        element("EncryptionConfiguration", key) if key else "",
        _timed("ReplicationTime", "Time", wanted),
        _timed("Metrics", "EventThreshold", wanted),
    )


def _timed(name: str, minutes: str, wanted: Properties) -> str:
    """Return the destination's element of a status and, where given, a number of minutes."""
    if name not in wanted:
        return ""
    given: Any = wanted[name].get(minutes)
    within = element(minutes, text("Minutes", given["Minutes"])) if given else ""
    return element(name, text("Status", wanted[name]["Status"]), within)


def _status_of(name: str, rule: Properties, *parts: str) -> str:
    wanted = rule.get(name) or {}
    inner = (element(part, text("Status", wanted[part]["Status"])) for part in parts if part in wanted)
    return element(name, *inner) if wanted else ""
