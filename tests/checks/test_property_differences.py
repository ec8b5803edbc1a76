"""Properties leaf by leaf: paths that people read, values as CloudFormation compares them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.property_differences import (
    Difference,
    differences,
    differing_lines,
    in_words,
    leaves,
    names,
    normalized,
    spelled,
)

keys = st.text(alphabet="abcXYZ", min_size=1, max_size=4)
values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
properties = st.dictionaries(keys, values, max_size=4)


def spelled_leaves(given: dict[str, Any]) -> dict[str, Any]:
    return {spelled(path): value for path, value in leaves(given).items()}


def test_leaves_are_plain_values_lists_of_them_and_policies() -> None:
    policy = {"Statement": [{"Effect": "Allow"}]}
    given = {"A": {"B": 1, "C": ["x", "y"]}, "Policy": policy, "Empty": {}, "None": []}
    assert spelled_leaves(given) == {"A.B": 1, "A.C": ["x", "y"], "Policy": policy, "Empty": {}, "None": []}


def test_items_of_a_list_go_by_their_names() -> None:
    tags = {"Tags": [{"Key": "Name", "Value": "shop"}, {"Key": "Owner", "Value": "us"}]}
    assert spelled_leaves(tags)["Tags[Owner].Value"] == "us"
    reordered = {"Tags": list(reversed(tags["Tags"]))}
    assert differences(tags, reordered) == []


@pytest.mark.parametrize("items", [[{"Port": 1}, {"Port": 2}], [{"Key": "a"}, {"Key": "a"}], [{"Key": 1}, {"Key": 2}]])
def test_items_without_names_of_their_own_go_by_number(items: list[dict[str, Any]]) -> None:
    assert {path[1] for path in leaves({"Rules": items})} == {"[0]", "[1]"}


def test_names_leave_out_the_items() -> None:
    assert names(("Tags", "[Name]", "Value")) == ("Tags", "Value")


def test_differences_have_both_values_and_follow_the_newer_order() -> None:
    before, after = {"Gone": 1, "Same": True, "Changed": "a"}, {"New": 2, "Changed": "b", "Same": "true"}
    assert differences(before, after) == [
        Difference(("New",), None, 2),
        Difference(("Changed",), "a", "b"),
        Difference(("Gone",), 1, None),
    ]


@pytest.mark.parametrize(
    ("one", "other"), [(True, "true"), (80, "80"), ([1, False], ["1", "false"]), ({"a": 1}, {"a": "1"})]
)
def test_values_are_compared_as_cloudformation_takes_them(one: Any, other: Any) -> None:
    assert normalized(one) == normalized(other)


def test_values_that_differ_stay_different() -> None:
    assert normalized("True") != normalized(True)
    assert normalized(None) != normalized("")


def test_short_values_have_no_lines_and_long_ones_only_those_that_differ() -> None:
    assert differing_lines("a", "b") == ()
    assert differing_lines(None, 7) == ()
    assert differing_lines("a\nb\nc", "a\nB\nc") == ("- b", "+ B")
    assert differing_lines(None, "x" * 201) == (f"+ {'x' * 201}",)


def test_words_for_values() -> None:
    assert [in_words(value) for value in (None, False, 7, "x", {"a": ["b"]})] == [
        "(not given)",
        "false",
        "7",
        "x",
        '{"a": ["b"]}',
    ]


@given(given=properties)
def test_nothing_differs_from_itself(given: dict[str, Any]) -> None:
    assert differences(given, given) == []
    assert differences(given, normalized(given)) == []


@given(before=properties, after=properties)
def test_a_difference_seen_one_way_is_seen_the_other_way(before: dict[str, Any], after: dict[str, Any]) -> None:
    there = {(found.path, repr(found.before), repr(found.after)) for found in differences(before, after)}
    back = {(found.path, repr(found.after), repr(found.before)) for found in differences(after, before)}
    assert there == back
