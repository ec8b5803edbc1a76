"""The shape of dashboards: where widgets stand, and what CloudFormation fills in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import GetAtt, If, Join, Ref, Sub

from generator.alarms import Metric
from generator.dashboards import (
    COLUMNS,
    Line,
    OneOrBoth,
    Only,
    Row,
    Widget,
    alarms,
    body,
    graph,
    log_lines,
    number,
    text,
)
from generator.nesting import WiringError
from tests.intrinsics import resolve

CPU = Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": Ref("Group")})
CONDITIONS = {
    "HasCanary": {"Fn::Equals": [{"Ref": "Canary"}, "true"]},
    "HasTwin": {"Fn::Equals": [{"Ref": "Twin"}, "true"]},
    "HasBoth": {"Fn::And": [{"Condition": "HasCanary"}, {"Condition": "HasTwin"}]},
}


def filled_in(rows: Sequence[Row | OneOrBoth], **parameters: str) -> dict[str, Any]:
    """Return the body as CloudWatch gets it."""
    template = {"Resources": {}, "Conditions": CONDITIONS}
    found = resolve(body(rows).to_dict(), template, parameters)
    assert isinstance(found, str), found
    content: dict[str, Any] = json.loads(found)
    return content


def test_widgets_stand_side_by_side_and_rows_below_each_other() -> None:
    widgets = filled_in([Row(2, [text(10, "a"), text(14, "b")]), Row(3, [text(24, "c")])])["widgets"]
    places = [(each["x"], each["y"], each["width"], each["height"]) for each in widgets]
    assert places == [(0, 0, 10, 2), (10, 0, 14, 2), (0, 2, 24, 3)]


@given(st.lists(st.lists(st.integers(1, COLUMNS), min_size=1, max_size=6), max_size=6), st.integers(1, 9))
def test_widgets_never_overlap_nor_leave_the_grid(widths: list[list[int]], height: int) -> None:
    rows = [Row(height, [text(width, "x") for width in row]) for row in widths]
    if any(sum(row) > COLUMNS for row in widths):
        with pytest.raises(WiringError, match="more than 24 columns"):
            body(rows)
        return
    taken = [
        (x, y)
        for each in filled_in(rows)["widgets"]
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(set(taken)) == len(taken)
    assert all(x < COLUMNS for x, _ in taken)


def test_names_and_numbers_are_filled_in() -> None:
    rows = [Row(1, [graph(24, "Processor", Line("average", CPU), limits={"limit": Ref("Percent")})])]
    [widget] = filled_in(rows, Group="the-group", Percent="80", **{"AWS::Region": "a-region"})["widgets"]
    assert widget["properties"]["metrics"] == [
        ["AWS/EC2", "CPUUtilization", "AutoScalingGroupName", "the-group", {"stat": "Average", "label": "average"}]
    ]
    assert widget["properties"]["annotations"] == {"horizontal": [{"label": "limit", "value": 80}]}
    assert widget["properties"]["region"] == "a-region"


def test_attributes_and_texts_with_names_are_filled_in() -> None:
    metric = Metric(Sub("shop/${Name}"), "Errors")
    rows = [Row(1, [graph(12, "Errors", Line("all", metric)), alarms(12, "Alarms", [GetAtt("Alarm", "Arn")])])]
    written = body(rows).to_dict()["Fn::Sub"]
    assert '"shop/${Name}"' in written
    assert '"${Alarm.Arn}"' in written


@pytest.mark.parametrize(("canary", "there"), [("true", True), ("false", False)])
def test_what_may_be_absent_leaves_the_rest_as_it_is(canary: str, there: bool) -> None:
    of_visits = Metric("CloudWatchSynthetics", "SuccessPercent", {}, condition="HasCanary")
    rows = [
        Row(1, [graph(12, "both", Line("a", CPU), Line("b", of_visits)), graph(12, "c", condition="HasCanary")]),
        Row(1, [alarms(24, "d", [Ref("First"), Only("HasCanary", Ref("Second")), Ref("Third")])]),
    ]
    known = {"Group": "g", "Canary": canary, "AWS::Region": "r", "First": "1", "Second": "2", "Third": "3"}
    widgets = filled_in(rows, **known)["widgets"]
    assert [each["properties"]["title"] for each in widgets] == (["both", "c", "d"] if there else ["both", "d"])
    assert len(widgets[0]["properties"]["metrics"]) == (2 if there else 1)
    assert widgets[-1]["properties"]["alarms"] == (["1", "2", "3"] if there else ["1", "3"])
    assert widgets[-1]["y"] == 1


@pytest.mark.parametrize(
    ("canary", "twin", "places"),
    [
        ("true", "true", {"a": 0, "b": 1, "c": 2, "d": 4, "e": 7, "f": 11}),
        ("true", "false", {"a": 0, "b": 1, "c": 2, "e": 4, "f": 8}),
        ("false", "true", {"a": 0, "d": 1, "e": 4, "f": 8}),
    ],
)
def test_what_is_below_moves_up_where_one_of_two_is_absent(canary: str, twin: str, places: dict[str, int]) -> None:
    of_canary, of_twin = [Row(1, [text(24, "b")]), Row(2, [text(24, "c")])], [Row(3, [text(24, "d")])]
    rows = [
        Row(1, [text(24, "a")]),
        OneOrBoth("HasCanary", of_canary, "HasTwin", of_twin, both="HasBoth"),
        Row(4, [text(24, "e")]),
        Row(5, [text(12, "f"), text(12, "g")]),
    ]
    widgets = filled_in(rows, Canary=canary, Twin=twin)["widgets"]
    assert {each["properties"]["markdown"]: each["y"] for each in widgets} == {**places, "g": places["f"]}


def test_what_may_take_the_others_place_is_as_high() -> None:
    with pytest.raises(WiringError, match="same height"):
        body([OneOrBoth("HasCanary", [Row(1, [text(24, "a")])], "HasTwin", [Row(2, [text(24, "b")])], both="HasBoth")])


def test_a_value_that_depends_on_a_condition_is_filled_in_once() -> None:
    leading = If("HasCanary", Ref("Group"), Ref("Other"))
    lines = [Line(each, Metric("AWS/EC2", each, {"AutoScalingGroupName": leading})) for each in ("CPU", "Network")]
    rows = [Row(1, [graph(24, "Both", *lines)])]
    known = {"Group": "g", "Other": "o", "AWS::Region": "r"}
    for canary, group in (("true", "g"), ("false", "o")):
        [widget] = filled_in(rows, Canary=canary, **known)["widgets"]
        assert [entry[3] for entry in widget["properties"]["metrics"]] == [group, group]
    assert len(body(rows).to_dict()["Fn::Sub"][1]) == 1


def test_one_condition_is_enough() -> None:
    row = Row(1, [graph(24, "a", condition="HasCanary")])
    with pytest.raises(WiringError, match="a condition of its own"):
        body([OneOrBoth("HasTwin", [row], "HasCanary", [row], both="HasBoth")])


def test_what_may_be_absent_stands_last_in_its_row() -> None:
    with pytest.raises(WiringError, match="stands before"):
        body([Row(1, [graph(12, "a", condition="HasCanary"), text(12, "b")])])


def test_what_may_be_absent_is_never_the_first_of_a_list() -> None:
    with pytest.raises(WiringError, match="first item"):
        body([Row(1, [alarms(24, "Alarms", [Only("HasCanary", Ref("Alarm"))])])])


def test_what_a_text_cannot_name_is_refused() -> None:
    widget = Widget(24, "text", {"markdown": Join("", ["a", Ref("B")])})
    with pytest.raises(WiringError, match="cannot name"):
        body([Row(1, [widget])])


def test_an_expression_reads_lines_that_are_hidden() -> None:
    lines = [Line("requests", CPU, id="asked", hidden=True), Line("half", expression="asked / 2", right=True)]
    known = {"Group": "g", "AWS::Region": "r"}
    [widget] = filled_in([Row(1, [number(24, "n", *lines, whole_range=True)])], **known)["widgets"]
    hidden, half = widget["properties"]["metrics"]
    assert hidden[-1] == {"stat": "Average", "label": "requests", "id": "asked", "visible": False}
    assert half == [{"expression": "asked / 2", "label": "half", "yAxis": "right"}]
    assert (widget["properties"]["setPeriodToTimeRange"], widget["properties"]["sparkline"]) == (True, False)


@pytest.mark.parametrize(
    ("canary", "twin", "sources"),
    [
        ("true", "false", "SOURCE 'the-logs' | "),
        ("false", "true", "SOURCE 'its-logs' | "),
        ("true", "true", "SOURCE 'the-logs' | SOURCE 'its-logs' | "),
    ],
)
def test_a_query_is_asked_of_the_log_groups_that_are_there(canary: str, twin: str, sources: str) -> None:
    query = 'fields @message\n| filter level = "ERROR"'
    known = {"Group": "the-logs", "Other": "its-logs", "Canary": canary, "Twin": twin, "AWS::Region": "r"}
    groups = {"HasCanary": Ref("Group"), "HasTwin": Ref("Other")}
    [widget] = filled_in([Row(1, [log_lines(24, "Errors", groups, query)])], **known)["widgets"]
    assert widget["type"] == "log"
    assert widget["properties"]["query"] == f"{sources}{query}"
