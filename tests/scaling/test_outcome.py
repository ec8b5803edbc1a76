"""Figures say what the run's record says."""

from __future__ import annotations

import pytest

from generator.scaling.events import Event, What
from generator.scaling.facts import MINUTE
from generator.scaling.outcome import noticed, outcome, reversals
from generator.scaling.simulation import Minute, Run
from generator.scaling.traces import Trace
from tests.scaling.designs import released


def run(*events: Event, begins: int | None = 100, ends: int | None = None, desired: int = 2) -> Run:
    minutes = [Minute(arrived=10.0, lost=1.0, late=2.0, desired=desired)]
    found = Run(released(), Trace("any", "Any", [1.0] * MINUTE, begins, ends), minutes, list(events))
    found.arrived, found.lost = 10.0, 1.0
    return found


def test_shares_are_of_all_requests() -> None:
    figures = outcome(run())
    assert (figures.lost, figures.late) == (0.1, 0.2)


def test_the_wait_is_that_of_95_of_100() -> None:
    one = run()
    assert outcome(one).wait == 0.0
    one.waits = {0: 90.0, 12: 6.0, 300: 4.0}
    assert outcome(one).wait == pytest.approx(1.2)


def test_help_comes_with_the_first_server_that_was_launched_since() -> None:
    before, since = Event(50, What.LAUNCHED, "3"), Event(150, What.LAUNCHED, "4")
    early, late = Event(160, What.HEALTHY, "3"), Event(400, What.HEALTHY, "4")
    assert outcome(run(before, since, early, late)).helps == 300
    assert outcome(run(before, early)).helps is None
    assert outcome(run(since, late, begins=None)).helps is None


def test_the_extra_server_is_gone_when_the_group_is_back_at_its_minimum() -> None:
    removals = Event(900, What.SCALE_IN, "R"), Event(1800, What.SCALE_IN, "R")
    assert outcome(run(*removals, ends=800)).gone == 1000
    assert outcome(run(*removals, ends=800, desired=3)).gone is None
    assert outcome(run(*removals)).gone is None


def test_only_a_quick_change_of_mind_is_flapping() -> None:
    out, back = Event(0, What.SCALE_OUT, "A"), Event(600, What.SCALE_IN, "R")
    again = Event(1700, What.SCALE_OUT, "A")
    assert reversals(run(out, back, again)) == [back]
    assert reversals(run(out, Event(60, What.SCALE_OUT, "A"))) == []


def test_who_is_noticed_is_who_broke() -> None:
    broken, other = Event(100, What.BROKEN, "1"), Event(110, What.UNHEALTHY, "2")
    assert noticed(run(broken, other, Event(124, What.UNHEALTHY, "1"))) == 24
    assert noticed(run(broken, other)) is None
    assert noticed(run(other)) is None
