"""A schedule renews the certificate with the rights that the documentation names, and with none of them less."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from generator.delivery.certificate import Action, ensure_self_signed
from generator.delivery.environment_account import refuse_unprepared_account
from generator.errors import UserError
from generator.naming import TARGET_STACK
from tests.delivery.conftest import REGION, ROOT, Account
from tests.rehearsal.roles import account as anybody_of
from tests.rehearsal.roles import allow, make_role

NOW = datetime.now(UTC)
PARAMETER = "/web-platform/dev/certificate-arn"
NOT_ASKED_HERE = ("acm:AddTagsToCertificate", "ssm:AddTagsToResource")
"""What AWS asks for where something is made with tags, and the emulator does not."""
TABLE = "| action | on |\n|---|---|\n"
TOPIC = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"


def documented_rights() -> list[tuple[str, str]]:
    """The actions of the documentation's table, each with what it is allowed on, in words."""
    table = (ROOT / "docs/certificates.md").read_text(encoding="utf-8").partition(TABLE)[2].partition("\n\n")[0]
    rights = []
    for row in table.splitlines():
        actions, on = row.strip("| ").split(" | ")
        first, *others = re.findall(r"`([^`]+)`", actions)
        service = first.partition(":")[0]
        rights += [(name, on) for name in (first, *(f"{service}:{other}" for other in others))]
    return rights


def resources(account: Account, on: str) -> list[str]:
    own = f"{REGION}:{account.account_id}"
    return {
        "the region's certificates": [f"arn:aws:acm:{own}:certificate/*"],
        "`*`": ["*"],
        "`/web-platform/<environment>/certificate-arn`": [f"arn:aws:ssm:{own}:parameter{PARAMETER}"],
        "the stacks `web-platform-target` and `web-platform-pipeline`": [
            f"arn:aws:cloudformation:{own}:stack/web-platform-{name}/*" for name in ("target", "pipeline")
        ],
    }[on]


def renew_for_a_year(account: Account, *rights: tuple[str, str]) -> None:
    """Do all that a schedule ever does, as a role that has these rights and no others."""
    statements = [allow(action, resources(account, on)) for action, on in rights]
    role = make_role(account.client("iam"), "schedule", anybody_of(account.account_id), statements)
    clients = [
        account.emulator.client_of_role(service, role, account.account_id, REGION)
        for service in ("cloudformation", "acm", "ssm")
    ]
    cloudformation, acm, ssm = clients
    refuse_unprepared_account(cloudformation, "dev")

    def done(days: int) -> Action:
        return ensure_self_signed(acm, ssm, "dev", {"Environment": "dev"}, NOW + timedelta(days=days)).action

    account.client("ssm").put_parameter(Name=PARAMETER, Value="lost", Type="String", Overwrite=True)
    assert [done(0), done(7), done(350)] == [Action.IMPORTED, Action.KEPT, Action.RENEWED]
    account.client("ssm").delete_parameter(Name=PARAMETER)
    assert done(357) is Action.KEPT


@pytest.fixture
def bootstrapped(account: Account) -> Account:
    cloudformation = account.client("cloudformation")
    tags = [{"Key": "Environment", "Value": "dev"}]
    cloudformation.create_stack(StackName=TARGET_STACK, TemplateBody=TOPIC, Tags=tags)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=TARGET_STACK, WaiterConfig={"Delay": 1})
    return account


def test_the_documented_rights_suffice(bootstrapped: Account) -> None:
    renew_for_a_year(bootstrapped, *documented_rights())


@pytest.mark.parametrize(
    "missing",
    [right for right in documented_rights() if right[0] not in NOT_ASKED_HERE],
    ids=lambda right: str(right[0]),
)
def test_each_of_the_documented_rights_is_needed(bootstrapped: Account, missing: tuple[str, str]) -> None:
    rights = [right for right in documented_rights() if right != missing]
    with pytest.raises((ClientError, UserError), match=r"AccessDenied|not authorized"):
        renew_for_a_year(bootstrapped, *rights)
