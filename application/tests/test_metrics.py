"""What the shop counts: lines of the log that CloudWatch turns into metrics."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest
from surroundings import Platform, Server

UNITS = ["Count", "Milliseconds", "None"]
TEXTS = {"type": "array", "maxItems": 30, "items": {"type": "string", "maxLength": 250}}
NAME = {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": r"^\S.*$"}
EMBEDDED_METRIC_FORMAT = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": NAME, "Unit": {"enum": UNITS}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""The rules of the specification that a line of ours can break, and of its units those that we use.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""


def measured(line: dict[str, Any]) -> dict[str, float]:
    """Return the metrics that CloudWatch finds in a line, by name. Fails where it would find none."""
    jsonschema.validate(line, EMBEDDED_METRIC_FORMAT)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    found = {each["Name"]: line[each["Name"]] for each in directive["Metrics"]}
    assert all(isinstance(value, int | float) for value in found.values()), line
    for dimensions in directive["Dimensions"]:
        assert all(isinstance(line[name], str) for name in dimensions), line
    return found


def lines_with_metrics(server: Server, request_id: str) -> list[dict[str, Any]]:
    return [line for line in server.log_lines() if line.get("request_id") == request_id and "_aws" in line]


def test_d11_each_request_is_counted_in_its_line_of_the_log(server: Server) -> None:
    before = time.time() * 1000
    server.ask("GET", "/api/products/2", X_Request_Id="counted")
    [line] = lines_with_metrics(server, "counted")
    found = measured(line)
    assert (found["Requests"], found["Faults"]) == (1, 0)
    assert 0 < found["Duration"] < time.time() * 1000 - before
    assert before <= line["_aws"]["Timestamp"] <= time.time() * 1000
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], line["Environment"]) == (
        "web-platform",
        [["Environment"]],
        "dev",
    )
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == {
        "Requests": "Count",
        "Faults": "Count",
        "Duration": "Milliseconds",
    }


def test_d11_what_visitors_did_wrong_is_no_fault(server: Server) -> None:
    server.ask("GET", "/api/products/99", X_Request_Id="not-there")
    [line] = lines_with_metrics(server, "not-there")
    assert (line["status"], measured(line)["Faults"]) == (404, 0)


def test_d11_a_request_without_its_database_is_a_fault(platform: Platform) -> None:
    with platform.server(PGPORT="1") as server:
        assert server.ask("GET", "/api/products", X_Request_Id="in-vain").status == 503
        [line] = lines_with_metrics(server, "in-vain")
    assert measured(line)["Faults"] == 1


def test_d11_a_saved_cart_is_counted_with_what_is_in_it(server: Server) -> None:
    server.ask("PUT", "/api/cart", {"quantities": {"1": 2, "3": 1}}, If_Match='"0"', X_Request_Id="saved")
    of_cart, of_request = lines_with_metrics(server, "saved")
    assert measured(of_cart) == {"CartsSaved": 1, "ItemsInCart": 3}
    assert measured(of_request)["Requests"] == 1


def test_d11_a_cart_that_is_refused_is_not_counted(server: Server) -> None:
    server.ask("PUT", "/api/cart", {"quantities": {"1": 0}}, If_Match='"0"', X_Request_Id="refused")
    [line] = lines_with_metrics(server, "refused")
    assert "CartsSaved" not in measured(line)


def test_d11_other_lines_are_no_metrics(server: Server) -> None:
    others = [line for line in server.log_lines() if line["message"] not in ("request", "cart saved")]
    assert others
    assert not [line for line in others if "_aws" in line or "metrics" in line]


def test_without_a_namespace_lines_are_lines(platform: Platform) -> None:
    with platform.server(METRIC_NAMESPACE="") as server:
        server.ask("GET", "/api/products", X_Request_Id="quiet")
        [line] = [each for each in server.log_lines() if each.get("request_id") == "quiet"]
    assert "_aws" not in line
    assert line["Duration"] > 0


@pytest.mark.parametrize("damage", ["_aws", "Timestamp", "Namespace", "value", "dimension"])
def test_a_line_that_cloudwatch_would_not_understand_is_noticed(server: Server, damage: str) -> None:
    server.ask("GET", "/api/products/1", X_Request_Id=f"damaged-{damage}")
    [line] = lines_with_metrics(server, f"damaged-{damage}")
    if damage == "_aws":
        del line["_aws"]
    elif damage == "Timestamp":
        line["_aws"]["Timestamp"] = str(line["_aws"]["Timestamp"])
    elif damage == "Namespace":
        del line["_aws"]["CloudWatchMetrics"][0]["Namespace"]
    elif damage == "value":
        line["Duration"] = "12 ms"
    else:
        del line["Environment"]
    with pytest.raises((jsonschema.ValidationError, AssertionError, KeyError)):
        measured(line)
