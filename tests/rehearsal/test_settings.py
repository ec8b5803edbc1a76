"""Settings that no committed environment uses are rehearsed too, each on an account of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.environment import TemplateConfiguration, load
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import inspect
from tests.rehearsal.environments import ROOT, deployed

SETTINGS: dict[str, dict[str, str]] = {
    "TLS offloaded at the load balancer (W4)": {"TargetProtocol": "HTTP"},
    "bastion reached over SSH (E5)": {"AccessMode": "ssh"},
    "no access for operators": {"AccessMode": "none"},
    "VPN and a bastion reached over SSH through it": {
        "AccessMode": "ssh",
        "VpnGatewayAddress": "198.51.100.10",
        "VpnCidr": "172.20.0.0/16",
    },
    "VPN over three zones, without a bastion": {
        "AccessMode": "none",
        "AvailabilityZoneC": "eu-west-1c",
        "VpnGatewayAddress": "198.51.100.10",
        "VpnCidr": "172.20.0.0/16",
    },
    "a workflow that publishes": {"FederatedSubject": "repo:my-team/my-shop:ref:refs/heads/main"},
    "own domain with a validated certificate (W5)": {"DomainName": "shop.example.com", "HostedZoneId": "Z0000000001"},
    "three zones behind one NAT gateway": {"AvailabilityZoneC": "eu-west-1c"},
    "two zones with a NAT gateway each": {"NatGateways": "per-zone"},
    "replica without standby": {
        "DatabaseReadReplica": "true",
        "DatabaseMultiAz": "false",
        "OfficeHoursOnly": "false",
    },
    "an application archive": {"ApplicationArchiveKey": "shop/1.0.0.tar.gz"},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def configured(tmp_path: Path, settings: dict[str, str]) -> TemplateConfiguration:
    content = json.loads((ROOT / "params/dev.json").read_text(encoding="utf-8"))
    content["Parameters"] |= settings
    (tmp_path / "dev.json").write_text(json.dumps(content))
    return load(tmp_path / "dev.json")


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_deploys_and_keeps_every_claim(emulator: Emulator, tmp_path: Path, name: str) -> None:
    settings = SETTINGS[name]
    account_id = f"9{list(SETTINGS).index(name):011d}"
    if "HostedZoneId" in settings:
        zone = emulator.client("route53", account_id, "eu-west-1").create_hosted_zone(
            Name="example.com", CallerReference="rehearsal"
        )
        settings = {**settings, "HostedZoneId": zone["HostedZone"]["Id"].rpartition("/")[2]}
    target = deployed(emulator, configured(tmp_path, settings), account_id=account_id)
    assert [finding for finding in inspect(target) if not finding.holds] == []
