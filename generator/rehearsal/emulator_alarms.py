"""CloudWatch alarms in the emulator: what they look at, when composite ones keep silent, and whom they tell.

ministack 1.5.33 keeps alarms and their states. It refuses metric math, forgets suppressors, looks at data without its
dimensions and periods, and tells topics without asking them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_alarm_evaluation import CLOUDWATCH, judge
from generator.rehearsal.emulator_api import call, current_account_id, current_region, typed
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_guards import PROVISIONERS, Response, guarded, replace_function
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, picked
from generator.rehearsal.emulator_instances import emulator_directory
from generator.rehearsal.emulator_outbox import INCIDENT, Sent, send
from generator.rehearsal.emulator_service_scaling import carry_out
from generator.rehearsal.emulator_topics import publish_for_service

SERVICE = "cloudwatch.amazonaws.com"
ALARM, OK = "ALARM", "OK"
SUPPRESSOR, WAIT, EXTENSION = "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"

Alarm = dict[str, Any]
_log = logging.getLogger(__name__)


# ---------------------------------------------------------------------------------------------------------------------
# What an alarm looks at
# ---------------------------------------------------------------------------------------------------------------------


def alarms_of_several_metrics() -> None:
    """An alarm of a stack may look at several metrics and an expression, or at a query; ministack refuses both.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
    """

    def record(original: Any) -> Any:
        def of(name: str, props: Properties) -> Alarm:
            metrics = props.get("Metrics")
            if not metrics:
                return dict(original(name, props))
            single = {"MetricName": "several", "Namespace": "several"}
            kept = {key: value for key, value in props.items() if key != "Metrics"}
            found = original(name, kept | single)
            unasked = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit", "Dimensions")
            alarm = {key: value for key, value in found.items() if key not in unasked}
            return alarm | {"Metrics": typed("cloudwatch", "PutMetricAlarm", "Metrics", metrics)}

        return of

    replace_function(PROVISIONERS, "_cw_metric_alarm_record", ("name", "props"), record)


def evaluation() -> None:
    """An alarm judges the data of its own metrics, period by period; ministack takes all of the same name together.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    for name, parameters in (
        ("_calc_stats", ("points",)),
        ("_stat_value", ("stats", "stat_name", "points")),
        ("_dims_key", ("dims",)),
        ("_record_history", ("alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data")),
        ("_evaluate_parent_alarms", ("child", "seen")),
    ):
        guarded(CLOUDWATCH, name, *parameters)

    def evaluate(alarm: Alarm) -> None:
        found = judge(alarm, now())
        if found is not None and found[0] != alarm["StateValue"]:
            _change_state(alarm, *found)

    replace_function(CLOUDWATCH, "_evaluate_alarm", ("alarm",), lambda original: evaluate)


def _change_state(alarm: Alarm, state: str, reason: str) -> None:
    cloudwatch: Any = import_module(CLOUDWATCH)
    before = alarm["StateValue"]
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(now())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


# ---------------------------------------------------------------------------------------------------------------------
# Whom an alarm tells
# ---------------------------------------------------------------------------------------------------------------------


