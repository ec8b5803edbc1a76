"""Whatever is switched, the drawing shows all of it, and nothing in it touches anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator.checks.settings import BY_TURNS, NOBODY, WITH_DOMAIN, Choice, Setting
from generator.cost.accounts import Account, environment_account
from generator.diagram.collisions import problems
from generator.diagram.coverage import NOT_DRAWN, left_out
from generator.diagram.drawing import draw
from generator.diagram.finished import FinishedPage

NO_VPN: Choice = {"VpnGatewayAddress": "", "VpnCidr": ""}
VPN: Choice = {"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "172.20.0.0/16"}
FULL: Choice = {
    **WITH_DOMAIN,
    **VPN,
    **BY_TURNS,
    "LoadBalancerAccess": "cloudfront",
    "AccessMode": "ssh",
    "Compute": "both",
    "ServerPaths": "/checkout/*,/cart/*",
    "GreenShare": "10",
    "StandbyServers": "true",
    "FargateSpotShare": "50",
    "ShieldAdvanced": "true",
    "FederatedSubject": "repo:my-team/my-shop:ref:refs/heads/main",
    "CostAnomalyMonitor": "new",
    "OperationsEmail": "operations@example.com",
}
SWITCHED: dict[str, Choice] = {
    "as it is": {},
    "everything": FULL,
    "everything in two zones": {**FULL, "AvailabilityZoneC": "", "NatGateways": "single"},
    "containers with a domain": {**WITH_DOMAIN, "Compute": "fargate", "AccessMode": "none"},
    "little": {
        **NOBODY,
        **NO_VPN,
        "AvailabilityZoneC": "",
        "NatGateways": "single",
        "InterfaceEndpoints": "false",
        "WebApplicationFirewall": "false",
        "DatabaseMultiAz": "false",
        "DatabaseReadReplica": "false",
        "RecoveryRegion": "",
        "RestoreTesting": "false",
        "LongTermBackups": "false",
        "SyntheticCanary": "false",
    },
}


@pytest.fixture(scope="module", params=SWITCHED)
def drawn(
    request: pytest.FixtureRequest, release: Path, settings: dict[str, Setting], accounts: list[Account]
) -> tuple[list[FinishedPage], list[Account]]:
    """The pages of a setting, with the accounts on them."""
    setting = replace(settings["prod"], parameters={**settings["prod"].parameters, **SWITCHED[request.param]})
    changed = [*accounts[:2], environment_account(release, setting), accounts[-1]]
    return draw(changed, "prod", release.name), changed[2:]


def test_nothing_overlaps_and_no_line_touches_anything(drawn: tuple[list[FinishedPage], list[Account]]) -> None:
    assert [text for page in drawn[0] for text in problems(page)] == []


def test_every_resource_is_on_a_page(drawn: tuple[list[FinishedPage], list[Account]]) -> None:
    assert left_out(*drawn) == []


def test_every_number_is_explained_once_and_used(drawn: tuple[list[FinishedPage], list[Account]]) -> None:
    for page in drawn[0]:
        explained = [int(node.value) for node in page.nodes if node.id.startswith("legend:") and node.kind == "icon"]
        used = sorted(connection.number for connection in page.connections if connection.number)
        assert used == sorted(explained), page.name


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_other_environments_can_be_shown_too(environment: str, accounts: list[Account], release: Path) -> None:
    pages = draw(accounts, environment, release.name)
    assert [text for page in pages for text in problems(page)] == []


def test_what_is_said_to_be_left_out_exists(release: Path) -> None:
    """A reason for a template that is gone would hide the next one of that name."""
    assert [name for name in NOT_DRAWN if not (release / f"{name}.yaml").exists()] == []


def test_what_is_on_no_page_is_told(pages: list[FinishedPage], accounts: list[Account]) -> None:
    without_network = [replace(page, nodes=[n for n in page.nodes if n.id != "Network/Vpc"]) for page in pages]
    told = left_out(without_network, accounts[2:])
    assert len(told) == 1
    assert told[0].startswith("Network/Vpc: AWS::EC2::VPC is on no page")
