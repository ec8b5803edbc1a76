"""Traces fit the environment, and are no function of what they are to examine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.scaling.design import Design
from generator.scaling.traces import all_traces
from tests.scaling.designs import released


def test_names_are_unique() -> None:
    names = [trace.name for trace in all_traces(released())]
    assert len(set(names)) == len(names) == 8


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_only_overload_is_beyond_the_maximum(environment: str) -> None:
    design = released(environment)
    beyond = [trace.name for trace in all_traces(design) if max(trace.loads) > design.maximum]
    assert beyond == ["sustained-overload"]


def test_thresholds_change_no_load() -> None:
    def eager(design: Design) -> Design:
        alarms = tuple(replace(alarm, threshold=1.0) for alarm in design.alarms)
        return replace(design, alarms=alarms, health=replace(design.health, interval=99.0))

    assert all_traces(eager(released())) == all_traces(released())


def test_what_begins_does_so_within_the_trace_and_leaves_time_for_what_follows() -> None:
    for trace in all_traces(released()):
        if trace.begins is not None:
            assert 0 < trace.begins < (trace.ends or trace.begins + 1)
            assert trace.seconds - (trace.ends or trace.begins) >= 25 * 60
