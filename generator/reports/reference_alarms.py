"""Alarms and rules on events, as the reference tells them: what each means, when it goes off, and whom it tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.reports.markdown_table import table
from generator.reports.template_words import in_words, names_in

ALARM, COMPOSITE, RULE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Events::Rule"
ENDS_WITH_PAGE = re.compile(r"(?P<means>.+) Runbook: (?P<page>runbook\.md#[\w-]+)")

COMPARED = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
}

WITHOUT_DATA = {
    "notBreaching": "",
    "breaching": "; no data is bad as well",
    "ignore": "; without data it stays as it is",
    "missing": "; without data it knows nothing",
}

Properties = Mapping[str, Any]
Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Alarm:
    """What goes off, as the reference tells it."""

    name: str
    means: str
    page: str
    """Its page, such as `runbook.md#outage`."""
    when: str
    tells: str
    condition: str
    """The condition of the template under which there is one; empty where there always is."""


def alarms(file: Path, body: Mapping[str, Any]) -> list[Alarm]:
    """Return a template's alarms, and its rules on events that speak to people.

    Raises `UserError` for one without a meaning, or without a page of the runbook.
    """
    found = []
    for name, resource in body["Resources"].items():
        if resource["Type"] in (ALARM, COMPOSITE) or _tells_people(resource):
            means, page = _description(file, name, resource)
            told = _tells(name, body["Resources"])
            found.append(Alarm(name, means, page, _when(resource), told, resource.get("Condition", "")))
    return found


def alarms_table(told: Sequence[Alarm], to_root: str) -> str:
    """Return a table of alarms, with links that go to the top of the repository first; empty where there are none."""
    rows = [
        [
            f"[`{alarm.name}`]({to_root}{alarm.page})",
            alarm.means,
            alarm.when,
            alarm.tells,
            f"`{alarm.condition}`" if alarm.condition else "",
        ]
        for alarm in told
    ]
    return table(["alarm", "what it means", "goes off when", "tells", "only where"], rows) if rows else ""


def _tells_people(resource: Mapping[str, Any]) -> bool:
    """Whether a rule on events speaks to people: such a rule has words for them."""
    targets = resource.get("Properties", {}).get("Targets", [])
    return resource["Type"] == RULE and any("InputTransformer" in target for target in targets)


def _description(file: Path, title: str, resource: Mapping[str, Any]) -> tuple[str, str]:
    properties = resource["Properties"]
    said = in_words(properties.get("AlarmDescription", properties.get("Description", "")))
    found = ENDS_WITH_PAGE.fullmatch(said)
    if found is None:
        raise UserError(
            f"{file}: {title}: is described as {said!r}; it needs a sentence, and its page: 'Runbook: runbook.md#…'"
        )
    return found["means"], found["page"]


def _when(resource: Mapping[str, Any]) -> str:
    properties = resource["Properties"]
    match resource["Type"]:
        case "AWS::Events::Rule":
            return "event " + ", ".join(f"`{kind}`" for kind in properties["EventPattern"]["detail-type"])
        case "AWS::CloudWatch::CompositeAlarm":
            return f"`{in_words(properties['AlarmRule'])}`{_suppression(properties)}"
    compared = f"{COMPARED[properties['ComparisonOperator']]} {in_words(properties['Threshold'])}"
    missing = WITHOUT_DATA[properties["TreatMissingData"]]
    return f"{_measured(properties)} {compared}, {_window(properties)}{missing}"


def _suppression(properties: Properties) -> str:
    if "ActionsSuppressor" not in properties:
        return ""
    by, waits = in_words(properties["ActionsSuppressor"]), properties["ActionsSuppressorWaitPeriod"]
    return f"; silent while `{by}`, for which it waits {waits} s"


def _measured(properties: Properties) -> str:
    if "MetricName" in properties:
        statistic = properties.get("Statistic") or properties["ExtendedStatistic"]
        return f"{statistic} of `{in_words(properties['Namespace'])}` `{properties['MetricName']}`"
    queries = [query["Fn::If"][1] if "Fn::If" in query else query for query in properties["Metrics"]]
    [result] = [query for query in queries if "Expression" in query]
    parts = [
        f"{query['Id']}: {stat['Stat']} of `{in_words(stat['Metric']['Namespace'])}` `{stat['Metric']['MetricName']}`"
        for query in queries
        if (stat := query.get("MetricStat"))
    ]
    return f"`{in_words(result['Expression'])}`" + (f" ({', '.join(parts)})" if parts else "")


def _window(properties: Properties) -> str:
    periods, bad = int(properties["EvaluationPeriods"]), int(properties["DatapointsToAlarm"])
    seconds = properties.get("Period") or _period(properties["Metrics"])
    of = f"{bad} of {periods} periods" if bad != periods else "1 period" if periods == 1 else f"{periods} periods"
    return f"{of} of {seconds} s"


def _period(queries: Any) -> int:
    queries = [query["Fn::If"][1] if "Fn::If" in query else query for query in queries]
    return int(next(query.get("Period") or query["MetricStat"]["Period"] for query in queries))


def _tells(title: str, resources: Resources) -> str:
    """Return whom an alarm tells, what it starts, and the composite alarms that it is a part of."""
    properties = resources[title]["Properties"]
    told = in_words(properties.get("AlarmActions", [target["Arn"] for target in properties.get("Targets", [])]))
    over = in_words(properties.get("OKActions", []))
    wholes = [
        name
        for name, other in resources.items()
        if other["Type"] == COMPOSITE and title in names_in(other["Properties"]["AlarmRule"])
    ]
    suppressed = [
        name
        for name, other in resources.items()
        if other["Type"] == COMPOSITE and title in names_in(other["Properties"].get("ActionsSuppressor", ""))
    ]
    words = [told, f"{over} when it is over" if over else ""]
    words += [f"nobody; part of {', '.join(wholes)}" if wholes and not told else ""]
    words += [f"keeps {', '.join(suppressed)} silent" if suppressed else ""]
    return "; ".join(word for word in words if word) or "nobody"
