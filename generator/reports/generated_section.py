"""Sections of a Markdown page that are generated, between two comments that name them.

<!-- claims: begin -->
…
<!-- claims: end -->
"""

from __future__ import annotations

from pathlib import Path

from generator.errors import UserError
from generator.whole_files import write_whole


def with_section(page: str, name: str, content: str) -> str:
    """Return a page with this content in the section. Raises `UserError` for a page that has no such section."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise UserError(f"the page has no section {name}; put {begin} and {end} where it belongs")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def update(page: Path, name: str, content: str) -> bool:
    """Write the content into the section of a page and return whether anything changed. Errors as `with_section`."""
    return write_whole(page, with_section(page.read_text(encoding="utf-8"), name, content))
