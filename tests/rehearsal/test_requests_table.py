"""Answers are compared with what is expected of them, and environments that agree share a row."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

import pytest
import urllib3

from generator.rehearsal.requests_client import Answer, Client, NoAnswerError
from generator.rehearsal.requests_list import (
    APPLICATION_BEHIND_CLOUDFRONT,
    CLOUDFRONT,
    LOAD_BALANCER,
    LOAD_BALANCER_REFUSES,
)
from generator.rehearsal.requests_table import Names, Request, Row, ask, compared, merged

ALL = (*LOAD_BALANCER, *CLOUDFRONT, *APPLICATION_BEHIND_CLOUDFRONT, *LOAD_BALANCER_REFUSES)
NAMES = Names("dev", {"origin": "balancer-1.example.com", "short": "balancer-1", "nothing": ""})


def answer(status: int = 200, body: bytes = b"ok\n", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, urllib3.HTTPHeaderDict(fields), body)


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({"status": "200"}, True),
        ({"status": "200", "body": "ok*"}, True),
        ({"status": "20*", "cache-control": "no-*"}, True),
        ({"status": "404"}, False),
        ({"cache-control": "no-cach"}, False),
        ({"x-frame-options": ""}, True),
        ({"cache-control": ""}, False),
        ({"x-frame-options": "DENY"}, False),
        ({}, True),
    ],
)
def test_every_fact_must_match_its_pattern(expected: Mapping[str, str], holds: bool) -> None:
    assert compared(answer(cache_control="no-cache"), expected)[1] == holds


def test_what_happened_is_said_in_short_words() -> None:
    found, _ = compared(answer(body=b"a\n b" + b"c" * 200), {"status": "", "body": "", "x-frame-options": ""})
    assert found == f"200\nbody: a b{'c' * 77}…\nx-frame-options: absent"


def test_compressed_bodies_are_read() -> None:
    assert answer(body=gzip.compress(b"much"), content_encoding="gzip").text == "much"


class Scripted(Client):
    """A client that gets an answer without asking anybody, and notes what it sent."""

    def __init__(self, outcome: Answer | NoAnswerError) -> None:
        self.outcome = outcome
        self.sent: tuple[str, str, Mapping[str, str] | None, str] | None = None

    def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        self.sent = method, url, headers, body
        if isinstance(self.outcome, NoAnswerError):
            raise self.outcome
        return self.outcome


def test_names_are_filled_in_before_and_taken_out_after() -> None:
    client = Scripted(answer(301, location="https://balancer-1.example.com/"))
    request = Request(
        "W3",
        "upgrade",
        "GET http://{origin}/",
        {"location": "https://{origin}/"},
        {"Host": "{short}"},
        '{"a": "{short}"}',
    )
    row = ask(client, request, NAMES)
    assert client.sent == ("GET", "http://balancer-1.example.com/", {"Host": "balancer-1"}, '{"a": "balancer-1"}')
    shown = "location: https://{origin}/"
    assert row == Row("dev", "W3", "upgrade", "GET http://{origin}/", shown, shown, holds=True)


def test_no_answer_is_not_as_expected() -> None:
    row = ask(
        Scripted(NoAnswerError("refused")), Request("W6", "health", "GET https://{origin}/", {"status": "*"}), NAMES
    )
    assert (row.actual, row.holds) == ("no answer: refused", False)


def test_a_row_of_words_matches_a_pattern() -> None:
    assert NAMES.row("W7", "what", "line", "0 of * failed", "0 of 21 failed").holds
    assert not NAMES.row("W7", "what", "line", "0 of * failed", "10 of 21 failed").holds
    assert NAMES.row("W7", "what", "line", "from {short}", "from balancer-1").holds


def test_environments_that_agree_share_a_row() -> None:
    def row(environment: str, actual: str, holds: bool = True) -> Row:
        return Row(environment, "W1", "what", "line", "expected", actual, holds)

    rows = [row("dev", "session a"), row("staging", "session b"), row("prod", "nothing", holds=False)]
    assert [(each.actual, where) for each, where in merged(rows)] == [
        ("session a", ["dev", "staging"]),
        ("nothing", ["prod"]),
    ]


@pytest.mark.parametrize("request_", ALL, ids=lambda each: f"{each.line}: {each.what}")
def test_every_request_asks_for_something_and_says_why(request_: Request) -> None:
    method, _, url = request_.line.partition(" ")
    assert method.isupper()
    assert url.startswith(("http://{", "https://{"))
    assert request_.expected
    assert request_.why[0] in "WDE"


def test_no_request_is_made_twice() -> None:
    for requests in ((*LOAD_BALANCER, *CLOUDFRONT), (*CLOUDFRONT, *APPLICATION_BEHIND_CLOUDFRONT)):
        seen = [(each.line, each.what) for each in requests]
        assert len(set(seen)) == len(seen)
