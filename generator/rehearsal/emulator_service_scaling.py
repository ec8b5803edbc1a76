"""Application Auto Scaling in the emulator: how many tasks a service has at least and at most, and what alarms add.

ministack 1.5.33 has no such service. Here scalable targets keep a service's count within their bounds, and an alarm
carries out the first step of its step scaling policy. What goes by the clock, or by a target value, is kept and shown,
and never happens by itself.
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError, current_account_id, current_region, typed_like_the_api
from generator.rehearsal.emulator_clock import now
from generator.rehearsal.emulator_container_records import find_service
from generator.rehearsal.emulator_container_services import count_of, set_count
from generator.rehearsal.emulator_guards import MINISTACK_VERSION, PatchError, Response
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, tag_map
from generator.rehearsal.emulator_json_answers import answer, refused

SERVICE = "application-autoscaling"
ROUTER = "ministack.core.router"
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")

Data = dict[str, Any]
Place = tuple[str, str]


@dataclass
class _Place:
    """What an account has in a region: targets by namespace, resource and dimension; policies and schedules by name."""

    targets: dict[tuple[str, ...], Data] = field(default_factory=dict)
    policies: dict[tuple[str, ...], Data] = field(default_factory=dict)
    schedules: dict[tuple[str, ...], Data] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    activities: list[Data] = field(default_factory=list)


_places: dict[Place, _Place] = {}


def application_auto_scaling() -> None:
    """The emulator has Application Auto Scaling, and asks IAM about its requests."""
    known: dict[str, Any] = import_module(ROUTER).SERVICE_PATTERNS
    if SERVICE in known:
        raise PatchError(f"ministack has {SERVICE} by itself now: it is newer than {MINISTACK_VERSION}.")
    known[SERVICE] = {"target_prefixes": ["AnyScaleFrontendService"], "credential_scope": SERVICE}
    import_module("ministack.core.iam_actions").SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    import_module("ministack.app").SERVICE_HANDLERS[SERVICE] = _handle


async def _handle(method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Any) -> Response:
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action not in _ACTIONS:
        return refused("InvalidAction", f"Unknown action: {action}")
    try:
        return answer(_ACTIONS[action](json.loads(body or b"{}")))
    except ScalingError as error:
        return refused(*error.args)


class ScalingError(ValueError):
    """A request that is refused: the code of the error, and its message."""


# ---------------------------------------------------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------------------------------------------------


def _register(data: Data) -> Data:
    here = _here()
    known = here.targets.get(_key(data), {})
    if not known and _service(data) is None:
        raise ScalingError("ValidationException", f"ECS service doesn't exist: {data['ResourceId']}")
    target = {
        "RoleARN": _role(),
        "CreationTime": now(),
        "ScalableTargetARN": f"{_prefix('application-autoscaling')}:scalable-target/{uuid.uuid4().hex}",
        **known,
        **{name: value for name, value in data.items() if name != "Tags"},
    }
    here.targets[_key(data)] = target
    if data.get("Tags"):
        here.tags[target["ScalableTargetARN"]] = dict(data["Tags"])
    _keep_within(target)
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _deregister(data: Data) -> Data:
    here = _here()
    if here.targets.pop(_key(data), None) is None:
        raise ScalingError("ObjectNotFoundException", f"No scalable target registered for {data['ResourceId']}.")
    for kept in (here.policies, here.schedules):
        for key in [each for each in kept if each[:3] == _key(data)]:
            del kept[key]
    return {}


def _describe_targets(data: Data) -> Data:
    wanted = data.get("ResourceIds") or ()
    found = [each for each in _here().targets.values() if each["ServiceNamespace"] == data["ServiceNamespace"]]
    return {"ScalableTargets": [each for each in found if not wanted or each["ResourceId"] in wanted]}


def _put_policy(data: Data) -> Data:
    if _key(data) not in _here().targets:
        raise ScalingError("ObjectNotFoundException", f"No scalable target registered for {data['ResourceId']}.")
    key = (*_key(data), data["PolicyName"])
    known = _here().policies.get(key, {})
    arn = known.get("PolicyARN") or (
        f"{_prefix('autoscaling')}:scalingPolicy:{uuid.uuid4()}:resource/{data['ServiceNamespace']}/"
        f"{data['ResourceId']}:policyName/{data['PolicyName']}"
    )
    _here().policies[key] = {"CreationTime": now(), "Alarms": [], **known, **data, "PolicyARN": arn}
    return {"PolicyARN": arn, "Alarms": []}


def _delete_policy(data: Data) -> Data:
    if _here().policies.pop((*_key(data), data["PolicyName"]), None) is None:
        raise ScalingError("ObjectNotFoundException", f"No scaling policy found: {data['PolicyName']}.")
    return {}


def _describe_policies(data: Data) -> Data:
    return {"ScalingPolicies": _described(_here().policies, data)}


def _put_schedule(data: Data) -> Data:
    if _key(data) not in _here().targets:
        raise ScalingError("ObjectNotFoundException", f"No scalable target registered for {data['ResourceId']}.")
    name = data["ScheduledActionName"]
    arn = f"{_prefix('autoscaling')}:scheduledAction:{uuid.uuid4()}:resource/{data['ResourceId']}:{name}"
    _here().schedules[(*_key(data), name)] = {"ScheduledActionARN": arn, "CreationTime": now(), **data}
    return {}


def _delete_schedule(data: Data) -> Data:
    _here().schedules.pop((*_key(data), data["ScheduledActionName"]), None)
    return {}


def _describe_schedules(data: Data) -> Data:
    return {"ScheduledActions": _described(_here().schedules, data)}


def _describe_activities(data: Data) -> Data:
    wanted = data.get("ResourceId")
    return {"ScalingActivities": [each for each in _here().activities if not wanted or each["ResourceId"] == wanted]}


def _list_tags(data: Data) -> Data:
    return {"Tags": _here().tags.get(data["ResourceARN"], {})}


def _described(kept: Mapping[tuple[str, ...], Data], data: Data) -> list[Data]:
    found = [each for each in kept.values() if each["ServiceNamespace"] == data["ServiceNamespace"]]
    return [each for each in found if not data.get("ResourceId") or each["ResourceId"] == data["ResourceId"]]


_ACTIONS: Mapping[str, Callable[[Data], Data]] = {
    "RegisterScalableTarget": _register,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _describe_targets,
    "PutScalingPolicy": _put_policy,
    "DeleteScalingPolicy": _delete_policy,
    "DescribeScalingPolicies": _describe_policies,
    "PutScheduledAction": _put_schedule,
    "DeleteScheduledAction": _delete_schedule,
    "DescribeScheduledActions": _describe_schedules,
    "DescribeScalingActivities": _describe_activities,
    "ListTagsForResource": _list_tags,
}


# ---------------------------------------------------------------------------------------------------------------------
# Scaling
# ---------------------------------------------------------------------------------------------------------------------


def carry_out(policy_arn: str) -> str:
    """Do what an alarm's step scaling policy says; return why that failed, or nothing.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html
    """
    here = _here()
    policy = next((each for each in here.policies.values() if each["PolicyARN"] == policy_arn), None)
    target = here.targets.get(_key(policy)) if policy else None
    if policy is None or target is None:
        return "The scaling policy does not exist."
    configuration = policy.get("StepScalingPolicyConfiguration")
    service = _service(policy)
    if configuration is None or service is None:
        return "The policy is none by steps, or its service is gone."
    change = _first_step(configuration)
    if _is_suspended(target, change) or _is_cooling(policy, configuration):
        return ""
    before = count_of(service)
    wanted = change if configuration["AdjustmentType"] == "ExactCapacity" else before + change
    policy["_scaled_at"] = now()
    _scale(target, service, wanted, f"monitor alarm triggered policy {policy['PolicyName']}")
    return ""


def _first_step(configuration: Mapping[str, Any]) -> int:
    """Return the adjustment of the step that begins at the alarm's threshold."""
    for step in configuration["StepAdjustments"]:
        lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
        if lower in (0, None) or upper == 0:
            return int(step["ScalingAdjustment"])
    return 0


