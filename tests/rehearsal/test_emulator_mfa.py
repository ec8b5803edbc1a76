"""A role that asks for MFA is taken with the code of an own device in the emulator, and not without (D9)."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import DEVELOPMENT, REGION, Account

from generator.rehearsal import emulator_mfa
from generator.rehearsal.approver import approver
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_authorization import EVALUATOR
from generator.rehearsal.emulator_mfa import MFA, STS
from tests.rehearsal.guarded_patches import assert_notices_another_function, patches_of
from tests.rehearsal.roles import EVERYTHING, account, allow, document, make_role

WITHIN_THE_HOUR = {
    "Bool": {"aws:MultiFactorAuthPresent": "true"},
    "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
}
CODE = "123456"


@pytest.fixture(scope="module")
def role(development: Account) -> str:
    """A role for who has shown a device within the hour."""
    iam = development.client("iam")
    arn = make_role(iam, "mfa-role", account(DEVELOPMENT), EVERYTHING)
    trust = {"Effect": "Allow", "Principal": account(DEVELOPMENT), "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName="mfa-role", PolicyDocument=document({**trust, "Condition": WITHIN_THE_HOUR}))
    return arn


@pytest.fixture(scope="module")
def alice(emulator: Emulator, development: Account) -> Any:
    """STS for somebody with two devices, of which one is enabled; bob's stands beside them."""
    iam = development.client("iam")
    for user in ("alice", "bob"):
        iam.create_user(UserName=user)
    iam.put_user_policy(UserName="alice", PolicyName="All", PolicyDocument=document(allow("sts:AssumeRole")))
    for device, user in (("alice", "alice"), ("alice-new", ""), ("bob", "bob")):
        serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]["SerialNumber"]
        if user:
            codes = {"AuthenticationCode1": CODE, "AuthenticationCode2": CODE}
            iam.enable_mfa_device(UserName=user, SerialNumber=serial, **codes)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return emulator.client_of_session("sts", {**key, "SessionToken": None}, REGION)


def device(name: str) -> str:
    return f"arn:aws:iam::{DEVELOPMENT}:mfa/{name}"


def test_who_shows_an_own_device_takes_the_role(alice: Any, role: str) -> None:
    taken = alice.assume_role(RoleArn=role, RoleSessionName="trial", SerialNumber=device("alice"), TokenCode=CODE)
    assert taken["AssumedRoleUser"]["Arn"].endswith("assumed-role/mfa-role/trial")


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"SerialNumber": device("alice")},
        {"SerialNumber": device("alice"), "TokenCode": "no-num"},
        {"SerialNumber": device("alice-new"), "TokenCode": CODE},
        {"SerialNumber": device("bob"), "TokenCode": CODE},
        {"SerialNumber": device("nobody"), "TokenCode": CODE},
    ],
    ids=["no device", "no code", "no digits", "not enabled", "somebody else's", "none"],
)
def test_who_shows_none_does_not(alice: Any, role: str, shown: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        alice.assume_role(RoleArn=role, RoleSessionName="trial", **shown)


def test_an_administrator_shows_none_either(emulator: Emulator, role: str) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        emulator.client_of_role("sts", role, DEVELOPMENT, REGION)


def test_a_device_of_a_moment_ago_is_not_shown_again(alice: Any, role: str) -> None:
    alice.assume_role(RoleArn=role, RoleSessionName="trial", SerialNumber=device("alice"), TokenCode=CODE)
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        alice.assume_role(RoleArn=role, RoleSessionName="trial")


def test_the_rehearsals_approver_is_somebody_with_a_device(emulator: Emulator, role: str) -> None:
    who = approver(emulator, role, REGION).client("sts").get_caller_identity()["Arn"]
    assert f":{DEVELOPMENT}:assumed-role/mfa-role/approver-" in who


@pytest.mark.parametrize(
    ("module", "name"), [(STS, "handle_request"), (EVALUATOR, "evaluate_trust_policy")], ids=["request", "trust"]
)
def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    assert_notices_another_function(monkeypatch, emulator_mfa.devices_of_people, module, name)


def test_every_patch_is_applied_and_guarded() -> None:
    assert set(MFA) == {emulator_mfa.devices_of_people} == patches_of([emulator_mfa])
