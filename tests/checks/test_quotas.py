"""CloudFormation's quotas: each gate lets 80 % pass, of a root's body 90 %, and stops one more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.quotas import (
    BODY_IN_REQUEST,
    BODY_IN_S3,
    DYNAMIC_REFERENCES,
    GATE_PERCENT,
    GATE_PERCENT_OF_ROOTS,
    PARAMETER_VALUE,
    TEMPLATE_QUOTAS,
    check_parameter_values,
    check_quotas,
)


def check(template: dict[str, Any], body: str = "", *, root: bool = False) -> list[str]:
    return check_quotas("network.yaml", body, template, root=root)


def numbered(count: int, value: object) -> dict[str, object]:
    return {f"Entry{number}": value for number in range(count)}


def launching(user_data: object) -> dict[str, object]:
    properties = {"LaunchTemplateData": {"UserData": user_data}}
    return {"Resources": {"WebServer": {"Type": "AWS::EC2::LaunchTemplate", "Properties": properties}}}


TEMPLATES = {
    "resources": (400, lambda n: {"Resources": numbered(n, {})}),
    "parameters": (160, lambda n: {"Parameters": numbered(n, {})}),
    "outputs": (160, lambda n: {"Outputs": numbered(n, {})}),
    "mappings": (160, lambda n: {"Mappings": numbered(n, {})}),
    "keys of a mapping": (160, lambda n: {"Mappings": {"Sizes": numbered(n, {})}}),
    "attributes of a key": (160, lambda n: {"Mappings": {"Sizes": {"Small": numbered(n, "1")}}}),
    "name of a resource": (204, lambda n: {"Resources": {"R" * n: {}}}),
    "name of a parameter": (204, lambda n: {"Parameters": {"P" * n: {}}}),
    "name of an output": (204, lambda n: {"Outputs": {"O" * n: {}}}),
    "name of a mapping": (204, lambda n: {"Mappings": {"M" * n: {}}}),
    "name of a mapping's key": (204, lambda n: {"Mappings": {"Sizes": {"K" * n: {}}}}),
    "name of a mapping's attribute": (204, lambda n: {"Mappings": {"Sizes": {"Small": {"A" * n: "1"}}}}),
    "description": (819, lambda n: {"Description": "d" * n}),
    "description of an output": (819, lambda n: {"Outputs": {"VpcId": {"Description": "d" * n}}}),
    "description of a parameter": (3200, lambda n: {"Parameters": {"VpcId": {"Description": "d" * n}}}),
    "user data of a launch template": (13107, lambda n: launching({"Fn::Base64": "#" * n})),
    "default of a parameter": (3276, lambda n: {"Parameters": {"VpcId": {"Default": "d" * n}}}),
}


@pytest.mark.parametrize(("gate", "template_of"), TEMPLATES.values(), ids=TEMPLATES.keys())
def test_each_gate_lets_80_percent_pass_and_stops_one_more(gate: int, template_of: Any) -> None:
    assert check(template_of(gate)) == []
    [message] = check(template_of(gate + 1))
    assert message.startswith("network.yaml")
    assert f"has {gate + 1:,} " in message
    assert f"the gate is at {gate:,}, 80 % of " in message


def test_every_quota_in_the_table_has_a_case_here() -> None:
    gates = {gate for gate, _ in TEMPLATES.values()}
    assert {quota.gate for quota, _ in TEMPLATE_QUOTAS} == gates
    assert len(TEMPLATES) >= len(TEMPLATE_QUOTAS)


def test_the_message_says_what_to_do() -> None:
    assert check({"Resources": numbered(412, {})}) == [
        "network.yaml has 412 resources; the gate is at 400, 80 % of CloudFormation's 500. Split the stack."
    ]


def test_of_user_data_the_text_in_the_template_counts() -> None:
    header = {"Fn::Sub": ["readonly BUCKET=${Bucket}", {"Bucket": {"Ref": "Bucket"}}]}
    [message] = check(launching({"Fn::Base64": {"Fn::Join": ["\n", [header, "#" * 13_082]]}}))
    assert message == (
        "network.yaml: the user data of WebServer has 13,108 bytes; the gate is at 13,107, 80 % of EC2's 16,384. "
        "Shorten the scripts, or fetch a part of them from a bucket."
    )


@pytest.mark.parametrize(("root", "gate"), [(False, 838_860), (True, 46_080)])
def test_a_root_is_deployed_directly_and_has_the_smaller_body(root: bool, gate: int) -> None:
    assert check({}, "#" * gate, root=root) == []
    [message] = check({}, "#" * (gate + 1), root=root)
    assert message.startswith(f"network.yaml: its body has {gate + 1:,} bytes; the gate is at {gate:,}")


def test_dynamic_references_are_counted_in_the_body() -> None:
    reference = "{{resolve:ssm:/web-platform/dev/name}}\n"
    assert check({}, reference * 48) == []
    [message] = check({}, reference * 49)
    assert "has 49 dynamic references; the gate is at 48" in message


def test_sizes_are_in_bytes_and_names_in_characters() -> None:
    assert check({"Description": "é" * 409}) == []
    assert len(check({"Description": "é" * 410})) == 1
    assert check({"Mappings": {"Sizes": {"é" * 204: {}}}}) == []


def test_sections_may_be_absent_or_without_content() -> None:
    assert check({"Resources": None, "Outputs": None, "Description": None}) == []


def test_each_quota_speaks_for_itself() -> None:
    template = {"Resources": numbered(401, {}), "Outputs": {"O" * 205: {}, "VpcId": {"Description": "d" * 820}}}
    messages = check(template, "#" * 838_861)
    assert [message.partition(";")[0].split(" has ")[1] for message in messages] == [
        "838,861 bytes",
        "401 resources",
        "205 characters",
        "820 bytes",
    ]


def test_parameter_values_name_their_source_and_parameter() -> None:
    assert check_parameter_values("params/prod.json", {"VpcCidr": "v" * 3276}) == []
    [message] = check_parameter_values("params/prod.json", {"VpcCidr": "v" * 3277, "EnvironmentName": "prod"})
    assert message.startswith("params/prod.json: the value of parameter VpcCidr has 3,277 bytes; the gate is at 3,276,")


@given(value=st.text(max_size=5_000))
def test_a_parameter_value_passes_exactly_up_to_80_percent_of_its_bytes(value: str) -> None:
    passes = check_parameter_values("params/dev.json", {"VpcCidr": value}) == []
    assert passes == (len(value.encode()) * 100 <= 4_096 * GATE_PERCENT)


@given(count=st.integers(min_value=0, max_value=600))
def test_resources_pass_exactly_up_to_80_percent(count: int) -> None:
    assert (check({"Resources": numbered(count, {})}) == []) == (count <= 400)


@given(size=st.integers(min_value=0, max_value=60_000))
def test_what_a_root_may_hold_a_child_may_hold_too(size: int) -> None:
    body = "#" * size
    assert not check({}, body, root=False)
    assert bool(check({}, body, root=True)) == (size > 46_080)


@pytest.mark.parametrize(
    ("quota", "percent"),
    [
        (BODY_IN_S3, GATE_PERCENT),
        (BODY_IN_REQUEST, GATE_PERCENT_OF_ROOTS),
        (DYNAMIC_REFERENCES, GATE_PERCENT),
        (PARAMETER_VALUE, GATE_PERCENT),
    ],
)
def test_a_gate_is_never_above_its_percentage(quota: Any, percent: int) -> None:
    assert quota.gate * 100 <= quota.limit * percent < (quota.gate + 1) * 100
