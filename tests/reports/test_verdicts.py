"""The table of verdicts: what a reader sees of claims that hold and of one that does not."""

from __future__ import annotations

import io

from rich.console import Console

from generator.checks.verdict import Verdict
from generator.reports.verdicts import MOST_COUNTEREXAMPLES, print_verdicts
from generator.reports.verdicts_json import to_json
from tests.json_reports import read

HOLDS = Verdict("exposure", "Isolated subnets have no path out", ("E6",), "12 settings, 3 route tables")
BROKEN = Verdict(
    "permissions",
    "Nobody makes a role without the boundary",
    ("D9",),
    "41 requests",
    tuple(f"request {n} [sic]" for n in range(1, 9)),
)


def printed(*verdicts: Verdict) -> tuple[str, bool]:
    text = io.StringIO()
    all_hold = print_verdicts(Console(file=text, width=120, highlight=False), verdicts)
    return text.getvalue(), all_hold


def test_claims_that_hold_are_a_table_and_a_count() -> None:
    text, all_hold = printed(HOLDS)
    assert all_hold
    assert "Isolated subnets have no path out" in text
    assert "12 settings, 3 route tables" in text
    assert text.endswith("1 of 1 claims hold\n")


def test_broken_claim_shows_its_first_counterexamples_whole() -> None:
    text, all_hold = printed(HOLDS, BROKEN)
    assert not all_hold
    assert text.count("request ") == MOST_COUNTEREXAMPLES
    assert "request 1 [sic]" in text  # no markup is read out of a counterexample
    assert "and 3 more" in text
    assert text.endswith("1 of 2 claims hold\n")


def test_json_has_every_claim_with_all_counterexamples() -> None:
    found = read("check", to_json([HOLDS, BROKEN]))
    assert found["fails"]
    assert [each["holds"] for each in found["claims"]] == [True, False]
    assert len(found["claims"][1]["counterexamples"]) == 8
    assert not read("check", to_json([HOLDS]))["fails"]
