"""Dashboards as typed Python: widgets in rows of 24 columns, and the text in which CloudFormation fills in the names.

A widget that is there only under a condition is cut out of the text, or put in, by that condition; it stands last in
its row, so that nothing moves. Rows about two things of which one may be absent share the room of it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, If, Ref, Sub

from generator.alarms import Metric
from generator.nesting import WiringError

COLUMNS = 24
HERE = Ref("AWS::Region")


@dataclass(frozen=True)
class Line:
    """A metric or an expression as a graph shows it."""

    label: str
    metric: Metric | None = None
    expression: str = ""
    id: str = ""
    """What expressions call it; needed only where one does."""
    hidden: bool = False
    right: bool = False
    """Against the axis on the right."""


@dataclass(frozen=True)
class Only:
    """A part of the body that is there only where a condition of the template holds."""

    condition: str
    part: Any


@dataclass(frozen=True)
class Number:
    """A number, which may be a parameter's value."""

    value: AWSHelperFn | float


@dataclass(frozen=True)
class Widget:
    """Something of a width on a dashboard: its type and properties are CloudWatch's."""

    width: int
    type: str
    properties: Mapping[str, Any]
    condition: str | None = None


@dataclass(frozen=True)
class Row:
    """Widgets side by side, of one height."""

    height: int
    widgets: Sequence[Widget]


@dataclass(frozen=True)
class OneOrBoth:
    """Rows about one thing and about another, of which one at least is there; both take the same room.

    All that they hold are names of conditions but the rows. `both` says that both are there, one below the other.
    """

    first_there: str
    first: Sequence[Row]
    second_there: str
    second: Sequence[Row]
    both: str


def text(width: int, markdown: str) -> Widget:
    """Return words, in Markdown; names in it may be `${...}` as in `Sub`."""
    return Widget(width, "text", {"markdown": markdown, "background": "transparent"})


def alarms(width: int, title: str, arns: Sequence[AWSHelperFn | Only]) -> Widget:
    """Return the states of alarms, those in trouble first; CloudWatch takes 100. The first one is always there."""
    return Widget(width, "alarm", {"title": title, "alarms": list(arns), "sortBy": "stateUpdatedTimestamp"})


def graph(
    width: int,
    title: str,
    *lines: Line,
    period_seconds: int = 60,
    unit: str = "",
    limits: Mapping[str, AWSHelperFn | float] | None = None,
    stacked: bool = False,
    region: AWSHelperFn | str = HERE,
    condition: str | None = None,
) -> Widget:
    """Return lines over time. `limits` are horizontal lines by what they mean, such as an alarm's threshold."""
    left: dict[str, Any] = {"min": 0, "showUnits": False, **({"label": unit} if unit else {})}
    marked = [{"label": label, "value": Number(value)} for label, value in (limits or {}).items()]
    properties = {
        "title": title,
        "view": "timeSeries",
        "stacked": stacked,
        "region": region,
        "period": period_seconds,
        "metrics": [_entry(line) for line in lines],
        "yAxis": {"left": left},
        **({"annotations": {"horizontal": marked}} if marked else {}),
    }
    return Widget(width, "metric", properties, condition)


def number(width: int, title: str, *lines: Line, whole_range: bool = False, region: AWSHelperFn | str = HERE) -> Widget:
    """Return the latest values as numbers, or one value for all of the time that is looked at."""
    properties = {
        "title": title,
        "view": "singleValue",
        "region": region,
        "period": 300,
        "metrics": [_entry(line) for line in lines],
        "sparkline": not whole_range,
        "setPeriodToTimeRange": whole_range,
    }
    return Widget(width, "metric", properties)


def log_lines(width: int, title: str, log_groups: Mapping[str, AWSHelperFn], query: str) -> Widget:
    """Return what a query of Logs Insights finds in log groups, each of which is there under a condition."""
    names = [f"Group{number}" for number, _ in enumerate(log_groups, start=1)]
    sources: dict[str, Any] = {
        name: If(condition, Sub("SOURCE '${Group}' | ", Group=group), "")
        for name, (condition, group) in zip(names, log_groups.items(), strict=True)
    }
    source = Sub("".join(f"${{{name}}}" for name in names) + query, **sources)
    return Widget(width, "log", {"title": title, "region": HERE, "view": "table", "query": source})


def body(rows: Sequence[Row | OneOrBoth]) -> Sub:
    """Return the body of a dashboard. Raises `WiringError` for rows of more than 24 columns, or gaps before widgets."""
    widgets = list(_placed(rows))
    variables: dict[str, Any] = {}
    return Sub(_text({"periodOverride": "inherit", "start": "-PT3H", "widgets": widgets}, variables), **variables)


