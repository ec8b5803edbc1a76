"""Auto Scaling groups of the emulator: they run instances, and wait for those that somebody attends to.

ministack invents instance ids that EC2 does not know, and for a group of a stack not even those. Where nobody attends
(`emulator_instances`), an instance is healthy at once, and a CreationPolicy or UpdatePolicy has its signals. Where
somebody does, CloudFormation waits for them, and replaces instances one after the other.
"""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import call, current_account_id, current_region
from generator.rehearsal.emulator_ec2_types import launch_instance, launch_template_data
from generator.rehearsal.emulator_guards import (
    PROVISIONERS,
    Response,
    add_action,
    edited,
    guarded,
    handler_of,
    replace_function,
    wrap_action,
)
from generator.rehearsal.emulator_handlers import Created, Properties
from generator.rehearsal.emulator_instances import End, Launch, announce, emulator_directory, is_attended

AUTO_SCALING = "ministack.services.autoscaling"
CLOUDFORMATION = "ministack.services.cloudformation"
SIGNALS = f"{CLOUDFORMATION}.wait_conditions"
ENGINE = f"{CLOUDFORMATION}.engine"
GROUP = "AWS::AutoScaling::AutoScalingGroup"
GROUP_TAG = "aws:autoscaling:groupName"

Group = dict[str, Any]
Instance = dict[str, Any]


def group_instances() -> None:
    """An Auto Scaling group runs instances from its launch template, spread over its subnets and in its target groups.

    An update that changes the launch template replaces them, one after the other where the signals of their successors
    are waited for.
    """
    replace_function(
        AUTO_SCALING, "_reconcile_instances", ("asg",), lambda original: lambda asg: _reconcile(asg, original)
    )
    wrap_action(AUTO_SCALING, "DescribeAutoScalingGroups", edited(_with_target_groups))
    handler = handler_of(GROUP)
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        name, attributes = create(logical_id, props, stack_name)
        _fill(name, props)
        count = _creation_signals(stack_name, logical_id)
        if count:
            try:
                _wait_for_signals(stack_name, logical_id, count)
            except Exception:
                # The stack never learns the name of a group whose creation failed.
                deleting(name, props)
                raise
        return name, attributes

    def updating(physical_id: str, old: Properties, new: Properties, stack_name: str, *rest: Any) -> Created:
        before = dict(_group(physical_id) or {})
        name, attributes = update(physical_id, old, new, stack_name, *rest)
        group = _group(name)
        if group and name == physical_id and before.get("LaunchTemplate") != group.get("LaunchTemplate"):
            _replace_instances(group, before["LaunchTemplate"], stack_name)
        _fill(name, new)
        return name, attributes

    def deleting(physical_id: str, props: Properties) -> None:
        group = _group(physical_id)
        if group is not None:
            terminate_instances(group, list(group["Instances"]))
        delete(physical_id, props)

    handler |= {"create": creating, "update": updating, "delete": deleting}


def replaced_when_unhealthy() -> None:
    """SetInstanceHealth lets a group end an unhealthy instance and launch another; ministack has no such action.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html
    """

    def set_instance_health(params: dict[str, Any]) -> Response:
        module: Any = import_module(AUTO_SCALING)
        for group in module._asgs.values():
            found = [each for each in group["Instances"] if each["InstanceId"] == params["InstanceId"]]
            if found and params["HealthStatus"] == "Unhealthy":
                terminate_instances(group, found)
                module._reconcile_instances(group)
        response: Response = module._xml(200, "SetInstanceHealthResponse", "")
        return response

    guarded(AUTO_SCALING, "_xml", "status", "root_tag", "inner")
    add_action(AUTO_SCALING, "SetInstanceHealth", set_instance_health)


