"""D10, E16: what is backed up, for how long, where to, and that it restores; that alarms tell where it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from generator import office_hours
from generator.parameter_types import VaultLock
from tests import recovery_claims as claims
from tests.intrinsics import Templates, of_type, resolved

Claim = Callable[[Templates], None]

UTC_OFFSETS = range(office_hours.FIRST_UTC_OFFSET, office_hours.LAST_UTC_OFFSET + 1)
"""Hours before or after UTC in which office hours work: New York in winter to Dubai."""

SUNDAY = datetime(2026, 11, 22)
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@pytest.mark.parametrize(
    "claim",
    [
        claims.check_every_store_is_backed_up,
        claims.check_plans_take_what_is_tagged,
        claims.check_backups_are_kept_as_long_as_was_asked_for,
        claims.check_every_backup_is_copied_to_the_second_region,
        claims.check_backups_cannot_be_ended_before_their_time,
        claims.check_vaults_are_encrypted_with_a_key_of_their_own,
        claims.check_lock_lets_the_plan_work,
        claims.check_a_backup_of_every_kind_of_store_is_restored,
        claims.check_a_restored_database_is_as_private_as_the_one_in_use,
        claims.check_buckets_are_replicated_whole_and_encrypted,
    ],
    ids=lambda claim: claim.__name__,
)
def test_d10_backups_are_what_they_promise(templates: Templates, claim: Claim) -> None:
    claim(templates)


def test_every_kind_of_lock_is_known_to_the_vault(templates: Templates) -> None:
    for lock in VaultLock.allowed_values:
        vault = resolved(templates["recovery"], **claims.EVERYTHING | {"BackupVaultLock": lock})["BackupVault"]
        assert ("LockConfiguration" in vault["Properties"]) == (lock != "none")


def test_vaults_of_two_stacks_have_two_names(templates: Templates) -> None:
    """A vault outlives its stack: an environment that is made again would find its name taken."""
    name = templates["recovery"]["Resources"]["BackupVault"]["Properties"]["BackupVaultName"]["Fn::Sub"]
    assert "AWS::StackId" in str(name[1])


def test_stores_keep_their_own_continuous_backups(templates: Templates) -> None:
    """A continuous rule would make AWS Backup change the retention and window that the database's template sets."""
    for rule in claims.rules(templates, claims.EVERYTHING):
        assert "EnableContinuousBackup" not in rule


@pytest.mark.parametrize("settings", [claims.EVERYTHING, claims.IN_OFFICE_HOURS], ids=["always", "office hours"])
def test_backups_start_clear_of_the_databases_own_windows(templates: Templates, settings: dict[str, str]) -> None:
    """RDS lets nothing else back up during its backup, nor from an hour before its maintenance on."""
    resources = resolved(templates["database"], **settings | {"DatabaseReadReplica": "false"})
    database = resources["Database"]["Properties"]
    backup = _every_day(database["PreferredBackupWindow"])
    start, end = _window(database["PreferredMaintenanceWindow"])
    blocked = [*backup, (start - timedelta(hours=1), end)]
    for rule in claims.rules(templates, settings | {"LongTermBackups": "true"}):
        zone = rule["ScheduleExpressionTimezone"]
        for offset in UTC_OFFSETS if zone != "UTC" else (0,):
            for begins in _starts(rule["ScheduleExpression"], offset):
                until = begins + timedelta(minutes=rule["StartWindowMinutes"])
                clash = [b for b in blocked for week in (-7, 0, 7) if _overlap(begins, until, b, week)]
                assert not clash, (rule["RuleName"], offset, begins)


def test_a_stopped_database_is_not_to_be_backed_up(templates: Templates) -> None:
    for rule in claims.rules(templates, claims.IN_OFFICE_HOURS | {"LongTermBackups": "true"}):
        assert rule["ScheduleExpressionTimezone"] == "Europe/Amsterdam"
        for begins in _starts(rule["ScheduleExpression"], 0):
            assert DAYS[(begins - SUNDAY).days % 7] not in ("SAT", "SUN")
            assert begins.hour >= office_hours.OPENS
            assert begins + timedelta(minutes=rule["StartWindowMinutes"]) <= begins.replace(
                hour=office_hours.CLOSES, minute=0
            )


@pytest.mark.parametrize("offset", UTC_OFFSETS)
def test_the_databases_windows_are_in_office_hours(offset: int) -> None:
    windows = [
        *_every_day(office_hours.DATABASE_BACKUP_WINDOW),
        _window(office_hours.DATABASE_MAINTENANCE_WINDOW),
    ]
    for window in windows:
        start, end = (moment + timedelta(hours=offset) for moment in window)
        assert start.hour >= office_hours.OPENS, start
        assert end <= start.replace(hour=office_hours.CLOSES, minute=0), end


def test_d12_what_goes_wrong_is_told(templates: Templates) -> None:
    alarms = of_type(templates["recovery"], "AWS::CloudWatch::Alarm")
    always = {"BackupJobFailed", "BackupsMissing"}
    assert alarms.keys() == always | {"BackupCopyFailed", "RestoreTestFailed", "ReplicationFailed"}
    for title, alarm in alarms.items():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "OperationsTopicArn"}], title
    there = {name for name in resolved(templates["recovery"], **claims.NOTHING) if name in alarms}
    assert there == always
    there = {name for name in resolved(templates["recovery"], **claims.IN_OFFICE_HOURS) if name in alarms}
    assert there == {"BackupJobFailed"}, "between Friday and Monday there is no backup"


def test_backups_that_silently_stop_are_told_too(templates: Templates) -> None:
    """No job fails where none is started."""
    alarm = templates["recovery"]["Resources"]["BackupsMissing"]["Properties"]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    # CloudWatch looks back a week at most.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 86_400


def _starts(cron: str, utc_offset: int) -> list[datetime]:
    """Return when a cron expression starts, in UTC, within a week; every day where it names a day of the month."""
    found = re.fullmatch(r"cron\((\d+) (\d+) (\S+) \S+ (\S+) \*\)", cron)
    assert found, cron
    minute, hour, day_of_month, days = found.groups()
    if days == "*" or day_of_month != "?":
        wanted: list[str] = list(DAYS)
    elif "-" in days:
        first, last = days.split("-")
        wanted = list(DAYS[DAYS.index(first) : DAYS.index(last) + 1])
    else:
        wanted = [DAYS[int(days[0]) - 1] if days[0].isdigit() else days]
    return [SUNDAY + timedelta(days=DAYS.index(d), hours=int(hour) - utc_offset, minutes=int(minute)) for d in wanted]


def _every_day(window: str) -> list[tuple[datetime, datetime]]:
    start, end = window.split("-")
    return [_window(f"{day.lower()}:{start}-{day.lower()}:{end}") for day in DAYS]


def _window(text: str) -> tuple[datetime, datetime]:
    start, end = (_moment(part) for part in text.split("-"))
    return start, end


def _moment(text: str) -> datetime:
    day, hour, minute = text.split(":")
    return SUNDAY + timedelta(days=DAYS.index(day.upper()), hours=int(hour), minutes=int(minute))


def _overlap(begins: datetime, until: datetime, blocked: tuple[datetime, datetime], days: int) -> bool:
    start, end = (moment + timedelta(days=days) for moment in blocked)
    return begins < end and start < until
