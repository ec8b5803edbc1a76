"""The overview in few words: which stack asks which, as a chart of Mermaid, which GitHub shows in a README."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from generator.diagram.facts import words
from generator.diagram.finished import Connection, FinishedPage
from generator.diagram.page import Node
from generator.diagram.styles import COPY, PEOPLE, RELATION

ELSEWHERE = {"global_edge": "Edge", "recovery_region": "RecoveryRegion", "stacks": "CloudFormation"}
"""Names in the chart of roots, and of what is no stack; a stack nested in the platform has its own."""

NOT_SHOWN = (COPY, RELATION)
"""Lines that the small chart does without."""


def chart(overview: FinishedPage) -> str:
    """Return the chart, without the fence around it."""
    nodes = {node.id: node for node in overview.nodes}
    arrows: dict[tuple[str, str], str] = {}
    for connection in overview.connections:
        ends = (_end(nodes, connection.source), _end(nodes, connection.target))
        if connection.line not in NOT_SHOWN and ends[0] != ends[1]:
            arrows.setdefault(ends, _arrow(connection))
    names = list(dict.fromkeys(name for ends in arrows for name in ends))
    lines = ["flowchart LR", *(f"    {_id(name)}{_shape(name)}" for name in names)]
    lines += [f"    {_id(source)} {arrow} {_id(target)}" for (source, target), arrow in arrows.items()]
    return "\n".join(lines)


def _end(nodes: Mapping[str, Node], node_id: str) -> str:
    """Return the stack of a node, or its title in lower case where it is of no stack."""
    node = nodes.get(node_id.removesuffix(":band"), nodes[node_id])
    if node.id in ELSEWHERE:
        return ELSEWHERE[node.id]
    if "/" in node.id and ":" not in node.id:
        return node.id.split("/", 1)[0]
    stacks = Counter(address.split("/", 1)[0] for address in node.resources)
    if not stacks:
        return node.id.replace("-", " ")
    stack = stacks.most_common(1)[0][0]
    return ELSEWHERE.get(stack, stack)


def _arrow(connection: Connection) -> str:
    return "-.->" if connection.line.dashed or connection.line == PEOPLE else "-->"


def _id(name: str) -> str:
    return name.title().replace(" ", "") if name.islower() else name


def _shape(name: str) -> str:
    text = words(name) if not name.islower() else name
    return f"([{text}])" if name.islower() else f"[{text}]"