def waiting_for_signals() -> None:
    """CloudFormation waits for the signals of a group's instances without standing in anybody's way.

    What waits must not run on the event loop that takes the signals. A rollback takes signals, too.
    """

    def on_thread(original: Any) -> Any:
        return lambda resource_type: resource_type == GROUP or original(resource_type)

    def during_rollback(original: Any) -> Any:
        def signal_resource(params: dict[str, Any]) -> Response:
            handlers: Any = import_module(f"{CLOUDFORMATION}.handlers")
            stack = handlers._resolve_stack(handlers._p(params, "StackName")) or {}
            response: Response
            if stack.get("StackStatus") != "UPDATE_ROLLBACK_IN_PROGRESS":
                response = original(params)
                return response
            given = [handlers._p(params, name) for name in ("LogicalResourceId", "UniqueId", "Status")]
            import_module(SIGNALS).signal_resource(stack["StackId"], *given)
            response = handlers._xml(200, "SignalResourceResponse", "")
            return response

        return signal_resource

    replace_function(f"{CLOUDFORMATION}.stacks", "_runs_on_worker_thread", ("resource_type",), on_thread)
    guarded(f"{CLOUDFORMATION}.handlers", "_resolve_stack", "stack_name")
    guarded(PROVISIONERS, "_cfn_wait_condition_definition", "stack_name", "logical_id")
    guarded(ENGINE, "_parse_template", "template_body")
    guarded(ENGINE, "_evaluate_conditions", "template", "params")
    resolved = ("value", "resources", "params", "conditions", "mappings", "stack_name", "stack_id")
    guarded(ENGINE, "_resolve_refs", *resolved)
    guarded(SIGNALS, "register_slot", "stack_id", "url")
    guarded(SIGNALS, "deliver_signal", "token", "payload")
    guarded(SIGNALS, "wait_for", "token", "stack_id", "stack_name", "logical_id", "resource_type", "count", "timeout_s")
    guarded(SIGNALS, "signal_resource", "stack_id", "logical_id", "unique_id", "status")
    wrap_action(f"{CLOUDFORMATION}.handlers", "SignalResource", during_rollback, "_ACTION_HANDLERS")


# ---------------------------------------------------------------------------------------------------------------------
# Instances of a group
# ---------------------------------------------------------------------------------------------------------------------


def _group(name: str) -> Group | None:
    group: Group | None = import_module(AUTO_SCALING)._asgs.get(name)
    return group


def _fill(name: str, props: Properties) -> None:
    """Keep what ministack's handler drops from the template, and run the instances."""
    group = _group(name)
    if group is None:
        return
    instance_ids = [each["InstanceId"] for each in group["Instances"]]
    wanted = list(props.get("TargetGroupARNs") or ())
    for arn in group.get("TargetGroupARNs", []):
        if arn not in wanted:
            _in_target_group("DeregisterTargets", arn, instance_ids)
    for arn in wanted:
        _in_target_group("RegisterTargets", arn, instance_ids)
    group["TargetGroupARNs"] = wanted
    # A template must say whether a tag propagates, so one that does not say comes from the stack, and those do.
    of_stack = {tag["Key"] for tag in props.get("Tags") or () if "PropagateAtLaunch" not in tag}
    for tag in group["Tags"]:
        tag["PropagateAtLaunch"] = tag.get("PropagateAtLaunch", False) or tag["Key"] in of_stack
    if "AvailabilityZones" not in props:
        subnets = import_module("ministack.services.ec2")._subnets
        zones = (subnets[each]["AvailabilityZone"] for each in _subnet_ids(group) if each in subnets)
        group["AvailabilityZones"] = sorted(set(zones)) or group["AvailabilityZones"]
    import_module(AUTO_SCALING)._reconcile_instances(group)


def _reconcile(group: Group, original: Callable[[Group], None]) -> None:
    if not _subnet_ids(group) or not group.get("LaunchTemplate"):
        original(group)
        return
    instances = group["Instances"]
    surplus = instances[group["DesiredCapacity"] :]
    terminate_instances(group, list(surplus))
    while len(instances) < group["DesiredCapacity"]:
        instances.append(_launched(group))


