"""D11: the shape of a metric filter: what it counts, and where alarms and dashboard find it."""

from __future__ import annotations

from troposphere import Ref

from generator.log_metrics import log_metrics_namespace, metric_filter


def test_a_filter_counts_lines_under_the_name_of_its_metric() -> None:
    made = metric_filter("Errors", pattern='"ERROR"', log_group_name=Ref("Logs"))
    assert made.title == "ErrorsFilter"
    assert made.to_dict() == {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": {"Ref": "Logs"},
            "FilterPattern": '"ERROR"',
            "MetricTransformations": [
                {
                    "MetricNamespace": {"Fn::Sub": "web-platform/${EnvironmentName}"},
                    "MetricName": "Errors",
                    "MetricValue": "1",
                    "DefaultValue": 0,
                    "Unit": "Count",
                }
            ],
        },
    }


def test_the_namespace_is_the_environments_own() -> None:
    """Two environments in one account, a regional test beside dev for one, do not count each other's lines."""
    assert log_metrics_namespace().to_dict() == {"Fn::Sub": "web-platform/${EnvironmentName}"}
