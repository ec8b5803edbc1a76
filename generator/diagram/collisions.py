"""What spoils a page: text on text, icons on text, lines through either, things that stick out of their frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from generator.diagram.finished import FinishedPage
from generator.diagram.geometry import Rect, segments
from generator.diagram.page import TOP, Node, frames_of

SLACK = 0.5
"""Pixels that may be shared: rounding."""


def problems(page: FinishedPage) -> list[str]:
    """Return what is wrong with a page, in words; nothing where it can be shown."""
    return [f"{page.name}: {text}" for text in (*_overlaps(page), *_crossed(page), *_outside(page))]


def _things(page: FinishedPage) -> Iterator[tuple[str, str, Rect]]:
    """Yield every icon, label and number: its name, its owner and where it stands."""
    for node in page.nodes:
        if node.kind == "icon":
            yield node.id, node.id, node.rect
        if node.label:
            yield f"the text of {node.id}", node.id, node.label
    for connection in page.connections:
        if connection.label_rect:
            yield f"the text of {connection.id}", connection.id, connection.label_rect
        if connection.number_rect:
            yield f"the number of {connection.id}", connection.id, connection.number_rect


def _overlaps(page: FinishedPage) -> Iterator[str]:
    for (name, _, rect), (other, _, other_rect) in combinations(_things(page), 2):
        if rect.grown(-SLACK).overlaps(other_rect):
            yield f"{name} and {other} overlap"


def _crossed(page: FinishedPage) -> Iterator[str]:
    things = list(_things(page))
    nodes = {node.id: node for node in page.nodes}
    bundles = {connection.id: connection.bundle for connection in page.connections}
    for connection in page.connections:
        entered = {frame for end in (connection.source, connection.target) for frame in frames_of(nodes, end)}
        walls = [(node.id, node.id, node.rect) for node in page.nodes if node.solid and node.id not in entered]
        for name, owner, rect in (*things, *walls):
            if owner == connection.id or (connection.bundle and bundles.get(owner) == connection.bundle):
                continue
            if any(rect.grown(-SLACK).crossed_by(*piece) for piece in segments(connection.path)):
                yield f"{connection.id} crosses {name}"


def _outside(page: FinishedPage) -> Iterator[str]:
    by_id = {node.id: node for node in page.nodes}
    whole = Rect(0, 0, page.width, page.height)
    for node in page.nodes:
        parent = whole if node.parent == TOP else by_id[node.parent].rect
        for rect in _extent(node):
            if not parent.grown(SLACK).contains(rect) and not _on_the_edge(node, parent):
                yield f"{node.id} sticks out of {'the page' if node.parent == TOP else node.parent}"


def _extent(node: Node) -> Iterator[Rect]:
    if node.kind != "backing":
        yield node.rect
    if node.label:
        yield node.label


def _on_the_edge(node: Node, parent: Rect) -> bool:
    """Whether an icon stands on its frame's border on purpose, as gateways do."""
    center = node.rect.center
    return node.kind == "icon" and (center.x in (parent.x, parent.right) or center.y in (parent.y, parent.bottom))
