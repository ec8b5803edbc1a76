"""Ways for connections: upright and level lines on a grid that go around every icon and label.

Of all ways the cheapest is taken: short, with few bends and few crossings, never along another line or a frame's
border. The search is A*, on a grid of ten pixels. Connections find their ways in the order in which they were wished
for.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from generator.diagram.geometry import Point, Rect, straightened
from generator.diagram.page import Page, Side, Wish

GRID = 10
STEP, BEND, CROSSING, ON_A_BORDER, CLOSE, ON_A_LINE = 10, 60, 80, 40, 8, 900
ICON_MARGIN, TEXT_MARGIN, ELBOW_ROOM, FRAME_MARGIN = 8, 4, 14, 4

DIRECTIONS: dict[Side, tuple[int, int]] = {"right": (1, 0), "left": (-1, 0), "bottom": (0, 1), "top": (0, -1)}
OPPOSITE: dict[Side, Side] = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}

Cell = tuple[int, int]


class NoWay(Exception):  # noqa: N818 - a page that cannot be drawn
    """That a connection has no way that touches nothing."""


@dataclass
class Ground:
    """What is where on a page's grid."""

    width: int
    height: int
    blocked: set[Cell]
    close: set[Cell]
    """Cells beside icons and labels, where a line may go but looks crowded."""
    borders: set[tuple[Cell, bool]]
    """Cells on frames' borders, with whether the border is level there."""
    used: dict[tuple[Cell, bool], set[str]] = field(default_factory=dict)
    """Cells with lines through them, with whether the line is level there, and whose."""
    bends: dict[Cell, set[str]] = field(default_factory=dict)
    walls: dict[Cell, set[str]] = field(default_factory=dict)
    """Cells in solid frames, with the frames."""
    entered: frozenset[str] = frozenset()
    """Solid frames in which the present connection begins or ends: it may go through them."""

    def shut(self, cell: Cell) -> bool:
        """Whether the present connection may not go there."""
        return cell in self.blocked or not self.walls.get(cell, set()) <= self.entered


def route(page: Page) -> dict[str, list[Point]]:
    """Return the way of every connection, by its id. Raises `NoWay`."""
    ground = _ground(page)
    ways = {}
    for wish in page.wishes:
        ground.entered = frozenset({*page.frames_of(wish.source), *page.frames_of(wish.target)})
        way = _find(page, ground, wish)
        ways[wish.id] = way
        _use(ground, way, wish.bundle or wish.id)
    return ways


def port(page: Page, node_id: str, side: Side, place: float | None) -> Point:
    """Return the point at which a connection meets a node."""
    rect = page.rect(node_id)
    if side in ("left", "right"):
        return Point(rect.x if side == "left" else rect.right, rect.center.y if place is None else place)
    return Point(rect.center.x if place is None else place, rect.y if side == "top" else rect.bottom)


