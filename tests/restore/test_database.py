"""What a restore of the database refuses before it does anything. That it works is a drill's to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.errors import UserError
from generator.restore.database import restore_database

Client = Callable[[str], Any]
RESOURCE_ID = "db-ABCDEFGHIJKL"
POLICY = f'arn:aws:rds-db:::dbuser:{RESOURCE_ID}/x" "arn:aws:secretsmanager:::secret:rds!db-1'
TEMPLATE = {"Resources": {"Database": {"Properties": {"MaxAllocatedStorage": 1300}}}}


class NotFoundError(Exception):
    pass


class Account:
    """An account with the stacks of an environment, whose database is gone; what it is asked to change is kept."""

    def __init__(self, backups: list[dict[str, Any]], policy: str = POLICY) -> None:
        self._backups = backups
        self._policy = policy
        self.asked_for: list[dict[str, Any]] = []
        self.exceptions = type("Exceptions", (), {"DBInstanceNotFoundFault": NotFoundError})

    def __call__(self, service: str) -> Any:
        return self

    def describe_stack_resource(self, **_: Any) -> dict[str, Any]:
        return {"StackResourceDetail": {"PhysicalResourceId": "child"}}

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        parameters = [{"ParameterKey": "WebServerRoleName", "ParameterValue": "role"}]
        return {"Stacks": [{"Parameters": parameters}]}

    def describe_stack_resources(self, **_: Any) -> dict[str, Any]:
        found = {"LogicalResourceId": "Database", "PhysicalResourceId": "web-platform-dev-database"}
        return {"StackResources": [found]}

    def get_template(self, **_: Any) -> dict[str, Any]:
        return {"TemplateBody": json.dumps(TEMPLATE)}

    def get_role_policy(self, **_: Any) -> dict[str, Any]:
        return {"PolicyDocument": {"Statement": [{"Resource": self._policy.split('" "')}]}}

    def describe_db_instances(self, **_: Any) -> dict[str, Any]:
        raise NotFoundError

    def describe_db_instance_automated_backups(self, **wanted: Any) -> dict[str, Any]:
        self.asked_for.append(wanted)
        return {"DBInstanceAutomatedBackups": self._backups}


def refusal(account: Account, until: datetime | None = None) -> str:
    with pytest.raises(UserError) as refused:
        restore_database(account, "dev", until, lambda _: None)
    return str(refused.value)


def test_backups_of_the_instance_that_the_policy_names_are_asked_for() -> None:
    account = Account([])
    said = (
        f"web-platform-dev-database ({RESOURCE_ID}): there are no automated backups: there is nothing to restore from"
    )
    assert refusal(account) == said
    assert account.asked_for == [{"DbiResourceId": RESOURCE_ID}]


def test_backups_that_cannot_be_restored_yet_are_none() -> None:
    assert "there are no automated backups" in refusal(Account([{"RestoreWindow": {}}, {}]))


def test_a_moment_that_is_too_late_is_refused() -> None:
    latest = datetime.now(UTC)
    account = Account([{"DbiResourceId": RESOURCE_ID, "RestoreWindow": {"LatestTime": latest}}])
    wanted = latest + timedelta(seconds=1)
    said = refusal(account, wanted)
    assert said == f"web-platform-dev-database: can be restored until {latest} so far, not to {wanted}"


def test_a_policy_that_names_no_database_is_refused() -> None:
    assert "UseDatabase of role names no database: deploy the environment first" in refusal(Account([], policy="*"))


def test_an_environment_that_is_not_deployed_is_an_error_in_words(client: Client) -> None:
    with pytest.raises(UserError, match=r"restoring the database of dev: .*web-platform-dev"):
        restore_database(client, "dev", None, lambda _: None)
