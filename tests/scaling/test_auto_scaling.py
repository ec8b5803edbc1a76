"""The group does what its policies say, within its bounds, and no more."""

from __future__ import annotations

from dataclasses import replace

import simpy
from hypothesis import given
from hypothesis import strategies as st

from generator.scaling.auto_scaling import AutoScalingGroup
from generator.scaling.design import SIMPLE, STEP, Design, Policy, Step
from generator.scaling.events import What
from generator.scaling.load_balancing import LoadBalancer
from generator.scaling.servers import State
from tests.scaling.designs import released

ADD = Policy("Add", STEP, (Step(+1, 0, float("inf")),), 300, 300)
REMOVE = Policy("Remove", STEP, (Step(-1, float("-inf"), 0),), 300, 300)
REMOVE_SIMPLY = Policy("Remove", SIMPLE, (Step(-1, float("-inf"), float("inf")),), 300, 900)


class Group:
    """A group with its surroundings, and what it writes down."""

    def __init__(self, design: Design) -> None:
        self.env = simpy.Environment()
        self.notes: list[tuple[float, What]] = []
        balancer = LoadBalancer(self.env, design, lambda _: None)
        self.group = AutoScalingGroup(
            self.env, design, balancer, 150, lambda what, _: self.notes.append((self.env.now, what)), lambda _: None
        )
        self.group.begin()

    def after(self, seconds: float) -> AutoScalingGroup:
        self.env.run(until=self.env.now + seconds)
        return self.group

    def count(self, what: What) -> int:
        return sum(noted is what for _, noted in self.notes)


def of(minimum: int, maximum: int) -> Group:
    return Group(replace(released(), minimum=minimum, maximum=maximum, zones=2))


def test_a_wish_that_is_repeated_while_a_server_warms_up_starts_one() -> None:
    one = of(1, 3)
    for _ in range(5):
        one.after(60).execute(ADD, 10)
    assert one.group.desired == 2
    # In service after 25 seconds, warm 300 later.
    one.after(120).execute(ADD, 10)
    assert one.group.desired == 3


def test_none_is_removed_while_one_warms_up() -> None:
    one = of(1, 3)
    one.group.execute(ADD, 10)
    one.after(60).execute(REMOVE, -10)
    assert one.group.desired == 2
    one.after(600).execute(REMOVE, -10)
    assert one.group.desired == 1


def test_a_step_policy_removes_one_a_minute_and_a_simple_one_waits() -> None:
    """An alarm that stays on repeats its action every minute."""
    for policy, wanted in ((REMOVE, 1), (REMOVE_SIMPLY, 2)):
        one = of(1, 3)
        for _ in range(2):
            one.group.execute(ADD, 10)
            one.after(2000)
        for _ in range(3):
            one.after(60).execute(policy, -10)
        assert one.group.desired == wanted


def test_outside_its_steps_a_policy_does_nothing() -> None:
    one = of(1, 3)
    one.group.execute(ADD, -1)
    assert one.group.desired == 1


@given(st.lists(st.tuples(st.sampled_from([ADD, REMOVE, REMOVE_SIMPLY]), st.floats(0, 900)), max_size=25))
def test_never_outside_its_bounds(wishes: list[tuple[Policy, float]]) -> None:
    one = of(1, 3)
    for policy, seconds in wishes:
        one.after(seconds + 1).execute(policy, 10 if policy is ADD else -10)
        assert 1 <= one.group.desired <= 3
        assert len(one.group.members) == one.group.desired


def test_the_oldest_of_the_fuller_zone_goes_first() -> None:
    one = of(2, 3)
    assert [server.zone for server in one.group.members] == [0, 1]
    one.group.execute(ADD, 10)
    one.after(2000).execute(REMOVE, -10)
    assert [server.number for server in one.group.members] == [2, 3]


def test_who_goes_finishes_what_it_has() -> None:
    one = of(1, 2)
    one.group.execute(ADD, 10)
    one.after(2000).execute(REMOVE, -10)
    [leaving] = one.group.leaving
    one.after(one.group.design.draining - 1)
    assert leaving.state is State.ANSWERING
    one.after(2)
    assert leaving.state is State.ENDED
    assert one.group.leaving == []


def test_a_young_server_is_not_replaced_before_its_grace_is_over() -> None:
    one = of(1, 2)
    one.group.execute(ADD, 10)
    one.after(30)
    [target] = [t for t in one.group.balancer.targets if t.server.number == 2]
    target.new, target.healthy = False, False
    target.server.state = State.SILENT
    one.group.found_unhealthy(target)
    one.after(one.group.design.grace - 30)
    assert one.count(What.REPLACED) == 0
    one.after(60)
    assert one.count(What.REPLACED) == 1
    assert len(one.group.members) == 2


def test_a_zone_that_is_lost_gets_no_server() -> None:
    one = of(1, 3)
    one.group.without_zone(1)
    one.group.execute(ADD, 10)
    assert [server.zone for server in one.group.members] == [0, 0]