def _is_suspended(target: Data, change: int) -> bool:
    suspended = target.get("SuspendedState") or {}
    return bool(suspended.get("DynamicScalingOutSuspended" if change > 0 else "DynamicScalingInSuspended"))


def _is_cooling(policy: Data, configuration: Mapping[str, Any]) -> bool:
    last = policy.get("_scaled_at")
    return last is not None and now() < last + configuration.get("Cooldown", 300)


def _keep_within(target: Data) -> None:
    service = _service(target)
    if service is not None:
        bounds = f"capacity was set to {target['MinCapacity']} to {target['MaxCapacity']}"
        _scale(target, service, count_of(service), bounds)


def _scale(target: Data, service: Data, wanted: int, cause: str) -> None:
    count = max(target["MinCapacity"], min(target["MaxCapacity"], wanted))
    if count == count_of(service):
        return
    set_count(service, count)
    moment = now()
    activity = {name: target[name] for name in KEY} | {
        "ActivityId": str(uuid.uuid4()),
        "Description": f"Setting desired count to {count}.",
        "Cause": cause,
        "StartTime": moment,
        "EndTime": moment,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {count}.",
    }
    _here().activities.insert(0, activity)


def _service(data: Data) -> Data | None:
    """Return the service that a resource id such as `service/cluster/name` names."""
    _, cluster, name = data["ResourceId"].split("/")
    return find_service(cluster, name)


