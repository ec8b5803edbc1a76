"""The one shape of alarm: a metric, its dimensions, a threshold, and how long it must be crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troposphere import AWSHelperFn
from troposphere.cloudwatch import Alarm, MetricDimension


def metric_alarm(
    title: str,
    *,
    description: str | AWSHelperFn,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, AWSHelperFn],
    comparison: str,
    threshold: AWSHelperFn | int,
    periods: int,
    period_seconds: int,
    actions: Sequence[AWSHelperFn],
) -> Alarm:
    """Return an alarm on the average of a metric over `periods` consecutive periods, all of which must cross the
    threshold.

    Missing data never raises it: an alarm that acts on the absence of servers would act on their normal replacement.
    """
    return Alarm(
        title,
        AlarmDescription=description,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[MetricDimension(Name=name, Value=value) for name, value in dimensions.items()],
        Statistic="Average",
        ComparisonOperator=comparison,
        Threshold=threshold,
        Period=period_seconds,
        EvaluationPeriods=periods,
        DatapointsToAlarm=periods,
        TreatMissingData="notBreaching",
        AlarmActions=list(actions),
    )
