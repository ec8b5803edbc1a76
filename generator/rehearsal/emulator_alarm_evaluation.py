"""Whether an alarm of CloudWatch is to be in alarm, by the data of its metrics.

Periods are those that end last, the one under way among them. An alarm without any data keeps its state: nobody writes
the metrics of AWS's services here, and a rehearsal sets the states of their alarms by hand.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_metric_math import MetricMathError, Series, evaluate

CLOUDWATCH = "ministack.services.cloudwatch"

Alarm = Mapping[str, Any]
Point = Mapping[str, Any]

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

_INSIGHTS = re.compile(
    r"SELECT\s+(?P<statistic>AVG|COUNT|MAX|MIN|SUM)\((?P<metric>[^)]+)\)"
    r"\s+FROM\s+(?:SCHEMA\((?P<schema>[^)]+)\)|(?P<namespace>\"[^\"]+\"|[\w/.-]+))"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+GROUP\s+BY\s+(?P<group>[^)]+?))?"
    r"(?:\s+ORDER\s+BY\s+.+?)?(?:\s+LIMIT\s+\d+)?\s*",
    re.IGNORECASE | re.DOTALL,
)
"""A query of Metrics Insights.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html"""

_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}


def judge(alarm: Alarm, now: float) -> tuple[str, str] | None:
    """Return the state that an alarm is to have, and why; nothing where its data does not decide."""
    period = _period(alarm)
    count = int(alarm["EvaluationPeriods"])
    latest = int(now // period) * period
    periods = [latest - period * back for back in reversed(range(count))]
    try:
        every = _series(alarm, periods, period)
    except MetricMathError:
        return None
    if every is None:
        return None
    verdicts = [_verdict(alarm, series, periods) for series in every or [{}]]
    for state in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        for verdict in verdicts:
            if verdict is not None and verdict[0] == state:
                return verdict
    return None


def _verdict(alarm: Alarm, series: Series, periods: Sequence[int]) -> tuple[str, str] | None:
    breaches = _COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    found = [series[each] for each in periods if each in series]
    missing = len(periods) - len(found)
    breaching = sum(breaches(value, threshold) for value in found)
    wanted = int(alarm.get("DatapointsToAlarm") or len(periods))
    if alarm["TreatMissingData"] == "breaching":
        breaching += missing
    if breaching >= wanted:
        shown = ", ".join(f"{value:g}" for value in found) or "none"
        reason = f"Threshold Crossed: {breaching} datapoints [{shown}] were {alarm['ComparisonOperator']} {threshold:g}"
        return "ALARM", reason
    if found or alarm["TreatMissingData"] in ("notBreaching", "breaching"):
        return "OK", f"Threshold Crossed: {breaching} of {wanted} datapoints that it takes"
    return None if alarm["TreatMissingData"] == "ignore" else ("INSUFFICIENT_DATA", "Insufficient Data")


# ---------------------------------------------------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------------------------------------------------


def _period(alarm: Alarm) -> int:
    """Return the seconds of a period: of an alarm with several metrics, the longest."""
    stated = [each.get("MetricStat", each).get("Period") for each in alarm.get("Metrics") or ()]
    return max((int(each) for each in stated if each), default=int(alarm.get("Period") or 60))


def _series(alarm: Alarm, periods: Sequence[int], period: int) -> list[Series] | None:
    """Return the series that an alarm compares with its threshold; nothing where no metric has ever had data."""
    if not alarm.get("Metrics"):
        points = _points(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions") or ())
        statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        return [_by_period(points, statistic, periods, period)] if points else None
    known: dict[str, Series] = {}
    queries = {each["Id"]: each for each in alarm["Metrics"]}
    any_data = False
    for name, query in queries.items():
        if "MetricStat" in query:
            wanted = query["MetricStat"]
            metric = wanted["Metric"]
            points = _points(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or ())
            any_data = any_data or bool(points)
            known[name] = _by_period(points, wanted["Stat"], periods, period)
        elif found := _INSIGHTS.fullmatch(query["Expression"]):
            selected = _selected(found, periods, period)
            any_data = any_data or bool(selected)
            if str(query.get("ReturnData", True)).lower() == "true":
                return selected if any_data else None
            known[name] = selected[0] if selected else {}
    if not any_data:
        return None
    return [_result(queries, known, periods)]


def _result(queries: Mapping[str, Any], known: dict[str, Series], periods: Sequence[int]) -> Series:
    """Return the series of the one query that returns data."""
    waiting = [name for name, query in queries.items() if name not in known]
    for _ in range(len(waiting) + 1):  # an expression may name one that stands below it
        for name in [each for each in waiting if each not in known]:
            try:
                known[name] = evaluate(queries[name]["Expression"], known, periods)
            except MetricMathError:
                continue
    [returned] = [name for name, each in queries.items() if str(each.get("ReturnData", True)).lower() == "true"]
    if returned not in known:
        raise MetricMathError(f"{queries[returned]['Expression']} is not understood")
    return known[returned]


def _points(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> list[Point]:
    cloudwatch: Any = import_module(CLOUDWATCH)
    key = cloudwatch._dims_key({each["Name"]: each["Value"] for each in dimensions})
    return list(cloudwatch._metrics.get((namespace, name, key)) or ())


def _by_period(points: Iterable[Point], statistic: str, periods: Sequence[int], period: int) -> Series:
    cloudwatch: Any = import_module(CLOUDWATCH)
    of_period: dict[int, list[Point]] = {}
    for point in points:
        of_period.setdefault(int(point["Timestamp"] // period) * period, []).append(point)
    found = {
        each: cloudwatch._stat_value(cloudwatch._calc_stats(of_period[each]), statistic, of_period[each])
        for each in periods
        if each in of_period
    }
    return {each: float(value) for each, value in found.items() if value is not None}


def _selected(query: re.Match[str], periods: Sequence[int], period: int) -> list[Series]:
    """Return what a query of Metrics Insights selects: a series, or one for each group."""
    namespace, *schema = _names(query["schema"] or query["namespace"])
    conditions = re.findall(r"(\w+)\s*(!?=)\s*'([^']*)'", query["where"] or "")
    grouping = _names(query["group"] or "")
    groups: dict[tuple[str, ...], list[Point]] = {}
    for (where, name, _), points in import_module(CLOUDWATCH)._metrics.items():
        [metric] = _names(query["metric"])
        dimensions = points[0]["Dimensions"] if points else {}
        fits = where == namespace and name == metric and (not query["schema"] or sorted(dimensions) == sorted(schema))
        if fits and all((dimensions.get(key) == value) == (sign == "=") for key, sign, value in conditions):
            groups.setdefault(tuple(dimensions.get(each, "") for each in grouping), []).extend(points)
    statistic = _STATISTICS[query["statistic"].upper()]
    return [_by_period(points, statistic, periods, period) for points in groups.values()]


def _names(text: str) -> list[str]:
    return [each.strip().strip('"') for each in text.split(",") if each.strip()]
