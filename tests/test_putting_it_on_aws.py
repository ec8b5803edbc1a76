"""The way onto AWS as the documents tell it: each command is typed as it stands there or as the one before prints it.

The accounts are the emulator's, and those who type are their administrators.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from generator.rehearsal.emulator import Emulator
from tests.documented_commands import documented_line, matches, printed_as_shown, shown
from tests.working_copy import WorkingCopy

REGION = "eu-west-1"
TOOLS, DEV = "999999999999", "111111111111"
"""Dev's is the one that the document names."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    return WorkingCopy(tmp_path_factory.mktemp("administrator"))


def typed(copy: WorkingCopy, emulator: Emulator, account_id: str, line: str) -> list[str]:
    """Run a command as the administrator of an account; return the lines that it prints."""
    done = copy.run(line, AWS_ENDPOINT_URL=emulator.endpoint_url, AWS_ACCESS_KEY_ID=account_id)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout.splitlines()


def test_e18_each_command_prints_the_next_one(copy: WorkingCopy, emulator: Emulator) -> None:
    bootstrap_tools = documented_line(
        "make bootstrap-tools PARAMETERS='DevAccountId=111111111111 StagingAccountId=222222222222 "
        "ProdAccountId=333333333333 SourceRepository=my-team/my-shop NotificationEmail=team@example.com'"
    )
    printed = typed(copy, emulator, TOOLS, bootstrap_tools)
    said = documented_line(
        "make bootstrap-target ENVIRONMENT=dev PARAMETERS='ArtifactKeyArn=… TemplateBucketName=… "
        "ToolsAccountId=… ArtifactBucketName=…'"
    )
    [bootstrap_dev] = [line.strip() for line in printed if matches(said, line.strip())]

    printed = typed(copy, emulator, DEV, bootstrap_dev)
    certificate = documented_line("make certificate ENVIRONMENT=dev")
    assert certificate in [line.strip() for line in printed]
    printed = typed(copy, emulator, DEV, certificate)
    assert printed_as_shown(shown(certificate), "\n".join(printed))

    given = bootstrap_dev.partition("PARAMETERS='")[2].strip("'")
    with_regions = documented_line(
        "make bootstrap-target ENVIRONMENT=dev PARAMETERS='… RegionalTests=true "
        "AdditionalRegions=us-east-1,ap-southeast-2'",
        given,
    )
    typed(copy, emulator, DEV, with_regions)
    stacks = emulator.client("cloudformation", DEV, REGION).describe_stacks()["Stacks"]
    parameters = {(each["ParameterKey"], each["ParameterValue"]) for stack in stacks for each in stack["Parameters"]}
    assert {("RegionalTests", "true"), ("AdditionalRegions", "us-east-1,ap-southeast-2")} <= parameters


def test_e18_without_a_pipeline_a_release_and_its_source_go_to_a_bucket_by_hand(
    copy: WorkingCopy, emulator: Emulator
) -> None:
    s3 = emulator.client("s3", TOOLS, REGION)
    s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": REGION})
    push = documented_line(
        "git archive --output source.zip HEAD && aws s3 cp source.zip s3://<source bucket>/source.zip", "elsewhere"
    )
    typed(copy, emulator, TOOLS, push)
    typed(copy, emulator, TOOLS, documented_line("python -m generator publish --bucket <bucket there>", "elsewhere"))
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="elsewhere")["Contents"]]
    assert "source.zip" in keys
    assert [key for key in keys if key.endswith("/platform.yaml")]
