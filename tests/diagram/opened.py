"""A drawing as draw.io has opened it, and how that differs from what the file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.visitors import tools
from tests.visitors.pages import chromium

STENCILS = Path(__file__).with_name("stencils.txt")
"""The names of all AWS shapes of the version of draw.io that is pinned for these pictures."""

LARGEST_SVG = 500_000
"""Bytes of a picture in the documentation."""

TOLERANCE = 1.0
"""Pixels by which a line may be elsewhere: draw.io rounds."""

PNG_SCALE = 1


@dataclass(frozen=True)
class Opened:
    """What draw.io holds."""

    pages: Sequence[Mapping[str, Any]]
    stencils: Sequence[str]


def by_drawio(drawing: Path, folder: Path) -> Opened:
    """Open a drawing and take pictures of its pages. Raises `UserError` without a browser or the viewer."""
    job = {
        "drawing": str(drawing.resolve()),
        "program": str(chromium()),
        "folder": str(folder.resolve()),
        "scale": PNG_SCALE,
    }
    return Opened(**tools.run("tests.diagram.browser", job))


def complaints(drawing: Path, opened: Opened) -> list[str]:
    """Return what draw.io sees otherwise than the file has it."""
    root = ElementTree.fromstring(drawing.read_bytes())
    found = (
        []
        if STENCILS.read_text(encoding="utf-8").split() == list(opened.stencils)
        else [f"{STENCILS.name}: draw.io has other shapes; run python -m tests.diagram --stencils"]
    )
    for diagram, page in zip(root.iter("diagram"), opened.pages, strict=True):
        name = diagram.attrib["name"]
        written = {str(cell) for cell in ids(diagram)}
        found += [f"{name}: draw.io does not know {cell}" for cell in sorted(written - set(page["cells"]))]
        for edge, way in ways(diagram):
            shown = page["ways"].get(edge, [])
            if not same_way(way, shown[1:-1]):
                found.append(f"{name}: {edge} has the corners {shown[1:-1]}, not {way}")
        if len(page["svg"].encode()) > LARGEST_SVG:
            found.append(f"{name}: the picture is larger than {LARGEST_SVG:,} bytes")
    return found


def ids(diagram: ElementTree.Element) -> Iterator[str]:
    """Yield the ids of all cells of a page."""
    cells = diagram.find("mxGraphModel/root")
    assert cells is not None
    for cell in cells:
        yield cell.attrib["id"]


def ways(diagram: ElementTree.Element) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield each connection with its corners."""
    for cell in diagram.iter("mxCell"):
        if cell.get("edge"):
            points = cell.iterfind("mxGeometry/Array/mxPoint")
            yield cell.attrib["id"], [(float(point.attrib["x"]), float(point.attrib["y"])) for point in points]


def same_way(written: Sequence[Sequence[float]], shown: Sequence[Sequence[float]]) -> bool:
    """Whether both have the same corners."""
    pairs = list(zip(written, shown, strict=False))
    return len(written) == len(shown) and all(
        abs(one - other) <= TOLERANCE for here, there in pairs for one, other in zip(here, there, strict=True)
    )
