"""A page as it is drawn: every connection has its way, and every number and label its place on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generator.diagram.fonts import LINE_HEIGHT, width_of
from generator.diagram.geometry import Point, Rect, along, around, length, segments
from generator.diagram.page import Node, Page, Wish
from generator.diagram.routing import NoWay, route
from generator.diagram.styles import TEXT_SIZE, Line

BADGE = 18
STRIDE = 5
"""Pixels between the places that are tried for a number or a label."""

ROOM = 3
"""Pixels that a number or a label keeps from what else is there."""


NEAR = 8
"""Pixels within which a number might be taken for another line's."""


@dataclass(frozen=True)
class Connection:
    """An arrow with its way."""

    id: str
    source: str
    target: str
    line: Line
    path: Sequence[Point]
    number: int
    number_share: float
    """Where on the way the number stands: -1 is the start, 1 the end, as draw.io counts."""
    label: str
    label_share: float
    label_rect: Rect | None
    number_rect: Rect | None
    bundle: str = ""
    """Connections of the same bundle may share their way, and so the numbers on it."""


@dataclass(frozen=True)
class FinishedPage:
    """A page with nothing left to decide."""

    name: str
    title: str
    width: float
    height: float
    nodes: Sequence[Node]
    connections: Sequence[Connection]

    @property
    def drawn(self) -> set[str]:
        """Addresses of all that is drawn here."""
        return {address for node in self.nodes for address in node.resources}


def finish(page: Page) -> FinishedPage:
    """Find all ways and places. Raises `NoWay` where there is none."""
    ways = route(page)
    taken = [rect for node in page.nodes.values() for rect in _occupied(node)]
    connections = []
    for wish in page.wishes:
        others = [ways[other.id] for other in page.wishes if not _same_way(wish, other)]
        placed = _placed(page, wish, ways[wish.id], others, taken)
        taken += [rect for rect in (placed.label_rect, placed.number_rect) if rect]
        connections.append(placed)
    return FinishedPage(page.name, page.title, page.width, page.height, list(page.nodes.values()), connections)


def _same_way(wish: Wish, other: Wish) -> bool:
    return wish.id == other.id or (bool(wish.bundle) and wish.bundle == other.bundle)


def text_size(text: str) -> tuple[float, float]:
    """Return width and height of a connection's label."""
    lines = text.split("<br>")
    return max(width_of(line, TEXT_SIZE) for line in lines), LINE_HEIGHT * TEXT_SIZE * len(lines)


def _placed(
    page: Page, wish: Wish, way: Sequence[Point], others: Sequence[Sequence[Point]], taken: list[Rect]
) -> Connection:
    total = length(way)
    label_rect = number_rect = None
    label_at = number_at = total / 2
    if wish.label:
        label_at, label_rect = _spot(page, wish, way, others, taken, text_size(wish.label))
    if wish.number:
        occupied = [*taken, label_rect] if label_rect else taken
        number_at, number_rect = _spot(page, wish, way, others, occupied, (BADGE, BADGE))
    shares = [2 * at / total - 1 for at in (number_at, label_at)]
    return Connection(
        wish.id,
        wish.source,
        wish.target,
        wish.line,
        tuple(way),
        wish.number,
        shares[0],
        wish.label,
        shares[1],
        label_rect,
        number_rect,
        wish.bundle,
    )


def _spot(
    page: Page,
    wish: Wish,
    way: Sequence[Point],
    others: Sequence[Sequence[Point]],
    taken: Sequence[Rect],
    size: tuple[float, float],
) -> tuple[float, Rect]:
    """Return the best free place on a way: near the middle of its longest piece, clear of frames' borders."""
    frames = [node.rect for node in page.nodes.values() if node.kind == "frame"]
    best: tuple[float, float, Rect] | None = None
    for at, off_middle in _candidates(way):
        rect = around(along(way, at), *size)
        roomy = rect.grown(ROOM)
        if any(roomy.overlaps(other) for other in taken):
            continue
        if any(rect.crossed_by(*piece) for other in others for piece in segments(other)):
            continue
        near = any(rect.grown(NEAR).crossed_by(*piece) for other in others for piece in segments(other))
        cost = off_middle + 60 * near + 200 * sum(1 for frame in frames if _on_border(roomy, frame))
        if best is None or cost < best[0]:
            best = (cost, at, rect)
    if best is None:
        raise NoWay(f"{page.name}: no place for number or label on the way from {wish.source} to {wish.target}")
    return best[1], best[2]


def _candidates(way: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Yield distances along a way, each with how far it is from the best place."""
    pieces = [abs(end.x - start.x) + abs(end.y - start.y) for start, end in segments(way)]
    longest = max(pieces)
    begun = 0.0
    for piece in pieces:
        for step in range(1, int(piece // STRIDE)):
            inside = step * STRIDE
            yield begun + inside, abs(inside - piece / 2) + (longest - piece)
        begun += piece


def _on_border(rect: Rect, frame: Rect) -> bool:
    return rect.overlaps(frame) and not frame.contains(rect)


def _occupied(node: Node) -> Iterator[Rect]:
    if node.kind == "icon":
        yield node.rect
    if node.label:
        yield node.label