def actions() -> None:
    """An alarm tells a topic if topic and key let CloudWatch, starts an incident, and notes both in its history.

    A composite alarm whose actions are suppressed does nothing until they are not any more. Policies for services of
    containers are carried out; those of Auto Scaling groups are noted, not executed.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """

    def dispatch(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        if new_state == alarm.get("StateValue") and not _suppressed(alarm, old_state, new_state):
            act(alarm, old_state, new_state, reason)
        _tell_suppressed(alarm, new_state)

    parameters = ("alarm", "old_state", "new_state", "reason")
    replace_function(CLOUDWATCH, "_dispatch_alarm_actions", parameters, lambda original: dispatch)


def act(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
    """Do what an alarm does on its way from one state to another."""
    names = {ALARM: "AlarmActions", OK: "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
    if not alarm.get("ActionsEnabled", True):
        return
    for arn in alarm.get(names[new_state]) or ():
        failure = _action(arn, alarm, old_state, new_state, reason)
        words = f"Failed to execute action {arn}. Received error: {failure}" if failure else f"Executed action {arn}"
        _note(alarm, words)
        if failure:
            _log.warning("%s: %s", alarm["AlarmName"], words)


def _action(arn: str, alarm: Alarm, old_state: str, new_state: str, reason: str) -> str:
    """Execute one action; return why that failed, or nothing."""
    subject = f'{new_state}: "{alarm["AlarmName"]}" in {current_region()}'[:100]
    message = json.dumps(_message(alarm, old_state, new_state, reason))
    service = arn.split(":")[2]
    if service == "sns":
        keys = {"aws:sourcearn": alarm["AlarmArn"], "aws:sourceaccount": current_account_id()}
        return publish_for_service(SERVICE, arn, subject, message, keys)
    if service == "autoscaling" and ":resource/ecs/" in arn:
        return carry_out(arn)
    if service == "ssm-incidents":
        send(emulator_directory(), Sent(INCIDENT, arn, service, alarm["AlarmArn"], subject, message))
    return ""


def _message(alarm: Alarm, old_state: str, new_state: str, reason: str) -> dict[str, Any]:
    """Return what a topic is told.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-notification-format.html
    """
    told = picked(alarm, "AlarmName", "AlarmDescription", "AlarmArn", "AlarmRule", "OKActions", "AlarmActions")
    threshold = picked(alarm, "Metrics", "MetricName", "Namespace", "Statistic", "Period", "Dimensions")
    threshold |= picked(alarm, "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold")
    return told | {
        "AWSAccountId": current_account_id(),
        "Region": current_region(),
        "OldStateValue": old_state,
        "NewStateValue": new_state,
        "NewStateReason": reason,
        "StateChangeTime": _iso(now()),
        "Trigger": threshold | picked(alarm, "TreatMissingData"),
    }


def _note(alarm: Alarm, summary: str) -> None:
    import_module(CLOUDWATCH)._history_entries().append(
        {
            "AlarmName": alarm["AlarmName"],
            "AlarmType": "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm",
            "Timestamp": _iso(now()),
            "HistoryItemType": "Action",
            "HistorySummary": summary,
            "HistoryData": json.dumps({"version": "1.0", "stateUpdateTimestamp": alarm["StateUpdatedTimestamp"]}),
        }
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---------------------------------------------------------------------------------------------------------------------
# When a composite alarm keeps silent
# ---------------------------------------------------------------------------------------------------------------------


def suppressors() -> None:
    """A composite alarm with a suppressor keeps silent while that is in alarm, and waits for it before it speaks.

    What is due is done with the next request to CloudWatch.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm_Suppression.html
    """
    on_wire = ("params", "cbor_data", "is_cbor", "is_json")
    guarded(CLOUDWATCH, "_error", "code", "message", "status", "use_json", "use_cbor")
    guarded(CLOUDWATCH, "_rule_ref_name", "ref")
    replace_function(CLOUDWATCH, "_put_composite_alarm", on_wire, _with_suppressor)
    replace_function(CLOUDWATCH, "_put_metric_data", on_wire, _with_time_of_the_clock)
    requests = ("method", "path", "headers", "body", "query_params")
    replace_function(CLOUDWATCH, "handle_request", requests, _after_what_is_due)


def _with_suppressor(original: Any) -> Any:
    def put(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Response:
        cloudwatch: Any = import_module(CLOUDWATCH)
        given = picked(cbor_data, SUPPRESSOR, WAIT, EXTENSION)
        if given and (why := _refusal(given)):
            refused: Response = cloudwatch._error("ValidationError", why, 400, use_json=is_json, use_cbor=is_cbor)
            return refused
        waiting = (cloudwatch._composite_alarms.get(cbor_data.get("AlarmName")) or {}).get(_WAITING)
        answer: Response = original(params, cbor_data, is_cbor, is_json)
        if answer[0] < 300:
            alarm = cloudwatch._composite_alarms[cbor_data["AlarmName"]]
            alarm |= given | ({_WAITING: waiting} if waiting and given else {})
        return answer

    return put


def _refusal(given: Mapping[str, Any]) -> str:
    if lacking := [name for name in (SUPPRESSOR, WAIT, EXTENSION) if name not in given]:
        return f"{', '.join(lacking)} must be given with the others of a suppressor"
    return "" if _alarm(given[SUPPRESSOR]) else f"The actions suppressor {given[SUPPRESSOR]} does not exist"


_WAITING = "_waiting"
"""In an alarm's record: until when it is silent, why, and from which state it came."""


def _suppressed(alarm: Alarm, old_state: str, new_state: str) -> bool:
    """Whether an alarm that changes its state does nothing for the time being; remembers what it waits for."""
    former = _forget(alarm)
    if SUPPRESSOR not in alarm:
        return False
    in_alarm = _is_in_alarm(alarm[SUPPRESSOR])
    if new_state != ALARM:
        # Whoever was told of nothing is not told that it is over.
        return in_alarm or former is not None
    seconds, why = (None, ALARM) if in_alarm else (alarm[WAIT], "WaitPeriod")
    if seconds == 0:
        return False
    until = None if seconds is None else now() + float(seconds)
    _remember(alarm, until, why, old_state)
    return True


def _remember(alarm: Alarm, until: float | None, why: str, old_state: str) -> None:
    alarm[_WAITING] = {"until": until, "from": old_state}
    alarm |= {"ActionsSuppressedBy": why, "ActionsSuppressedReason": f"Actions suppressed by {why}"}


def _tell_suppressed(suppressor: Alarm, state: str) -> None:
    """Let the composite alarms that an alarm suppresses know of its new state."""
    for alarm in import_module(CLOUDWATCH)._composite_alarms.values():
        waiting = alarm.get(_WAITING)
        if waiting is None or _alarm(alarm[SUPPRESSOR]) is not suppressor:
            continue
        if state == ALARM:
            _remember(alarm, None, ALARM, waiting["from"])
        elif waiting["until"] is None:
            _remember(alarm, now() + float(alarm[EXTENSION]), "ExtensionPeriod", waiting["from"])


def _after_what_is_due(original: Any) -> Any:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
        for alarm in list(import_module(CLOUDWATCH)._composite_alarms.values()):
            if _WAITING in alarm:
                _wait_on(alarm)
        answer: Response = await original(method, path, headers, body, query_params)
        return answer

    return handle_request


def _wait_on(alarm: Alarm) -> None:
    """Look whether the suppressor's data has grown old, and let a silent alarm speak whose time has come."""
    suppressor = _alarm(alarm[SUPPRESSOR])
    if suppressor is not None and "AlarmRule" not in suppressor:
        import_module(CLOUDWATCH)._evaluate_alarm(suppressor)
    waiting = alarm.get(_WAITING)
    if waiting is not None and waiting["until"] is not None and waiting["until"] <= now():
        _speak(alarm)


def _speak(alarm: Alarm) -> None:
    former = _forget(alarm)
    if former is not None and alarm["StateValue"] == ALARM:
        act(alarm, former["from"], ALARM, alarm["StateReason"])


def _forget(alarm: Alarm) -> dict[str, Any] | None:
    """Let an alarm not wait any more; return what it waited for."""
    for name in ("ActionsSuppressedBy", "ActionsSuppressedReason"):
        alarm.pop(name, None)
    waiting: dict[str, Any] | None = alarm.pop(_WAITING, None)
    return waiting


def _with_time_of_the_clock(original: Any) -> Any:
    """Let data that says nothing of its time be of the time that our clock shows."""

    def put(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Response:
        for datum in cbor_data.get("MetricData", ()):
            datum.setdefault("Timestamp", now())
        answer: Response = original(params, cbor_data, is_cbor, is_json)
        return answer

    return put


def _is_in_alarm(reference: str) -> bool:
    alarm = _alarm(reference)
    return alarm is not None and alarm["StateValue"] == ALARM


def _alarm(reference: str) -> Alarm | None:
    """Return an alarm by its name or ARN."""
    cloudwatch: Any = import_module(CLOUDWATCH)
    name = cloudwatch._rule_ref_name(reference)
    found: Alarm | None = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# AWS::CloudWatch::CompositeAlarm
# ---------------------------------------------------------------------------------------------------------------------

_COMPOSITE_ALARM = (
    "AlarmRule",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    SUPPRESSOR,
    WAIT,
    EXTENSION,
    "Tags",
)


def _create_composite(request: Request) -> Created:
    return _put_composite(request.name("AlarmName", 255), {}, request)


def _put_composite(name: str, old: Properties, request: Request) -> Created:
    call("cloudwatch", "PutCompositeAlarm", AlarmName=name, **picked(request.properties, *_COMPOSITE_ALARM))
    found = call("cloudwatch", "DescribeAlarms", AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    return name, {"Arn": found["CompositeAlarms"][0]["AlarmArn"]}


def _delete_composite(physical_id: str, properties: Properties) -> None:
    call("cloudwatch", "DeleteAlarms", AlarmNames=[physical_id])


COMPOSITE_ALARM = ApiType(_create_composite, _delete_composite, _put_composite, has_tags=True)
ALARMS: tuple[Callable[[], None], ...] = (alarms_of_several_metrics, evaluation, actions, suppressors)
