"""A token of IAM is good for one user of one database, for a quarter of an hour, and not a byte of it may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import boto3
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generator.rehearsal.iam_tokens import TIME, is_signed

HOST, USER = "database.example.com", "application"
KEYS = {"AKIAEXAMPLE": "signs"}
TOKEN = str(
    boto3.client(
        "rds", "eu-west-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="signs", aws_session_token="a/b+c=="
    ).generate_db_auth_token(HOST, 5432, USER)
)
SIGNED_AT = datetime.strptime(dict(parse_qsl(TOKEN))["X-Amz-Date"], TIME).replace(tzinfo=UTC)


def test_what_boto3_signs_is_good() -> None:
    assert is_signed(TOKEN, USER, [HOST], KEYS)


@pytest.mark.parametrize(
    ("user", "hosts", "keys"),
    [
        ("dbmaster", [HOST], KEYS),
        (USER, ["other.example.com"], KEYS),
        (USER, [HOST], {"AKIAEXAMPLE": "guessed"}),
        (USER, [HOST], {"AKIAOTHER": "signs"}),
        (USER, [HOST], {}),
    ],
)
def test_d9_for_anything_else_it_is_not(user: str, hosts: list[str], keys: dict[str, str]) -> None:
    assert not is_signed(TOKEN, user, hosts, keys)


def test_it_is_good_for_a_quarter_of_an_hour() -> None:
    for minutes, good in ((0, True), (14, True), (16, False), (-16, False)):
        assert is_signed(TOKEN, USER, [HOST], KEYS, SIGNED_AT + timedelta(minutes=minutes)) is good


@settings(max_examples=400)
@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_d9_no_byte_of_it_may_change(place: int, other: str) -> None:
    changed = TOKEN[:place] + other + TOKEN[place + 1 :]
    assume(changed.lower() != TOKEN.lower())
    assert not is_signed(changed, USER, [HOST], KEYS)


@given(st.text(max_size=200))
def test_whatever_else_is_presented_is_refused_and_not_an_error(text: str) -> None:
    assert not is_signed(text, USER, [HOST], KEYS)
