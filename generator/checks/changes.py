"""What an upgrade does, as data, in the words of CloudFormation's change sets: an action, a replacement, a scope.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from generator.checks.data_at_stake import Danger
from generator.checks.permission_changes import PermissionChange
from generator.checks.update_behaviour import Behaviour


class ChangeAction(StrEnum):
    """What happens to a resource, in a change set's words."""

    ADD = "Add"
    MODIFY = "Modify"
    REMOVE = "Remove"


class Replacement(StrEnum):
    """Whether a modified resource becomes a new one, with a new physical id, in a change set's words."""

    FALSE = "False"
    CONDITIONAL = "Conditional"
    TRUE = "True"


@dataclass(frozen=True)
class PropertyChange:
    """One property or attribute that changes."""

    path: str
    """Such as `Tags[Name].Value`, or the attribute's name."""
    scope: str
    """`Properties`, `Tags`, or the attribute's name."""
    before: Any
    """JSON value; None where it is absent, and where it or `after` is long: `lines` then say what differs."""
    after: Any
    lines: tuple[str, ...]
    """For long values the lines that differ, each beginning with `+ ` or `- `."""
    requires: Behaviour
    """What the documentation says after "Update requires"."""
    cause: str
    """Address of the resource that gets a new value to which this property refers; empty where it is edited."""


@dataclass(frozen=True)
class ResourceChange:
    """One resource that is added, modified or removed."""

    action: ChangeAction
    address: str
    type: str
    replacement: Replacement
    requires: Behaviour
    properties: tuple[PropertyChange, ...]
    notes: tuple[str, ...]
    """What the reader should know: a refusal to expect, a likely rename."""


@dataclass(frozen=True)
class ParameterChange:
    """A parameter of the root whose value is new, gone (None) or different."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Impact:
    """All that an upgrade does to one environment, in the order of the newer release's templates."""

    changes: tuple[ResourceChange, ...]
    parameters: tuple[ParameterChange, ...]
    permissions: tuple[PermissionChange, ...]
    dangers: tuple[Danger, ...]
    """Every way in which it loses data or weakens protection, waived or not."""

    @property
    def empty(self) -> bool:
        """Whether nothing at all happens."""
        return not (self.changes or self.parameters or self.permissions)

    def count(self, action: ChangeAction, *, replaced: bool = False) -> int:
        """Return how many resources are added, removed, modified in place or (`replaced`) replaced or may be."""
        return sum(
            change.action == action and (change.replacement != Replacement.FALSE) == replaced for change in self.changes
        )
