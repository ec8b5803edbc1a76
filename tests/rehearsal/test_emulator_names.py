"""Names that are too long are shortened as CloudFormation shortens them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_names import SUFFIX_CHARACTERS, shortened

ROOM = 64 - SUFFIX_CHARACTERS - 2
ROLE = """
Resources:
  HandlerServiceRoleFCDC14AE:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}
"""


@pytest.mark.parametrize(
    ("stack", "logical_id", "as_on_aws"),
    [
        (
            "BuildkitStack-BuildkitStackClusterNestedStack-1ABC",
            "HandlerServiceRoleFCDC14AE",
            ("BuildkitStack-BuildkitSta", "HandlerServiceRoleFCDC14"),
        ),
        ("EKSStack", "EKSClusterCreationRoleB865C9E8", ("EKSStack", "EKSClusterCreationRoleB865C9E8")),
    ],
)
def test_roles_seen_on_aws(stack: str, logical_id: str, as_on_aws: tuple[str, str]) -> None:
    """The names stand in https://github.com/aws/aws-cdk/issues/26979."""
    assert shortened(stack, logical_id, ROOM) == as_on_aws


@given(st.text("aB-", min_size=1, max_size=128), st.text("aB", min_size=1, max_size=255), st.integers(10, 113))
def test_what_is_kept_fits_and_wastes_nothing(stack: str, logical_id: str, room: int) -> None:
    kept_stack, kept_id = shortened(stack, logical_id, room)
    assert stack.startswith(kept_stack)
    assert logical_id.startswith(kept_id)
    assert len(kept_stack) + len(kept_id) == min(room, len(stack) + len(logical_id))
    assert len(kept_id) >= min(len(logical_id), room // 2)


def test_the_emulator_names_so() -> None:
    with Emulator() as emulator:
        cloudformation = emulator.client("cloudformation", "700000000001", "eu-west-1")
        stack = "BuildkitStack-BuildkitStackClusterNestedStack-1ABC"
        cloudformation.create_stack(StackName=stack, TemplateBody=ROLE, Capabilities=["CAPABILITY_IAM"])
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        [role] = emulator.client("iam", "700000000001", "eu-west-1").list_roles()["Roles"]
        assert role["RoleName"].startswith("BuildkitStack-BuildkitSta-HandlerServiceRoleFCDC14-")
        assert len(role["RoleName"]) == 64
