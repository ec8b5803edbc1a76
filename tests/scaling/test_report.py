"""The figures and verdicts that people read are those of the runs, on the terminal and in the document."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from generator.reports.generated_section import with_section
from generator.scaling.claims import CLAIMS, Rehearsed, complaints
from generator.scaling.report import COLUMNS, by_claim, markdown, print_outcomes, print_verdicts
from generator.scaling_command import SCALING_PAGE, SECTION
from tests.releases import ROOT


def printed() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=180, highlight=False), text


@pytest.fixture(scope="module")
def verdicts(rehearsals: list[Rehearsed]) -> dict[str, dict[str, list[str]]]:
    return by_claim({each.design.environment: complaints(each) for each in rehearsals})


def test_the_table_has_a_row_for_each_trace_and_environment(rehearsals: list[Rehearsed]) -> None:
    console, text = printed()
    print_outcomes(console, rehearsals)
    for name in rehearsals[0].runs:
        assert text.getvalue().count(name) == 1
    for column in COLUMNS:
        assert column in text.getvalue()
    assert text.getvalue().count("staging") == len(rehearsals[0].runs)


def test_what_speaks_against_a_claim_is_said(verdicts: dict[str, dict[str, list[str]]]) -> None:
    console, text = printed()
    assert print_verdicts(console, verdicts)
    assert "fails" not in text.getvalue()
    broken = {**verdicts, CLAIMS[0].sentence: {"dev": ["9 servers"], "prod": []}}
    assert not print_verdicts(console, broken)
    assert "dev: 9 servers" in text.getvalue()


def test_the_document_shows_the_figures_of_today(
    rehearsals: list[Rehearsed], verdicts: dict[str, dict[str, list[str]]]
) -> None:
    page = (ROOT / SCALING_PAGE).read_text(encoding="utf-8")
    assert page == with_section(page, SECTION, markdown(rehearsals, verdicts)), "write it anew with make scaling"
