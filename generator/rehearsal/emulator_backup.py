"""AWS Backup in the emulator: locks, policies and notifications of vaults, and whole numbers in plans.

ministack 1.5.33 keeps vaults, plans and selections, and drops the rest of what templates say of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError, typed
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_guards import PROVISIONERS, Response, apply_settings, handler_of, replace_function
from generator.rehearsal.emulator_handlers import Properties, picked

BACKUP, VAULT = "ministack.services.backup", "AWS::Backup::BackupVault"
SECONDS_OF_A_DAY = 86_400

_POLICY, _NOTIFICATIONS = "AccessPolicy", "Notifications"


def vault_settings() -> None:
    """A vault is locked, tells a topic and lets in whom its template says.

    A lock with days of grace is for good once they are over; one without can be taken away by whoever has the right.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
    """
    vaults = import_module(BACKUP)._vaults

    def set_up(name: str, old: Properties, new: Properties) -> None:
        vault = vaults[name]
        lock = new.get("LockConfiguration") or {}
        for_good = "LockDate" in vault and vault["LockDate"] < now()
        if for_good and lock != old.get("LockConfiguration"):
            raise ApiError(f"{VAULT} {name}: the vault is locked for good (Service: Backup, Status Code: 400)")
        days = {key: int(value) for key, value in picked(lock, "MinRetentionDays", "MaxRetentionDays").items()}
        for key in ("MinRetentionDays", "MaxRetentionDays", "LockDate"):
            vault.pop(key, None)
        vault |= {"Locked": bool(lock), **days}
        if "ChangeableForDays" in lock:
            vault["LockDate"] = int(now() + int(lock["ChangeableForDays"]) * SECONDS_OF_A_DAY)
        vault |= {_POLICY: new.get("AccessPolicy"), _NOTIFICATIONS: new.get("Notifications")}

    apply_settings(handler_of(VAULT), set_up)
    replace_function(BACKUP, "_describe_vault", ("name",), _without_attachments)
    replace_function(BACKUP, "_get_vault_access_policy", ("vault_name",), _policy)
    replace_function(BACKUP, "_get_vault_notifications", ("vault_name",), _notifications)


def _without_attachments(original: Any) -> Any:
    def describe(name: str) -> Response:
        status, headers, body = original(name)
        shown = {key: value for key, value in json.loads(body).items() if key not in (_POLICY, _NOTIFICATIONS)}
        return status, headers, json.dumps(shown).encode()

    return describe


def _policy(original: Any) -> Any:
    def get(vault_name: str) -> Response:
        vault = import_module(BACKUP)._vaults.get(vault_name) or {}
        if not vault.get(_POLICY):
            refused: Response = original(vault_name)
            return refused
        policy = vault[_POLICY] if isinstance(vault[_POLICY], str) else json.dumps(vault[_POLICY])
        answer: Response = import_module(BACKUP)._ok(_names(vault) | {"Policy": policy})
        return answer

    return get


def _notifications(original: Any) -> Any:
    def get(vault_name: str) -> Response:
        vault = import_module(BACKUP)._vaults.get(vault_name) or {}
        if not vault.get(_NOTIFICATIONS):
            refused: Response = original(vault_name)
            return refused
        answer: Response = import_module(BACKUP)._ok(_names(vault) | vault[_NOTIFICATIONS])
        return answer

    return get


def _names(vault: Properties) -> Properties:
    return picked(vault, "BackupVaultName", "BackupVaultArn")


def plan_numbers() -> None:
    """The days and minutes of a plan are numbers, also where the template's parameters are text."""

    def body(original: Any) -> Any:
        def of(props: Properties) -> Properties:
            found: Properties = original(props)
            return found | {"BackupPlan": typed("backup", "CreateBackupPlan", "BackupPlan", found["BackupPlan"])}

        return of

    replace_function(PROVISIONERS, "_backup_plan_body", ("props",), body)


BACKUPS: tuple[Callable[[], None], ...] = (vault_settings, plan_numbers)
