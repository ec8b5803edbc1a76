"""Expressions of metric math, by the rules of CloudWatch's user guide."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.settings import all_settings, resolved
from generator.environment import load_all
from generator.rehearsal.emulator_metric_math import MetricMathError, Series, evaluate, names
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
PERIODS = (0, 60, 120)
A: Series = {0: 1.0, 60: 2.0, 120: 3.0}
B: Series = {0: 10.0, 120: 0.0}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", A),
        ("a + 1", {0: 2, 60: 3, 120: 4}),
        ("100 * a / (a + 1)", {0: 50, 60: 100 * 2 / 3, 120: 75}),
        ("-a ^ 2", {0: -1, 60: -4, 120: -9}),
        ("a + b", {0: 11, 120: 3}),  # a period that one of them lacks is not there
        ("a / b", {0: 0.1}),  # nor is what is divided by nothing
        ("FILL(b, 0) + a", {0: 11, 60: 2, 120: 3}),
        ("FILL(b, a)", {0: 10, 60: 2, 120: 0}),
        ("a > 1", {0: 0, 60: 1, 120: 1}),
        ("a >= 2 AND b < 5", {0: 0, 120: 1}),
        ("a == 1 || b == 0", {0: 1, 120: 1}),
        ("IF(a > 1, a)", {60: 2, 120: 3}),
        ("IF(b > 0, a / b, 0)", {0: 0.1, 120: 0}),
        ("SUM([a, b])", {0: 11, 60: 2, 120: 3}),
        ("SUM(METRICS())", {0: 11, 60: 2, 120: 3}),
        ('SUM(METRICS("b"))', {0: 10, 120: 0}),
        ('MAX(METRICS("nothing"))', {}),
        ("MAX([a, FILL(b, 0)])", {0: 10, 60: 2, 120: 3}),
        ("AVG(a)", {0: 2, 60: 2, 120: 2}),
        ("MIN(b)", {0: 0, 60: 0, 120: 0}),
        ("DIFF(a)", {60: 1, 120: 1}),
        ("RATE(a)", {60: 1 / 60, 120: 1 / 60}),
        ("ABS(0 - a)", A),
        ("CEIL(a / 2)", {0: 1, 60: 1, 120: 2}),
    ],
)
def test_an_expression_has_the_value_that_cloudwatch_gives_it(expression: str, expected: Series) -> None:
    assert evaluate(expression, {"a": A, "b": B}, PERIODS) == pytest.approx(dict(expected))


@pytest.mark.parametrize(
    "expression",
    [
        "c",
        "a +",
        "[a, b]",
        "METRICS() + 1",
        "SEARCH('{AWS/EC2} CPU', 'Average', 60)",
        "ANOMALY_DETECTION_BAND(a)",
        "FILL(b, REPEAT)",
        "__import__('os')",
        "a.b",
        "'text'",
    ],
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(MetricMathError):
        evaluate(expression, {"a": A, "b": B}, PERIODS)


def test_the_ids_that_an_expression_names_are_known() -> None:
    assert names("IF(FILL(requests, 0) > 10, errors / requests)") == {"requests", "errors"}


@given(st.dictionaries(st.sampled_from(PERIODS), st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6))
def test_filling_leaves_no_gap_and_changes_nothing_else(series: dict[int, float], filling: float) -> None:
    filled = evaluate("FILL(a, b)", {"a": series, "b": dict.fromkeys(PERIODS, filling)}, PERIODS)
    assert filled == {period: series.get(period, filling) for period in PERIODS}


def test_every_expression_and_query_of_the_release_is_understood() -> None:
    release, understood = folder_of(ROOT / "templates_out"), 0
    for setting in all_settings(load_all(ROOT / "params"))[:12]:
        for resource in resolved(release, setting).resources.values():
            queries = resource.properties.get("Metrics", ()) if resource.type == "AWS::CloudWatch::Alarm" else ()
            series = {each["Id"]: A for each in queries if "MetricStat" in each}
            for each in queries:
                if "Expression" in each and not each["Expression"].startswith("SELECT "):
                    series[each["Id"]] = evaluate(each["Expression"], series, PERIODS)
                    understood += 1
    assert understood > 10
