"""What a user sees of `publish-application`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.delivery.archives import GOOD, Member, packed
from tests.delivery.commands import refused, run, set_parameters
from tests.delivery.conftest import REGION, Account
from tests.documented_commands import documented

SITE_SETTINGS = Member("public/site.json", b'{"application": ""}')
URL = "https://balancer.eu-west-1.elb.amazonaws.com/"


@pytest.fixture
def deployed(account: Account) -> Account:
    """An account with a stack that has the outputs of an environment's, and the buckets that they name."""
    buckets = {"ReleaseBucketName": "r", "WebsiteBucketName": "w"}
    named = {output: f"{short}-{account.account_id}" for output, short in buckets.items()}
    for name in named.values():
        account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    outputs = {name: {"Value": value} for name, value in {**named, "ApplicationUrl": URL}.items()}
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs})
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="web-platform-dev", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="web-platform-dev", WaiterConfig={"Delay": 1})
    return account


def site_settings(account: Account) -> str:
    found = account.client("s3").get_object(Bucket=f"w-{account.account_id}", Key="site.json")
    return str(json.load(found["Body"])["application"])


def test_it_uploads_once_and_says_what_to_set(project: Path, deployed: Account) -> None:
    packed(project / "shop.tar.gz", [*GOOD, SITE_SETTINGS])
    command = documented("make publish-application ENVIRONMENT=dev ARCHIVE=shop.tar.gz")
    first = run(project, deployed, *command)
    assert (first.returncode, first.stderr) == (0, "")
    [archive] = deployed.client("s3").list_objects_v2(Bucket=f"r-{deployed.account_id}")["Contents"]
    assert first.stdout.splitlines()[0] == f"uploaded  s3://r-{deployed.account_id}/{archive['Key']}"
    assert first.stdout.splitlines()[-1] == f'  "ApplicationArchiveKey": "{archive["Key"]}"'
    assert site_settings(deployed) == URL, "the pages have to go to the load balancer"
    second = run(project, deployed, *command)
    assert second.stdout.splitlines()[0] == "0 objects uploaded, 4 unchanged"


def test_without_an_archive_it_takes_the_one_that_make_has_built(project: Path, deployed: Account) -> None:
    (project / ".cache").mkdir()
    packed(project / ".cache/application.tar.gz", [*GOOD, SITE_SETTINGS])
    first = run(project, deployed, *documented("make publish-application ENVIRONMENT=dev"))
    assert "ApplicationArchiveKey" in first.stdout, first.stderr
    second = run(project, deployed, *documented("python -m generator publish-application --environment dev"))
    assert second.stdout.splitlines()[0] == "0 objects uploaded, 4 unchanged"


def test_with_a_domain_the_application_is_where_the_pages_are(project: Path, deployed: Account) -> None:
    set_parameters(project, DomainName="shop.example.com", HostedZoneId="Z0123456789ABCDEFGHIJ")
    packed(project / "shop.tar.gz", [*GOOD, SITE_SETTINGS])
    assert run(project, deployed, "publish-application", "-e", "dev", "--archive", "shop.tar.gz").returncode == 0
    assert site_settings(deployed) == ""


def test_an_archive_that_is_not_there_is_named(project: Path, deployed: Account) -> None:
    message = refused(run(project, deployed, "publish-application", "--environment", "dev"))
    assert "error: .cache/application.tar.gz: cannot be read" in message


def test_a_broken_archive_is_named_and_nothing_is_uploaded(project: Path, deployed: Account) -> None:
    packed(project / "shop.tar.gz", GOOD[1:])
    message = refused(run(project, deployed, "publish-application", "-e", "dev", "--archive", "shop.tar.gz"))
    assert "error: shop.tar.gz: start is missing" in message
    found = [deployed.client("s3").list_objects_v2(Bucket=f"{name}-{deployed.account_id}") for name in ("r", "w")]
    assert [each["KeyCount"] for each in found] == [0, 0]


def test_a_file_that_is_no_archive_is_named_before_aws_is_asked(project: Path) -> None:
    (project / "README.md").write_text("# Shop\n")
    message = refused(run(project, None, "publish-application", "-e", "dev", "--archive", "README.md"))
    assert "error: README.md: is no .tar.gz archive, or not all of it" in message


def test_an_environment_that_is_not_deployed_is_named(project: Path, account: Account) -> None:
    packed(project / "shop.tar.gz")
    message = refused(run(project, account, "publish-application", "-e", "dev", "--archive", "shop.tar.gz"))
    assert f"no stack web-platform-dev in this account in {REGION}" in message


def test_without_credentials_the_error_says_so(project: Path) -> None:
    packed(project / "shop.tar.gz")
    message = refused(run(project, None, "publish-application", "-e", "dev", "--archive", "shop.tar.gz"))
    assert "Unable to locate credentials; set AWS_PROFILE or the like (docs/command-line.md)" in message
