"""The shapes of log groups: encrypted, and kept a week, or as an environment says where they tell who did what."""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn
from troposphere.logs import LogGroup

from generator.naming import name_tag
from generator.nesting import conditional
from generator.parameter_types import AuditRetentionDays, KeyArn
from generator.retention import retain, retain_audit_log

RETENTION_DAYS = 7  # E15


def log_group(
    title: str, *, tag: str, key: KeyArn, name: AWSHelperFn | None = None, condition: str | None = None
) -> LogGroup:
    """Return a log group. A name is given only where a service writes to a group that must be called so."""
    named: dict[str, Any] = {} if name is None else {"LogGroupName": name}
    return retain(_group(title, RETENTION_DAYS, tag, key, condition, **named))


def audit_log_group(
    title: str, *, tag: str, key: KeyArn, retention_days: AuditRetentionDays, condition: str | None = None
) -> LogGroup:
    """Return a log group of who did what, which outlives its stack (D9). E15's week is for what machines write."""
    return retain_audit_log(_group(title, retention_days, tag, key, condition))


def _group(
    title: str, days: AuditRetentionDays | int, tag: str, key: KeyArn, condition: str | None, **named: Any
) -> LogGroup:
    return LogGroup(title, **conditional(condition), **named, RetentionInDays=days, KmsKeyId=key, Tags=name_tag(tag))
