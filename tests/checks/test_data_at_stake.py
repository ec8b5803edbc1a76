"""What an upgrade does to backups and their copies: weakening them is a danger, strengthening them is none."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from generator.checks.data_at_stake import is_made_up, is_stateful, weakened_safeguards
from generator.checks.property_differences import differences
from tests.intrinsics import Templates, resolved
from tests.recovery_claims import EVERYTHING

PLAN, VAULT, BUCKET = "AWS::Backup::BackupPlan", "AWS::Backup::BackupVault", "AWS::S3::Bucket"


def properties(templates: Templates, stack: str, title: str, **settings: str) -> dict[str, Any]:
    found: dict[str, Any] = resolved(templates[stack], **EVERYTHING | settings)[title]["Properties"]
    return found


def weakened(type_name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return weakened_safeguards(type_name, differences(before, after))


@pytest.mark.parametrize(
    ("before", "after", "meaning"),
    [
        ({"RecoveryRegion": "eu-central-1"}, {"RecoveryRegion": ""}, "nowhere"),
        ({"RecoveryRegion": "eu-central-1"}, {"RecoveryRegion": "eu-north-1"}, "elsewhere"),
    ],
)
def test_fewer_backups_are_a_danger_and_more_are_none(
    templates: Templates, before: dict[str, str], after: dict[str, str], meaning: str
) -> None:
    old, new = (properties(templates, "recovery", "BackupPlan", **each) for each in (before, after))
    assert any(meaning in reason for reason in weakened(PLAN, old, new))
    if after["RecoveryRegion"] == "":
        assert weakened(PLAN, new, old) == []


@pytest.mark.parametrize(
    ("before", "after", "meaning"),
    [
        ("governance", "none", "deleted sooner"),
        ("compliance", "none", "can be lifted"),
        ("compliance", "governance", "can be lifted"),
    ],
)
def test_a_weaker_lock_is_a_danger_and_a_stronger_one_is_none(
    templates: Templates, before: str, after: str, meaning: str
) -> None:
    old, new = (properties(templates, "recovery", "BackupVault", BackupVaultLock=each) for each in (before, after))
    assert any(meaning in reason for reason in weakened(VAULT, old, new))
    assert weakened(VAULT, new, old) == []


def test_whoever_lets_others_delete_backups_is_told(templates: Templates) -> None:
    vault = properties(templates, "recovery", "BackupVault")
    opened = deepcopy(vault)
    opened["AccessPolicy"]["Statement"][0]["Action"].remove("backup:DeleteRecoveryPoint")
    assert weakened(VAULT, vault, opened)
    without = {key: value for key, value in vault.items() if key != "AccessPolicy"}
    assert weakened(VAULT, vault, without)


def test_a_bucket_that_is_replicated_no_more_is_told(templates: Templates) -> None:
    settings = dict.fromkeys(templates["storage"]["Parameters"], "x")
    old, new = (
        properties(templates, "storage", "ReleaseBucket", **settings | {"RecoveryRegion": region})
        for region in ("eu-central-1", "")
    )
    assert any("second region" in reason for reason in weakened(BUCKET, old, new))
    assert weakened(BUCKET, new, old) == []


def test_backups_that_are_kept_for_less_long_are_a_danger(templates: Templates) -> None:
    plan = properties(templates, "recovery", "LongTermPlan")
    sooner = deepcopy(plan)
    sooner["BackupPlan"]["BackupPlanRule"][0]["Lifecycle"]["DeleteAfterDays"] = 14
    assert any("shorter time" in reason for reason in weakened(PLAN, plan, sooner))
    assert weakened(PLAN, sooner, plan) == []
    fewer = deepcopy(plan)
    del fewer["BackupPlan"]["BackupPlanRule"][1]
    assert any("not taken" in reason for reason in weakened(PLAN, plan, fewer))


def test_a_plan_and_a_vault_are_not_removed_unnoticed() -> None:
    assert is_stateful(PLAN, {})
    assert is_stateful(VAULT, {})


@pytest.mark.parametrize(
    ("properties", "policy", "worthless"),
    [
        ({"GenerateSecretString": {"PasswordLength": 48}}, "Delete", True),
        ({"GenerateSecretString": {"PasswordLength": 48}}, "Retain", False),
        ({"SecretString": "told-by-somebody"}, "Delete", False),
    ],
)
def test_only_a_secret_that_is_made_up_and_given_away_is_no_loss(
    properties: dict[str, Any], policy: str, worthless: bool
) -> None:
    attributes = {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}
    assert is_made_up("AWS::SecretsManager::Secret", properties, attributes) == worthless
    assert not is_made_up("AWS::RDS::DBInstance", properties, attributes)
