"""Failures that a rehearsal asks for: this resource of that stack fails, once, when it is next created or updated.

The wishes lie in a file beside the emulator's state. `Emulator.fail` adds one; the emulator's process takes it away
when it has come true, so that the rollback, and a second attempt, go through.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from generator.rehearsal.emulator_guards import replace_function

VARIABLE = "REHEARSAL_FAULTS"
"""Names the file to the emulator's process."""

STACKS = "ministack.services.cloudformation.stacks"

_taking = threading.Lock()


@dataclass(frozen=True)
class Fault:
    """A failure to come. `stack` is the path below the root stack, empty for a resource of the root itself."""

    account_id: str
    root_stack: str
    stack: str
    logical_id: str
    reason: str = "This failure was asked for by the rehearsal."

    def concerns(self, account_id: str, stack_name: str, logical_id: str) -> bool:
        """Whether it is this resource of this deployed stack that shall fail."""
        nested = stack_name.startswith(f"{self.root_stack}-{self.stack}-") if self.stack else False
        return (
            self.account_id == account_id
            and self.logical_id == logical_id
            and (nested or (not self.stack and stack_name == self.root_stack))
        )


def read(file: Path) -> list[Fault]:
    """Return the failures that have not come true yet."""
    return [Fault(**fault) for fault in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def write(file: Path, faults: list[Fault]) -> None:
    """Replace the wishes, whole or not at all."""
    aside = file.with_suffix(".new")
    aside.write_text(json.dumps([asdict(fault) for fault in faults]), encoding="utf-8")
    aside.replace(file)


def planned_failures() -> None:
    """A resource can be made to fail, as capacity, quotas and typing errors make it fail on AWS."""
    created = ("resource_type", "logical_id", "props", "stack_name")
    replace_function(STACKS, "_provision_resource", created, _failing_creation)
    updated = ("resource_type", "physical_id", "old_props", "new_props", "stack_name", "logical_id", "old_attrs")
    replace_function(STACKS, "_update_resource", updated, _failing_update)


def _failing_creation(original: Any) -> Any:
    def provision(resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        _fail_if_planned(stack_name, logical_id)
        return original(resource_type, logical_id, props, stack_name)

    return provision


def _failing_update(original: Any) -> Any:
    def update(
        resource_type: str,
        physical_id: str,
        old_props: dict[str, Any],
        new_props: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        old_attrs: dict[str, Any] | None = None,
    ) -> Any:
        if old_props != new_props:
            _fail_if_planned(stack_name, logical_id or physical_id)
        return original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

    return update


def _fail_if_planned(stack_name: str, logical_id: str) -> None:
    account_id = import_module("ministack.core.responses").get_account_id()
    file = Path(os.environ[VARIABLE])
    with _taking:
        faults = read(file)
        due = [fault for fault in faults if fault.concerns(account_id, stack_name, logical_id)]
        if due:
            write(file, [fault for fault in faults if fault not in due])
            raise ValueError(due[0].reason)
