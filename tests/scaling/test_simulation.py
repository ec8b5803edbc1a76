"""A run counts every request, repeats itself, and follows AWS's times."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.scaling import facts
from generator.scaling.claims import MOST_SERVERS
from generator.scaling.events import What
from generator.scaling.facts import HOUR, MINUTE
from generator.scaling.outcome import noticed, outcome, reversals
from generator.scaling.simulation import Run, simulate
from generator.scaling.traces import Damage, Trace, arrivals, constant, dead_server
from tests.scaling.designs import released

LOADS = st.lists(st.floats(0, 5), min_size=1, max_size=4)


def run_of(loads: list[float], damage: Damage = Damage.NONE, **changes: object) -> Run:
    """Ten minutes of each load, with some damage after five."""
    trace = Trace("any", "Any", [load for load in loads for _ in range(10 * MINUTE)], 5 * MINUTE, damage=damage)
    return simulate(replace(released(), **changes), trace)


@settings(max_examples=10)
@given(LOADS, st.sampled_from(Damage), st.integers(10, 2000))
def test_every_request_is_answered_lost_or_still_waiting(loads: list[float], damage: Damage, limit: int) -> None:
    run = run_of(loads, damage, most_under_way=limit)
    answered = sum(run.waits.values())
    assert run.lost <= run.arrived + 1e-6
    waiting = run.arrived - run.lost - answered
    assert -1e-6 <= waiting <= (limit + run.design.capacity) * run.most_running
    assert sum(minute.lost for minute in run.minutes) == pytest.approx(run.lost)


@settings(max_examples=10)
@given(LOADS, st.sampled_from(Damage))
def test_never_above_the_maximum_whatever_the_load(loads: list[float], damage: Damage) -> None:
    run = run_of(loads, damage)
    assert run.most_members <= run.design.maximum <= MOST_SERVERS


@settings(max_examples=12)
@given(st.sampled_from(["dev", "prod"]), st.floats(0, 1))
def test_no_steady_load_makes_the_group_flap(environment: str, share: float) -> None:
    """Whatever part of what the maximum of servers can do without haste."""
    design = released(environment)
    level = share * design.maximum * 0.95
    run = simulate(design, constant(level, 100 * MINUTE))
    changes = run.all(What.SCALE_OUT, What.SCALE_IN)
    assert reversals(run) == []
    assert len(changes) <= design.maximum - design.minimum
    assert all(event.what is What.SCALE_OUT for event in changes)


@settings(max_examples=10)
@given(st.integers(0, 14), st.sampled_from([Damage.SILENT_SERVER, Damage.FAILING_SERVER]))
def test_a_broken_server_is_noticed_whenever_it_breaks(phase: int, damage: Damage) -> None:
    design = released()
    health = design.health
    trace = Trace("broken", "Broken", [0.5] * 5 * MINUTE, 2 * MINUTE + phase, damage=damage)
    found = noticed(simulate(design, trace))
    waits = health.timeout if damage is Damage.SILENT_SERVER else 0
    assert found is not None
    assert found - waits <= health.interval * health.unhealthy_after
    assert found - waits > health.interval * (health.unhealthy_after - 1) - 1


def test_the_same_trace_gives_the_same_run() -> None:
    design = released()
    first, second = (simulate(design, dead_server(design)) for _ in range(2))
    assert first.events == second.events
    assert first.minutes == second.minutes


def test_another_seed_gives_other_arrivals_of_the_same_load() -> None:
    design = released()
    trace = constant(1.0, HOUR)
    one, other = (arrivals(trace, design, seed) for seed in (1, 2))
    assert one != other
    for each in (one, other):
        assert sum(each) / HOUR == pytest.approx(design.capacity, rel=0.02)


def test_few_arrivals_are_drawn_exactly() -> None:
    design = released()
    few = arrivals(constant(2 / design.capacity, HOUR), design, 1)
    assert sum(few) / HOUR == pytest.approx(2, rel=0.05)
    assert few.count(0) / HOUR == pytest.approx(0.135, abs=0.02)


def test_a_server_needs_its_time_to_help() -> None:
    """Sustained for five minutes, data a minute late, launch, boot, bootstrap, health checks."""
    design = released()
    begins = 20 * MINUTE
    trace = Trace("rise", "Rise", [0.2] * begins + [1.9] * 20 * MINUTE, begins)
    helps = outcome(simulate(design, trace)).helps
    start = 5 * MINUTE + facts.METRIC_DELAY
    ready = facts.LAUNCH + facts.BOOT + facts.BOOTSTRAP
    health = design.health
    assert helps is not None
    assert start + ready < helps <= start + MINUTE + ready + (health.healthy_after + 1) * health.interval


def test_what_waits_too_long_is_lost() -> None:
    patient, hasty = (run_of([4.0], patience=seconds, most_under_way=5000) for seconds in (60.0, 5.0))
    assert hasty.lost > patient.lost
    assert max(hasty.waits) <= 50
