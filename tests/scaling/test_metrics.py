"""Alarms look at what has arrived, over sliding windows, and treat missing data as they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.errors import UserError
from generator.scaling.design import Alarm
from generator.scaling.metrics import AlarmState, GroupMetric
from tests.scaling.designs import released


def alarm(**changes: object) -> Alarm:
    return replace(
        released().alarm(+1),
        **{"threshold": 80.0, "period": 60, "periods": 5, "datapoints": 5, "missing": "notBreaching", **changes},
    )


def metric(*values: float | None) -> GroupMetric:
    found = GroupMetric()
    for minute, value in enumerate(values):
        if value is not None:
            found.publish(minute, value)
    return found


def verdict(one: Alarm, *values: float | None) -> bool:
    return AlarmState(one).evaluate(metric(*values), len(values))


def test_all_data_points_must_breach() -> None:
    assert verdict(alarm(), 81, 81, 81, 81, 81)
    assert not verdict(alarm(), 81, 81, 80, 81, 81)


def test_or_some_of_them() -> None:
    assert verdict(alarm(datapoints=3), 81, 10, 81, 10, 81)
    assert not verdict(alarm(datapoints=4), 81, 10, 81, 10, 81)


def test_the_average_is_that_of_all_servers() -> None:
    found = metric(100.0)
    found.publish(0, 50.0)
    assert found.average(0, 1) == 75.0
    assert found.average(1, 2) is None


def test_a_longer_period_is_averaged() -> None:
    one = alarm(period=300, periods=1, datapoints=1)
    assert verdict(one, 0, 100, 100, 100, 101)
    assert not verdict(one, 0, 100, 100, 100, 99)


def test_the_window_slides_by_minutes() -> None:
    one = AlarmState(alarm(period=300, periods=1, datapoints=1))
    values = metric(0, 90, 90, 90, 90, 90)
    assert not one.evaluate(values, 5)
    assert one.evaluate(values, 6)


@pytest.mark.parametrize(("missing", "on"), [("notBreaching", False), ("breaching", True), ("missing", False)])
def test_missing_data_counts_as_the_alarm_says(missing: str, on: bool) -> None:
    assert verdict(alarm(missing=missing), 81, 81, None, 81, 81) is on


def test_ignored_missing_data_changes_nothing() -> None:
    one = AlarmState(alarm(missing="ignore"), on=True)
    assert one.evaluate(GroupMetric(), 5)


@pytest.mark.parametrize(
    ("comparison", "sides"),
    [
        ("GreaterThanThreshold", (False, False, True)),
        ("GreaterThanOrEqualToThreshold", (False, True, True)),
        ("LessThanThreshold", (True, False, False)),
        ("LessThanOrEqualToThreshold", (True, True, False)),
    ],
)
def test_each_comparison_has_its_side(comparison: str, sides: tuple[bool, bool, bool]) -> None:
    one = alarm(comparison=comparison)
    assert (one.breaches(79.0), one.breaches(80.0), one.breaches(81.0)) == sides


def test_periods_that_are_no_minutes_are_refused() -> None:
    with pytest.raises(UserError, match="periods of whole minutes only"):
        verdict(alarm(period=10), 1)
