"""Points, rectangles and segments of a page, in pixels from its upper left corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """A place on the page."""

    x: float
    y: float


@dataclass(frozen=True)
class Rect:
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower side."""
        return self.y + self.height

    @property
    def center(self) -> Point:
        """The middle."""
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    def grown(self, by: float) -> Rect:
        """Return it with a margin."""
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def overlaps(self, other: Rect) -> bool:
        """Whether both share an area."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def contains(self, other: Rect) -> bool:
        """Whether the other is wholly within."""
        return self.x <= other.x and self.y <= other.y and self.right >= other.right and self.bottom >= other.bottom

    def holds(self, point: Point) -> bool:
        """Whether a point is strictly within."""
        return self.x < point.x < self.right and self.y < point.y < self.bottom

    def crossed_by(self, start: Point, end: Point) -> bool:
        """Whether an upright or level segment goes through the inside."""
        left, right = sorted((start.x, end.x))
        upper, lower = sorted((start.y, end.y))
        return left < self.right and right > self.x and upper < self.bottom and lower > self.y


def around(center: Point, width: float, height: float) -> Rect:
    """Return the rectangle of this size with this middle."""
    return Rect(center.x - width / 2, center.y - height / 2, width, height)


def bounds(rects: Iterable[Rect]) -> Rect:
    """Return the smallest rectangle that holds all of these."""
    every = list(rects)
    left, upper = min(each.x for each in every), min(each.y for each in every)
    return Rect(left, upper, max(each.right for each in every) - left, max(each.bottom for each in every) - upper)


def segments(path: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Return the straight pieces of a path."""
    return list(pairwise(path))


def straightened(path: Sequence[Point]) -> list[Point]:
    """Return a path without the points at which it goes straight on."""
    corners = [path[0]]
    for before, here, after in zip(path, path[1:], path[2:], strict=False):
        level = before.y == here.y == after.y
        upright = before.x == here.x == after.x
        if not (level or upright) and here != corners[-1]:
            corners.append(here)
    return [*corners, path[-1]]


def length(path: Sequence[Point]) -> float:
    """Return how long an upright and level path is."""
    return sum(abs(end.x - start.x) + abs(end.y - start.y) for start, end in segments(path))


def along(path: Sequence[Point], distance: float) -> Point:
    """Return the point of a path at a distance from its start."""
    left = distance
    for start, end in segments(path):
        piece = abs(end.x - start.x) + abs(end.y - start.y)
        if left <= piece and piece:
            share = left / piece
            return Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)
        left -= piece
    return path[-1]
