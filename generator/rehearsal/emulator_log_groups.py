"""Log groups of stacks in the emulator: those without a name of their own get one as AWS makes it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from generator.rehearsal.emulator_guards import handler_of
from generator.rehearsal.emulator_handlers import Created, Properties, Request

LOG_GROUP, NAME = "AWS::Logs::LogGroup", "LogGroupName"


def named_log_groups() -> None:
    """A log group without a name is called after its stack; ministack 1.5.33 makes a path that looks like a service's.

    What deployments may do is limited by name, so the difference matters.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
    """
    handler = handler_of(LOG_GROUP)
    create, update = handler["create"], handler["update"]

    @functools.wraps(create)
    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        name = Request(LOG_GROUP, logical_id, stack_name, props).name(NAME)
        created: Created = create(logical_id, {**props, NAME: name}, stack_name)
        return created

    @functools.wraps(update)
    def updating(
        physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
    ) -> Created:
        if NAME in old_props and NAME not in new_props:
            name = Request(LOG_GROUP, logical_id or physical_id, stack_name, new_props).generated_name()
        else:
            name = new_props.get(NAME, physical_id)
        old, new = {NAME: physical_id, **old_props}, {**new_props, NAME: name}
        updated: Created = update(physical_id, old, new, stack_name, logical_id)
        return updated

    handler |= {"create": creating, "update": updating}


LOG_GROUPS: tuple[Callable[[], None], ...] = (named_log_groups,)
