"""EventBridge Scheduler in the emulator: schedules of a stack keep the time zone that their template gives them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from generator.rehearsal.emulator_guards import apply_settings, handler_of
from generator.rehearsal.emulator_handlers import Properties

SCHEDULER, SCHEDULE = "ministack.services.scheduler", "AWS::Scheduler::Schedule"

_KEPT = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "KmsKeyArn")


def schedule_settings() -> None:
    """A schedule has the time zone, the dates and the key of its template; ministack 1.5.33 drops all of them.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html
    """

    def set_up(name: str, old: Properties, new: Properties) -> None:
        record = import_module(SCHEDULER)._schedules[f"{new.get('GroupName', 'default')}/{name}"]
        record |= {"ScheduleExpressionTimezone": "UTC", **{key: new.get(key) for key in _KEPT if new.get(key)}}

    apply_settings(handler_of(SCHEDULE), set_up)


SCHEDULES: tuple[Callable[[], None], ...] = (schedule_settings,)
