"""Alarms of the emulator: what they look at, whom they tell, and when composite ones keep silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import TEMPLATES, Account

from generator.rehearsal.emulator_outbox import CONFIRMATION, NOTIFICATION, Sent

TEMPLATE = (TEMPLATES / "alarms.yaml").read_text(encoding="utf-8")
MINUTE = 60


class Alarms:
    """A stack of alarms whose on-call person has confirmed the subscription."""

    def __init__(self, account: Account, name: str = "alarms", **parameters: str) -> None:
        self.account, self.name = account, name
        before = len(account.emulator.sent())
        stack = account.deploy(name, TEMPLATE, **parameters)
        assert stack["StackStatus"] == "CREATE_COMPLETE", account.failures(name)
        self.cloudwatch = account.client("cloudwatch")
        resources = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        self.ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
        self.questions = [each for each in account.emulator.sent(before) if each.kind == CONFIRMATION]
        for topic in ("EscalationTopic", "OperationsTopic"):
            account.client("sns").subscribe(TopicArn=self.ids[topic], Protocol="email", Endpoint=f"{topic}@example.com")
        for each in account.emulator.sent(before):
            if each.kind == CONFIRMATION:
                account.client("sns").confirm_subscription(TopicArn=each.source, Token=each.token)
        self._heard = len(account.emulator.sent())

    def set(self, name: str, state: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=self.ids[name], StateValue=state, StateReason="trial")

    def put(self, metric: str, value: float, namespace: str = "trial", **dimensions: str) -> None:
        pairs = [{"Name": name, "Value": each} for name, each in (dimensions or {"Of": self.name}).items()]
        datum = {"MetricName": metric, "Dimensions": pairs, "Value": value}
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    def let_pass(self, seconds: float) -> None:
        self.account.emulator.put_forward(seconds)
        self.cloudwatch.describe_alarms(MaxRecords=1)

    def told(self) -> list[tuple[str, str]]:
        """Who was told since the last time, and of what."""
        return [(each.to, each.subject.split('"')[0]) for each in self.messages()]

    def messages(self) -> list[Sent]:
        new = self.account.emulator.sent(self._heard)
        self._heard += len(new)
        return [each for each in new if each.kind == NOTIFICATION]

    def state(self, name: str) -> str:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = self.cloudwatch.describe_alarms(AlarmNames=[self.ids[name]], AlarmTypes=kinds)
        [alarm] = [*found["MetricAlarms"], *found["CompositeAlarms"]]
        return str(alarm["StateValue"])

    def history(self, name: str) -> list[str]:
        found = self.cloudwatch.describe_alarm_history(
            AlarmName=self.ids[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"], HistoryItemType="Action"
        )
        return [str(each["HistorySummary"]) for each in found["AlarmHistoryItems"]]


@pytest.fixture(scope="module")
def deployed(production: Account) -> Iterator[Alarms]:
    with production.emulator.stopped_clock():
        yield Alarms(production)


@pytest.fixture
def alarms(deployed: Alarms) -> Iterator[Alarms]:
    yield deployed
    # Data of an earlier test is too old to count.
    deployed.let_pass(90 * MINUTE)
    for name in ("ServerErrors", "NoHealthyServer", "SlowResponses", "EdgeErrors", "PageAcknowledged"):
        deployed.set(name, "OK")
    deployed.let_pass(60 * MINUTE)
    deployed.told()


PAGED, OVER = ("on-call@example.com", "ALARM: "), ("on-call@example.com", "OK: ")
ESCALATED, OPERATED = ("EscalationTopic@example.com", "ALARM: "), ("OperationsTopic@example.com", "ALARM: ")

# ---------------------------------------------------------------------------------------------------------------------
# What they look at
# ---------------------------------------------------------------------------------------------------------------------


def test_an_alarm_of_several_metrics_is_described_as_its_template_says(alarms: Alarms) -> None:
    [alarm] = alarms.cloudwatch.describe_alarms(AlarmNames=[alarms.ids["ServerErrors"]])["MetricAlarms"]
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Threshold"]) == (3, 2, 5.0)
    assert "MetricName" not in alarm
    by_id = {each["Id"]: each for each in alarm["Metrics"]}
    assert by_id["share"]["Expression"] == "IF(requests > 0, 100 * errors / requests, 0)"
    assert by_id["errors"]["MetricStat"]["Period"] == MINUTE
    assert [each["Id"] for each in alarm["Metrics"] if each["ReturnData"]] == ["share"]


def test_an_expression_counts_the_periods_that_breach(alarms: Alarms) -> None:
    alarms.put("Requests", 100)
    alarms.put("Errors", 10)
    assert alarms.state("ServerErrors") == "OK"  # one bad minute of two that it takes
    alarms.let_pass(MINUTE)
    alarms.put("Requests", 100)
    alarms.put("Errors", 10)
    assert alarms.state("ServerErrors") == "ALARM"
    assert alarms.told() == [PAGED]


def test_an_alarm_looks_at_the_data_of_its_own_dimensions(alarms: Alarms) -> None:
    alarms.put("Healthy", 0, Of="somebody else")
    assert alarms.state("NoHealthyServer") == "OK"
    alarms.put("Healthy", 0)
    assert alarms.state("NoHealthyServer") == "ALARM"  # the minute before has no data, which is bad here


def test_a_percentile_is_that_of_its_period(alarms: Alarms) -> None:
    for _ in range(19):
        alarms.put("Seconds", 1)
    alarms.put("Seconds", 9)
    assert alarms.state("SlowResponses") == "OK"
    alarms.put("Seconds", 9)
    alarms.put("Seconds", 9)
    assert alarms.state("SlowResponses") == "ALARM"


def test_a_query_finds_its_metrics_itself_and_one_group_is_enough(alarms: Alarms) -> None:
    alarms.put("5xxErrorRate", 50, "trial/CloudFront", DistributionId="E1", Region="Elsewhere")
    alarms.put("5xxErrorRate", 0, "trial/CloudFront", DistributionId="E1", Region="Global")
    assert alarms.state("EdgeErrors") == "OK"
    alarms.put("5xxErrorRate", 2, "trial/CloudFront", DistributionId="E2", Region="Global")
    assert alarms.state("EdgeErrors") == "ALARM"
    assert OPERATED in alarms.told()


def test_an_alarm_without_any_data_keeps_its_state(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    alarms.put("Unheard", 1)
    assert alarms.state("NoHealthyServer") == "ALARM"


# ---------------------------------------------------------------------------------------------------------------------
# Whom they tell
# ---------------------------------------------------------------------------------------------------------------------


def test_a_message_says_which_alarm_and_what_to_do(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    [message] = alarms.messages()
    told = json.loads(message.text)
    assert message.subject.startswith(f'ALARM: "{alarms.ids["Outage"]}" in eu-west-1')
    assert (told["NewStateValue"], told["OldStateValue"]) == ("ALARM", "OK")
    assert told["AlarmDescription"].endswith("runbook.md#outage")
    assert told["AWSAccountId"] == alarms.account.account_id


def test_an_outage_of_two_parts_is_told_once_and_its_end_once(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    alarms.set("ServerErrors", "ALARM")
    assert alarms.told() == [PAGED]
    alarms.set("NoHealthyServer", "OK")
    assert alarms.told() == []
    alarms.set("ServerErrors", "OK")
    assert alarms.told() == [OVER]


@pytest.mark.parametrize(
    ("refusing", "action"),
    [("KeyLetsCloudWatch", "kms:GenerateDataKey"), ("TopicLetsCloudWatch", "sns:Publish")],
)
def test_an_alarm_whose_topic_or_key_does_not_let_it_tells_nobody(
    development: Account, refusing: str, action: str
) -> None:
    broken = Alarms(development, f"refused-{refusing.lower()}", **{refusing: "events.amazonaws.com"})
    broken.set("NoHealthyServer", "ALARM")
    assert broken.told() == []
    assert any("Failed to execute action" in each and action in each for each in broken.history("Outage"))


# ---------------------------------------------------------------------------------------------------------------------
# When they keep silent
# ---------------------------------------------------------------------------------------------------------------------


def test_nobody_is_passed_over_who_acknowledges_in_time(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    alarms.put("PageAcknowledged", 1, "web-platform", Environment="alarms")
    assert alarms.told() == [PAGED]
    alarms.let_pass(20 * MINUTE)
    assert alarms.told() == []
    alarms.let_pass(45 * MINUTE)  # the acknowledgement is an hour old
    alarms.let_pass(MINUTE + 1)
    assert alarms.told() == [ESCALATED]


def test_a_page_that_nobody_acknowledges_goes_to_the_next_one(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    alarms.told()
    alarms.let_pass(15 * MINUTE - 1)
    assert alarms.told() == []
    alarms.let_pass(1)
    assert alarms.told() == [ESCALATED]


def test_an_outage_that_ends_in_time_is_not_escalated(alarms: Alarms) -> None:
    alarms.set("NoHealthyServer", "ALARM")
    alarms.let_pass(10 * MINUTE)
    alarms.set("NoHealthyServer", "OK")
    alarms.told()
    alarms.let_pass(10 * MINUTE)
    assert alarms.told() == []


def test_what_an_outage_explains_is_not_told_before_it_is_over(alarms: Alarms) -> None:
    alarms.set("SlowResponses", "ALARM")
    alarms.let_pass(MINUTE)
    alarms.set("NoHealthyServer", "ALARM")
    assert alarms.told() == [PAGED]
    alarms.let_pass(5 * MINUTE)
    assert alarms.told() == []
    alarms.set("NoHealthyServer", "OK")
    alarms.let_pass(MINUTE + 1)
    assert alarms.told() == [OVER, OPERATED]


def test_a_suppressor_needs_its_periods_and_has_to_be_there(alarms: Alarms) -> None:
    composite: dict[str, Any] = {"AlarmName": "trial", "AlarmRule": f'ALARM("{alarms.ids["Outage"]}")'}
    with pytest.raises(alarms.cloudwatch.exceptions.ClientError, match="must be given"):
        alarms.cloudwatch.put_composite_alarm(**composite, ActionsSuppressor=alarms.ids["Outage"])
    periods = {"ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1}
    with pytest.raises(alarms.cloudwatch.exceptions.ClientError, match="does not exist"):
        alarms.cloudwatch.put_composite_alarm(**composite, **periods, ActionsSuppressor="nobody")


def test_what_keeps_an_alarm_silent_can_be_read(alarms: Alarms) -> None:
    def described() -> dict[str, Any]:
        name = alarms.ids["UnacknowledgedOutage"]
        found = alarms.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
        alarm: dict[str, Any] = found["CompositeAlarms"][0]
        return alarm

    assert described()["ActionsSuppressorWaitPeriod"] == 900
    assert "ActionsSuppressedBy" not in described()
    alarms.set("NoHealthyServer", "ALARM")
    assert described()["ActionsSuppressedBy"] == "WaitPeriod"
    alarms.let_pass(15 * MINUTE + 1)
    assert "ActionsSuppressedBy" not in described()


def test_alarms_are_updated_in_place_and_leave_with_their_stack(development: Account) -> None:
    trial = Alarms(development, "life-of-alarms")
    trial.set("NoHealthyServer", "ALARM")
    stack = development.deploy("life-of-alarms", TEMPLATE, "UPDATE", OwnAction="yes", OverIsTold="false")
    assert stack["StackStatus"] == "UPDATE_COMPLETE", development.failures("life-of-alarms")
    assert trial.state("Outage") == "ALARM"
    [alarm] = trial.cloudwatch.describe_alarms(AlarmNames=[trial.ids["NoHealthyServer"]])["MetricAlarms"]
    assert alarm["AlarmActions"] == [trial.ids["OperationsTopic"]]
    assert development.delete("life-of-alarms")["StackStatus"] == "DELETE_COMPLETE"
    prefix = {"AlarmNamePrefix": "life-of-alarms", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    found = trial.cloudwatch.describe_alarms(**prefix)
    assert [*found["MetricAlarms"], *found["CompositeAlarms"]] == []