def _placed(rows: Sequence[Row | OneOrBoth]) -> Iterator[Any]:
    always, more = 0, list[tuple[str, int]]()
    for part in rows:
        if isinstance(part, Row):
            yield from _side_by_side(part, _height(always, more))
            always += part.height
            continue
        room = sum(row.height for row in part.first)
        if room != sum(row.height for row in part.second):
            raise WiringError("rows that may take each other's place on a dashboard are not of the same height")
        yield from _below_each_other(part.first_there, part.first, always, more)
        more.append((part.both, room))
        yield from _below_each_other(part.second_there, part.second, always, more)
        always += room


def _below_each_other(
    condition: str, rows: Sequence[Row], always: int, more: Sequence[tuple[str, int]]
) -> Iterator[Any]:
    for row in rows:
        for widget in _side_by_side(row, _height(always, more)):
            if isinstance(widget, Only):
                raise WiringError(f"a widget of rows that may be absent has a condition of its own: {widget.part}")
            yield Only(condition, widget)
        always += row.height


def _side_by_side(row: Row, y: int | Number) -> Iterator[Any]:
    x, may_be_absent = 0, False
    for widget in row.widgets:
        if x + widget.width > COLUMNS:
            raise WiringError(f"a row of the dashboard has more than {COLUMNS} columns: {widget.properties}")
        if may_be_absent and widget.condition is None:
            raise WiringError(f"a widget that may be absent stands before one that is not: {widget.properties}")
        may_be_absent = widget.condition is not None
        placed = {"type": widget.type, "x": x, "y": y, "width": widget.width, "height": row.height}
        placed["properties"] = widget.properties
        yield placed if widget.condition is None else Only(widget.condition, placed)
        x += widget.width


def _height(always: int, more: Sequence[tuple[str, int]]) -> int | Number:
    """Return how much is above a row: what is always there, and what is there under conditions."""
    return Number(_sum(always, more)) if more else always


def _sum(always: int, more: Sequence[tuple[str, int]]) -> Any:
    if not more:
        return str(always)
    (condition, room), *others = more
    return If(condition, _sum(always + room, others), _sum(always, others))


def _entry(line: Line) -> Any:
    shown = {
        "label": line.label,
        **({"id": line.id} if line.id else {}),
        **({"visible": False} if line.hidden else {}),
        **({"yAxis": "right"} if line.right else {}),
    }
    if line.metric is None:
        return [{"expression": line.expression, **shown}]
    metric = line.metric
    dimensions = [part for pair in metric.dimensions.items() for part in pair]
    entry = [metric.namespace, metric.name, *dimensions, {"stat": metric.statistic, **shown}]
    return Only(metric.condition, entry) if metric.condition else entry


def _text(node: Any, variables: dict[str, Any]) -> str:
    """Return a part of the body as the text of a `Sub`, and put into `variables` what the text cannot hold itself."""
    if isinstance(node, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(value, variables)}" for key, value in node.items()) + "}"
    if isinstance(node, list | tuple):
        return "[" + _items(node, variables) + "]"
    if isinstance(node, AWSHelperFn):
        return f'"{_placeholder(node, variables)}"'
    if isinstance(node, Number):
        return _placeholder(node.value, variables) if isinstance(node.value, AWSHelperFn) else json.dumps(node.value)
    return json.dumps(node)


def _items(nodes: Sequence[Any], variables: dict[str, Any]) -> str:
    """Return the items of a list; what may be absent brings its own comma, and cannot come first."""
    written = ""
    for index, node in enumerate(nodes):
        if not isinstance(node, Only):
            written += ("," if index else "") + _text(node, variables)
            continue
        if not index:
            raise WiringError(f"the first item of a list on a dashboard may be absent: {node.part}")
        inner: dict[str, Any] = {}
        part = "," + _text(node.part, inner)
        filled = Sub(part, **inner) if "${" in part else part
        written += _variable(If(node.condition, filled, ""), node.condition, variables)
    return written


def _variable(value: If, condition: str, variables: dict[str, Any]) -> str:
    """Return the placeholder of a value that depends on a condition; the same value is there once."""
    plain = _Plain(value)
    for name, known in variables.items():
        if known.data == plain.data:
            return f"${{{name}}}"
    name = f"{condition}{len(variables) + 1}"
    variables[name] = plain
    return f"${{{name}}}"


def _placeholder(value: AWSHelperFn, variables: dict[str, Any]) -> str:
    """Return how a `Sub` writes a value: `${Name}`, `${Name.Attribute}`, the text of another `Sub`, or a variable."""
    match value.to_dict():
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(written)}:
            return json.dumps(written)[1:-1]
        case {"Fn::Sub": [str(written), dict(inner)]}:
            text = json.dumps(written)[1:-1]
            for name, part in inner.items():
                text = text.replace(f"${{{name}}}", _placeholder(_Plain(part), variables))
            return text
        case {"Fn::If": [str(condition), yes, no]}:
            return _variable(If(condition, yes, no), condition, variables)
    raise WiringError(f"a dashboard cannot name {value.to_dict()}")


class _Plain(AWSHelperFn):
    """An intrinsic function that is written out already."""

    def __init__(self, data: Any) -> None:
        self.data = data.to_dict() if isinstance(data, AWSHelperFn) else data
