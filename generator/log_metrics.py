"""What is counted in logs: the shape of a metric filter, and the names of the metrics that alarms and dashboard read.

A metric filter cannot be given a dimension whose value is not in the line itself, so that the environment is a part of
the namespace. Each counts 0 in every minute in which there are lines but none of its own, and nothing without lines.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

from troposphere import AWSHelperFn, Sub
from troposphere.logs import MetricFilter, MetricTransformation

from generator.naming import PROJECT, in_environment
from generator.nesting import conditional

APPLICATION_ERRORS = "ApplicationErrors"
UNAVAILABLE_ANSWERS = "UnavailableAnswers"
BOOTSTRAP_FAILURES = "BootstrapFailures"
DATABASE_ERRORS = "DatabaseErrors"


def log_metrics_namespace() -> Sub:
    """Return the namespace of what is counted in an environment's logs."""
    return in_environment(f"{PROJECT}/${{EnvironmentName}}")


def metric_filter(
    metric: str, *, pattern: str, log_group_name: AWSHelperFn, of: str = "", condition: str | None = None
) -> MetricFilter:
    """Return the filter that counts the lines of a log group which match a pattern.

    Where several log groups are counted in one metric, `of` says in the logical id whose lines they are.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    counted = MetricTransformation(
        MetricNamespace=log_metrics_namespace(), MetricName=metric, MetricValue="1", DefaultValue=0, Unit="Count"
    )
    return MetricFilter(
        f"{of}{metric}Filter",
        LogGroupName=log_group_name,
        FilterPattern=pattern,
        MetricTransformations=[counted],
        **conditional(condition),
    )
