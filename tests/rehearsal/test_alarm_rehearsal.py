"""Ringing the alarms of an account: what is well is found well, and each way to be told wrongly is found."""

from __future__ import annotations

from io import StringIO

import pytest
from conftest import TEMPLATES, Account
from rich.console import Console

from generator.rehearsal.alarm_rehearsal import Told, Watch, reached, ring_alarms, watch_of
from generator.rehearsal.report import print_alarms
from generator.rehearsal.target import Finding

TEMPLATE = (TEMPLATES / "alarms.yaml").read_text(encoding="utf-8")


def deployed(account: Account, name: str, **parameters: str) -> Watch:
    stack = account.deploy(name, TEMPLATE, **parameters)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.failures(name)
    found = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return watch_of(account.client, found, asleep=["ServersAsleep"])


def broken(findings: list[Finding]) -> list[str]:
    return [each.claim for each in findings if not each.holds]


def test_alarms_that_tell_whom_they_should_are_found_well_again_and_again(development: Account) -> None:
    watch = deployed(development, "ringing")
    first = ring_alarms(development.emulator, watch)
    assert broken(first) == []
    claims = {each.claim for each in first}
    assert {
        f"D12: {name} tells" for name in ("ServerErrors", "NoHealthyServer", "SlowResponses", "EdgeErrors")
    } <= claims
    assert "D12: told of an outage of 2 parts" in claims
    ways = {"PageTopic through Outage": 2, "OperationsTopic through Degraded": 1, "OperationsTopic": 1}
    assert reached(first) == ways
    assert broken(ring_alarms(development.emulator, watch)) == []
    cloudwatch = development.client("cloudwatch")
    types = ["MetricAlarm", "CompositeAlarm"]
    assert (
        cloudwatch.describe_alarms(StateValue="ALARM", AlarmNamePrefix="ringing", AlarmTypes=types)["MetricAlarms"]
        == []
    )
    subscriptions = development.client("sns").list_subscriptions()["Subscriptions"]
    assert not [each for each in subscriptions if each["Endpoint"] == "rehearsal@example.com"]


def test_what_was_rung_is_printed_by_where_it_arrived() -> None:
    printed = StringIO()
    told = [Told("Outage", "PageTopic", "ALARM", "outage")]
    findings = [Finding(f"D12: {name} tells", told, told) for name in ("ServerErrors", "NoHealthyServer")]
    silent = Finding("D12: DiskFull tells", [Told("DiskFull", "OperationsTopic", "ALARM", "disk-full")], [])
    print_alarms(Console(file=printed, width=100), "prod", [*findings, silent, Finding("E16: days", 7, 7)])
    assert printed.getvalue() == "prod: alarms rung: 2 reached PageTopic through Outage\n"


@pytest.mark.parametrize(
    ("damage", "claims"),
    [
        # Somebody is told twice: by the alarm, and by the one that speaks for it.
        ({"OwnAction": "yes"}, {"D12: NoHealthyServer tells", "D12: told of an outage of 2 parts"}),
        # The message names a section of the runbook that is called otherwise.
        ({"Section": "elsewhere"}, {"D12: EdgeErrors tells"}),
        ({"OverIsTold": "false"}, {"D12: told at the end of an outage"}),
        # Somebody is woken every evening, when the servers are stopped.
        (
            {"Night": "unknown"},
            {"D12: what an outage is not told during", "D12: told of what looks like an outage during ServersAsleep"},
        ),
    ],
)
def test_each_way_to_be_told_wrongly_is_found(development: Account, damage: dict[str, str], claims: set[str]) -> None:
    watch = deployed(development, f"ringing-{next(iter(damage)).lower()}", **damage)
    assert claims <= set(broken(ring_alarms(development.emulator, watch)))


def test_a_key_that_does_not_let_cloudwatch_silences_every_alarm(development: Account) -> None:
    watch = deployed(development, "ringing-refused", KeyLetsCloudWatch="events.amazonaws.com")
    silent = {f"D12: {name} tells" for name in ("ServerErrors", "NoHealthyServer", "SlowResponses", "EdgeErrors")}
    assert silent <= set(broken(ring_alarms(development.emulator, watch)))
