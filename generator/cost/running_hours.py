"""For how many hours of a month something runs: all of them, or those between its start and its stop of the week.

The two schedules of AWS that start and stop things are read as they stand in the template: the crontab lines of Auto
Scaling (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html) and the cron
expressions of EventBridge Scheduler (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from generator.cost.prices import HOURS_A_MONTH
from generator.errors import UserError
from generator.resolver import Resolution, Resource

SCHEDULED_ACTION = "AWS::AutoScaling::ScheduledAction"
SCHEDULE = "AWS::Scheduler::Schedule"

MINUTES_A_WEEK = 7 * 24 * 60
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
CRON_CALL = re.compile(r"cron\((?P<fields>[^)]*)\)")
STARTS, STOPS = "startDBInstance", "stopDBInstance"


def group_hours(resolution: Resolution, group: Resource) -> Decimal:
    """Return the hours of a month in which an Auto Scaling group may have servers.

    A scheduled action whose maximum is 0 stops the group, any other starts it again.
    """
    mine = [action for action in resolution.of_type(SCHEDULED_ACTION) if _refers_to(action, group)]
    starts: list[int] = []
    stops: list[int] = []
    for action in mine:
        ends = str(action.properties.get("MaxSize", action.properties.get("DesiredCapacity", ""))) == "0"
        (stops if ends else starts).extend(week_minutes(action.properties["Recurrence"].split(), first_day=0))
    return _hours(starts, stops)


def task_hours(target: Resource) -> Decimal:
    """Return the hours of a month in which a scalable target may have tasks.

    Of its own scheduled actions, one whose maximum is 0 stops them, any other starts them again.
    """
    starts: list[int] = []
    stops: list[int] = []
    for action in target.properties.get("ScheduledActions", []):
        ends = str(action["ScalableTargetAction"]["MaxCapacity"]) == "0"
        (stops if ends else starts).extend(_cron_minutes(target, action["Schedule"]))
    return _hours(starts, stops)


def database_hours(resolution: Resolution, database: Resource) -> Decimal:
    """Return the hours of a month in which a database runs: RDS's calls by EventBridge Scheduler stop and start it."""
    times: dict[str, list[int]] = {STARTS: [], STOPS: []}
    for schedule in resolution.of_type(SCHEDULE):
        call = str(schedule.properties["Target"]["Arn"]).rpartition(":")[2]
        if call in times and _refers_to(schedule, database):
            times[call].extend(_cron_minutes(schedule, schedule.properties["ScheduleExpression"]))
    return _hours(times[STARTS], times[STOPS])


def _cron_minutes(resource: Resource, expression: str) -> list[int]:
    match = CRON_CALL.fullmatch(expression)
    if not match:
        raise UserError(f"{resource.template}: {resource.logical_id}: its schedule is no cron expression")
    minute, hour, day_of_month, month, day_of_week, _year = match["fields"].split()
    return week_minutes([minute, hour, day_of_month, month, day_of_week], first_day=1)


def week_minutes(crontab: Sequence[str], first_day: int) -> list[int]:
    """Return the minutes of a week, from Sunday 0:00, at which a schedule strikes.

    `first_day` is the number of Sunday: 0 in crontab lines, 1 in EventBridge's. Raises `UserError` for a schedule that
    is not the same every week.
    """
    minute, hour, day_of_month, month, day_of_week = crontab
    if not {day_of_month, month} <= {"*", "?"}:
        raise UserError(f"schedule {' '.join(crontab)}: only schedules that are the same every week can be counted")
    days = _field(_named_days(day_of_week, first_day), first_day, first_day + 6)
    return sorted(
        (day - first_day) % 7 * 24 * 60 + each_hour * 60 + each_minute
        for day in days
        for each_hour in _field(hour, 0, 23)
        for each_minute in _field(minute, 0, 59)
    )


def _named_days(text: str, first_day: int) -> str:
    for number, name in enumerate(DAYS):
        text = text.upper().replace(name, str(number + first_day))
    return text


def _field(text: str, lowest: int, highest: int) -> list[int]:
    """Return the numbers that a field of a schedule means."""
    found: set[int] = set()
    for part in text.split(","):
        if part in ("*", "?"):
            found.update(range(lowest, highest + 1))
        elif match := re.fullmatch(r"(\d+)(?:-(\d+))?", part, re.ASCII):
            found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
        else:
            raise UserError(f"schedule field {text!r}: allowed are numbers, ranges, lists and *")
    return sorted(found)


def _hours(starts: Iterable[int], stops: Iterable[int]) -> Decimal:
    """Return the hours of a month, where each stop lasts until the next start."""
    stop_minutes, start_minutes = sorted(stops), sorted(starts)
    if not stop_minutes:
        return HOURS_A_MONTH
    stopped = [False] * MINUTES_A_WEEK
    for stop in stop_minutes:
        pauses = [(start - stop) % MINUTES_A_WEEK for start in start_minutes]
        for minute in range(stop, stop + min(pauses, default=MINUTES_A_WEEK)):
            stopped[minute % MINUTES_A_WEEK] = True
    return HOURS_A_MONTH * stopped.count(False) / MINUTES_A_WEEK


def _refers_to(resource: Resource, other: Resource) -> bool:
    """Return whether a resource names another, by its symbol or by the name that the template gives it."""
    if other.address in resource.referred:
        return True
    name = other.properties.get("DBInstanceIdentifier", "")
    return bool(name) and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", str(resource.properties)) is not None
