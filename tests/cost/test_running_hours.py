"""Hours between start and stop, out of the schedules of the template."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.cost.prices import HOURS_A_MONTH
from generator.cost.running_hours import DAYS, database_hours, group_hours, week_minutes
from generator.errors import UserError
from generator.resolver import Resolution, Resource

GROUP, DATABASE = "WebTier/WebServerGroup", "Database/Database"


def resource(address: str, kind: str, **properties: Any) -> Resource:
    stack, _, logical_id = address.rpartition("/")
    return Resource(stack, logical_id, kind, properties, {}, None, f"{stack.lower()}.yaml", ())


def resolution(*resources: Resource) -> Resolution:
    by_address = {one.address: one for one in resources}
    return Resolution("web-platform-dev", "111122223333", "eu-west-1", by_address, {}, {"": MappingProxyType({})})


def action(name: str, recurrence: str, maximum: int) -> Resource:
    group = f"⟨{GROUP}⟩"
    kind = "AWS::AutoScaling::ScheduledAction"
    return resource(f"WebTier/{name}", kind, AutoScalingGroupName=group, Recurrence=recurrence, MaxSize=maximum)


def schedule(name: str, call: str, expression: str, database: str = f"⟨{DATABASE}⟩") -> Resource:
    target = {"Arn": f"arn:aws:scheduler:::aws-sdk:rds:{call}", "Input": f'{{"DbInstanceIdentifier":"{database}"}}'}
    return resource(f"Cost/{name}", "AWS::Scheduler::Schedule", ScheduleExpression=expression, Target=target)


WEB_SERVERS = resource(GROUP, "AWS::AutoScaling::AutoScalingGroup")
THE_DATABASE = resource(DATABASE, "AWS::RDS::DBInstance", DBInstanceIdentifier="web-platform-dev-database")


def test_without_schedules_everything_runs_all_month() -> None:
    assert group_hours(resolution(WEB_SERVERS), WEB_SERVERS) == HOURS_A_MONTH
    assert database_hours(resolution(THE_DATABASE), THE_DATABASE) == HOURS_A_MONTH


def test_office_hours_of_servers() -> None:
    """Thirteen hours on each of five days; stops at weekends find nothing that runs."""
    found = resolution(WEB_SERVERS, action("Start", "0 7 * * 1-5", 2), action("Stop", "0 20 * * *", 0))
    assert group_hours(found, WEB_SERVERS) == HOURS_A_MONTH * 65 / 168


def test_actions_of_another_group_do_not_count() -> None:
    other = resource("Access/Bastion", "AWS::AutoScaling::AutoScalingGroup")
    found = resolution(WEB_SERVERS, other, action("Stop", "0 20 * * *", 0))
    assert group_hours(found, other) == HOURS_A_MONTH
    assert group_hours(found, WEB_SERVERS) == 0


@pytest.mark.parametrize("named", [f"⟨{DATABASE}⟩", "web-platform-dev-database"])
def test_office_hours_of_the_database(named: str) -> None:
    start = schedule("Start", "startDBInstance", "cron(30 6 ? * MON-FRI *)", named)
    stop = schedule("Stop", "stopDBInstance", "cron(30 20 ? * MON-FRI *)", named)
    assert database_hours(resolution(THE_DATABASE, start, stop), THE_DATABASE) == HOURS_A_MONTH * 70 / 168


def test_schedules_of_a_database_with_a_longer_name_do_not_count() -> None:
    stop = schedule("Stop", "stopDBInstance", "cron(0 20 ? * * *)", "web-platform-dev-database-replica")
    assert database_hours(resolution(THE_DATABASE, stop), THE_DATABASE) == HOURS_A_MONTH


def test_other_calls_and_rates_are_told_apart() -> None:
    reboot = schedule("Reboot", "rebootDBInstance", "rate(1 day)")
    assert database_hours(resolution(THE_DATABASE, reboot), THE_DATABASE) == HOURS_A_MONTH
    stop = schedule("Stop", "stopDBInstance", "rate(1 day)")
    with pytest.raises(UserError, match=r"cost.yaml: Stop: its schedule is no cron expression"):
        database_hours(resolution(THE_DATABASE, stop), THE_DATABASE)


def test_days_are_counted_from_sunday_in_both_forms() -> None:
    assert week_minutes(["0", "0", "*", "*", "1"], first_day=0) == [24 * 60]
    assert week_minutes(["0", "0", "*", "*", "7"], first_day=0) == [0]
    assert week_minutes(["0", "0", "?", "*", "2"], first_day=1) == [24 * 60]
    assert week_minutes(["0", "0", "?", "*", "mon"], first_day=1) == [24 * 60]


@pytest.mark.parametrize("crontab", ["0 0 1 * *", "0 0 * 6 *"])
def test_what_differs_from_week_to_week_is_refused(crontab: str) -> None:
    with pytest.raises(UserError, match="only schedules that are the same every week"):
        week_minutes(crontab.split(), first_day=0)


def test_steps_are_refused() -> None:
    with pytest.raises(UserError, match=r"schedule field '\*/5'"):
        week_minutes(["*/5", "0", "*", "*", "*"], first_day=0)


@given(st.integers(0, 22), st.integers(1, 23), st.sets(st.sampled_from(DAYS), min_size=1))
def test_hours_are_those_between_start_and_stop(start: int, length: int, days: set[str]) -> None:
    stop = min(start + length, 23)
    on = ",".join(sorted(days))
    found = resolution(WEB_SERVERS, action("Start", f"0 {start} * * {on}", 1), action("Stop", f"0 {stop} * * {on}", 0))
    expected = HOURS_A_MONTH * Decimal(len(days) * (stop - start)) / 168
    assert group_hours(found, WEB_SERVERS) == pytest.approx(expected)
