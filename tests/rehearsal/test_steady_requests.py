"""Steady requests keep account of every request: who answered, what failed, and why."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from generator.errors import UserError
from generator.rehearsal import steady_requests
from generator.rehearsal.requests_client import Answer, NoAnswerError
from generator.rehearsal.steady_requests import SteadyRequests


class Client:
    """Answers with one status after the other, and from then on with the last; 0 is no answer."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.sent = 0

    def send(self, method: str, url: str) -> Answer:
        self.sent += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise NoAnswerError("connection refused")
        return Answer(status, urllib3.HTTPHeaderDict({"x-request-id": str(self.sent)}), b"")


def asking(*statuses: int) -> SteadyRequests:
    client: Any = Client(*statuses)
    return SteadyRequests(client, "https://example.com/")


def test_requests_that_begin_from_now_on_are_returned_in_order() -> None:
    with asking(200) as visitors:
        ids = [int(each.request_id) for each in visitors.next(5)]
        assert ids == list(range(ids[0], ids[0] + 5))
        assert visitors.failed == []


@pytest.mark.parametrize(("status", "why"), [(502, "answered 502"), (503, "answered 503"), (0, "connection refused")])
def test_a_single_failure_is_in_the_account(status: int, why: str) -> None:
    with asking(200, status, 404, 200) as visitors:
        visitors.next(5)
    assert [each.failure for each in visitors.failed] == [why]
    assert visitors.account == f"1 of {len(visitors.asked)} failed ({why})"


def test_who_waits_for_requests_that_do_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_requests, "WAIT_SECONDS", 0.05)
    with asking(200) as visitors:
        pass
    with pytest.raises(UserError, match=r"^https://example\.com/: fewer than 3 requests were answered"):
        visitors.next(3)
