"""Requests go where the algorithm says, also when a server is silent or fails."""

from __future__ import annotations

import heapq
import random

import pytest
import simpy
from hypothesis import example, given
from hypothesis import strategies as st

from generator.scaling import facts
from generator.scaling.load_balancing import LoadBalancer, Target, share_out
from generator.scaling.servers import Server, State
from tests.scaling.designs import released

LOR, RR = "least_outstanding_requests", "round_robin"


def server(state: State = State.ANSWERING, waiting: float = 0.0) -> Server:
    return Server(1, 0, released(), 0.0, state=state, in_service_since=0.0, waiting=waiting)


@example(1e-09, [(State.ANSWERING, 1.0), (State.ANSWERING, 1.0)], LOR)
@given(
    st.floats(0, 500),
    st.lists(st.tuples(st.sampled_from(list(State)), st.floats(0, 900)), min_size=1, max_size=3),
    st.sampled_from([LOR, RR]),
)
def test_all_requests_are_shared_out(requests: float, kinds: list[tuple[State, float]], algorithm: str) -> None:
    servers = [server(state, waiting if state is State.ANSWERING else 0.0) for state, waiting in kinds]
    shares = share_out(requests, servers, algorithm, 0.0)
    assert sum(shares) == pytest.approx(requests)
    assert all(share >= 0.0 for share in shares)


def test_the_longer_queue_gets_less() -> None:
    assert share_out(30.0, [server(waiting=20.0), server()], LOR, 0.0) == pytest.approx([5.0, 25.0])
    assert share_out(10.0, [server(waiting=20.0), server()], LOR, 0.0) == pytest.approx([0.0, 10.0])


def test_nobody_gets_anything_where_there_is_nobody() -> None:
    assert share_out(10.0, [], LOR, 0.0) == []


def share_of_the_broken(state: State, rate: float, seconds: int) -> float:
    """Of a second's requests, what goes to the broken one of two servers, on average over some time."""
    broken, working = server(state), server()
    total = 0.0
    for second in range(seconds):
        shares = share_out(rate, [broken, working], LOR, float(second))
        total += shares[0]
        if state is State.SILENT:
            broken.unanswered.append((float(second), shares[0]))
        working.take(float(second), shares[1], 1.0)
        list(working.work(float(second), 1.0))
    return total / (rate * seconds)


def request_by_request(state: State, rate: float, seconds: int) -> float:
    """The same, exactly: each request at its own time goes to whom has fewest under way; chance breaks ties."""
    chance = random.Random(1)
    under_way: list[list[float]] = [[], []]
    held = facts.CONNECT_TIMEOUT if state is State.SILENT else 0.0
    now, sent = 0.0, [0, 0]
    while now < seconds:
        now += chance.expovariate(rate)
        for ends in under_way:
            while ends and ends[0] <= now:
                heapq.heappop(ends)
        counts = [len(ends) for ends in under_way]
        chosen = chance.randrange(2) if counts[0] == counts[1] else counts.index(min(counts))
        sent[chosen] += 1
        heapq.heappush(under_way[chosen], now + (held if chosen == 0 else chance.expovariate(1 / facts.RESPONSE)))
    return sent[0] / sum(sent)


@pytest.mark.parametrize("rate", [10.0, 25.0, 40.0])
def test_a_server_that_fails_at_once_draws_requests(rate: float) -> None:
    """It never has a request under way, so that least outstanding requests prefers it."""
    found = share_of_the_broken(State.FAILING, rate, 200)
    assert found > 0.5
    assert found == pytest.approx(request_by_request(State.FAILING, rate, 2000), abs=0.06)


@pytest.mark.parametrize("rate", [10.0, 25.0, 40.0])
def test_a_silent_server_soon_holds_enough(rate: float) -> None:
    found = share_of_the_broken(State.SILENT, rate, 200)
    assert found < 0.05
    assert found == pytest.approx(request_by_request(State.SILENT, rate, 2000), abs=0.02)


def test_a_target_changes_sides_after_as_many_checks_as_the_template_says() -> None:
    design = released()
    target = Target(server(), healthy=True, new=False)
    failures = [target.judge(False, design) for _ in range(design.health.unhealthy_after)]
    assert failures == [False] * (design.health.unhealthy_after - 1) + [True]
    assert target.unhealthy
    passes = [target.judge(True, design) for _ in range(design.health.healthy_after)]
    assert passes == [False] * (design.health.healthy_after - 1) + [True]
    assert target.healthy


def test_a_new_target_needs_one_check() -> None:
    target = Target(server())
    assert not target.unhealthy
    assert target.judge(True, released())


def balancer(*states: tuple[State, bool]) -> LoadBalancer:
    env = simpy.Environment()
    found = LoadBalancer(env, released(), lambda _: None)
    found.targets = [Target(server(state), healthy=healthy, new=False) for state, healthy in states]
    return found


def test_where_nobody_is_healthy_everybody_gets_requests() -> None:
    some = balancer((State.ANSWERING, True), (State.SILENT, False))
    none = balancer((State.ANSWERING, False), (State.SILENT, False))
    assert len(some.in_rotation()) == 1
    assert len(none.in_rotation()) == 2


def test_a_check_waits_as_long_as_the_queue() -> None:
    """A server whose queue is longer than the time limit fails its checks, though it answers."""
    env = simpy.Environment()
    changes: list[tuple[float, bool]] = []
    design = released()
    one = server(waiting=0.0)
    found = LoadBalancer(env, design, lambda target: changes.append((env.now, target.healthy)))
    found.adopt(one)
    one.waiting = design.capacity * (design.health.timeout + 1)
    env.run(until=300)
    health = design.health
    assert changes == [(health.interval * health.unhealthy_after + health.timeout, False)]
