"""The shapes of alarms: on one metric, on an expression over several, or on a query that finds its metrics itself.

Every alarm says in one sentence what it means, and ends with the page of the runbook that says what to do: the
section that is called after the alarm's logical id. What an alarm tells whom, the stacks decide.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Alarms.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from troposphere import AWSHelperFn
from troposphere.cloudwatch import Alarm, MetricDataQuery, MetricDimension, MetricStat
from troposphere.cloudwatch import Metric as MetricProperty

from generator.naming import kebab_case
from generator.nesting import conditional, only_if

RUNBOOK = "runbook.md"
"""Where operators read what to do."""

STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
"""What CloudWatch calls a statistic; a percentile such as p95 is an "extended" one."""

RESULT = "result"
"""The id of the expression whose value an alarm compares."""

Dimensions = Mapping[str, AWSHelperFn | str]
Actions = Sequence[AWSHelperFn]


@dataclass(frozen=True)
class Metric:
    """One metric of one thing, and how a period's values become one."""

    namespace: AWSHelperFn | str
    name: str
    dimensions: Dimensions = field(default_factory=dict)
    statistic: str = "Average"
    condition: str | None = None
    """Where the thing is not always there; for expressions only."""


@dataclass(frozen=True)
class Breach:
    """Which values are bad: those that stand in this comparison to the threshold."""

    comparison: str
    threshold: AWSHelperFn | float


@dataclass(frozen=True)
class Window:
    """How many of the latest periods must be bad; all of them, where no number of datapoints is given."""

    periods: int
    seconds: int
    datapoints: int | None = None


def above(threshold: AWSHelperFn | float) -> Breach:
    """Return that values above the threshold are bad."""
    return Breach("GreaterThanThreshold", threshold)


def at_least(threshold: AWSHelperFn | float) -> Breach:
    """Return that the threshold is bad, and all above it."""
    return Breach("GreaterThanOrEqualToThreshold", threshold)


def below(threshold: AWSHelperFn | float) -> Breach:
    """Return that values below the threshold are bad."""
    return Breach("LessThanThreshold", threshold)


def at_most(threshold: AWSHelperFn | float) -> Breach:
    """Return that the threshold is bad, and all below it."""
    return Breach("LessThanOrEqualToThreshold", threshold)


def description(title: str, means: str) -> str:
    """Return what an alarm, or a rule on events, tells its reader: what it means, and where to read on."""
    return f"{means} Runbook: {RUNBOOK}#{kebab_case(title)}"


def metric_alarm(
    title: str,
    *,
    means: str,
    metric: Metric,
    breach: Breach,
    window: Window,
    actions: Actions,
    ok_actions: Actions = (),
    missing: str = "notBreaching",
    condition: str | None = None,
) -> Alarm:
    """Return an alarm on one metric.

    Missing data is good unless said otherwise: most metrics of errors exist only while there are errors, and an alarm
    that acts on the absence of servers would act on their normal replacement.
    """
    return Alarm(
        title,
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=_dimensions(metric),
        Period=window.seconds,
        **_statistic(metric),
        **_common(title, means, breach, window, actions, ok_actions, missing),
        **conditional(condition),
    )


def math_alarm(
    title: str,
    *,
    means: str,
    expression: AWSHelperFn | str,
    metrics: Mapping[str, Metric],
    breach: Breach,
    window: Window,
    actions: Actions,
    ok_actions: Actions = (),
    missing: str = "notBreaching",
    condition: str | None = None,
) -> Alarm:
    """Return an alarm on an expression over metrics, which it knows by the keys of `metrics`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    return Alarm(
        title,
        Metrics=[
            *(_query(name, metric, window.seconds) for name, metric in metrics.items()),
            MetricDataQuery(Id=RESULT, Expression=expression, Label=title, ReturnData=True),
        ],
        **_common(title, means, breach, window, actions, ok_actions, missing),
        **conditional(condition),
    )


def query_alarm(
    title: str,
    *,
    means: str,
    query: AWSHelperFn | str,
    breach: Breach,
    window: Window,
    actions: Actions,
    missing: str = "notBreaching",
    condition: str | None = None,
) -> Alarm:
    """Return an alarm on a query that finds its metrics itself, also those of what does not exist yet.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html
    """
    return Alarm(
        title,
        Metrics=[MetricDataQuery(Id=RESULT, Expression=query, Label=title, Period=window.seconds, ReturnData=True)],
        **_common(title, means, breach, window, actions, (), missing),
        **conditional(condition),
    )


def _common(
    title: str, means: str, breach: Breach, window: Window, actions: Actions, ok_actions: Actions, missing: str
) -> dict[str, Any]:
    told: dict[str, Any] = {"AlarmActions": list(actions)} if actions else {}
    over: dict[str, Any] = {"OKActions": list(ok_actions)} if ok_actions else {}
    return {
        "AlarmDescription": description(title, means),
        "ComparisonOperator": breach.comparison,
        "Threshold": breach.threshold,
        "EvaluationPeriods": window.periods,
        "DatapointsToAlarm": window.datapoints or window.periods,
        "TreatMissingData": missing,
        **told,
        **over,
    }


def _statistic(metric: Metric) -> dict[str, Any]:
    if metric.statistic in STATISTICS:
        return {"Statistic": metric.statistic}
    # A percentile of a handful of requests says nothing.
    return {"ExtendedStatistic": metric.statistic, "EvaluateLowSampleCountPercentile": "ignore"}


def _dimensions(metric: Metric) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=value) for name, value in metric.dimensions.items()]


def _query(name: str, metric: Metric, seconds: int) -> AWSHelperFn | MetricDataQuery:
    measured = MetricProperty(Namespace=metric.namespace, MetricName=metric.name, Dimensions=_dimensions(metric))
    stat = MetricStat(Metric=measured, Period=seconds, Stat=metric.statistic)
    query = MetricDataQuery(Id=name, MetricStat=stat, ReturnData=False)
    return only_if(metric.condition, query) if metric.condition else query
