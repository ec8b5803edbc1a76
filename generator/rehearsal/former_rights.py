"""Releases of earlier times, from before there were permissions boundaries: what they need to be deployed once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from generator.naming import CLOUDFORMATION_ROLE
from generator.rehearsal.accounts import Accounts

ALL_RIGHTS = "arn:aws:iam::aws:policy/AdministratorAccess"


@contextmanager
def all_rights(accounts: Accounts, names: Sequence[str]) -> Iterator[None]:
    """Let CloudFormation's roles work with all rights in environments' accounts for the time of a `with` block.

    The deployment's policies make no role without a boundary, and take none away. A release that knows no boundaries
    can neither be deployed with them, nor come back when an upgrade from it is undone.
    """
    bounded = {name: _unbound(accounts, name) for name in names}
    try:
        yield
    finally:
        for name, boundary in bounded.items():
            iam = accounts.client("iam", name)
            iam.detach_role_policy(RoleName=CLOUDFORMATION_ROLE, PolicyArn=ALL_RIGHTS)
            if boundary:
                iam.put_role_permissions_boundary(RoleName=CLOUDFORMATION_ROLE, PermissionsBoundary=boundary)


def _unbound(accounts: Accounts, name: str) -> str:
    """Give the role of CloudFormation all rights in an environment's account; return the boundary that it had."""
    iam = accounts.client("iam", name)
    role = iam.get_role(RoleName=CLOUDFORMATION_ROLE)["Role"]
    boundary = str(role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))
    if boundary:
        iam.delete_role_permissions_boundary(RoleName=CLOUDFORMATION_ROLE)
    iam.attach_role_policy(RoleName=CLOUDFORMATION_ROLE, PolicyArn=ALL_RIGHTS)
    return boundary
