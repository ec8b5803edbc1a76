"""A web server loses no request from its books, and no credit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.scaling import facts
from generator.scaling.servers import Server, State
from tests.scaling.designs import released


def server(**changes: object) -> Server:
    design = replace(released(), **changes)
    return Server(1, 0, design, 0.0, state=State.ANSWERING, in_service_since=0.0)


def busy_for(one: Server, share: float, seconds: int) -> float:
    """Let a server be asked for a share of what it can do; return how much it did, as such a share."""
    done = 0.0
    for second in range(seconds):
        one.take(float(second), share * one.design.capacity, 1.0)
        done += sum(count for _, count in one.work(float(second), 1.0))
    return done / (seconds * one.design.capacity)


@given(st.lists(st.floats(0, 300), max_size=60), st.integers(1, 200))
def test_each_request_is_answered_refused_or_waiting(arrivals: list[float], limit: int) -> None:
    one = server(most_under_way=limit)
    refused = answered = 0.0
    for second, requests in enumerate(arrivals):
        refused += one.take(float(second), requests, 1.0)
        answered += sum(count for _, count in one.work(float(second), 1.0))
        assert one.waiting <= limit + 1e-6
        assert one.waiting == pytest.approx(sum(count for _, count in one.queue), abs=1e-6)
    assert answered + refused + one.waiting == pytest.approx(sum(arrivals))


def test_who_comes_first_is_answered_first() -> None:
    one = server(most_under_way=1000)
    one.take(0.0, 3 * one.design.capacity, 1.0)
    waits = [wait for second in range(3) for wait, _ in one.work(float(second), 1.0)]
    assert waits == [0.0, 1.0, 2.0]
    assert one.delay == 0.0


def test_its_metric_is_the_average_since_the_last_data_point() -> None:
    one = server()
    busy_for(one, 0.5, 60)
    assert one.measured() == pytest.approx(50.0)
    busy_for(one, 0.25, 60)
    assert one.measured() == pytest.approx(25.0)


def test_without_credits_to_overdraw_it_falls_to_its_baseline() -> None:
    """t3.micro: two processors at 10 %. It is why an extra server of mode standard would not help."""
    one = server(unlimited=False)
    assert busy_for(one, 1.0, 600) == pytest.approx(0.1, abs=0.02)
    assert server().overdrawn == 0.0


def test_unlimited_pays_for_what_is_above_the_baseline() -> None:
    one = server(unlimited=True)
    assert busy_for(one, 1.0, 3600) == pytest.approx(1.0)
    # Two processors for an hour are 120 credits; twelve are earned.
    assert one.overdrawn == pytest.approx(108.0, rel=0.01)


def test_saved_credits_are_limited() -> None:
    one = server()
    for hour in range(30):
        assert list(one.work(hour * 3600.0, 3600.0)) == []
    assert one.credits == facts.INSTANCE_TYPES["t3.micro"].credit_limit


def test_a_server_that_does_not_answer_does_nothing() -> None:
    one = server()
    one.state = State.SILENT
    one.take(0.0, 10.0, 1.0)
    assert list(one.work(0.0, 1.0)) == []
    assert one.delay == float("inf")
    assert one.abandon() == 10.0
