"""Alarms of an emulated account, rung one after the other: who is told, how often, and what if nobody answers.

Each alarm is set into alarm through the API, and a subscriber to every topic says what arrived. An alarm that a
composite one speaks for tells nobody by itself; every other one tells one topic, once. Escalation waits by the
emulator's clock, which is put forward.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from generator.delivery.deploy import Deployment, find_deployed
from generator.environment import TemplateConfiguration
from generator.naming import AUDIT_TRAIL_STACK, GLOBAL_EDGE_STACK, kebab_case
from generator.regions import EDGE_REGION
from generator.rehearsal.accounts import Accounts
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_outbox import CONFIRMATION, NOTIFICATION
from generator.rehearsal.target import Finding, Findings

ALARM_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
TOPIC_TYPES = ("AWS::SNS::Topic",)
OUTAGE, DEGRADED, UNACKNOWLEDGED = "Outage", "Degraded", "UnacknowledgedOutage"
ACKNOWLEDGED = "PageAcknowledged"
PAGE, ESCALATION, OPERATIONS = "PageTopic", "EscalationTopic", "OperationsTopic"
SPOKEN_FOR = {OUTAGE: PAGE, DEGRADED: OPERATIONS}
"""Which topic a composite alarm tells in the name of its parts, the more urgent one first."""

EDGE_ERRORS = "EdgeServerErrors"
ASLEEP = {"ec2": ("ServersAsleep",), "fargate": ("TasksAsleep",), "both": ("ServersAsleep", "TasksAsleep")}
"""What says at night that nobody need be served, by what serves."""

SERVICE_TYPE = "AWS::ECS::Service"
ALARM, OK = "ALARM", "OK"
TELLS = " tells"
"""How claims end that are about one alarm, rung alone."""

SUBSCRIBER = "rehearsal@example.com"
PARTS = re.compile(r'(?<!NOT )ALARM\("?([^")]+)"?\)')
"""The alarms that a composite alarm speaks for, by its rule."""

SILENCERS = re.compile(r'NOT ALARM\("?([^")]+)"?\)')
"""The alarms during which it does not."""


class Told(NamedTuple):
    """One message that arrived: which alarm told which topic of what state, and the section of the runbook it names."""

    alarm: str
    topic: str
    state: str
    section: str


@dataclass(frozen=True)
class Watch:
    """The alarms and topics of one account and region: logical ids and what they stand for.

    `client` returns the client of a service there.
    """

    client: Callable[[str], Any]
    alarms: Mapping[str, str]
    topics: Mapping[str, str]
    paging: Collection[str] = ()
    """The alarms that page somebody without a composite one."""
    asleep: Collection[str] = ()
    """The alarms that say that nobody need be served, and so that there is no outage."""
    read_by_deployments: Collection[str] = ()
    """The alarms that tell nobody, because ECS reads them while a new version is deployed (D15)."""

    def topic_of(self, alarm: str) -> str:
        """Return which topic an alarm should tell: the one for pages, or the one for what can wait until morning."""
        if alarm in SPOKEN_FOR:
            return SPOKEN_FOR[alarm]
        wanted = PAGE if alarm in self.paging else OPERATIONS
        return next((name for name in self.topics if name.endswith(wanted)), next(iter(self.topics), ""))


def watch_of(
    client: Callable[[str], Any], resources: Sequence[Mapping[str, Any]], **exceptions: Collection[str]
) -> Watch:
    """Return the alarms and topics among the resources of stacks, as CloudFormation describes them."""

    def of_types(types: Sequence[str]) -> dict[str, str]:
        found = [each for each in resources if each["ResourceType"] in types]
        return {str(each["LogicalResourceId"]): str(each["PhysicalResourceId"]) for each in found}

    return Watch(client, of_types(ALARM_TYPES), of_types(TOPIC_TYPES), **exceptions)


def ring_environment(accounts: Accounts, configuration: TemplateConfiguration, deployment: Deployment) -> list[Finding]:
    """Ring the alarms of a deployed environment, and those that its account has besides: on its edge and its trail."""
    environment = configuration.environment
    name = environment.environment_name.literal
    # With a domain, the errors of the load balancer come through CloudFront too, and page already.
    paging = () if environment.domain_name.literal else (EDGE_ERRORS,)
    resources = [each for found in deployment.resources.values() for each in found]
    asleep = ASLEEP[environment.compute.literal] if environment.office_hours_only.literal == "true" else ()
    read = _read_by_deployments(lambda service: accounts.client(service, name), resources)
    watches = [
        watch_of(lambda service: accounts.client(service, name), resources, asleep=asleep, read_by_deployments=read)
    ]
    for stack, region, urgent in ((GLOBAL_EDGE_STACK, EDGE_REGION, paging), (AUDIT_TRAIL_STACK, "", ())):

        def client(service: str, region: str = region) -> Any:
            return accounts.client(service, name, region)

        cloudformation = client("cloudformation")
        if find_deployed(cloudformation, stack) is not None:
            found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
            watches.append(watch_of(client, found, paging=urgent))
    return [finding for watch in watches for finding in ring_alarms(accounts.emulator, watch)]


def _read_by_deployments(client: Callable[[str], Any], resources: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the alarms, by logical id, that take a deployment of ECS back."""
    services = [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == SERVICE_TYPE]
    names: set[str] = set()
    for arn in services:
        cluster = arn.split("/")[1]
        [found] = client("ecs").describe_services(cluster=cluster, services=[arn])["services"]
        names.update(found["deploymentConfiguration"].get("alarms", {}).get("alarmNames", ()))
    return {str(each["LogicalResourceId"]) for each in resources if each["PhysicalResourceId"] in names}


