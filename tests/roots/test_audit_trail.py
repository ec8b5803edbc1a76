"""D9, D11: the trail of who did what: what it records, who can touch it, and what people are told at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from generator.naming import AUDIT_TRAIL_STACK, BOOTSTRAP_STACKS, BREAK_GLASS_ROLE
from generator.roots.audit_trail import EVENTS
from tests.filter_patterns import matches
from tests.intrinsics import Template, Templates, of_type, resolved

NOBODY = {"EnvironmentName": "prod", "AuditRetentionDays": "365", "OnCallEmail": "", "OperationsEmail": ""}
OUR_TRAIL = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/${AWS::StackName}-*"
OURS = {"aws:SourceArn": {"Fn::Sub": OUR_TRAIL}}
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


@pytest.fixture
def template(templates: Templates) -> Template:
    return copy.deepcopy(templates["audit_trail"])


def properties(template: Template, title: str) -> dict[str, Any]:
    found = template["Resources"][title]["Properties"]
    assert isinstance(found, dict)
    return found


def by_sid(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


# What is promised


def check_everything_is_recorded(template: Template) -> None:
    trail = properties(template, "Trail")
    for switch in ("IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"):
        assert trail.get(switch) is True, switch
    assert trail["EventSelectors"] == [{"IncludeManagementEvents": True, "ReadWriteType": "All"}]
    assert trail["S3BucketName"] == {"Ref": "TrailBucket"}
    assert trail["KMSKeyId"] == {"Fn::GetAtt": ["TrailKey", "Arn"]}
    assert trail["CloudWatchLogsLogGroupArn"] == {"Fn::GetAtt": ["TrailLogGroup", "Arn"]}
    assert "TrailBucketPolicy" in template["Resources"]["Trail"]["DependsOn"], "CloudTrail tries the bucket at once"


def check_nobody_deletes_what_was_recorded(template: Template) -> None:
    policy = by_sid(properties(template, "TrailBucketPolicy")["PolicyDocument"])
    refusal = policy["NobodyDeletes"]
    assert (refusal["Effect"], refusal["Principal"]) == ("Deny", "*")
    assert set(refusal["Action"]) == {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    assert "Condition" not in refusal
    assert refusal["Resource"] == [{"Fn::Sub": ["${Bucket}/*", {"Bucket": {"Fn::GetAtt": ["TrailBucket", "Arn"]}}]}]
    assert properties(template, "TrailBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


def check_only_our_trail_writes_to_the_bucket(template: Template) -> None:
    policy = by_sid(properties(template, "TrailBucketPolicy")["PolicyDocument"])
    allowed = {sid: each for sid, each in policy.items() if each["Effect"] == "Allow"}
    assert {(sid, *each["Action"]) for sid, each in allowed.items()} == {
        ("LookingByTheTrail", "s3:GetBucketAcl"),
        ("DeliveryByTheTrail", "s3:PutObject"),
    }
    for sid, each in allowed.items():
        assert each["Principal"] == CLOUDTRAIL, sid
        assert each["Condition"]["ArnLike"] == OURS, sid


def check_only_those_who_may_read_files_can_decrypt_them(template: Template) -> None:
    """CloudTrail encrypts and cannot decrypt; people decrypt through S3, and where IAM lets them."""
    policy = by_sid(properties(template, "TrailKey")["KeyPolicy"])
    of_cloudtrail = {sid: each for sid, each in policy.items() if each["Principal"] == CLOUDTRAIL}
    assert {action for each in of_cloudtrail.values() for action in each["Action"]} == {
        "kms:GenerateDataKey",
        "kms:DescribeKey",
    }
    assert all(each["Condition"]["ArnLike"] == OURS for each in of_cloudtrail.values())
    people = policy["UseThroughS3ByIamPolicies"]
    assert people["Condition"] == {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}}


def check_everything_is_kept_as_long_as_the_environment_says(template: Template) -> None:
    days = {"Ref": "AuditRetentionDays"}
    rules = properties(template, "TrailBucket")["LifecycleConfiguration"]["Rules"]
    assert days in [rule.get("ExpirationInDays") for rule in rules]
    assert properties(template, "TrailLogGroup")["RetentionInDays"] == days


def check_every_event_is_told_once_it_is_seen(template: Template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert alarms.keys() == EVENTS.keys()
    for title, alarm in alarms.items():
        counted = properties(template, f"{title}Filter")["MetricTransformations"][0]
        told = alarm["Properties"]
        assert (told["Namespace"], told["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"]), title
        assert (told["Statistic"], told["Threshold"], told["EvaluationPeriods"]) == ("Sum", 1, 1), title
        assert told["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", title
        assert told["TreatMissingData"] == "notBreaching", title
        assert told["AlarmActions"] == [{"Ref": "AuditTopic"}], title
        assert properties(template, f"{title}Filter")["LogGroupName"] == {"Ref": "TrailLogGroup"}, title


CHECKS = [
    check_everything_is_recorded,
    check_nobody_deletes_what_was_recorded,
    check_only_our_trail_writes_to_the_bucket,
    check_only_those_who_may_read_files_can_decrypt_them,
    check_everything_is_kept_as_long_as_the_environment_says,
    check_every_event_is_told_once_it_is_seen,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_d9_the_trail_keeps_its_promises(template: Template, check: Callable[[Template], None]) -> None:
    check(template)


def _set(title: str, path: str, value: object) -> Callable[[Template], None]:
    def damage(template: Template) -> None:
        place: Any = properties(template, title)
        *parents, last = path.split(".")
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[int(last) if isinstance(place, list) else last] = value

    return damage


def _change(title: str, member: str, sid: str, key: str, value: object) -> Callable[[Template], None]:
    def damage(template: Template) -> None:
        by_sid(properties(template, title)[member])[sid][key] = value

    return damage


DAMAGES: dict[str, tuple[Callable[[Template], None], Callable[[Template], None]]] = {
    "one region": (check_everything_is_recorded, _set("Trail", "IsMultiRegionTrail", False)),
    "no digests": (check_everything_is_recorded, _set("Trail", "EnableLogFileValidation", False)),
    "stopped": (check_everything_is_recorded, _set("Trail", "IsLogging", False)),
    "writes alone": (check_everything_is_recorded, _set("Trail", "EventSelectors.0.ReadWriteType", "WriteOnly")),
    "versions deleted": (
        check_nobody_deletes_what_was_recorded,
        _change("TrailBucketPolicy", "PolicyDocument", "NobodyDeletes", "Action", ["s3:DeleteObject"]),
    ),
    "deletion allowed": (
        check_nobody_deletes_what_was_recorded,
        _change("TrailBucketPolicy", "PolicyDocument", "NobodyDeletes", "Effect", "Allow"),
    ),
    "any trail": (
        check_only_our_trail_writes_to_the_bucket,
        _change("TrailBucketPolicy", "PolicyDocument", "DeliveryByTheTrail", "Condition", {"ArnLike": {}}),
    ),
    "any action": (
        check_only_our_trail_writes_to_the_bucket,
        _change("TrailBucketPolicy", "PolicyDocument", "DeliveryByTheTrail", "Action", ["s3:*"]),
    ),
    "trail decrypts": (
        check_only_those_who_may_read_files_can_decrypt_them,
        _change("TrailKey", "KeyPolicy", "EncryptionByTheTrail", "Action", ["kms:GenerateDataKey", "kms:Decrypt"]),
    ),
    "decrypted anyhow": (
        check_only_those_who_may_read_files_can_decrypt_them,
        _change("TrailKey", "KeyPolicy", "UseThroughS3ByIamPolicies", "Condition", {}),
    ),
    "a week": (check_everything_is_kept_as_long_as_the_environment_says, _set("TrailLogGroup", "RetentionInDays", 7)),
    "nobody told": (check_every_event_is_told_once_it_is_seen, _set("RootUserUsed", "AlarmActions", [])),
    "told the second time": (check_every_event_is_told_once_it_is_seen, _set("RootUserUsed", "Threshold", 2)),
    "another log": (check_every_event_is_told_once_it_is_seen, _set("RootUserUsedFilter", "LogGroupName", "another")),
}


@pytest.mark.parametrize(("check", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_d9_a_trail_that_breaks_a_promise_is_noticed(
    template: Template, check: Callable[[Template], None], damage: Callable[[Template], None]
) -> None:
    damage(template)
    with pytest.raises(AssertionError):
        check(template)


# What people are told


def record(name: str, source: str = "sts.amazonaws.com", **others: Any) -> str:
    """Return a record as CloudTrail writes it, with what the patterns look at."""
    by_role = {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/web-platform-operator/x"}
    return json.dumps(
        {"eventName": name, "eventSource": source, "eventType": "AwsApiCall", "userIdentity": by_role, **others}
    )


def assume(role: str) -> str:
    return record("AssumeRole", requestParameters={"roleArn": f"arn:aws:iam::111122223333:role/{role}"})


def sign_in(kind: str, mfa: str, outcome: str = "Success") -> str:
    return record(
        "ConsoleLogin",
        "signin.amazonaws.com",
        eventType="AwsConsoleSignIn",
        userIdentity={"type": kind},
        additionalEventData={"MFAUsed": mfa},
        responseElements={"ConsoleLogin": outcome},
    )


def on_bucket(name: str, bucket: str) -> str:
    return record(name, "s3.amazonaws.com", requestParameters={"bucketName": bucket})


TRAIL, KMS = "cloudtrail.amazonaws.com", "kms.amazonaws.com"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (record("CreateUser", "iam.amazonaws.com", userIdentity={"type": "Root"}), {"RootUserUsed"}),
        (sign_in("Root", "Yes"), {"RootUserUsed"}),
        (record("Decrypt", KMS, userIdentity={"type": "Root", "invokedBy": "rds.amazonaws.com"}), set()),
        (record("RotateKey", KMS, userIdentity={"type": "Root"}, eventType="AwsServiceEvent"), set()),
        (assume(BREAK_GLASS_ROLE), {"BreakGlassUsed"}),
        (assume("web-platform-deployment"), set()),
        (assume(f"not-{BREAK_GLASS_ROLE}"), set()),
        *((record(name, TRAIL), {"AuditTrailChanged"}) for name in ("CreateTrail", "StopLogging", "DeleteTrail")),
        *((record(name, TRAIL), {"AuditTrailChanged"}) for name in ("UpdateTrail", "PutEventSelectors")),
        (record("LookupEvents", TRAIL), set()),
        (on_bucket("PutBucketPolicy", "web-platform-audit-trail-trailbucket-1abc"), {"AuditTrailChanged"}),
        (on_bucket("PutBucketLifecycle", "web-platform-audit-trail-trailbucket-1abc"), {"AuditTrailChanged"}),
        (on_bucket("DeleteBucketPolicy", "web-platform-audit-trail-trailbucket-1abc"), {"AuditTrailChanged"}),
        (on_bucket("PutBucketPolicy", "web-platform-prod-storage-releasebucket-1abc"), set()),
        (on_bucket("GetBucketPolicy", "web-platform-audit-trail-trailbucket-1abc"), set()),
        (record("ScheduleKeyDeletion", KMS), {"KeyDeletionScheduled"}),
        (record("DisableKey", KMS), {"KeyDeletionScheduled"}),
        (record("DisableKeyRotation", KMS), set()),
        (sign_in("IAMUser", "No"), {"SignInWithoutMfa"}),
        (sign_in("IAMUser", "Yes"), set()),
        (sign_in("IAMUser", "No", "Failure"), set()),
        (record("CreateStack", "cloudformation.amazonaws.com"), set()),
    ],
)
def test_d11_an_event_is_told_as_what_it_is(template: Template, line: str, told: set[str]) -> None:
    patterns = {title: properties(template, f"{title}Filter")["FilterPattern"] for title in EVENTS}
    assert {title for title, pattern in patterns.items() if matches(pattern, line)} == told


def test_d11_the_trail_can_be_asked_who_did_what(template: Template) -> None:
    [query] = of_type(template, "AWS::Logs::QueryDefinition").values()
    assert query["Properties"]["LogGroupNames"] == [{"Ref": "TrailLogGroup"}]
    assert query["Properties"]["Name"] == {"Fn::Sub": "web-platform/${EnvironmentName}/who did what"}


@pytest.mark.parametrize(
    ("on_call", "operations", "mails"),
    [
        ("", "", {}),
        ("a@example.com", "", {"OnCallMail": "a@example.com"}),
        ("", "b@example.com", {"OperationsMail": "b@example.com"}),
        ("a@example.com", "b@example.com", {"OnCallMail": "a@example.com", "OperationsMail": "b@example.com"}),
        ("a@example.com", "a@example.com", {"OnCallMail": "a@example.com"}),
    ],
)
def test_d12_everybody_is_told_once(template: Template, on_call: str, operations: str, mails: dict[str, str]) -> None:
    found = resolved(template, **NOBODY | {"OnCallEmail": on_call, "OperationsEmail": operations})
    kept = {"Resources": found}
    subscriptions = of_type(kept, "AWS::SNS::Subscription")
    assert {title: each["Properties"]["Endpoint"] for title, each in subscriptions.items()} == mails


def test_d9_no_deployment_touches_the_trail() -> None:
    assert AUDIT_TRAIL_STACK in BOOTSTRAP_STACKS
    assert AUDIT_TRAIL_STACK == "web-platform-audit-trail"


def test_names_are_those_by_which_delivery_is_refused(template: Template) -> None:
    """CloudFormation names after the stack what is not named here, and policies refuse what is called so."""
    named = {
        (title, key): value
        for title, resource in template["Resources"].items()
        for key, value in resource["Properties"].items()
        if key in ("AliasName", "TrailName", "TopicName", "BucketName", "LogGroupName", "RoleName", "AlarmName")
        and resource["Type"] != "AWS::Logs::MetricFilter"
    }
    assert named == {("TrailKeyAlias", "AliasName"): {"Fn::Sub": "alias/web-platform-${EnvironmentName}-audit-trail"}}