def _ground(page: Page) -> Ground:
    blocked: set[Cell] = set()
    close: set[Cell] = set()
    borders: set[tuple[Cell, bool]] = set()
    walls: dict[Cell, set[str]] = {}
    for node in page.nodes.values():
        if node.kind == "icon":
            blocked.update(_cells(node.rect.grown(ICON_MARGIN)))
            close.update(_cells(node.rect.grown(ICON_MARGIN + ELBOW_ROOM)))
        if node.label:
            blocked.update(_cells(node.label.grown(TEXT_MARGIN)))
            close.update(_cells(node.label.grown(TEXT_MARGIN + ELBOW_ROOM)))
        if node.solid:
            for cell in _cells(node.rect.grown(FRAME_MARGIN)):
                walls.setdefault(cell, set()).add(node.id)
        if node.kind == "frame":
            borders.update(_border(node.rect))
    return Ground(int(page.width // GRID), int(page.height // GRID), blocked, close, borders, walls=walls)


def _cells(rect: Rect) -> Iterator[Cell]:
    for x in range(int(rect.x // GRID), int(rect.right // GRID) + 2):
        for y in range(int(rect.y // GRID), int(rect.bottom // GRID) + 2):
            if rect.holds(Point(x * GRID, y * GRID)):
                yield x, y


def _border(rect: Rect) -> Iterator[tuple[Cell, bool]]:
    left, right = round(rect.x / GRID), round(rect.right / GRID)
    upper, lower = round(rect.y / GRID), round(rect.bottom / GRID)
    for x in range(left, right + 1):
        yield (x, upper), True
        yield (x, lower), True
    for y in range(upper, lower + 1):
        yield (left, y), False
        yield (right, y), False


def _find(page: Page, ground: Ground, wish: Wish) -> list[Point]:
    start, end = port(page, wish.source, *wish.leave), port(page, wish.target, *wish.enter)
    first, last = _outside(ground, start, wish.leave[0]), _outside(ground, end, wish.enter[0])
    cells = _search(ground, first, wish.leave[0], last, OPPOSITE[wish.enter[0]], wish.bundle or wish.id)
    if cells is None:
        raise NoWay(f"{page.name}: no way from {wish.source} to {wish.target}")
    path = [start, *(Point(x * GRID, y * GRID) for x, y in cells), end]
    return straightened([point for place, point in enumerate(path) if not place or point != path[place - 1]])


def _outside(ground: Ground, point: Point, side: Side) -> Cell:
    """Return the first free cell before a port."""
    x, y = DIRECTIONS[side]
    cell = (round(point.x / GRID), round(point.y / GRID))
    for _ in range(6):
        if not ground.shut(cell) and ((cell[0] * GRID - point.x) * x + (cell[1] * GRID - point.y) * y) >= 0:
            return cell
        cell = (cell[0] + x, cell[1] + y)
    raise NoWay(f"nothing is free before {point} to the {side}")


def _search(ground: Ground, first: Cell, heading: Side, last: Cell, arriving: Side, owner: str) -> list[Cell] | None:
    start = (first, heading)
    costs: dict[tuple[Cell, Side], int] = {start: 0}
    came: dict[tuple[Cell, Side], tuple[Cell, Side]] = {}
    queue: list[tuple[int, int, tuple[Cell, Side]]] = [(0, 0, start)]
    count = 0
    while queue:
        _, _, here = heapq.heappop(queue)
        if here == (last, arriving):
            return _trace(came, here)
        for state, cost in _steps(ground, here, owner, last, arriving):
            total = costs[here] + cost
            if total < costs.get(state, 1 << 60):
                costs[state], came[state] = total, here
                count += 1
                distance = abs(state[0][0] - last[0]) + abs(state[0][1] - last[1])
                heapq.heappush(queue, (total + distance * STEP, count, state))
    return None


def _steps(
    ground: Ground, here: tuple[Cell, Side], owner: str, last: Cell, arriving: Side
) -> Iterator[tuple[tuple[Cell, Side], int]]:
    (x, y), heading = here
    for side, (right, down) in DIRECTIONS.items():
        if side == OPPOSITE[heading]:
            continue
        if side != heading:
            # Turning where another line runs looks like joining it.
            others = _others(ground.used.get(((x, y), True)), owner) or _others(ground.used.get(((x, y), False)), owner)
            yield ((x, y), side), BEND + (ON_A_LINE if others else 0)
            continue
        cell = (x + right, y + down)
        if ground.shut(cell) or not (0 <= cell[0] <= ground.width and 0 <= cell[1] <= ground.height):
            continue
        yield (cell, side), STEP + _dues(ground, cell, level=side in ("left", "right"), owner=owner)


def _dues(ground: Ground, cell: Cell, level: bool, owner: str) -> int:
    if ground.used.get((cell, level)) == {owner}:
        return 0  # A bundle's own way is as good as any: so that its connections run together.
    dues = CLOSE if cell in ground.close else 0
    if _others(ground.used.get((cell, level)), owner) or _others(ground.bends.get(cell), owner):
        dues += ON_A_LINE
    elif _others(ground.used.get((cell, not level)), owner):
        dues += CROSSING
    if (cell, level) in ground.borders:
        dues += ON_A_BORDER
    return dues


def _others(owners: set[str] | None, owner: str) -> bool:
    return bool(owners) and owners != {owner}


def _trace(came: dict[tuple[Cell, Side], tuple[Cell, Side]], end: tuple[Cell, Side]) -> list[Cell]:
    cells = [end[0]]
    here = end
    while here in came:
        here = came[here]
        cells.append(here[0])
    return cells[::-1]


def _use(ground: Ground, way: list[Point], owner: str) -> None:
    for place, (start, end) in enumerate(itertools.pairwise(way)):
        level = start.y == end.y
        left, right = sorted((round(start.x / GRID), round(end.x / GRID)))
        upper, lower = sorted((round(start.y / GRID), round(end.y / GRID)))
        for x in range(left, right + 1):
            for y in range(upper, lower + 1):
                ground.used.setdefault(((x, y), level), set()).add(owner)
        if place:
            ground.bends.setdefault((round(start.x / GRID), round(start.y / GRID)), set()).add(owner)
