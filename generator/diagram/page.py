"""A page while it is laid out: frames, icons and text with their places, and the connections that are wished for."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from generator.diagram import styles
from generator.diagram.fonts import LINE_HEIGHT, width_of
from generator.diagram.geometry import Point, Rect, around
from generator.diagram.styles import GREY, INK, TEXT_SIZE, TITLE_SIZE, Frame, Icon, Line
from generator.resolver import Resource

Side = Literal["left", "right", "top", "bottom"]
Kind = Literal["frame", "icon", "text", "backing"]
TOP = "1"
"""The layer of every page, which draw.io itself calls so."""

ICON, SMALL = 48, 32
GAP = 6
"""Pixels between an icon and its label."""

FRAME_ICON = 30
"""How far a group's own icon pushes its title to the right."""


MOST_LINES = 12
"""Resources that are shown where a mouse rests on an icon."""


@dataclass(frozen=True)
class Label:
    """A bold title, and lines of smaller text below."""

    title: Sequence[str] = ()
    lines: Sequence[str] = ()

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        widths = [width_of(line, TITLE_SIZE, bold=True) for line in self.title]
        widths += [width_of(line, TEXT_SIZE) for line in self.lines]
        # A browser makes no line lower than the label's own size asks for.
        return max(widths, default=0), LINE_HEIGHT * TITLE_SIZE * len(widths)

    def html(self) -> str:
        """Return it as draw.io writes labels."""
        parts = [f"<b>{html.escape(line)}</b>" for line in self.title]
        small = f'<font style="font-size:{TEXT_SIZE}px" color="{GREY}">'
        parts += [f"{small}{html.escape(line)}</font>" for line in self.lines]
        return "<br>".join(parts)


def label(title: str, *lines: str) -> Label:
    """Return a label; a bar in the title breaks it, and empty lines are left out."""
    return Label(tuple(part for part in title.split("|") if part), tuple(line for line in lines if line))


@dataclass(frozen=True)
class Node:
    """Something on the page."""

    id: str
    kind: Kind
    rect: Rect
    style: str
    value: str = ""
    parent: str = TOP
    label: Rect | None = None
    """Where its text stands; none where it has none."""
    resources: tuple[str, ...] = ()
    """Addresses of what it stands for."""
    tooltip: str = ""
    solid: bool = False
    """Whether a frame is a thing of its own, through which no line goes that neither begins nor ends in it."""


@dataclass(frozen=True)
class Wish:
    """A connection that is wished for."""

    id: str
    source: str
    target: str
    line: Line
    leave: tuple[Side, float | None]
    """The side, and the coordinate along it; none is its middle."""
    enter: tuple[Side, float | None]
    number: int = 0
    """Of the legend's line that explains it; 0 has none."""
    label: str = ""
    bundle: str = ""
    """Connections of the same bundle may share their way."""


