"""Generated sections of pages: what stands between the markers is replaced, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.errors import UserError
from generator.reports.generated_section import update, with_section

PAGE = "before\n<!-- claims: begin -->\nold\n<!-- claims: end -->\nafter\n"


def test_the_section_is_replaced_and_the_rest_kept() -> None:
    page = with_section(PAGE, "claims", "new")
    assert page == "before\n<!-- claims: begin -->\n\nnew\n\n<!-- claims: end -->\nafter\n"


def test_a_file_is_written_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert update(page, "claims", "new")
    assert not update(page, "claims", "new")


@pytest.mark.parametrize("page", ["nothing here", "<!-- claims: begin -->", "<!-- claims: end -->"])
def test_a_page_without_the_section_is_refused(page: str) -> None:
    with pytest.raises(UserError, match="no section claims; put <!-- claims: begin --> and <!-- claims: end -->"):
        with_section(page, "claims", "new")
