"""What watching is billed for: alarms, dashboards, metrics, logs, traces, the canary, and messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from generator.cost.charges import Billed, Charge, NoCharge, Rule, Surroundings
from generator.cost.prices import HOURS_A_MONTH
from generator.cost.usage import amount
from generator.errors import UserError
from generator.resolver import Resource

STANDARD_PERIOD_SECONDS = 60
"""Alarms with a shorter period are of high resolution, and cost three times as much."""

VENDED = "aws-waf-logs-"
"""How the names of log groups begin that AWS WAF writes to."""

DAYS_A_MONTH = Decimal(30)
MILLION = Decimal(1_000_000)
MEBIBYTES = Decimal(1024)

DEFAULT_CANARY_MEBIBYTES = 1000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-synthetics-canary-runconfig.html"""

RATE = re.compile(r"rate\((?P<number>\d+) (?P<unit>minute|hour)s?\)")


def _alarm(resource: Resource, around: Surroundings) -> Billed:
    properties = resource.properties
    queries = properties.get("Metrics", [])
    measured = [query["MetricStat"] for query in queries if "MetricStat" in query]
    periods = [stat["Period"] for stat in measured] or [properties.get("Period", STANDARD_PERIOD_SECONDS)]
    if min(int(period) for period in periods) < STANDARD_PERIOD_SECONDS:
        raise UserError(f"{resource.template}: {resource.logical_id}: no price of alarms of high resolution")
    if any(str(query.get("Expression", "")).lstrip().upper().startswith("SELECT") for query in queries):
        yield Charge("cloudwatch.insights_alarm", Decimal(1), "alarm metric", "its query reads one metric")
    else:
        number = len(measured) or 1
        yield Charge("cloudwatch.alarm", Decimal(number), "alarm metric", f"reads {number}")


def _composite_alarm(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("cloudwatch.composite_alarm", Decimal(1), "alarm", "all month")


def _dashboard(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("cloudwatch.dashboard", Decimal(1), "dashboard", "all month")


def _metric_filter(resource: Resource, around: Surroundings) -> Billed:
    number = len(resource.properties["MetricTransformations"])
    yield Charge("cloudwatch.metric", Decimal(number), "metric", "counted in every hour of the month")


def _log_group(resource: Resource, around: Surroundings) -> Billed:
    usage, properties = around.usage, resource.properties
    taken_in = amount(usage.logs, resource.logical_id)
    vended = str(properties.get("LogGroupName", "")).startswith(VENDED) or _takes_flow_logs(resource, around)
    yield Charge("logs.vended" if vended else "logs.ingested", taken_in, "GB", "as assumed")
    days = Decimal(str(properties["RetentionInDays"]))
    kept = taken_in * usage.log_compression * days / DAYS_A_MONTH
    yield Charge("logs.stored", kept, "GB-month", f"compressed, for {days} days")


def _takes_flow_logs(resource: Resource, around: Surroundings) -> bool:
    flow_logs = around.resolution.of_type("AWS::EC2::FlowLog")
    return any(resource in around.referred(flow_log.properties) for flow_log in flow_logs)


def _saved_query(resource: Resource, around: Surroundings) -> Billed:
    scanned = around.usage.logs_queried * around.share(resource)
    yield Charge("logs.queried", scanned, "GB", "its share of what queries scan")


def _trace_group(resource: Resource, around: Surroundings) -> Billed:
    traces = around.usage.traces * around.share(resource)
    yield Charge("xray.traces", traces, "million", "its share of the traces recorded")


def _canary(resource: Resource, around: Surroundings) -> Billed:
    expression = resource.properties["Schedule"]["Expression"]
    rate = RATE.fullmatch(expression)
    if not rate:
        raise UserError(f"{resource.template}: {resource.logical_id}: {expression!r} is no rate of minutes or hours")
    minutes = int(rate["number"]) * (60 if rate["unit"] == "hour" else 1)
    runs = HOURS_A_MONTH * 60 / minutes
    yield Charge("canary.run", runs, "run", f"every {minutes} minutes")
    yield Charge("lambda.requests", runs / MILLION, "million", "each run is a function")
    memory = Decimal(str(resource.properties.get("RunConfig", {}).get("MemoryInMB", DEFAULT_CANARY_MEBIBYTES)))
    compute = runs * around.usage.canary_seconds * memory / MEBIBYTES
    yield Charge("lambda.compute", compute, "GB-second", f"{memory} MB for some seconds each")


def _subscription(resource: Resource, around: Surroundings) -> Billed:
    protocol = resource.properties["Protocol"]
    if protocol in ("email", "email-json"):
        yield Charge("sns.email", around.usage.emails * around.share(resource), "1,000 e-mails", "its share")
    elif protocol in ("http", "https"):
        yield Charge("sns.https", around.usage.paging_calls, "1,000 calls", "as assumed")
    elif protocol in ("lambda", "sqs"):
        yield NoCharge("delivery to functions and queues is free")
    else:
        raise UserError(f"{resource.template}: {resource.logical_id}: no price of messages by {protocol}")


def _response_plan(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("incident_manager.response_plan", Decimal(1), "month", "all month")


def _schedule(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("scheduler.calls", DAYS_A_MONTH / MILLION, "million", "once a day")


RULES: Mapping[str, Rule] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _composite_alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::Logs::QueryDefinition": _saved_query,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SSMIncidents::ResponsePlan": _response_plan,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Synthetics::Canary": _canary,
    "AWS::XRay::Group": _trace_group,
}
