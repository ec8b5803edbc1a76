"""Health checks find what a load balancer would: by the target group's own path, codes and thresholds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.rehearsal.emulator_instances import UNCHECKED
from generator.rehearsal.health_checks import HEALTHY, UNHEALTHY, Check, HealthChecks, ask
from generator.rehearsal.running_programs import free_port

GROUP = {
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPath": "/healthz",
    "Matcher": {"HttpCode": "200"},
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
}


class Target:
    """A web server that answers its health check with whatever status it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.seconds = 0.0
        self.asked: list[str] = []
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.asked.append(f"{self.path} {self.headers['User-Agent']}")
                time.sleep(target.seconds)
                self.send_response(target.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = ("127.0.0.1", int(self.server.server_address[1]))
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_asks_as_the_target_group_says(target: Target) -> None:
    assert ask(Check.of(GROUP), target.address) is None
    assert target.asked == ["/healthz ELB-HealthChecker/2.0"]


@pytest.mark.parametrize(
    ("matcher", "status", "passes"),
    [("200", 200, True), ("200", 204, False), ("200,302", 302, True), ("200-299", 204, True), ("200-299", 300, False)],
)
def test_only_the_matchers_codes_pass(target: Target, matcher: str, status: int, passes: bool) -> None:
    target.status = status
    failure = ask(Check.of({**GROUP, "Matcher": {"HttpCode": matcher}}), target.address)
    assert (failure is None) == passes
    if failure:
        assert (failure.reason, failure.description) == (
            "Target.ResponseCodeMismatch",
            f"Health checks failed with these codes: [{status}]",
        )


def test_silence_and_absence_are_told_apart(target: Target) -> None:
    target.seconds = 1.0
    late = ask(Check.of({**GROUP, "HealthCheckTimeoutSeconds": 0.1}), target.address)
    assert late is not None
    assert late.reason == "Target.Timeout"
    for nobody in (("127.0.0.1", free_port()), None):
        absent = ask(Check.of(GROUP), nobody)
        assert absent is not None
        assert absent.reason == "Target.FailedHealthChecks"


def test_https_is_spoken_where_the_group_says_so(target: Target) -> None:
    failure = ask(Check.of({**GROUP, "HealthCheckProtocol": "HTTPS"}), target.address)
    assert failure is not None
    assert failure.reason == "Target.FailedHealthChecks"


def states(checks: HealthChecks, target: Target, statuses: list[int]) -> list[str]:
    found = []
    for target.status in statuses:
        checks.round(["i-1"], {"i-1": target.address})
        found.append(checks.health["i-1"].state)
    return found


def test_one_success_is_enough_for_a_new_target_and_later_the_thresholds_count(target: Target) -> None:
    checks = HealthChecks(Check.of(GROUP))
    answered = [200, 500, 500, 200, 500, 500, 500, 200, 500, 200, 200]
    expected = [HEALTHY] * 6 + [UNHEALTHY] * 4 + [HEALTHY]
    assert states(checks, target, answered) == expected


def test_a_new_target_that_fails_is_unhealthy_after_the_threshold(target: Target) -> None:
    checks = HealthChecks(Check.of(GROUP))
    assert states(checks, target, [500, 500, 500]) == [UNCHECKED.state, UNCHECKED.state, UNHEALTHY]


def test_it_settles_when_nothing_can_change_any_more(target: Target) -> None:
    checks = HealthChecks(Check.of(GROUP))
    assert checks.settled
    settled = []
    for _ in range(4):
        states(checks, target, [200])
        settled.append(checks.settled)
    assert settled == [False, False, True, True]


def test_what_is_not_registered_any_more_is_forgotten(target: Target) -> None:
    checks = HealthChecks(Check.of(GROUP))
    states(checks, target, [200])
    checks.round(["i-2"], {})
    assert list(checks.health) == ["i-2"]


@given(st.lists(st.booleans(), max_size=40), st.integers(2, 10), st.integers(2, 10))
def test_state_follows_the_last_run_of_results(results: list[bool], healthy_after: int, unhealthy_after: int) -> None:
    """A state is left only by a run of the other results that is long enough, whatever came before."""
    checks = HealthChecks(Check("HTTP", "/", frozenset({200}), 1.0, healthy_after, unhealthy_after))
    checks.round([], {})
    failure = ask(checks.check, None)
    expected, run, last = UNCHECKED.state, 0, None
    from generator.rehearsal import health_checks

    target = health_checks._Target()
    for passed in results:
        checks._note(target, None if passed else failure)
        run = run + 1 if passed == last else 1
        last = passed
        if passed and run >= (1 if expected == UNCHECKED.state else healthy_after):
            expected = HEALTHY
        elif not passed and run >= unhealthy_after:
            expected = UNHEALTHY
        assert target.health.state == expected
