"""What draw.io shows is compared with what the file says; here draw.io sees other things, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.diagram.opened import LARGEST_SVG, STENCILS, Opened, complaints, ids, ways

DRAWING = Path(__file__).parents[2] / "docs/pictures/architecture.drawio"


def as_written() -> Opened:
    """What draw.io says where it sees all that the file has."""
    pages = [
        {
            "name": diagram.attrib["name"],
            "svg": "<svg/>",
            "cells": dict.fromkeys(ids(diagram), ""),
            "ways": {edge: [[0, 0], *way, [0, 0]] for edge, way in ways(diagram)},
        }
        for diagram in ElementTree.fromstring(DRAWING.read_bytes()).iter("diagram")
    ]
    return Opened(pages, STENCILS.read_text(encoding="utf-8").split())


def lose_a_cell(page: dict[str, Any]) -> None:
    del page["cells"]["overview:Network/Vpc"]


def bend_a_line(page: dict[str, Any]) -> None:
    edge, way = next((edge, way) for edge, way in page["ways"].items() if len(way) > 2)
    page["ways"][edge] = [way[0], [1, 1], *way[2:]]


def lose_a_line(page: dict[str, Any]) -> None:
    page["ways"].pop(next(edge for edge, way in page["ways"].items() if len(way) > 2))


def grow(page: dict[str, Any]) -> None:
    page["svg"] = "x" * (LARGEST_SVG + 1)


def test_what_is_seen_as_written_is_fine() -> None:
    assert complaints(DRAWING, as_written()) == []


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lose_a_cell, "draw.io does not know overview:Network/Vpc"),
        (bend_a_line, "has the corners"),
        (lose_a_line, "has the corners"),
        (grow, "the picture is larger than 500,000 bytes"),
    ],
)
def test_what_is_seen_otherwise_is_told(spoil: Callable[[dict[str, Any]], None], text: str) -> None:
    opened = as_written()
    spoil(opened.pages[0])  # type: ignore[arg-type]
    found = complaints(DRAWING, opened)
    assert len(found) == 1
    assert text in found[0]


def test_other_shapes_are_told() -> None:
    opened = Opened(as_written().pages, ["alarm"])
    (found,) = complaints(DRAWING, opened)
    assert found == "stencils.txt: draw.io has other shapes; run python -m tests.diagram --stencils"
