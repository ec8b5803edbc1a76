"""Roles that tests make in the emulator: who may assume them, and what they may do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]

Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | Sequence[str], resources: str | Sequence[str] = "*", **condition: Any) -> Statement:
    """Return a statement; `condition` is by operator, as in `StringEquals={"iam:PassedToService": "..."}`."""
    where = {"Condition": condition} if condition else {}
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **where}


def service(name: str) -> dict[str, str]:
    return {"Service": f"{name}.amazonaws.com"}


def account(account_id: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account_id}:root"}


def make_role(iam: Any, name: str, trusted: dict[str, str], statements: Sequence[Statement], boundary: str = "") -> str:
    """Make a role, or change the one of that name; return its ARN."""
    trust = document({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
    try:
        bounded = {"PermissionsBoundary": boundary} if boundary else {}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **bounded)["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="All", PolicyDocument=document(*statements))
    return str(arn)
