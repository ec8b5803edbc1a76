"""D2, D15: moving between servers and containers, and between blue and green, changes what runs and no data."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest

from generator.checks.changes import ChangeAction, Impact, Replacement
from generator.checks.environment_impact import release_parameters
from generator.checks.impact import compare
from generator.environment import load_all
from generator.naming import PLATFORM
from generator.resolver import NESTED_STACK, Resolution, resolve
from tests.releases import ACCOUNT_ID, REGION, RELEASED, ROOT

KEPT = ("Encryption", "Edge", "Network", "Database", "Storage", "Ingress", "Access", "OnCall", "Recovery", "Cost")
"""Stacks of which nothing changes, whatever the application runs on."""

MAY_CHANGE = {"Containers", "WebTier", "Security", "Egress", "Observability"}

COMPUTE = {
    "ec2": {"Compute": "ec2"},
    "both": {"Compute": "both"},
    "some paths": {"Compute": "both", "ServerPaths": "/checkout/*,/cart/*"},
    "fargate": {"Compute": "fargate"},
}
COLOURS = {
    "blue": {"GreenShare": "0"},
    "blue, green standing by": {"GreenShare": "0", "StandbyServers": "true"},
    "a tenth to green": {"GreenShare": "10"},
    "half to green": {"GreenShare": "50", "StandbyServers": "true"},
    "green, blue standing by": {"GreenShare": "100", "StandbyServers": "true"},
    "green": {"GreenShare": "100"},
}
SETTINGS = {configuration.source.stem: configuration.parameters() for configuration in load_all(ROOT / "params")}


@pytest.fixture(scope="module")
def release(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates of now as a release's folder."""
    folder = tmp_path_factory.mktemp("release") / "v9.9.9"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@cache
def deployed(release: Path, environment: str, settings: tuple[tuple[str, str], ...]) -> Resolution:
    parameters = release_parameters(release, PLATFORM, SETTINGS[environment] | dict(settings))
    return resolve(release, PLATFORM, parameters, ACCOUNT_ID, REGION)


def switch(release: Path, environment: str, before: dict[str, str], after: dict[str, str]) -> Impact:
    return compare(*(deployed(release, environment, tuple(settings.items())) for settings in (before, after)))


def stacks(addresses: Iterable[str]) -> set[str]:
    return {address.partition("/")[0] for address in addresses}


def names(impact: Impact, action: ChangeAction, *, stack: str) -> set[str]:
    """Return the resources of a stack with which something is done."""
    return {
        change.address.partition("/")[2]
        for change in impact.changes
        if change.action == action and change.address.startswith(f"{stack}/")
    }


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize(("before", "after"), list(permutations(COMPUTE, 2)))
def test_d2_another_compute_changes_no_data_resource(release: Path, environment: str, before: str, after: str) -> None:
    impact = switch(release, environment, COMPUTE[before], COMPUTE[after])
    touched = [change for change in impact.changes if change.type != NESTED_STACK]
    assert touched
    assert not stacks(change.address for change in touched) & set(KEPT)
    assert stacks(change.address for change in touched) <= MAY_CHANGE
    assert {danger.address for danger in impact.dangers} <= LOGS
    replaced = {change.address for change in impact.changes if change.replacement != Replacement.FALSE}
    assert not replaced, "what stays, stays as it is"


