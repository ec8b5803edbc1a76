"""The command `rehearse`: when it needs somebody who approves, and what it refuses before anything is started."""

from __future__ import annotations

import pytest

from generator.errors import UserError
from tests.rehearsal.wished import wished


@pytest.mark.parametrize(
    "arguments",
    [("--to", "dev"), ("--to", "staging"), ("--as-is",), ("--set", "DomainName=shop.example.com"), ("--approve",)],
)
def test_where_nobody_is_asked_nobody_needs_to_sit_at_a_terminal(arguments: tuple[str, ...]) -> None:
    assert wished(["rehearse", *arguments]).wishes.previous is None


@pytest.mark.parametrize("arguments", [(), ("--to", "prod"), ("--from", "v1.1.0")])
def test_where_prod_is_reached_through_the_build_somebody_must_approve(
    arguments: tuple[str, ...],
) -> None:
    with pytest.raises(UserError, match=r"give --approve or --reject \(make: APPROVE=yes, APPROVE=no\)$"):
        wished(["rehearse", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--variable", "Colour"), r"^--variable 'Colour': must be NAME=VALUE$"),
        (("--set", "Colour"), r"^--set 'Colour': must be NAME=VALUE$"),
        (("--set", "Compute=lambda"), r"^--set Compute: 'lambda' is not allowed; allowed: "),
        (("--from", "nonsense"), r"^--from nonsense: is no release; allowed: v1\.1\.0, v"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_started(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        wished(["rehearse", "--approve", *arguments])
