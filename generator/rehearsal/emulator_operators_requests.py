"""What operators ask of CloudWatch and of Auto Scaling groups, as AWS authorizes and answers it.

ministack 1.5.33 limits neither data by its namespace nor servers by their group; it ends no single server, and suspends
no process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_auto_scaling import AUTO_SCALING, Group, terminate_instances
from generator.rehearsal.emulator_guards import Response, add_action, edited, guarded, replace_function, wrap_action
from generator.rehearsal.emulator_resources_asked import ACTIONS, ApiRequest, Known, ask_about

_TERMINATE = "TerminateInstanceInAutoScalingGroup"
_SUSPENDED = "SuspendedProcesses"
_PROCESSES = (
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
)
PUTS_DATA, NAMESPACE = "cloudwatch:PutMetricData", "cloudwatch:namespace"


def namespaces_of_data() -> None:
    """Whoever puts data is asked for by its namespace; ministack 1.5.33 does not look at it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    """

    def with_namespace(original: Any) -> Any:
        def context(service: str, iam_action: str, body: bytes, params: Any) -> dict[str, Any]:
            keys: dict[str, Any] = original(service, iam_action, body, params)
            name = _given(body, params, "Namespace") if iam_action == PUTS_DATA else ""
            return {**keys, NAMESPACE: name} if name else keys

        return context

    replace_function(ACTIONS, "request_tag_context", ("service", "iam_action", "body", "params"), with_namespace)


def groups_of_servers() -> None:
    """Who ends a server of a group is asked for by the group, which the request does not name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
    """

    def by_group(request: ApiRequest, known: Known) -> str:
        found = known(request)
        if (request.service, found) != ("autoscaling", "*"):
            return found
        server = _given(request.body, request.query_params, "InstanceId")
        return _group_of(server, request.region, request.account_id) if server else found

    ask_about(by_group)


def _group_of(server: str, region: str, account_id: str) -> str:
    group = _group_with(server)
    if group is None:
        return "*"
    name = group["AutoScalingGroupName"]
    return f"arn:aws:autoscaling:{region}:{account_id}:autoScalingGroup:*:autoScalingGroupName/{name}"


def _group_with(server: str) -> Group | None:
    groups: Iterable[Group] = import_module(AUTO_SCALING)._asgs.values()
    return next((group for group in groups if server in [each["InstanceId"] for each in group["Instances"]]), None)


def servers_ended_by_hand() -> None:
    """A server of a group can be ended, and is replaced unless the group shall be smaller from then on.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    """

    def terminate(params: dict[str, Any]) -> Response:
        module: Any = import_module(AUTO_SCALING)
        server, smaller = (_given(b"", params, name) for name in ("InstanceId", "ShouldDecrementDesiredCapacity"))
        group = _group_with(server)
        if why := _not_ended(group, server, smaller == "true"):
            refused: Response = module._error("ValidationError", why, 400)
            return refused
        assert group is not None
        group["DesiredCapacity"] -= int(smaller == "true")
        terminate_instances(group, [each for each in group["Instances"] if each["InstanceId"] == server])
        module._reconcile_instances(group)
        activity = f"<Description>Terminating EC2 instance: {server}</Description><StatusCode>InProgress</StatusCode>"
        inner = f"<{_TERMINATE}Result><Activity>{activity}</Activity></{_TERMINATE}Result>"
        answer: Response = module._xml(200, f"{_TERMINATE}Response", inner)
        return answer

    guarded(AUTO_SCALING, "_xml", "status", "root_tag", "inner")
    guarded(AUTO_SCALING, "_error", "code", "message", "status")
    add_action(AUTO_SCALING, _TERMINATE, terminate)


def suspended_processes() -> None:
    """The processes of a group can be suspended and resumed; what is suspended is kept, and goes on all the same.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
    """

    def acting(name: str, change: Callable[[set[str], set[str]], set[str]]) -> Callable[[dict[str, Any]], Response]:
        def act(params: dict[str, Any]) -> Response:
            module: Any = import_module(AUTO_SCALING)
            group = module._asgs.get(_given(b"", params, "AutoScalingGroupName"))
            if group is None:
                refused: Response = module._error("ValidationError", "AutoScalingGroup name not found", 400)
                return refused
            asked = {_given(b"", params, key) for key in params if key.startswith("ScalingProcesses.member.")}
            group[_SUSPENDED] = sorted(change(set(group.get(_SUSPENDED, ())), asked or set(_PROCESSES)))
            answer: Response = module._xml(200, f"{name}Response", "")
            return answer

        return act

    guarded(AUTO_SCALING, "_xml", "status", "root_tag", "inner")
    guarded(AUTO_SCALING, "_error", "code", "message", "status")
    add_action(AUTO_SCALING, "SuspendProcesses", acting("SuspendProcesses", set.union))
    add_action(AUTO_SCALING, "ResumeProcesses", acting("ResumeProcesses", set.difference))
    wrap_action(AUTO_SCALING, "DescribeAutoScalingGroups", edited(_with_suspended_processes))


def _with_suspended_processes(xml: str) -> str:
    def shown(match: re.Match[str]) -> str:
        group = import_module(AUTO_SCALING)._asgs.get(match[1]) or {}
        reason = "<SuspensionReason>User suspended</SuspensionReason>"
        members = "".join(
            f"<member><ProcessName>{each}</ProcessName>{reason}</member>" for each in group.get(_SUSPENDED, ())
        )
        return f"{match[0]}<SuspendedProcesses>{members}</SuspendedProcesses>"

    return re.sub(
        r"<AutoScalingGroupName>([^<]+)</AutoScalingGroupName>(?=<(?:AutoScalingGroupARN|TargetG))", shown, xml
    )


def _not_ended(group: Group | None, server: str, smaller: bool) -> str:
    """Return why a server cannot be ended, or nothing."""
    if group is None:
        return f"Instance Id not found - No managed instance found for instance ID {server}"
    too_small = smaller and group["DesiredCapacity"] <= group["MinSize"]
    return "The group would become smaller than its minimum size" if too_small else ""


def _given(body: bytes, params: Any, name: str) -> str:
    """Return a parameter of a request, whether it came as JSON or as a form."""
    if body[:1] == b"{":
        return str(json.loads(body).get(name, ""))
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


OPERATORS_REQUESTS: tuple[Callable[[], None], ...] = (
    namespaces_of_data,
    groups_of_servers,
    servers_ended_by_hand,
    suspended_processes,
)
