"""The slides have the figures of the release and what a presenter needs; the page of them asks for nothing."""

from __future__ import annotations

import re
import string

import pytest

from generator.errors import UserError
from tests.demo import presentation
from tests.demo.figures import figures
from tests.working_copy import ROOT

FEWEST, MOST = 12, 16
PICTURE = re.compile(r"!\[(?P<text>.*?)\]\((?P<path>.*?)\)")


@pytest.fixture(scope="module")
def slides() -> list[str]:
    text = (ROOT / presentation.SLIDES).read_text(encoding="utf-8")
    return re.split(r"^---$", text, flags=re.MULTILINE)[2:]


def test_w9_the_slides_have_the_figures_of_the_release() -> None:
    committed = (ROOT / presentation.SLIDES).read_text(encoding="utf-8")
    assert committed == presentation.markdown(), "run make slides"


def test_w9_every_slide_has_a_heading_notes_and_pictures_that_exist(slides: list[str]) -> None:
    assert FEWEST <= len(slides) <= MOST
    for number, slide in enumerate(slides, 1):
        assert len(re.findall(r"^##? \S", slide, re.MULTILINE)) == 1, slide
        assert re.search(r"<!--\n\S.{40,}-->\s*\Z", slide, re.DOTALL), f"slide {number} has no notes for the speaker"
        for picture in PICTURE.finditer(slide):
            assert picture["text"]
            assert (ROOT / presentation.SLIDES.parent / picture["path"]).is_file(), picture["path"]


def test_w9_the_slides_tell_all_that_a_customer_asks(slides: list[str]) -> None:
    headings = " ".join(match[1].lower() for match in re.finditer(r"^##? (.+)$", "\n".join(slides), re.MULTILINE))
    wanted = (
        "fears architecture request security proof pipeline rehearsal breaks scaling cost containers speed proven next"
    )
    assert [word for word in wanted.split() if word not in headings] == []


def test_every_figure_is_on_a_slide_and_comes_from_the_release() -> None:
    """A number in a sentence is a figure; those that are not computed are the requirements' own."""
    template = presentation.TEMPLATE.read_text(encoding="utf-8")
    asked = set(string.Template(template).get_identifiers())
    assert asked <= set(figures())
    typed = set(re.findall(r"(?<![\w.$#-])\*\*(\d[\d,.]*)", template))
    assert typed <= {"15", *(str(step) for step in range(1, 6)), "10"}, "a large figure is typed, not computed"


def test_a_figure_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: object) -> None:
    class Source:
        def read_text(self, encoding: str) -> str:
            return "${resources_on_the_moon}"

        def relative_to(self, _: object) -> str:
            return "slides.template"

    monkeypatch.setattr(presentation, "TEMPLATE", Source())
    monkeypatch.setattr(presentation, "figures", dict)
    with pytest.raises(UserError, match="resources_on_the_moon"):
        presentation.markdown()


def test_pictures_are_put_into_the_page() -> None:
    page = presentation._with_pictures('<img src="../pictures/cost.svg" alt="x" /><a href="https://example.com/a.svg">')
    assert 'src="data:image/svg+xml;base64,' in page
    assert 'href="https://example.com/a.svg"' in page
    assert "../pictures" not in page
