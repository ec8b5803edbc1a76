"""What an administrator sees of `bootstrap target`: stacks in the right regions, whatever the shell's region is."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import __version__
from generator.naming import AUDIT_TRAIL_STACK, GLOBAL_EDGE_STACK, TARGET_STACK
from tests.delivery.commands import ANOTHER_REGION, refused, run, set_parameters
from tests.delivery.conftest import REGION, Account
from tests.delivery.small_release import PIPELINE, TARGET, TARGET_PARAMETERS, written

GIVEN = [f"{name}={value}" for name, value in TARGET_PARAMETERS.items()]


@pytest.fixture
def with_release(project: Path) -> Path:
    roots = {"pipeline.yaml": PIPELINE, "target_account.yaml": TARGET}
    (project / "templates_out").mkdir()
    written(project / f"templates_out/v{__version__}", roots)
    return project


def stacks(account: Account, region: str) -> list[str]:
    cloudformation = account.emulator.client("cloudformation", account.account_id, region)
    return [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]


def test_the_account_gets_what_pipeline_and_cloudfront_need(with_release: Path, account: Account) -> None:
    result = run(with_release, account, "bootstrap", "target", "--environment", "dev", *GIVEN)
    assert (result.returncode, result.stderr) == (0, "")
    assert {TARGET_STACK, AUDIT_TRAIL_STACK} <= set(stacks(account, REGION))
    assert stacks(account, "us-east-1") == [GLOBAL_EDGE_STACK]
    assert stacks(account, ANOTHER_REGION) == []
    named = account.client("ssm").get_parameter(Name="/web-platform/dev/edge/web-acl-arn")["Parameter"]["Value"]
    assert ":us-east-1:" in named
    assert result.stdout.splitlines()[-1] == "  make certificate ENVIRONMENT=dev"
    message = refused(run(with_release, account, "bootstrap", "target", "--environment", "staging", *GIVEN))
    assert f"account {account.account_id} was bootstrapped for dev, not for staging" in message


def test_without_firewall_and_domain_nothing_is_in_us_east_1(with_release: Path, account: Account) -> None:
    set_parameters(with_release, WebApplicationFirewall="false")
    assert run(with_release, account, "bootstrap", "target", "--environment", "dev", *GIVEN).returncode == 0
    assert stacks(account, "us-east-1") == []


def test_where_the_account_has_a_trail_none_is_made(with_release: Path, account: Account) -> None:
    given = [*GIVEN, "ManagementEventsTrail=false"]
    assert run(with_release, account, "bootstrap", "target", "--environment", "dev", *given).returncode == 0
    assert TARGET_STACK in stacks(account, REGION)
    assert AUDIT_TRAIL_STACK not in stacks(account, REGION)