@dataclass
class Page:
    """A page of the drawing. All coordinates are the page's own, and on its grid of ten pixels."""

    name: str
    title: str
    subtitle: str
    width: float = 0
    height: float = 0
    nodes: dict[str, Node] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    legend: list[tuple[int, str, str]] = field(default_factory=list)
    """Number, colour and text."""

    def frame(
        self,
        node_id: str,
        text: Label,
        rect: Rect,
        style: Frame,
        parent: str = TOP,
        of: Iterable[Resource] = (),
        in_middle: bool = False,
        solid: bool = False,
    ) -> Rect:
        """Draw a frame with its title in the upper left corner, or in the middle of its upper side.

        Through a frame that is solid no line goes that neither begins nor ends in it.
        """
        width, height = text.size
        indent = FRAME_ICON if style.icon else 8
        x = rect.center.x - width / 2 if in_middle else rect.x + indent
        place = Rect(x, rect.y + 4, width, height) if width else None
        look = styles.frame_style(style, in_middle)
        return self._add(Node(node_id, "frame", rect, look, text.html(), parent, place, *_about(of), solid))

    def icon(
        self,
        node_id: str,
        center: Point,
        shape: Icon,
        text: Label,
        parent: str = TOP,
        of: Iterable[Resource] = (),
        at: styles.Place = "below",
        size: float = ICON,
        paper: bool = False,
    ) -> Rect:
        """Draw an icon with its label below, above or to its right."""
        rect = around(center, size, size)
        if paper:
            behind = around(center, size + 4, size + 4)
            self._add(Node(f"{node_id}:backing", "backing", behind, styles.BACKING, parent=parent))
        place = _label_place(rect, text, at)
        look = styles.icon_style(shape, at, paper)
        # So that the line that the paper hides keeps away from the text.
        value = f"&nbsp;{text.html()}&nbsp;" if paper and at == "right" else text.html()
        return self._add(Node(node_id, "icon", rect, look, value, parent, place, *_about(of)))

    def text(
        self,
        node_id: str,
        lines: Sequence[str],
        place: Point,
        parent: str = TOP,
        size: float = TEXT_SIZE,
        colour: str = GREY,
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
        of: Iterable[Resource] = (),
    ) -> Rect:
        """Write lines, the first of them at this place, which is their left end, middle or right end."""
        width = max(width_of(line, size, bold) for line in lines)
        height = size * LINE_HEIGHT * len(lines)
        x = {"left": place.x, "center": place.x - width / 2, "right": place.x - width}[align]
        rect = Rect(x, place.y, width, height)
        value = "<br>".join(html.escape(line) for line in lines)
        look = styles.text_style(size, colour, bold, align)
        return self._add(Node(node_id, "text", rect, look, value, parent, rect, *_about(of)))

    def connect(
        self,
        source: str,
        target: str,
        line: Line,
        leave: Side,
        enter: Side,
        leave_at: float | None = None,
        enter_at: float | None = None,
        number: int = 0,
        text: str = "",
        bundle: str = "",
    ) -> None:
        """Wish for an arrow from one node to another, by these sides of theirs."""
        known = sum(1 for wish in self.wishes if (wish.source, wish.target) == (source, target))
        wish_id = f"{source}>{target}" + (f">{known + 1}" if known else "")
        ends = ((leave, leave_at), (enter, enter_at))
        self.wishes.append(Wish(wish_id, source, target, line, *ends, number, text, bundle))

    def explain(self, colour: str, text: str) -> int:
        """Add a line to the legend; return its number."""
        number = len(self.legend) + 1
        self.legend.append((number, colour, text))
        return number

    def rect(self, node_id: str) -> Rect:
        """Return where a node stands."""
        return self.nodes[node_id].rect

    def frames_of(self, node_id: str) -> list[str]:
        """Return the frames in which a node stands, from the innermost to the outermost."""
        return frames_of(self.nodes, node_id)

    @property
    def drawn(self) -> set[str]:
        """Addresses of all that is drawn here."""
        return {address for node in self.nodes.values() for address in node.resources}

    def _add(self, node: Node) -> Rect:
        if node.id in self.nodes:
            raise ValueError(f"{self.name}: {node.id} is drawn twice")
        if node.parent != TOP and node.parent not in self.nodes:
            raise ValueError(f"{self.name}: {node.id} stands in {node.parent}, which is not drawn")
        self.nodes[node.id] = node
        return node.rect


def head(page: Page, width: float) -> None:
    """Write the page's title, and set how wide it is."""
    page.width = width
    page.text("title", [page.title], Point(30, 18), size=22, colour=INK, bold=True)
    page.text("subtitle", [page.subtitle], Point(30, 50), size=12)


def foot(page: Page, y: float, columns: int = 3, height: float = 0) -> None:
    """Write the legend, and set how high the page is: it ends with the legend, or is at least this high."""
    rows = -(-len(page.legend) // columns)
    column_width = (page.width - 60) / columns
    for place, (number, colour, text) in enumerate(page.legend):
        x, row_y = 30 + (place // rows) * column_width, y + (place % rows) * 26
        badge = Rect(x, row_y, 18, 18)
        page.nodes[f"legend:{number}"] = Node(
            f"legend:{number}", "icon", badge, styles.badge_style(colour), str(number)
        )
        page.text(f"legend:{number}:text", [text], Point(x + 26, row_y + 2), size=11, colour=INK)
    page.height = max(height, y + rows * 26 + 20)


def frames_of(nodes: Mapping[str, Node], node_id: str) -> list[str]:
    """Return the frames in which one of these nodes stands, from the innermost to the outermost."""
    parent = nodes[node_id].parent
    return [] if parent == TOP else [parent, *frames_of(nodes, parent)]


def _about(resources: Iterable[Resource]) -> tuple[tuple[str, ...], str]:
    """Return the addresses of resources, and what is shown where a mouse rests on them."""
    every = list(resources)
    lines = [f"{key_of(each)} · {each.type}" for each in every]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more"]
    return tuple(key_of(each) for each in every), "\n".join(lines)


def key_of(resource: Resource) -> str:
    """Return what tells a resource from all others of an account: its root's name stands for the stack of a root."""
    return resource.address if resource.stack else f"{resource.template.removesuffix('.yaml')}/{resource.logical_id}"


def _label_place(rect: Rect, text: Label, at: str) -> Rect | None:
    width, height = text.size
    if not width:
        return None
    if at == "below":
        return Rect(rect.center.x - width / 2, rect.bottom + 2, width, height)
    if at == "above":
        return Rect(rect.center.x - width / 2, rect.y - height - 2, width, height)
    if at == "left":
        return Rect(rect.x - GAP - width, rect.center.y - height / 2, width, height)
    return Rect(rect.right + GAP, rect.center.y - height / 2, width, height)