LOGS = {
    "WebTier/WebServerLogGroup",
    "Containers/ContainerLogGroup",
    "Containers/SidecarLogGroup",
    "Containers/ContainerInsightsLogGroup",
}
"""What goes with the compute that it belongs to, and is waived by whoever leaves that: logs of a week."""


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("before", ["ec2", "both"])
def test_d2_containers_come_beside_servers_that_nothing_is_done_to(
    release: Path, environment: str, before: str
) -> None:
    """The first step from servers to containers: not a server is replaced, and visitors notice nothing."""
    after = {"ec2": "both", "both": "some paths"}[before]
    impact = switch(release, environment, COMPUTE[before], COMPUTE[after])
    assert names(impact, ChangeAction.MODIFY, stack="WebTier") == {"ForwardToWebServers"}
    [rule] = [change for change in impact.changes if change.address == "WebTier/ForwardToWebServers"]
    changed = {edit.path.partition("[")[0] for edit in rule.properties}
    assert changed == ({"Tags"} if after == "both" else {"Conditions"})
    for action in (ChangeAction.ADD, ChangeAction.REMOVE):
        assert not names(impact, action, stack="WebTier")


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize(("before", "after"), list(permutations(["both", "some paths", "fargate"], 2)))
def test_d15_the_rule_of_containers_stays_untouched(release: Path, environment: str, before: str, after: str) -> None:
    """ECS owns its weights: an update of the rule would send visitors where no task is (docs/decisions/0021)."""
    impact = switch(release, environment, COMPUTE[before], COMPUTE[after])
    assert not any(change.address.startswith("Containers/") for change in impact.changes)


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize(("before", "after"), list(permutations(COLOURS, 2)))
def test_d15_another_colour_changes_nothing_but_web_servers(
    release: Path, environment: str, before: str, after: str
) -> None:
    impact = switch(release, environment, COLOURS[before], COLOURS[after])
    touched = [change for change in impact.changes if change.type != NESTED_STACK]
    assert stacks(change.address for change in touched) <= {"WebTier", "Observability"}
    assert not impact.dangers
    kept = {"TestSecret", "WebServers", "GreenWebServers", "WebServerLogGroup", "WebServerProfile"}
    for action in (ChangeAction.REMOVE, ChangeAction.MODIFY):
        assert not names(impact, action, stack="WebTier") & kept


@pytest.mark.parametrize(
    ("before", "after"), list(permutations(["blue, green standing by", "half to green", "green, blue standing by"], 2))
)
def test_d15_switching_and_switching_back_replaces_no_server(release: Path, before: str, after: str) -> None:
    """The weights change, and how the three servers are divided; launch templates and target groups do not."""
    impact = switch(release, "prod", COLOURS[before], COLOURS[after])
    changed = names(impact, ChangeAction.MODIFY, stack="WebTier")
    rules = {"ForwardToWebServers", "TestWebServers"}
    assert rules <= changed <= rules | {"WebServerGroup", "GreenWebServerGroup"}
    paths = {edit.path for change in impact.changes for edit in change.properties if "WebServerGroup" in change.address}
    assert paths <= {"MinSize", "MaxSize", "ResourceSignal.Count", "CreationPolicy"}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_upgrade_to_two_fleets_replaces_nothing_of_the_web_servers(release: Path, environment: str) -> None:
    """What was there before the colours is the blue fleet: a new rule, or target group, would be an outage."""
    impact = compare(deployed(RELEASED, environment, ()), deployed(release, environment, ()))
    web_tier = [change for change in impact.changes if change.address.startswith("WebTier/")]
    assert {"WebTier/ForwardToWebServers", "WebTier/WebServerGroup"} <= {change.address for change in web_tier}
    assert all(change.replacement == Replacement.FALSE for change in web_tier)
    assert not names(impact, ChangeAction.REMOVE, stack="WebTier")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_d2_requests_are_left_to_containers_only_once_they_are_there(release: Path, environment: str) -> None:
    """Else the load balancer answers 503 from the moment on in which the web servers' rule has fewer paths."""
    both = deployed(release, environment, tuple(COMPUTE["some paths"].items()))
    assert "Containers" in both.resources["WebTier"].waits_for
    alone = deployed(release, environment, tuple(COMPUTE["ec2"].items()))
    assert "Containers" not in alone.resources["WebTier"].waits_for
    assert "WebTier" not in both.resources["Containers"].waits_for


def test_a_change_of_data_would_be_seen(release: Path, tmp_path: Path) -> None:
    """The same question asked of a release whose database takes another security group where containers run."""
    broken = tmp_path / "v9.9.9"
    broken.mkdir()
    for path in release.iterdir():
        (broken / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    root = broken / "platform.yaml"
    group = "!GetAtt Security.Outputs.DatabaseGroupId"
    old = f"DatabaseGroupId: {group}"
    new = f"DatabaseGroupId: !If [HasContainers, !GetAtt Security.Outputs.ContainersGroupId, {group}]"
    assert old in root.read_text(encoding="utf-8")
    root.write_text(root.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    impact = switch(broken, "dev", COMPUTE["ec2"], COMPUTE["both"])
    assert "Database/Database" in {change.address for change in impact.changes}
