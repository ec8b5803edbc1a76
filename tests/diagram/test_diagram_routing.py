"""Ways around random obstacles: upright and level, from port to port, and through nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from generator.diagram import icons, styles
from generator.diagram.geometry import Point, along, length, segments, straightened
from generator.diagram.page import Page, label
from generator.diagram.routing import NoWay, route

PLACES = st.lists(
    st.tuples(st.integers(15, 45), st.integers(6, 34)).map(lambda cell: (cell[0] * 10, cell[1] * 10)),
    max_size=12,
    unique=True,
)


@given(PLACES)
@settings(max_examples=40, deadline=None)
def test_a_way_goes_through_no_icon_and_no_label(places: list[tuple[int, int]]) -> None:
    page = Page("Test", "Test", "", 600, 400)
    page.icon("start", Point(60, 200), icons.KEY, label("Start"))
    page.icon("end", Point(540, 200), icons.KEY, label("End"))
    for number, (x, y) in enumerate(places):
        page.icon(f"other:{number}", Point(x, y), icons.KEY, label("Other"))
    page.connect("start", "end", styles.TRAFFIC, "right", "left")
    try:
        way = route(page)["start>end"]
    except NoWay:
        assert len(places) > 3
        return
    assert way[0] == Point(84, 200)
    assert way[-1] == Point(516, 200)
    for start, end in segments(way):
        assert start.x == end.x or start.y == end.y
        for node in page.nodes.values():
            for rect in (node.rect, node.label):
                assert rect is None or not rect.crossed_by(start, end)


def test_a_way_without_corners_is_straight() -> None:
    assert straightened([Point(0, 0), Point(10, 0), Point(20, 0), Point(20, 10)]) == [
        Point(0, 0),
        Point(20, 0),
        Point(20, 10),
    ]


def test_places_along_a_way_are_counted_from_its_start() -> None:
    way = [Point(0, 0), Point(20, 0), Point(20, 10)]
    assert length(way) == 30
    assert [along(way, at) for at in (0, 20, 25, 30)] == [Point(0, 0), Point(20, 0), Point(20, 5), Point(20, 10)]
