"""The drawing as draw.io's own file: uncompressed XML, with ids that are logical addresses, the same bytes every time.

drawpyo 0.2.5, the one maintained library for this format, was tried: its ids are memory addresses, so that no two
runs give the same file. The format: https://www.drawio.com/doc/faq/diagram-source-edit
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from generator.diagram import styles
from generator.diagram.finished import Connection, FinishedPage
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import TOP, Node
from generator.naming import PROJECT

BADGE = 18
MODEL = {
    "grid": "0",
    "gridSize": "10",
    "guides": "1",
    "tooltips": "1",
    "connect": "1",
    "arrows": "1",
    "fold": "1",
    "page": "1",
    "pageScale": "1",
    "background": styles.PAPER,
    "adaptiveColors": "none",
    "math": "0",
    "shadow": "0",
}
"""Settings of every page; `adaptiveColors` keeps the colours where draw.io is dark."""


class _Cells:
    """The cells of a page while they are written.

    Ids begin with the page's name: draw.io looks for them in a list, where it takes `keys` for the method of that name.
    """

    def __init__(self, parent: Element, page: FinishedPage) -> None:
        self.parent = parent
        self.places = {node.id: node.rect for node in page.nodes}
        self._page = page.name.lower()

    def id_of(self, name: str) -> str:
        """Return the id under which draw.io knows a node or a connection."""
        return name if name == TOP else f"{self._page}:{name}"


def to_xml(pages: Sequence[FinishedPage]) -> bytes:
    """Return the file's content."""
    root = Element("mxfile", {"host": PROJECT, "compressed": "false", "pages": str(len(pages))})
    for page in pages:
        _write_page(root, page)
    _break_lines(root)
    content: bytes = tostring(root, encoding="utf-8")
    return content + b"\n"


def _break_lines(root: Element) -> None:
    """Put each cell on a line of its own, so that a difference can be read; inside a cell draw.io bears no space."""
    for cells in root.iter("root"):
        cells.text = "\n"
        for cell in cells:
            cell.tail = "\n"


def _write_page(root: Element, page: FinishedPage) -> None:
    diagram = SubElement(root, "diagram", {"id": page.name.lower(), "name": page.name})
    size = {"pageWidth": _number(page.width), "pageHeight": _number(page.height)}
    model = SubElement(diagram, "mxGraphModel", {**MODEL, **size})
    cells = SubElement(model, "root")
    SubElement(cells, "mxCell", {"id": "0"})
    SubElement(cells, "mxCell", {"id": TOP, "parent": "0"})
    written = _Cells(cells, page)
    # What is written later lies above: lines above frames, icons and text above lines.
    for node in page.nodes:
        if node.kind == "frame":
            _write_node(written, node)
    for connection in page.connections:
        _write_connection(written, connection)
    for node in page.nodes:
        if node.kind != "frame":
            _write_node(written, node)
    for connection in page.connections:
        _write_badge(written, connection)


def _write_node(cells: _Cells, node: Node) -> None:
    node_id, parent = cells.id_of(node.id), cells.id_of(node.parent)
    look = {"style": node.style, "vertex": "1", "parent": parent}
    if node.resources:
        about = {"resources": " ".join(node.resources), "tooltip": node.tooltip}
        holder = SubElement(cells.parent, "object", {"id": node_id, "label": node.value, **about})
        cell = SubElement(holder, "mxCell", look)
    else:
        cell = SubElement(cells.parent, "mxCell", {"id": node_id, "value": node.value, **look})
    origin = cells.places[node.parent] if node.parent != TOP else Rect(0, 0, 0, 0)
    place = {"x": _number(node.rect.x - origin.x), "y": _number(node.rect.y - origin.y)}
    size = {"width": _number(node.rect.width), "height": _number(node.rect.height)}
    SubElement(cell, "mxGeometry", {**place, **size, "as": "geometry"})


def _write_connection(cells: _Cells, connection: Connection) -> None:
    source, target = cells.places[connection.source], cells.places[connection.target]
    attributes = {
        "id": cells.id_of(connection.id),
        "value": connection.label,
        "style": f"{styles.line_style(connection.line)}{_pinned(connection, source, target)}",
        "edge": "1",
        "parent": TOP,
        "source": cells.id_of(connection.source),
        "target": cells.id_of(connection.target),
    }
    cell = SubElement(cells.parent, "mxCell", attributes)
    place = {"relative": "1", "x": _number(connection.label_share), "as": "geometry"}
    geometry = SubElement(cell, "mxGeometry", place)
    corners = connection.path[1:-1]
    if corners:
        points = SubElement(geometry, "Array", {"as": "points"})
        for corner in corners:
            SubElement(points, "mxPoint", {"x": _number(corner.x), "y": _number(corner.y)})


def _write_badge(cells: _Cells, connection: Connection) -> None:
    if not connection.number:
        return
    attributes = {
        "id": cells.id_of(f"{connection.id}:number"),
        "value": str(connection.number),
        "style": styles.badge_style(connection.line.colour),
        "vertex": "1",
        "connectable": "0",
        "parent": cells.id_of(connection.id),
    }
    cell = SubElement(cells.parent, "mxCell", attributes)
    size = {"width": str(BADGE), "height": str(BADGE), "relative": "1", "as": "geometry"}
    geometry = SubElement(cell, "mxGeometry", {"x": _number(connection.number_share), **size})
    SubElement(geometry, "mxPoint", {"x": str(-BADGE // 2), "y": str(-BADGE // 2), "as": "offset"})


def _pinned(connection: Connection, source: Rect, target: Rect) -> str:
    exit_x, exit_y = _shares(connection.path[0], source)
    entry_x, entry_y = _shares(connection.path[-1], target)
    return (
        f"exitX={exit_x};exitY={exit_y};exitDx=0;exitDy=0;exitPerimeter=0;"
        f"entryX={entry_x};entryY={entry_y};entryDx=0;entryDy=0;entryPerimeter=0;"
    )


def _shares(point: Point, rect: Rect) -> tuple[str, str]:
    return _number((point.x - rect.x) / rect.width), _number((point.y - rect.y) / rect.height)


def _number(value: float) -> str:
    return f"{round(value, 4):g}"
