"""Zones have the ids that settings name, in whichever account; all others have the emulator's own."""

from __future__ import annotations

from importlib import import_module

import pytest
from conftest import REGION

from generator.rehearsal.accounts import Accounts
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_hosted_zones import REFERENCE, ROUTE_53, zones_with_ids


def test_a_zone_has_the_id_that_its_creator_names(emulator: Emulator) -> None:
    for environment in ("dev", "prod"):
        route53 = Accounts(emulator, REGION).client("route53", environment)
        made = route53.create_hosted_zone(Name="shop.example.com", CallerReference=f"{REFERENCE}Z0123456789ABC")
        assert made["HostedZone"]["Id"] == "/hostedzone/Z0123456789ABC"
        records = route53.list_resource_record_sets(HostedZoneId="Z0123456789ABC")["ResourceRecordSets"]
        assert {record["Type"] for record in records} == {"NS", "SOA"}


def test_other_zones_have_ids_of_their_own(emulator: Emulator) -> None:
    route53 = Accounts(emulator, REGION).client("route53", "staging")
    route53.create_hosted_zone(Name="one.example.com", CallerReference=f"{REFERENCE}ZONE")
    ids = {
        route53.create_hosted_zone(Name=f"{name}.example.com", CallerReference=name)["HostedZone"]["Id"]
        for name in ("two", "three")
    }
    assert len(ids) == 2
    assert "/hostedzone/ZONE" not in ids


@pytest.mark.parametrize("name", ["_create_hosted_zone", "_zone_id"])
def test_a_ministack_that_has_changed_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delattr(import_module(ROUTE_53), name)
    with pytest.raises(PatchError, match=name):
        zones_with_ids()
