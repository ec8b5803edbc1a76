"""Who is named in an environment's settings is asked first and told then: by mail, at a URL, or by Incident Manager."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.environment import TemplateConfiguration, load
from generator.rehearsal.alarm_rehearsal import ring_alarms, watch_of
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_outbox import CONFIRMATION, INCIDENT, NOTIFICATION
from generator.rehearsal.target import Target
from tests.rehearsal.environments import ROOT, deployed

MAIL = {
    "OnCallEmail": "on-call@example.com",
    "EscalationEmail": "escalation@example.com",
    "OperationsEmail": "operations@example.com",
}
URL = "https://example.com/pages"


def configured(folder: Path, **settings: str) -> TemplateConfiguration:
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= settings
    path = folder / "staging.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load(path)


def told_of_an_outage(emulator: Emulator, target: Target) -> dict[str, list[str]]:
    """Let everybody confirm who is asked, and an outage go on without an answer; return the subjects by receiver."""
    before = emulator.sent()
    stack = target.id("Observability", "PageTopic").rpartition("-PageTopic")[0]
    for each in before:
        if each.kind == CONFIRMATION and each.source.startswith(stack):
            target.client("sns").confirm_subscription(TopicArn=each.source, Token=each.token)
    cloudwatch, alarm = target.client("cloudwatch"), target.id("Observability", "NoHealthyServer")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="trial")
    emulator.put_forward(901)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="trial")
    told: dict[str, list[str]] = {}
    for each in emulator.sent(len(before)):
        if each.kind in (NOTIFICATION, INCIDENT):
            told.setdefault(each.source if each.kind == INCIDENT else each.to, []).append(each.subject.split(":")[0])
    return told


@pytest.mark.parametrize(
    ("incident_manager", "expected"),
    [
        ("false", {MAIL["OnCallEmail"]: ["ALARM", "OK"], URL: ["ALARM", "OK"], MAIL["EscalationEmail"]: ["ALARM"]}),
        # Incident Manager has the addresses, and nobody is told the same thing twice.
        ("true", {"response plan": ["ALARM"], URL: ["ALARM", "OK"]}),
    ],
)
def test_an_outage_reaches_those_whom_the_settings_name(
    emulator: Emulator, tmp_path: Path, incident_manager: str, expected: dict[str, list[str]]
) -> None:
    second = {"SecondOnCallEmail": "second@example.com"} if incident_manager == "true" else {}
    settings = {**MAIL, **second, "OnCallUrl": URL}
    target = deployed(emulator, configured(tmp_path, IncidentManager=incident_manager, **settings))
    if incident_manager == "true":
        expected = {target.id("OnCall", "ResponsePlan"): expected["response plan"], URL: expected[URL]}
    assert told_of_an_outage(emulator, target) == expected
    resources = [each for found in target.deployment.resources.values() for each in found]
    broken = [each for each in ring_alarms(emulator, watch_of(target.client, resources)) if not each.holds]
    assert broken == []
