"""The deployment time: the longest path through stacks and resources, against one flat stack."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.deployment_time import ESTIMATES, TABLE, DeploymentTime, creation_time, deployment_time
from generator.resolver import NESTED_STACK, Resolution, Resource
from tests.releases import ROOT, released

OWN = 5  # what a nested stack adds, typically
INSTANT = 3  # what an ordinary resource takes, typically
NAT = "AWS::EC2::NatGateway"
NAT_SECONDS = 100


def resource(address: str, type_name: str = "AWS::EC2::Route", **changes: Any) -> Resource:
    stack, _, logical_id = address.rpartition("/")
    defaults: dict[str, Any] = {"properties": {}, "attributes": {}, "condition": None, "waits_for": ()}
    return Resource(stack, logical_id, type_name, template="test.yaml", **{**defaults, **changes})


def stack(name: str, *waits_for: str, depends_on: tuple[str, ...] = ()) -> Resource:
    attributes = {"DependsOn": list(depends_on)} if depends_on else {}
    return resource(name, NESTED_STACK, waits_for=(*waits_for, *depends_on), attributes=attributes)


def resolution(*resources: Resource) -> Resolution:
    by_address = {one.address: one for one in resources}
    return Resolution("web-platform-test", "123456789012", "eu-west-1", by_address, {"": {}}, {"": {}})


def timed(*resources: Resource) -> DeploymentTime:
    return deployment_time(resolution(*resources))


def steps(time: DeploymentTime) -> list[tuple[str, float, float]]:
    return [(step.address, step.start, step.end) for step in time.path]


def test_nothing_takes_no_time() -> None:
    time = timed()
    assert (time.typical, time.flat, time.ratio, time.path) == (0, 0, 1, ())


def test_resources_side_by_side_take_as_long_as_the_slowest() -> None:
    time = timed(resource("Fast"), resource("Slow", NAT))
    assert (time.typical, time.low, time.high) == (NAT_SECONDS, 84, 121)
    assert steps(time) == [("Slow", 0, NAT_SECONDS)]


def test_resources_one_after_the_other_take_the_sum() -> None:
    time = timed(resource("Second", waits_for=("First",)), resource("First", NAT))
    assert steps(time) == [("First", 0, NAT_SECONDS), ("Second", NAT_SECONDS, NAT_SECONDS + INSTANT)]


def test_a_nested_stack_starts_when_all_it_waits_for_is_complete() -> None:
    time = timed(
        stack("One"), resource("One/Quick"), resource("One/Slow", NAT), stack("Two", "One"), resource("Two/Quick")
    )
    end = OWN + NAT_SECONDS
    assert steps(time) == [
        ("One", 0, OWN),
        ("One/Slow", OWN, end),
        ("Two", end, end + OWN),
        ("Two/Quick", end + OWN, end + OWN + INSTANT),
    ]


def test_the_flat_bound_waits_only_for_what_is_used() -> None:
    time = timed(
        stack("One"),
        resource("One/Quick"),
        resource("One/Slow", NAT),
        stack("Two", "One"),
        resource("Two/Slow", NAT, properties={"SubnetId": "⟨One/Quick⟩"}),
    )
    assert time.flat == INSTANT + NAT_SECONDS
    assert time.typical == 2 * (OWN + NAT_SECONDS)
    assert time.ratio == pytest.approx(210 / 103)


def test_the_flat_bound_keeps_what_a_stack_says_it_depends_on() -> None:
    time = timed(stack("One"), resource("One/Slow", NAT), stack("Two", depends_on=("One",)), resource("Two/Slow", NAT))
    assert time.flat == 2 * NAT_SECONDS


@pytest.mark.parametrize("names", [("Slow", "Quick"), ("Quick", "Slow")])
def test_slack_is_what_a_stack_could_take_longer(names: tuple[str, str]) -> None:
    kinds = {"Slow": NAT, "Quick": "AWS::EC2::Route"}
    dependents = [part for name in names for part in (stack(name, "Base"), resource(f"{name}/Only", kinds[name]))]
    time = timed(stack("Base"), resource("Base/Vpc"), *dependents)
    slack = {one.stack: one.slack for one in time.stacks}
    assert slack == {"Base": 0, "Slow": 0, "Quick": NAT_SECONDS - INSTANT}
    assert [one.stack for one in time.stacks] == ["Base", "Quick", "Slow"]


def test_those_in_the_same_stack_need_not_wait_for_a_check_of_consistency_but_the_stack_does() -> None:
    profile = resource("One/Profile", "AWS::IAM::InstanceProfile")
    time = timed(
        stack("One"),
        profile,
        resource("One/User", waits_for=("One/Profile",)),
        stack("Two", "One"),
        resource("Two/User"),
    )
    seconds = creation_time(profile, "typical")
    assert seconds > 100
    assert time.typical == OWN + seconds + OWN + INSTANT
    alone = timed(replace(profile, stack=""), resource("User", waits_for=("Profile",)))
    assert alone.typical == seconds


@pytest.mark.parametrize(
    ("type_name", "plain", "slower"),
    [
        ("AWS::RDS::DBInstance", {"MultiAZ": "false"}, {"MultiAZ": "true"}),
        ("AWS::RDS::DBInstance", {}, {"SourceDBInstanceIdentifier": "⟨Database/Database⟩"}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, {"VpcEndpointType": "Interface"}),
    ],
)
def test_properties_tell_variants_apart(type_name: str, plain: dict[str, str], slower: dict[str, str]) -> None:
    quick, slow = (resource("R", type_name, properties=properties) for properties in (plain, slower))
    assert creation_time(quick, "typical") < creation_time(slow, "typical")


def test_a_creation_policy_waits_for_signals() -> None:
    group = resource("Group", "AWS::AutoScaling::AutoScalingGroup")
    signals = replace(group, attributes={"CreationPolicy": {"ResourceSignal": {"Count": "2"}}})
    assert creation_time(group, "typical") < creation_time(signals, "typical")


def test_every_figure_of_the_table_has_an_order_a_basis_and_a_source() -> None:
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    rows = [table["default"], table["nested_stack"], *table["types"].values()]
    rows += [variant for row in rows for variant in row.get("variants", ())]
    for row in rows:
        assert 0 < row["low"] <= row["typical"] <= row["high"], row
        assert row["basis"] in ("measured", "documented", "estimated"), row
        assert row["source"], row
    assert table["checked"]


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_real_environments_end_with_the_database(environment: str) -> None:
    time = deployment_time(released(environment))
    assert "Database/Database" in {step.address for step in time.path}
    assert time.low < time.typical < time.high
    assert 1 <= time.ratio < 1.5
    assert {one.stack for one in time.stacks} == {one.address for one in released(environment).of_type(NESTED_STACK)}
    assert all(one.slack >= 0 for one in time.stacks)


@given(
    types=st.lists(st.sampled_from([NAT, "AWS::EC2::Route", "AWS::IAM::Role"]), min_size=1, max_size=12),
    data=st.data(),
)
def test_the_path_explains_the_total_without_gaps(types: list[str], data: st.DataObject) -> None:
    resources = []
    for number, type_name in enumerate(types):
        others = [f"R{n}" for n in range(number)]
        waits_for = data.draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        resources.append(resource(f"R{number}", type_name, waits_for=tuple(waits_for)))
    time = timed(*resources)
    assert time.path[0].start == 0
    assert time.path[-1].end == time.typical
    assert all(one.end == following.start for one, following in pairwise(time.path))
    longest = max(creation_time(one, "typical") for one in resources)
    assert longest <= time.typical <= sum(creation_time(one, "typical") for one in resources)
    assert time.low <= time.typical <= time.high


def test_the_estimates_are_those_of_the_table() -> None:
    nat = resource("Nat", NAT)
    assert [creation_time(nat, estimate) for estimate in ESTIMATES] == [84, 100, 121]


@pytest.mark.parametrize(
    ("row", "figure"),
    [("one flat stack", "flat"), ("v1.1.0: instance profile beside its role in `security`", "typical")],
)
def test_the_decision_record_tells_these_figures(row: str, figure: str) -> None:
    record = (ROOT / "docs/decisions/0007-stacks-are-cut-by-readiness.md").read_text(encoding="utf-8")
    times = [deployment_time(released(environment)) for environment in ("dev", "staging", "prod")]
    cells = [f"{getattr(time, figure):.0f} ({getattr(time, figure) / time.flat:.2f})" for time in times]
    assert f"| {row} | {' | '.join(cells)} |" in record