def _launched(group: Group) -> Instance:
    occupied = [each["SubnetId"] for each in group["Instances"]]
    subnet_id = min(_subnet_ids(group), key=occupied.count)
    data = launch_template_data(group["LaunchTemplate"])
    record = launch_instance(subnet_id, data, _instance_tags(group, data))
    for arn in group.get("TargetGroupARNs", []):
        _in_target_group("RegisterTargets", arn, [record["InstanceId"]])
    announce(emulator_directory(), _launch(group, record, data))
    return {
        "InstanceId": record["InstanceId"],
        "SubnetId": subnet_id,
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "AvailabilityZone": record["Placement"]["AvailabilityZone"],
        "ProtectedFromScaleIn": group["NewInstancesProtectedFromScaleIn"],
        "LaunchTemplate": group["LaunchTemplate"],
        "LaunchConfigurationName": "",
    }


def _launch(group: Group, record: Instance, data: dict[str, Any]) -> Launch:
    profile = data.get("IamInstanceProfile") or ""
    return Launch(
        instance_id=record["InstanceId"],
        account_id=current_account_id(),
        region=current_region(),
        group=group["AutoScalingGroupName"],
        profile=profile if isinstance(profile, str) else profile.get("Name") or profile["Arn"].rpartition("/")[2],
        user_data=data.get("UserData", ""),
    )


