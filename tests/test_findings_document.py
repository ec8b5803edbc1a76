"""docs/findings.md is the log that W9 asks for: each finding whole, dated, and with links that lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from markdown_it import MarkdownIt

from tests.working_copy import ROOT

DOCUMENT = ROOT / "docs/findings.md"
HEAD = ["date", "expected", "seen", "found by", "done"]
FIRST_DAY = date(2026, 11, 21)
"""When the history begins."""
SUBJECTS = ("CloudFormation", "IAM", "ECS", "CloudFront", "RDS", "emulator", "cfn-lint", "own way of working")


def tables() -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each chapter's title with the cells of its rows, the head first."""
    title, rows = "", list[list[str]]()
    tokens = MarkdownIt("commonmark").enable("table").parse(DOCUMENT.read_text(encoding="utf-8"))
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            title = tokens[number + 1].content
        elif token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(tokens[number + 1].content.strip())
        elif token.type == "table_close":
            yield title, rows


FINDINGS = [(title, row) for title, (_, *rows) in tables() for row in rows]


def test_w9_findings_are_grouped_by_subject() -> None:
    titles = " ".join(title for title, _ in tables())
    assert [subject for subject in SUBJECTS if subject not in titles] == []
    assert all(head == HEAD for _, (head, *_) in tables())
    assert len(FINDINGS) >= 40


@pytest.mark.parametrize(("title", "row"), FINDINGS, ids=[f"{title}: {row[1]}" for title, row in FINDINGS])
def test_w9_a_finding_says_what_was_expected_and_seen_what_showed_it_and_what_was_done(
    title: str, row: list[str]
) -> None:
    assert len(row) == len(HEAD)
    assert all(len(cell.split()) >= 1 for cell in row), title
    assert date.fromisoformat(row[0]) >= FIRST_DAY
    assert len(row[2].split()) >= 4, "say what was seen"


def test_w9_links_of_findings_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", DOCUMENT.read_text(encoding="utf-8"))
    assert len(targets) >= 40
    assert [target for target in targets if not (DOCUMENT.parent / target).exists()] == []