def _here() -> _Place:
    return _places.setdefault((current_account_id(), current_region()), _Place())


def _key(data: Data) -> tuple[str, ...]:
    return tuple(data[name] for name in KEY)


def _prefix(service: str) -> str:
    return f"arn:aws:{service}:{current_region()}:{current_account_id()}"


def _role() -> str:
    name = "ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
    return f"arn:aws:iam::{current_account_id()}:role/aws-service-role/{name}"


# ---------------------------------------------------------------------------------------------------------------------
# Resource types
# ---------------------------------------------------------------------------------------------------------------------


def _create_target(request: Request) -> Created:
    wanted = request.properties
    key = {name: wanted[name] for name in KEY}
    if _key(wanted) in _here().targets:
        raise ApiError(
            f"{wanted['ResourceId']}|{wanted['ScalableDimension']}|{wanted['ServiceNamespace']} already exists"
        )
    _put_target(wanted, ())
    return "|".join(key[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")), _target_id(wanted)


def _update_target(physical_id: str, old: Properties, request: Request) -> Created:
    names = {each["ScheduledActionName"] for each in request.properties.get("ScheduledActions", ())}
    gone = [each["ScheduledActionName"] for each in old.get("ScheduledActions", ())]
    _put_target(request.properties, [each for each in gone if each not in names])
    return physical_id, _target_id(request.properties)


def _put_target(wanted: Properties, without: Any) -> None:
    properties = {**wanted, "Tags": tag_map(wanted.get("Tags"))}
    given = typed_like_the_api(SERVICE, "RegisterScalableTarget", properties, ("ScheduledActions",))
    with _as_api_errors():
        _register(given)
        for name in without:
            _delete_schedule(given | {"ScheduledActionName": name})
        for each in wanted.get("ScheduledActions", ()):
            key = {name: wanted[name] for name in KEY}
            _put_schedule(typed_like_the_api(SERVICE, "PutScheduledAction", {**each, **key}))


def _target_id(wanted: Properties) -> dict[str, str]:
    return {"Id": "|".join(wanted[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))}


def _delete_target(physical_id: str, properties: Properties) -> None:
    _here().targets.pop(_key(properties), None)


def _create_policy(request: Request) -> Created:
    given = _policy_of(request.properties)
    with _as_api_errors():
        arn = str(_put_policy(given)["PolicyARN"])
    return arn, {"Arn": arn}


def _update_policy(physical_id: str, old: Properties, request: Request) -> Created:
    return _create_policy(request)


def _delete_policy_of_stack(physical_id: str, properties: Properties) -> None:
    here = _here()
    for key in [name for name, each in here.policies.items() if each["PolicyARN"] == physical_id]:
        del here.policies[key]


def _policy_of(wanted: Properties) -> Data:
    properties = dict(wanted)
    if "ScalingTargetId" in properties:
        names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        properties |= dict(zip(names, properties.pop("ScalingTargetId").split("|"), strict=True))
    return typed_like_the_api(SERVICE, "PutScalingPolicy", properties)


@contextlib.contextmanager
def _as_api_errors() -> Any:
    try:
        yield
    except ScalingError as error:
        raise ApiError(f"{error.args[1]} (Service: {SERVICE}, Code: {error.args[0]})") from error


SERVICE_SCALING_TYPES: dict[str, ApiType] = {
    TARGET: ApiType(_create_target, _delete_target, _update_target, has_tags=True),
    POLICY: ApiType(_create_policy, _delete_policy_of_stack, _update_policy),
}

SERVICE_SCALING: tuple[Callable[[], None], ...] = (application_auto_scaling,)
