"""What the tools account keeps: it outlives the pipeline, opens to the right roles, and every use of it is logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.delivery.bootstrap import bootstrap_tools
from generator.naming import PIPELINE_STACK, TOOLS_STACK, account_parameter, pascal_case
from generator.rehearsal.emulator import Emulator
from generator.rendering import render
from generator.roots import tools_account
from tests import claims, pipeline_claims
from tests.intrinsics import Templates, of_type
from tests.pipeline_claims import ACCOUNTS, SOURCES, stores_with

ACCOUNT, REGION = "420000000001", "eu-west-1"
STORES = {"ArtifactBucket", "SourceBucket", "TemplateBucket"}
OUTPUTS = [pascal_case(name) for name in tools_account.Outputs.__dataclass_fields__]

Claim = Callable[[Templates], None]


@pytest.mark.parametrize(
    "claim",
    [
        pipeline_claims.check_the_tools_account_opens_to_the_environments_roles_alone,
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
        pipeline_claims.check_pipeline_and_environments_get_what_the_tools_account_keeps,
        pipeline_claims.check_every_use_of_the_stores_is_logged,
        claims.check_keys_rotate,
        claims.check_key_administrators_cannot_decrypt,
        claims.check_grants_on_keys_are_for_aws_alone,
    ],
    ids=lambda claim: claim.__name__,
)
def test_d9_d10_tools_account_keeps_its_own(templates: Templates, claim: Claim) -> None:
    claim(templates)


def test_d6_what_is_kept_stands_apart_from_what_runs(templates: Templates) -> None:
    """The pipeline is deleted and made again without touching a release."""
    assert not {title for title in templates["pipeline"]["Resources"] if title in {"ArtifactKey", *STORES}}
    kinds = {resource["Type"] for resource in templates["tools_account"]["Resources"].values()}
    assert kinds == {
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::ECR::Repository",
    }


def test_d7_what_a_rollback_needs_is_kept_at_least_as_long_as_a_year(templates: Templates) -> None:
    """It brings back artifacts and the templates that they point to; those have no date of their own."""
    assert expirations(templates, "ArtifactBucket") == [365]
    assert expirations(templates, "TemplateBucket") == []
    assert expirations(templates, "SourceBucket") == []


def test_d13_old_versions_unfinished_uploads_and_access_logs_do_not_pile_up(templates: Templates) -> None:
    for title in (*STORES, "AccessLogBucket"):
        first = rules(templates, title)[0]
        assert first["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30, title
        assert first["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7, title
    assert expirations(templates, "AccessLogBucket") == [90]


@pytest.mark.parametrize("source", SOURCES, ids=["repository", "bucket"])
def test_d14_a_source_bucket_is_there_where_no_repository_is(templates: Templates, source: str) -> None:
    resources = stores_with(templates, source)
    assert {title for title in resources if title.startswith("Source")} == (
        set() if source else {"SourceBucket", "SourceBucketPolicy"}
    )


def test_outputs_are_declared(templates: Templates) -> None:
    assert list(templates["tools_account"]["Outputs"]) == OUTPUTS


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


def test_d6_releases_are_there_after_the_pipeline_is_deleted_and_made_again(emulator: Emulator, tmp_path: Path) -> None:
    for name, text in render().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    cloudformation, s3 = (emulator.client(service, ACCOUNT, REGION) for service in ("cloudformation", "s3"))
    parameters = {account_parameter(name): number for name, number in ACCOUNTS.items()}
    before = bootstrap_tools(cloudformation, tmp_path, parameters, lambda event: None)
    bucket = before.outputs["TemplateBucketName"]
    assert bucket.startswith(f"{TOOLS_STACK}-")
    s3.put_object(Bucket=bucket, Key="web-platform/v1/platform.yaml", Body=b"kept")
    cloudformation.update_termination_protection(StackName=PIPELINE_STACK, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=PIPELINE_STACK)
    left = {stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]}
    assert TOOLS_STACK in left
    assert PIPELINE_STACK not in left
    after = bootstrap_tools(cloudformation, tmp_path, parameters, lambda event: None)
    assert after.outputs.items() >= {name: before.outputs[name] for name in OUTPUTS}.items()
    assert s3.get_object(Bucket=bucket, Key="web-platform/v1/platform.yaml")["Body"].read() == b"kept"


def rules(templates: Templates, title: str) -> list[dict[str, Any]]:
    buckets = of_type(templates["tools_account"], "AWS::S3::Bucket")
    found: list[dict[str, Any]] = buckets[title]["Properties"]["LifecycleConfiguration"]["Rules"]
    return found


def expirations(templates: Templates, title: str) -> list[int]:
    return [rule["ExpirationInDays"] for rule in rules(templates, title) if "ExpirationInDays" in rule]
