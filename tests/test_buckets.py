"""What every bucket gets: protection that nobody has to think of, and a lifetime that somebody has to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from troposphere import Ref, Template, encode_to_dict
from troposphere.s3 import Bucket

from generator.buckets import (
    WITH_ACLS,
    access_log_bucket,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_by_s3,
    encrypted_with,
    lifecycle,
    objects,
    private_and_versioned,
)
from generator.iam import allow_principal, service_principal


def encryption(of: Any) -> dict[str, Any]:
    [rule] = of.to_dict()["ServerSideEncryptionConfiguration"]
    return dict(rule)


def test_d10_a_bucket_key_comes_with_a_key_of_ours_alone() -> None:
    ours = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "KeyArn"}}
    assert encryption(encrypted_with(Ref("KeyArn"))) == {
        "ServerSideEncryptionByDefault": ours,
        "BucketKeyEnabled": True,
    }
    assert encryption(encrypted_by_s3()) == {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }


@given(st.none() | st.integers(min_value=1, max_value=3650))
def test_d13_objects_expire_where_a_number_of_days_is_given(days: int | None) -> None:
    old, *expiration = lifecycle(days).to_dict()["Rules"]
    assert old["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert "ExpirationInDays" not in old
    assert [rule["ExpirationInDays"] for rule in expiration] == ([] if days is None else [days])


def test_d10_bucket_that_knows_access_control_lists_is_no_less_private() -> None:
    """CloudFront's log delivery asks for one; public ones are refused all the same."""
    template = Template()
    access_log_bucket(template, "EdgeLogBucket", "edge-logs", WITH_ACLS)
    properties = template.to_dict()["Resources"]["EdgeLogBucket"]["Properties"]
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_d10_s3_delivers_logs_of_the_named_buckets_alone() -> None:
    log, sources = Bucket("LogBucket"), [Ref("OneArn"), Ref("OtherArn")]
    one = encode_to_dict(delivery_of_access_logs("Logs", log, sources[:1], "one/*"))
    both = encode_to_dict(delivery_of_access_logs("Logs", log, sources))
    assert one["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert one["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert one["Condition"]["ArnLike"] == {"aws:SourceArn": {"Ref": "OneArn"}}
    assert both["Condition"]["ArnLike"] == {"aws:SourceArn": [{"Ref": "OneArn"}, {"Ref": "OtherArn"}]}
    assert [where["Fn::Sub"][0] for where in (*one["Resource"], *both["Resource"])] == [
        "${Bucket}/one/*",
        "${Bucket}/*",
    ]


def test_d10_access_logs_are_delivered_kept_for_a_while_and_outlive_their_stack() -> None:
    template = Template()
    access_log_bucket(template, "LogBucket", "logs")
    bucket = template.to_dict()["Resources"]["LogBucket"]
    properties = bucket["Properties"]
    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["LifecycleConfiguration"]["Rules"][-1]["ExpirationInDays"] == 90
    assert properties["Tags"] == [{"Key": "Name", "Value": {"Fn::Sub": "web-platform-${EnvironmentName}-logs"}}]
    assert properties.keys() >= private_and_versioned().keys()
    assert bucket["UpdateReplacePolicy"] == "Retain"


def test_two_buckets_share_no_property_that_one_could_change() -> None:
    first, second = private_and_versioned(), private_and_versioned()
    assert first.keys() == second.keys()
    assert all(first[name] is not second[name] for name in first)


def test_d10_a_policy_refuses_plain_text_before_it_allows_anything() -> None:
    template = Template()
    bucket = template.add_resource(Bucket("ImageBucket"))
    deliver = allow_principal("Deliver", service_principal("logging.s3"), [], [objects(bucket, "logs/*")])
    bucket_policy(template, bucket, deliver, Condition="Asked")
    policy = template.to_dict()["Resources"]["ImageBucketPolicy"]
    assert policy["Condition"] == "Asked"
    assert policy["Properties"]["Bucket"] == {"Ref": "ImageBucket"}
    refused, allowed = policy["Properties"]["PolicyDocument"]["Statement"]
    arn = {"Fn::GetAtt": ["ImageBucket", "Arn"]}
    assert (refused["Effect"], refused["Resource"]) == ("Deny", [arn, {"Fn::Sub": ["${Bucket}/*", {"Bucket": arn}]}])
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allowed["Resource"] == [{"Fn::Sub": ["${Bucket}/logs/*", {"Bucket": arn}]}]
