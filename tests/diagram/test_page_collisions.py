"""A page that nobody would show is noticed: here pages are spoilt, one way each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from generator.diagram import icons, styles
from generator.diagram.collisions import problems
from generator.diagram.finished import FinishedPage, finish
from generator.diagram.geometry import Point, Rect, segments
from generator.diagram.page import Page, label
from generator.diagram.routing import NoWay


def page_with_two_icons() -> Page:
    page = Page("Test", "Test", "", 600, 400)
    page.frame("frame", label("A frame"), Rect(20, 20, 560, 360), styles.PANEL)
    page.icon("left", Point(100, 200), icons.KEY, label("Left"), "frame")
    page.icon("right", Point(500, 200), icons.KEY, label("Right"), "frame")
    page.connect("left", "right", styles.TRAFFIC, "right", "left", number=page.explain(styles.INK, "asks"))
    return page


def moved(page: FinishedPage, node_id: str, right: float, down: float) -> FinishedPage:
    nodes = []
    for node in page.nodes:
        if node.id == node_id:
            by = [Rect(r.x + right, r.y + down, r.width, r.height) for r in (node.rect, node.label) if r]
            nodes.append(replace(node, rect=by[0], label=by[1]))
        else:
            nodes.append(node)
    return replace(page, nodes=nodes)


def test_a_good_page_has_no_problem() -> None:
    assert problems(finish(page_with_two_icons())) == []


def test_an_icon_on_another_one() -> None:
    found = problems(moved(finish(page_with_two_icons()), "left", 390, 0))
    assert "Test: left and right overlap" in found


def test_an_icon_on_a_line() -> None:
    page = page_with_two_icons()
    page.icon("between", Point(300, 300), icons.KEY, label("Between"), "frame")
    assert problems(finish(page)) == []
    assert "Test: left>right crosses between" in problems(moved(finish(page), "between", 0, -100))


def test_a_text_that_sticks_out_of_its_frame() -> None:
    page = page_with_two_icons()
    page.text("long", ["a text that is wider than the frame in which it stands"], Point(400, 60), "frame")
    assert "Test: long sticks out of frame" in problems(finish(page))


def test_lines_go_around_what_stands_between() -> None:
    page = page_with_two_icons()
    page.icon("between", Point(300, 200), icons.KEY, label("Between"), "frame")
    assert problems(finish(page)) == []


def test_a_solid_frame_lets_no_line_through() -> None:
    page = page_with_two_icons()
    page.frame("wall", label(""), Rect(280, 100, 60, 200), styles.CARD, "frame", solid=True)
    finished = finish(page)
    assert problems(finished) == []
    assert any(point.y < 100 or point.y > 300 for point in finished.connections[0].path)


def test_where_there_is_no_way_nothing_is_drawn() -> None:
    page = page_with_two_icons()
    page.frame("wall", label(""), Rect(280, 0, 60, 400), styles.CARD, solid=True)
    with pytest.raises(NoWay, match="no way from left to right"):
        finish(page)


def test_lines_do_not_run_on_each_other() -> None:
    page = page_with_two_icons()
    page.connect("right", "left", styles.DATA, "left", "right", 190, 190)
    first, second = (set(_on_the_way(connection.path)) for connection in finish(page).connections)
    assert not first & second


def _on_the_way(path: Sequence[Point]) -> list[Point]:
    """Return the points of a way's level pieces, a pixel apart."""
    return [
        Point(x, start.y)
        for start, end in segments(path)
        if start.y == end.y
        for x in range(int(min(start.x, end.x)), int(max(start.x, end.x)))
    ]
