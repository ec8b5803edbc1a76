"""What buckets of a stack are like in AWS, where ministack 1.5.33 drops what their templates say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any
from xml.sax.saxutils import escape

from generator.rehearsal.emulator_api import ApiError
from generator.rehearsal.emulator_guards import apply_settings, guarded, handler_of
from generator.rehearsal.emulator_handlers import Created, Properties
from generator.rehearsal.emulator_xml import document, element, text

S3 = "ministack.services.s3"
BUCKET = "AWS::S3::Bucket"


def bucket_settings() -> None:
    """A bucket's encryption, ownership controls, access logs, lifecycle and tags are those of its template.

    ministack drops all five. A bucket that another one's access logs go to is there.
    """
    puts = {name: guarded(S3, put, "name", "body") for name, (put, _) in _SETTINGS.items()}
    ends = {name: guarded(S3, delete, "name") for name, delete in _ENDS.items()}

    def set_up(name: str, old: Properties, new: Properties) -> None:
        logs = (new.get("LoggingConfiguration") or {}).get("DestinationBucketName")
        if logs and logs not in import_module(S3)._buckets:
            raise ApiError(f"The target bucket for logging does not exist: {logs} (Service: S3, Status Code: 400)")
        for property_name, (_, body) in _SETTINGS.items():
            if property_name in new:
                status, _, answer = puts[property_name](name, body(new[property_name]).encode())
                if status >= 300:
                    raise ApiError(f"{BUCKET} {name}: {property_name}: {answer.decode()}")
            elif property_name in old and property_name in ends:
                ends[property_name](name)
            elif property_name in old and property_name == "LoggingConfiguration":
                puts[property_name](name, document("BucketLoggingStatus").encode())

    apply_settings(handler_of(BUCKET), set_up)


def _encryption(encryption: Properties) -> str:
    rules = []
    for rule in encryption["ServerSideEncryptionConfiguration"]:
        default = rule["ServerSideEncryptionByDefault"]
        by_default = element(
            "ApplyServerSideEncryptionByDefault",
            text("SSEAlgorithm", default["SSEAlgorithm"]),
            text("KMSMasterKeyID", default.get("KMSMasterKeyID")),
        )
        rules.append(element("Rule", by_default, text("BucketKeyEnabled", rule.get("BucketKeyEnabled", False))))
    return element("ServerSideEncryptionConfiguration", *rules)


def _ownership(controls: Properties) -> str:
    rules = (element("Rule", text("ObjectOwnership", rule["ObjectOwnership"])) for rule in controls["Rules"])
    return document("OwnershipControls", *rules)


def _logging(configuration: Properties) -> str:
    target = text("TargetBucket", configuration["DestinationBucketName"])
    prefix = element("TargetPrefix", escape(configuration.get("LogFilePrefix", "")))
    return document("BucketLoggingStatus", element("LoggingEnabled", target, prefix))


def _tagging(tags: Iterable[Mapping[str, Any]]) -> str:
    pairs = (element("Tag", text("Key", tag["Key"]), text("Value", tag.get("Value", ""))) for tag in tags)
    return document("Tagging", element("TagSet", *pairs))


def _lifecycle(configuration: Properties) -> str:
    return document("LifecycleConfiguration", *map(_lifecycle_rule, configuration["Rules"]))


def _lifecycle_rule(rule: Properties) -> str:
    """Return a rule as S3's API has it; the properties of a template have other names in part."""
    kept, aborted = rule.get("NoncurrentVersionExpiration") or {}, rule.get("AbortIncompleteMultipartUpload") or {}
    expiry = text("Days", rule.get("ExpirationInDays")) + text(
        "ExpiredObjectDeleteMarker", rule.get("ExpiredObjectDeleteMarker")
    )
    transitions = (
        element("Transition", text("Days", each["TransitionInDays"]), text("StorageClass", each["StorageClass"]))
        for each in rule.get("Transitions", ())
    )
    noncurrent = text("NoncurrentDays", kept.get("NoncurrentDays")) + text(
        "NewerNoncurrentVersions", kept.get("NewerNoncurrentVersions")
    )
    days = text("DaysAfterInitiation", aborted.get("DaysAfterInitiation"))
    return element(
        "Rule",
        text("ID", rule.get("Id")),
        element("Filter", element("Prefix", escape(rule.get("Prefix", "")))),
        text("Status", rule["Status"]),
        element("Expiration", expiry) if expiry else "",
        *transitions,
        element("NoncurrentVersionExpiration", noncurrent) if noncurrent else "",
        element("AbortIncompleteMultipartUpload", days) if days else "",
    )


_SETTINGS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "BucketEncryption": ("_put_bucket_encryption", _encryption),
    "OwnershipControls": ("_put_bucket_ownership_controls", _ownership),
    "LoggingConfiguration": ("_put_bucket_logging", _logging),
    "LifecycleConfiguration": ("_put_bucket_lifecycle", _lifecycle),
    "Tags": ("_put_bucket_tagging", _tagging),
}
"""Properties of a bucket, each with the function of ministack that keeps it and what that is told."""

_ENDS = {
    "BucketEncryption": "_delete_bucket_encryption",
    "LifecycleConfiguration": "_delete_bucket_lifecycle",
    "OwnershipControls": "_delete_bucket_ownership_controls",
    "Tags": "_delete_bucket_tagging",
}
"""What forgets a property that a template no longer has."""


def bucket_policies() -> None:
    """Ref of a bucket's policy is the name of the bucket, which must be there.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucketpolicy.html
    """
    handler = handler_of("AWS::S3::BucketPolicy")
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        _require_bucket(props["Bucket"])
        create(logical_id, props, stack_name)
        return props["Bucket"], {}

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        _require_bucket(new_props["Bucket"])
        update(physical_id, old_props, new_props, *rest)
        return new_props["Bucket"], {}

    handler |= {"create": creating, "update": updating}


def _require_bucket(name: str) -> None:
    if name not in import_module(S3)._buckets:
        raise ApiError(f"The specified bucket does not exist: {name} (Service: S3, Status Code: 404)")


BUCKETS = (bucket_settings, bucket_policies)
