"""What an administrator sees of `certificate`: in words, in the right account, and nothing twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generator.naming import PIPELINE_STACK, TARGET_STACK
from tests.delivery.commands import refused, run, set_parameters
from tests.delivery.conftest import REGION, Account
from tests.documented_commands import documented, printed_as_shown, shown

STACK = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"


def bootstrapped(account: Account, stack_name: str = TARGET_STACK, environment: str = "dev") -> None:
    cloudformation = account.client("cloudformation")
    tags = [{"Key": "Environment", "Value": environment}]
    cloudformation.create_stack(StackName=stack_name, TemplateBody=STACK, Tags=tags)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_name, WaiterConfig={"Delay": 1})


def test_it_makes_a_certificate_in_the_environments_region_and_then_keeps_it(project: Path, account: Account) -> None:
    bootstrapped(account)
    first = run(project, account, *documented("make certificate ENVIRONMENT=dev"))
    assert (first.returncode, first.stderr) == (0, "")
    [arn] = [each["CertificateArn"] for each in account.client("acm").list_certificates()["CertificateSummaryList"]]
    assert re.search(rf"^dev: {arn}: imported, good until \d{{4}}-\d\d-\d\d$", first.stdout, re.MULTILINE)
    assert re.search(r"^SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$", first.stdout, re.MULTILINE)
    assert "/web-platform/dev/certificate-arn names it" in first.stdout
    assert printed_as_shown(shown("make certificate ENVIRONMENT=dev"), first.stdout)
    second = run(project, account, "certificate", "--environment", "dev")
    assert second.stdout.splitlines()[1] == first.stdout.splitlines()[1]
    assert f"dev: {arn}: kept, good until" in second.stdout
    renewed = run(project, account, "certificate", "--environment", "dev", "--renew-before", "364")
    assert f"dev: {arn}: kept" in renewed.stdout
    longer = run(project, account, "certificate", "--environment", "dev", "--days", "398", "--renew-before", "370")
    assert f"dev: {arn}: renewed" in longer.stdout
    assert "nothing needs a deployment" in longer.stdout


def test_with_a_domain_there_is_nothing_to_do(project: Path, account: Account) -> None:
    set_parameters(project, DomainName="shop.example.com", HostedZoneId="Z0123456789ABCDEFGHIJ")
    result = run(project, account, "certificate", "--environment", "dev")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "dev: nothing to do: ACM issues and renews the certificate of shop.example.com\n"
    assert account.client("acm").list_certificates()["CertificateSummaryList"] == []


def test_an_account_that_nobody_bootstrapped_is_refused(project: Path, account: Account) -> None:
    message = refused(run(project, account, "certificate", "--environment", "dev"))
    assert f"not bootstrapped in {REGION}" in message
    assert "make bootstrap-target ENVIRONMENT=dev" in message


def test_the_account_of_another_environment_is_refused(project: Path, account: Account) -> None:
    bootstrapped(account, environment="staging")
    message = refused(run(project, account, "certificate", "--environment", "dev"))
    assert f"account {account.account_id} was bootstrapped for staging, not for dev" in message
    assert account.client("acm").list_certificates()["CertificateSummaryList"] == []


def test_the_tools_account_is_refused(project: Path, account: Account) -> None:
    bootstrapped(account, PIPELINE_STACK, "tools")
    assert "is the tools account" in refused(run(project, account, "certificate", "--environment", "dev"))


def test_without_credentials_the_error_says_so(project: Path) -> None:
    message = refused(run(project, None, "certificate", "--environment", "dev"))
    assert "Unable to locate credentials; set AWS_PROFILE" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--environment", "qa"), "'qa' is no environment; allowed: dev, staging, prod"),
        (("--environment", "dev", "--days", "399"), "1 to 398 days, not 399"),
        (("--environment", "dev", "--days", "20"), "0 to 19 days before its end, not 60"),
    ],
)
def test_what_makes_no_sense_is_said_before_anybody_is_asked(
    project: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(run(project, None, "certificate", *arguments))