def ring_alarms(emulator: Emulator, watch: Watch) -> list[Finding]:
    """Ring all alarms, alone and together; return who was told, and whether that is whom they should tell."""
    with emulator.stopped_clock(), _subscribed(emulator, watch):
        bell = _Bell(emulator, watch)
        findings = list(bell.one_by_one())
        return [*findings, *bell.outage()] if OUTAGE in watch.alarms else findings


def reached(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many alarms reach each topic, by the topic and, where one speaks for them, the composite alarm."""
    found: Counter[str] = Counter()
    for finding in findings:
        for told in _alone(finding):
            found[f"{told.topic} through {told.alarm}" if told.alarm in SPOKEN_FOR else told.topic] += 1
    return dict(found)


def _alone(finding: Finding) -> list[Told]:
    """Return what an alarm has told that was rung alone."""
    told = finding.actual
    if not finding.claim.endswith(TELLS) or not isinstance(told, list):
        return []
    return [each for each in told if isinstance(each, Told)]


@contextmanager
def _subscribed(emulator: Emulator, watch: Watch) -> Iterator[None]:
    """Subscribe to all topics for a while, as somebody does who reads e-mail."""
    sns, before = watch.client("sns"), len(emulator.sent())
    for arn in watch.topics.values():
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=SUBSCRIBER)
    asked = [each for each in emulator.sent(before) if each.kind == CONFIRMATION and each.to == SUBSCRIBER]
    confirmed = [sns.confirm_subscription(TopicArn=each.source, Token=each.token) for each in asked]
    try:
        yield
    finally:
        for each in confirmed:
            sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])


class _Bell:
    """Rings alarms and hears who is told."""

    def __init__(self, emulator: Emulator, watch: Watch) -> None:
        self._emulator = emulator
        self._watch = watch
        self._cloudwatch = watch.client("cloudwatch")
        self._records = self._described()
        self._names = {name: logical_id for logical_id, name in watch.alarms.items()}
        self._topics = {arn: logical_id for logical_id, arn in watch.topics.items()}
        self._heard = len(emulator.sent())

    def one_by_one(self) -> Findings:
        """Each alarm tells its topic once, or the composite alarm does that speaks for it."""
        for name, record in self._records.items():
            if "AlarmRule" in record:
                continue
            speaker = next((each for each in SPOKEN_FOR if name in self._named(PARTS, each)), name)
            tells_nobody = self._scales(record) or name in self._tell_nobody
            expected = [] if tells_nobody else [self._expected(speaker)]
            self._listen()
            self._set(name, ALARM)
            if speaker != name:
                self._let_pass(self._wait_of(speaker))
            yield Finding(f"D12: {name}{TELLS}", expected, self._listen())
            self._set(name, OK)

    def outage(self) -> Findings:
        """An outage of many parts is one page; without an answer it escalates; its end is told once."""
        parts = sorted(self._named(PARTS, OUTAGE))
        self._listen()
        for name in parts:
            self._set(name, ALARM)
        once = [self._expected(OUTAGE)]
        yield Finding(f"D12: told of an outage of {len(parts)} parts", once, self._of_state(ALARM))
        wait = self._wait_of(UNACKNOWLEDGED)
        self._let_pass(wait - 1)
        yield Finding(f"D12: told again within {wait // 60} minutes", [], self._of_state(ALARM))
        self._let_pass(1)
        yield Finding(
            f"D12: told after {wait // 60} minutes without an answer", self._escalation, self._of_state(ALARM)
        )
        for name in parts:
            self._set(name, OK)
        over = [each for each in self._listen() if each.topic == PAGE]
        yield Finding("D12: told at the end of an outage", [Told(OUTAGE, PAGE, OK, kebab_case(OUTAGE))], over)
        yield from self._acknowledged(parts[0], wait)
        yield Finding("D12: what an outage is not told during", set(self._watch.asleep), self._named(SILENCERS, OUTAGE))
        for name in self._watch.asleep:
            self._set(name, ALARM)
            self._set(parts[0], ALARM)
            self._let_pass(wait)
            yield Finding(f"D12: told of what looks like an outage during {name}", [], self._of_state(ALARM))
            for each in (parts[0], name):
                self._set(each, OK)
            self._listen()

    def _acknowledged(self, part: str, wait: int) -> Findings:
        """Who says to be at it, by the metric that the runbook names, is not passed over for as long as that holds."""
        self._set(part, ALARM)
        metric = self._records[ACKNOWLEDGED]
        datum = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Value": metric["Threshold"]}
        self._cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])
        self._listen()
        self._let_pass(wait)
        yield Finding("D12: told of an outage that is acknowledged", [], self._of_state(ALARM))
        self._let_pass(metric["Period"] * metric["EvaluationPeriods"])
        self._let_pass(self._records[UNACKNOWLEDGED]["ActionsSuppressorExtensionPeriod"])
        yield Finding("D12: told when nobody acknowledges it again", self._escalation, self._of_state(ALARM))
        self._set(part, OK)
        self._listen()

    @property
    def _tell_nobody(self) -> set[str]:
        return {ACKNOWLEDGED, *self._named(SILENCERS, OUTAGE), *self._watch.read_by_deployments}

    @property
    def _escalation(self) -> list[Told]:
        return [Told(UNACKNOWLEDGED, ESCALATION, ALARM, kebab_case(UNACKNOWLEDGED))]

    def _expected(self, speaker: str) -> Told:
        """Return what an alarm should say when it goes into alarm."""
        return Told(speaker, self._watch.topic_of(speaker), ALARM, kebab_case(speaker))

    def _scales(self, record: Mapping[str, Any]) -> bool:
        """Whether an alarm is there for Auto Scaling alone."""
        return bool(record["AlarmActions"]) and all(":scalingPolicy:" in each for each in record["AlarmActions"])

    def _named(self, how: re.Pattern[str], composite: str) -> set[str]:
        """Return the alarms that a composite alarm's rule names in this way."""
        rule = self._records.get(composite, {}).get("AlarmRule", "")
        return {self._names[name] for each in how.findall(rule) if (name := each.split(":")[-1]) in self._names}

    def _wait_of(self, composite: str) -> int:
        """Return for how many seconds a composite alarm waits for the alarm that could silence it."""
        return int(self._records[composite].get("ActionsSuppressorWaitPeriod") or 0)

    def _let_pass(self, seconds: int) -> None:
        self._emulator.put_forward(seconds)
        # What has become due is done with the next request.
        self._cloudwatch.describe_alarms(MaxRecords=1)

    def _set(self, name: str, state: str) -> None:
        reason = "The rehearsal rings this alarm."
        self._cloudwatch.set_alarm_state(AlarmName=self._watch.alarms[name], StateValue=state, StateReason=reason)

    def _of_state(self, state: str) -> list[Told]:
        return [each for each in self._listen() if each.state == state]

    def _listen(self) -> list[Told]:
        """Return what has arrived since the last time."""
        new = self._emulator.sent(self._heard)
        self._heard += len(new)
        mine = [each for each in new if (each.kind, each.to) == (NOTIFICATION, SUBSCRIBER)]
        return [self._told(self._topics.get(each.source, each.source), json.loads(each.text)) for each in mine]

    def _told(self, topic: str, message: Mapping[str, Any]) -> Told:
        name = message["AlarmName"]
        section = message.get("AlarmDescription", "").rpartition("runbook.md#")[2]
        return Told(self._names.get(name, name), topic, message["NewStateValue"], section)

    def _described(self) -> dict[str, dict[str, Any]]:
        types = ["MetricAlarm", "CompositeAlarm"]
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=types)
        found = {
            each["AlarmName"]: each for page in pages for each in (*page["MetricAlarms"], *page["CompositeAlarms"])
        }
        return {logical_id: found[name] for logical_id, name in self._watch.alarms.items() if name in found}