def _instance_tags(group: Group, data: dict[str, Any]) -> list[dict[str, str]]:
    tags = {GROUP_TAG: group["AutoScalingGroupName"]}
    for specification in data.get("TagSpecifications") or ():
        if specification["ResourceType"] == "instance":
            tags |= {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
    tags |= {tag["Key"]: tag["Value"] for tag in group.get("Tags", ()) if tag.get("PropagateAtLaunch")}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def terminate_instances(group: Group, instances: list[Instance]) -> None:
    """End instances of a group, without any successor."""
    instance_ids = [each["InstanceId"] for each in instances]
    # The instances of a group that was made without subnets or launch template are inventions.
    known = [each for each in instance_ids if each in import_module("ministack.services.ec2")._instances]
    for arn in group.get("TargetGroupARNs", []):
        _in_target_group("DeregisterTargets", arn, instance_ids)
    if known:
        call("ec2", "TerminateInstances", InstanceIds=known)
    group["Instances"][:] = [each for each in group["Instances"] if each["InstanceId"] not in instance_ids]
    for instance_id in known:
        announce(emulator_directory(), End(instance_id))


def _in_target_group(operation: str, arn: str, instance_ids: list[str]) -> None:
    if instance_ids and arn in import_module("ministack.services.alb")._tgs:
        call("elbv2", operation, TargetGroupArn=arn, Targets=[{"Id": each} for each in instance_ids])


def _subnet_ids(group: Group) -> list[str]:
    return [each.strip() for each in group["VPCZoneIdentifier"].split(",") if each.strip()]


def _with_target_groups(xml: str) -> str:
    def with_arns(match: re.Match[str]) -> str:
        arns = (_group(match.group(1)) or {}).get("TargetGroupARNs", [])
        members = "".join(f"<member>{arn}</member>" for arn in arns)
        return f"{match.group(0)}<TargetGroupARNs>{members}</TargetGroupARNs>"

    return re.sub(r"<AutoScalingGroupName>([^<]+)</AutoScalingGroupName>(?=<AutoScalingGroupARN>)", with_arns, xml)


# ---------------------------------------------------------------------------------------------------------------------
# Creation and update policies
# ---------------------------------------------------------------------------------------------------------------------


def _creation_signals(stack_name: str, logical_id: str) -> int:
    """Return how many signals a new group is to wait for; none where nobody attends."""
    policy = _definition(stack_name, logical_id).get("CreationPolicy", {}).get("ResourceSignal")
    if policy is None or not is_attended(emulator_directory(), current_account_id()):
        return 0
    return int(_resolved(stack_name, policy.get("Count", 1)))


def _replace_instances(group: Group, former: dict[str, Any], stack_name: str) -> None:
    """Replace all instances; where signals are waited for, as many at a time as the policy lets be missing.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
    """
    logical_id = _logical_id(stack_name, group["AutoScalingGroupName"])
    policy = _definition(stack_name, logical_id).get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
    if not is_attended(emulator_directory(), current_account_id()) or not policy.get("WaitOnResourceSignals"):
        terminate_instances(group, list(group["Instances"]))
        return
    in_service = int(_resolved(stack_name, policy.get("MinInstancesInService", 0)))
    launched: list[Instance] = []
    try:
        for old in list(group["Instances"]):
            dispensable = len(group["Instances"]) > in_service
            if dispensable:
                terminate_instances(group, [old])
            launched.append(_launched(group))
            group["Instances"].append(launched[-1])
            _wait_for_signals(stack_name, logical_id, 1)
            if not dispensable:
                terminate_instances(group, [old])
    except Exception:
        # An update that failed leaves the group as it was; the stack takes it for unchanged.
        group["LaunchTemplate"] = former
        terminate_instances(group, launched)
        import_module(AUTO_SCALING)._reconcile_instances(group)
        raise


def _wait_for_signals(stack_name: str, logical_id: str, count: int) -> None:
    """Wait until the instances have signalled, or until nobody is there any more who would run them."""
    signals: Any = import_module(SIGNALS)
    stack_id = import_module(CLOUDFORMATION)._stacks[stack_name]["StackId"]
    token = signals.register_slot(stack_id)
    over = threading.Event()
    watch = threading.Thread(
        target=contextvars.copy_context().run, args=(_signal_when_abandoned, token, count, over), daemon=True
    )
    watch.start()
    try:
        signals.wait_for(token, stack_id, stack_name, logical_id, GROUP, count, SIGNAL_TIMEOUT_SECONDS)
    finally:
        over.set()
        watch.join()


def _signal_when_abandoned(token: str, count: int, over: threading.Event) -> None:
    while not over.wait(POLL_SECONDS):
        if not is_attended(emulator_directory(), current_account_id()):
            for number in range(count):
                given = {"Status": "SUCCESS", "UniqueId": f"nobody attends to instance {number}"}
                import_module(SIGNALS).deliver_signal(token, given)
            return


SIGNAL_TIMEOUT_SECONDS, POLL_SECONDS = 120, 0.2
"""Whoever attends gives a signal in any case; the policy's own minutes would only hold up a rehearsal."""


def _definition(stack_name: str, logical_id: str) -> dict[str, Any]:
    provisioners: Any = import_module(PROVISIONERS)
    definition: dict[str, Any] = provisioners._cfn_wait_condition_definition(stack_name, logical_id)
    return definition


def _logical_id(stack_name: str, physical_id: str) -> str:
    resources = import_module(CLOUDFORMATION)._stacks[stack_name]["_resources"]
    return next(str(name) for name, each in resources.items() if each["PhysicalResourceId"] == physical_id)


def _resolved(stack_name: str, value: Any) -> Any:
    """Return a policy's value, which may depend on the stack's parameters, conditions and mappings."""
    engine: Any = import_module(ENGINE)
    stack = import_module(CLOUDFORMATION)._stacks[stack_name]
    template = engine._parse_template(stack["_template_body"])
    given = {each["ParameterKey"]: {"Value": each["ParameterValue"], "NoEcho": False} for each in stack["Parameters"]}
    conditions = engine._evaluate_conditions(template, given)
    mappings = template.get("Mappings", {})
    return engine._resolve_refs(value, {}, given, conditions, mappings, stack_name, stack["StackId"])


AUTO_SCALING_GROUPS: tuple[Callable[[], None], ...] = (group_instances, replaced_when_unhealthy, waiting_for_signals)
