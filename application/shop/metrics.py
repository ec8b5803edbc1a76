"""What the shop counts, in CloudWatch's embedded metric format: the line of the log that tells of it is the metric.

A call `logger.info(..., extra={"metrics": {"CartsSaved": 1}})` writes one line of JSON, as any other; the format's
member `_aws` in it says which of its members are metrics. CloudWatch Logs makes metrics of them when the line arrives,
so that nothing is sent from here and nobody waits. AWS's own libraries write lines beside the log's, or ask for an
agent; these are the log's.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import logging
import os
from typing import Any

from pythonjsonlogger.json import JsonFormatter

NAMESPACE, ENVIRONMENT = "METRIC_NAMESPACE", "ENVIRONMENT_NAME"
DIMENSION = "Environment"

UNITS = {
    "Requests": "Count",
    "Faults": "Count",
    "Duration": "Milliseconds",
    "CartsSaved": "Count",
    "ItemsInCart": "Count",
}
"""Every metric of the shop. Each is one metric of the environment, which CloudWatch charges for; what a path or a
product has to do with it, a query of the log tells.
"""


class Formatter(JsonFormatter):
    """Writes a record as JSON, and its metrics in the embedded metric format, where there is a namespace for them."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        metrics = log_data.pop("metrics", {})
        log_data |= metrics
        if metrics and os.environ.get(NAMESPACE):
            log_data[DIMENSION] = os.environ[ENVIRONMENT]
            log_data["_aws"] = _directive(metrics, os.environ[NAMESPACE], int(record.created * 1000))


def _directive(metrics: dict[str, float], namespace: str, milliseconds: int) -> dict[str, Any]:
    named = [{"Name": name, "Unit": UNITS[name]} for name in metrics]
    return {
        "Timestamp": milliseconds,
        "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [[DIMENSION]], "Metrics": named}],
    }
