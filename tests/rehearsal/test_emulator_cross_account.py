"""A bucket of another account is read by those whom its policy names, and by nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import DEVELOPMENT, PRODUCTION, REGION, Account

from generator.rehearsal.emulator import Emulator
from tests.rehearsal.roles import EVERYTHING, account, make_role, service

OWNER = "444444444444"
BUCKET = "cross-account-trial"
KEY = "release/child.yaml"
CHILD = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
READING = ["s3:GetObject"]


def role_arn(account_id: str, name: str) -> str:
    return f"arn:aws:iam::{account_id}:role/{name}"


@pytest.fixture(scope="module")
def owner(emulator: Emulator) -> Any:
    """The owner's S3 client; a bucket with one object, and two roles in each of the other accounts."""
    s3 = emulator.client("s3", OWNER, REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CHILD.encode())
    for account_id in (DEVELOPMENT, PRODUCTION):
        for name in ("cross-reader", "cross-other"):
            iam = emulator.client("iam", account_id, REGION)
            make_role(iam, name, {**account(OWNER), **service("cloudformation")}, EVERYTHING)
    return s3


@pytest.fixture(autouse=True)
def no_policy_left(owner: Any) -> Iterator[None]:
    yield
    owner.delete_bucket_policy(Bucket=BUCKET)


def allow(owner: Any, actions: list[str] = READING, resource: str = f"{BUCKET}/*", **others: Any) -> None:
    """Let role `cross-reader` of the development account act, by a condition, as the pipeline's buckets do."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DEVELOPMENT}:root"},
        "Action": actions,
        "Resource": f"arn:aws:s3:::{resource}",
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/cross-reader"}},
        **others,
    }
    owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def read(emulator: Emulator, account_id: str, role: str, key: str = KEY) -> str:
    """Read as a role; return the content, or the code of the refusal."""
    s3 = emulator.client_of_role("s3", role_arn(account_id, role), OWNER, REGION)
    try:
        content: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return content.decode()


def test_without_a_policy_nobody_else_reads(emulator: Emulator, owner: Any) -> None:
    assert owner.get_object(Bucket=BUCKET, Key=KEY)["Body"].read().decode() == CHILD
    assert read(emulator, DEVELOPMENT, "cross-reader") == "AccessDenied"


@pytest.mark.parametrize(
    ("account_id", "role", "result"),
    [
        (DEVELOPMENT, "cross-reader", CHILD),
        (DEVELOPMENT, "cross-other", "AccessDenied"),
        (PRODUCTION, "cross-reader", "AccessDenied"),
        (PRODUCTION, "cross-other", "AccessDenied"),
    ],
)
def test_the_role_that_the_policy_means_reads(
    emulator: Emulator, owner: Any, account_id: str, role: str, result: str
) -> None:
    allow(owner)
    assert read(emulator, account_id, role) == result


def test_a_role_named_as_principal_reads(emulator: Emulator, owner: Any) -> None:
    allow(owner, Principal={"AWS": role_arn(PRODUCTION, "cross-other")}, Condition={})
    assert read(emulator, PRODUCTION, "cross-other") == CHILD
    assert read(emulator, PRODUCTION, "cross-reader") == "AccessDenied"


def test_a_denial_wins(emulator: Emulator, owner: Any) -> None:
    allow(owner, Effect="Deny")
    assert read(emulator, DEVELOPMENT, "cross-reader") == "AccessDenied"


def test_a_policy_is_for_the_objects_it_names(emulator: Emulator, owner: Any) -> None:
    allow(owner, resource=f"{BUCKET}/other/*")
    assert read(emulator, DEVELOPMENT, "cross-reader") == "AccessDenied"
    allow(owner, resource=f"{BUCKET}/release/*")
    assert read(emulator, DEVELOPMENT, "cross-reader") == CHILD


def test_reading_is_not_writing_and_not_listing(emulator: Emulator, owner: Any) -> None:
    s3 = emulator.client_of_role("s3", role_arn(DEVELOPMENT, "cross-reader"), OWNER, REGION)
    allow(owner)
    for attempt in (
        lambda: s3.put_object(Bucket=BUCKET, Key="new", Body=b""),
        lambda: s3.delete_object(Bucket=BUCKET, Key=KEY),
        lambda: s3.list_objects_v2(Bucket=BUCKET),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    assert owner.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    allow(owner, ["s3:ListBucket"], BUCKET)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    assert read(emulator, DEVELOPMENT, "cross-reader") == "AccessDenied"


@pytest.mark.parametrize(
    ("account_id", "role", "others", "status"),
    [
        (DEVELOPMENT, "cross-reader", {}, "CREATE_COMPLETE"),
        (DEVELOPMENT, "cross-other", {}, "ROLLBACK_COMPLETE"),
        (DEVELOPMENT, "", {}, "ROLLBACK_COMPLETE"),
        (DEVELOPMENT, "", {"Condition": {}}, "CREATE_COMPLETE"),
        (PRODUCTION, "cross-reader", {}, "ROLLBACK_COMPLETE"),
        (DEVELOPMENT, "cross-reader", {"Action": "s3:ListBucket"}, "ROLLBACK_COMPLETE"),
        (DEVELOPMENT, "cross-reader", {"Effect": "Deny"}, "ROLLBACK_COMPLETE"),
    ],
)
def test_a_nested_template_is_read_where_the_policy_lets_the_stack_s_role(
    emulator: Emulator, owner: Any, account_id: str, role: str, others: dict[str, Any], status: str
) -> None:
    """Without a role CloudFormation reads as whoever deploys: here, the root user of the account."""
    allow(owner, **others)
    url = f"https://s3.{REGION}.amazonaws.com/{BUCKET}/{KEY}"
    properties = {"TemplateURL": url}
    body = {"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}}}
    name = f"cross-{account_id}-{role or 'root'}-{len(str(others))}"
    where = Account(emulator, account_id)
    stack = where.deploy(name, json.dumps(body), role_arn=role_arn(account_id, role) if role else "")
    assert stack["StackStatus"] == status
