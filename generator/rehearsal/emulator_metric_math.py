"""Metric math of CloudWatch, as alarms use it: expressions over time series.

A series is a mapping of the beginning of a period, in seconds, to a value. Where one of two series lacks a period, so
does their sum, but for what FILL puts there. A comparison is 1 where it holds, and 0 where not.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import itertools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

Series = Mapping[int, float]
Value = float | Series | list[Series]


class MetricMathError(ValueError):
    """An expression that is not understood here."""


def evaluate(expression: str, series: Mapping[str, Series], periods: Sequence[int]) -> Series:
    """Return the values of an expression for the periods that begin at these times.

    `series` are those that the expression may name, by id. Raises `MetricMathError` for what is not understood.
    """
    found = _Evaluation(series, periods).value(_parsed(expression))
    if isinstance(found, list):
        if len(found) != 1:
            raise MetricMathError(f"{expression}: an alarm needs one time series, not {len(found)}")
        [found] = found
    return _as_series(found, periods)


def names(expression: str) -> set[str]:
    """Return the ids of the series that an expression names. Raises `MetricMathError` where it is not understood."""
    tree = _parsed(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def _parsed(expression: str) -> ast.expr:
    words = {"&&": " and ", "||": " or ", "^": "**"}
    text = re.sub(r"&&|\|\||\^", lambda match: words[match[0]], expression)
    text = re.sub(r"\b(AND|OR)\b", lambda match: match[0].lower(), text)
    text = re.sub(r"\bIF\(", "IF_(", text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise MetricMathError(f"{expression}: {error.msg}") from error


def _quotient(left: float, right: float) -> float:
    """Return a quotient; nothing comes of a division by zero, which CloudWatch leaves out."""
    return left / right if right else math.nan


_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _quotient,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OF_EACH: Mapping[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_OF_ALL: Mapping[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MAX": max,
    "MIN": min,
}
"""Of one series these functions make a number, of several a series."""


class _Evaluation:
    """One look at an expression."""

    def __init__(self, series: Mapping[str, Series], periods: Sequence[int]) -> None:
        self._series = series
        self._periods = periods

    def value(self, node: ast.expr) -> Value:
        """Return what a part of the expression amounts to."""
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._series:
                return self._series[name]
            case ast.List(elts=parts):
                return [self._one(part) for part in parts]
            case ast.UnaryOp(op=ast.USub(), operand=part):
                return self._each(operator.neg, part)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                return self._both(_BINARY[type(sign)], self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
                return self._both(_COMPARISONS[type(sign)], self.value(left), self.value(right))
            case ast.BoolOp(op=sign, values=parts):
                return self._truth(isinstance(sign, ast.And), [self.value(part) for part in parts])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._called(name.upper(), arguments)
        raise MetricMathError(f"{ast.unparse(node)} is not understood")

    def _called(self, name: str, arguments: Sequence[ast.expr]) -> Value:
        match name, arguments:
            case "METRICS", []:
                return list(self._series.values())
            case "METRICS", [ast.Constant(value=str() as part)]:
                return [series for name, series in self._series.items() if part in name]
            case "IF_", [condition, then]:
                return self._choice(self.value(condition), self.value(then), None)
            case "IF_", [condition, then, otherwise]:
                return self._choice(self.value(condition), self.value(then), self.value(otherwise))
            case "FILL", [part, filling]:
                return self._filled(self.value(part), filling)
            case (("RATE" | "DIFF"), [part]):
                return self._changes(self._one(part), per_second=name == "RATE")
            case _, [part] if name in _OF_EACH:
                return self._each(_OF_EACH[name], part)
            case _, [part] if name in _OF_ALL:
                return self._of_all(_OF_ALL[name], self.value(part))
        raise MetricMathError(f"{name}() with {len(arguments)} arguments is not understood")

    def _one(self, node: ast.expr) -> Series:
        return _as_series(self.value(node), self._periods)

    def _each(self, act: Callable[[float], float], node: ast.expr) -> Value:
        found = self.value(node)
        if isinstance(found, list):
            return [{period: act(value) for period, value in each.items()} for each in found]
        return act(found) if isinstance(found, float) else {period: act(value) for period, value in found.items()}

    def _both(self, act: Callable[[float, float], float], left: Value, right: Value) -> Value:
        if isinstance(left, float) and isinstance(right, float):
            return float(act(left, right))
        if isinstance(left, list) or isinstance(right, list):
            raise MetricMathError("arithmetic with several series at once is not understood")
        ours, theirs = (_as_series(each, self._periods) for each in (left, right))
        found = {period: float(act(value, theirs[period])) for period, value in ours.items() if period in theirs}
        return {period: value for period, value in found.items() if not math.isnan(value)}

    def _truth(self, all_of_them: bool, parts: Sequence[Value]) -> Value:
        series = [_as_series(each, self._periods) for each in parts]
        known = [period for period in self._periods if all(period in each for each in series)]
        decide = all if all_of_them else any
        return {period: float(decide(each[period] for each in series)) for period in known}

    def _choice(self, condition: Value, then: Value, otherwise: Value | None) -> Value:
        asked, yes = _as_series(condition, self._periods), _as_series(then, self._periods)
        no = _as_series(otherwise, self._periods) if otherwise is not None else {}
        chosen = {period: (yes if truth else no).get(period) for period, truth in asked.items()}
        return {period: value for period, value in chosen.items() if value is not None}

    def _filled(self, found: Value, filling: ast.expr) -> Value:
        if isinstance(found, list):
            return [self._with(each, filling) for each in found]
        return self._with(_as_series(found, self._periods), filling)

    def _with(self, series: Series, filling: ast.expr) -> Series:
        if isinstance(filling, ast.Name) and filling.id in ("REPEAT", "LINEAR"):
            raise MetricMathError(f"FILL with {filling.id} is not understood")
        default = self._one(filling)
        both = {period: series.get(period, default.get(period)) for period in self._periods}
        return {period: value for period, value in both.items() if value is not None}

    def _changes(self, series: Series, *, per_second: bool) -> Series:
        before = sorted(series)
        return {
            later: (series[later] - series[earlier]) / (later - earlier if per_second else 1)
            for earlier, later in itertools.pairwise(before)
        }

    def _of_all(self, act: Callable[[Sequence[float]], float], found: Value) -> Value:
        if not isinstance(found, list):
            values = list(_as_series(found, self._periods).values())
            return act(values) if values else {}
        at_each = {period: [each[period] for each in found if period in each] for period in self._periods}
        return {period: act(values) for period, values in at_each.items() if values}


def _as_series(value: Value, periods: Sequence[int]) -> Series:
    if isinstance(value, float):
        return dict.fromkeys(periods, value)
    if isinstance(value, list):
        raise MetricMathError("several series stand where one is needed")
    return value
