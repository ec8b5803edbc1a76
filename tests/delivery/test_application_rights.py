"""The workflow that publishes does it with the rights of its role in the templates, and changes nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.delivery.application import destination, publish_application
from generator.delivery.application_archive import read
from generator.environment import load
from generator.naming import root_stack_name
from generator.release import folder_of
from generator.resolver import resolve
from tests.delivery.archives import packed
from tests.delivery.conftest import REGION, ROOT, Account
from tests.rehearsal.roles import account as anybody_of
from tests.rehearsal.roles import make_role

STACK = """
Resources: {{Topic: {{Type: 'AWS::SNS::Topic'}}}}
Outputs:
  ReleaseBucketName: {{Value: {releases}}}
  WebsiteBucketName: {{Value: {website}}}
  ApplicationUrl: {{Value: 'https://host/'}}
"""


@pytest.fixture
def buckets(account: Account) -> dict[str, str]:
    """The buckets that the role is about, those of dev's stack, and one that it is not about."""
    names = {name: f"{name}-{account.account_id}" for name in ("releases", "website", "other")}
    for name in names.values():
        account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    cloudformation, stack_name = account.client("cloudformation"), root_stack_name("dev")
    cloudformation.create_stack(StackName=stack_name, TemplateBody=STACK.format(**names))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_name, WaiterConfig={"Delay": 1})
    return names


@pytest.fixture
def publisher(account: Account, buckets: dict[str, str]) -> dict[str, Any]:
    """Clients of a role with the rights of the templates' PublisherRole."""
    parameters = {
        **load(ROOT / "params/dev.json").parameters(),
        "FederatedSubject": "repo:team/shop:ref:refs/heads/main",
        "TemplateBucketName": "the-templates",
        "TemplateKeyPrefix": "web-platform/v0.0.0-000000000000/",
        "WebServerImageId": "ami-0123456789abcdef0",
    }
    known = {"⟨Storage/ReleaseBucket⟩": buckets["releases"], "⟨Edge/WebsiteBucket⟩": buckets["website"]}
    release = folder_of(ROOT / "templates_out")
    resolved = resolve(release, "platform", parameters, account.account_id, REGION, known)
    policies = resolved.resources["Access/PublisherRole"].properties["Policies"]
    statements = itertools.chain.from_iterable(policy["PolicyDocument"]["Statement"] for policy in policies)
    role = make_role(account.client("iam"), "publisher", anybody_of(account.account_id), list(statements))
    emulator = account.emulator
    return {s: emulator.client_of_role(s, role, account.account_id, REGION) for s in ("cloudformation", "s3")}


def test_it_publishes_an_application_twice(
    account: Account, publisher: dict[str, Any], buckets: dict[str, str], tmp_path: Path
) -> None:
    to = destination(publisher["cloudformation"], "dev")
    assert (to.release_bucket, to.website_bucket) == (buckets["releases"], buckets["website"])
    archive = read(packed(tmp_path / "application.tar.gz"))
    first = publish_application(publisher["s3"], archive, to.release_bucket, to.website_bucket, to.application_url)
    assert len(first.uploaded) == 3
    again = publish_application(publisher["s3"], archive, to.release_bucket, to.website_bucket, to.application_url)
    assert again.uploaded == ()


def test_it_deletes_nothing_and_writes_nowhere_else(
    account: Account, publisher: dict[str, Any], buckets: dict[str, str], tmp_path: Path
) -> None:
    archive = read(packed(tmp_path / "a.tar.gz"))
    publish_application(account.client("s3"), archive, buckets["releases"], buckets["website"])
    s3 = publisher["s3"]
    for attempt in (
        lambda: s3.delete_object(Bucket=buckets["website"], Key="index.html"),
        lambda: s3.put_object(Bucket=buckets["other"], Key="index.html", Body=b""),
        lambda: s3.put_object(Bucket=buckets["releases"], Key="index.html", Body=b""),
        lambda: publisher["cloudformation"].describe_stacks(StackName="web-platform-target"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
