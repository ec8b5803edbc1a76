"""The one shape of log group: encrypted, and kept for a week."""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn
from troposphere.logs import LogGroup

from generator.naming import name_tag
from generator.nesting import conditional
from generator.parameter_types import KeyArn
from generator.retention import retain

RETENTION_DAYS = 7  # E15


def log_group(
    title: str, *, tag: str, key: KeyArn, name: AWSHelperFn | None = None, condition: str | None = None
) -> LogGroup:
    """Return a log group. A name is given only where a service writes to a group that must be called so."""
    named: dict[str, Any] = {} if name is None else {"LogGroupName": name}
    return retain(
        LogGroup(
            title,
            **conditional(condition),
            **named,
            RetentionInDays=RETENTION_DAYS,
            KmsKeyId=key,
            Tags=name_tag(tag),
        )
    )
