"""What IAM is asked about a request to ECS: the service, task or deployment that it is about, and its cluster.

ministack 1.5.33 asks about the cluster, whatever is done in it.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from generator.rehearsal.emulator_api import current_account_id, current_region
from generator.rehearsal.emulator_guards import replace_function
from generator.rehearsal.emulator_resources_asked import ACTIONS, ApiRequest, Known, ask_about

CLUSTER_KEY = "ecs:cluster"
IN_CLUSTER = ("service", "task", "service-deployment", "service-revision", "container-instance")

_ABOUT: Mapping[str, tuple[str, str]] = {
    "CreateCluster": ("cluster", "clusterName"),
    "DeleteCluster": ("cluster", "cluster"),
    "DescribeClusters": ("cluster", "clusters"),
    "PutClusterCapacityProviders": ("cluster", "cluster"),
    "UpdateCluster": ("cluster", "cluster"),
    "UpdateClusterSettings": ("cluster", "cluster"),
    "CreateService": ("service", "serviceName"),
    "DeleteService": ("service", "service"),
    "DescribeServices": ("service", "services"),
    "ListServiceDeployments": ("service", "service"),
    "UpdateService": ("service", "service"),
    "DescribeTasks": ("task", "tasks"),
    "ExecuteCommand": ("task", "task"),
    "StopTask": ("task", "task"),
    "ContinueServiceDeployment": ("service-deployment", "serviceDeploymentArn"),
    "DescribeServiceDeployments": ("service-deployment", "serviceDeploymentArns"),
    "StopServiceDeployment": ("service-deployment", "serviceDeploymentArn"),
    "DescribeServiceRevisions": ("service-revision", "serviceRevisionArns"),
    "ListTagsForResource": ("", "resourceArn"),
    "TagResource": ("", "resourceArn"),
    "UntagResource": ("", "resourceArn"),
}
"""What an action is about: the kind of resource, and the parameter that names it. Of several, the first is asked about.
The other actions are about no resource that can be named."""


def resources_of_containers() -> None:
    """A request to ECS is asked about by the resource that it is about."""

    def of_ecs(request: ApiRequest, known: Known) -> str:
        if request.service != "ecs":
            return known(request)
        place = f"arn:aws:ecs:{request.region}:{request.account_id}"
        return _resource(request.action, _data(request.body), place)

    ask_about(of_ecs)


def clusters_of_requests() -> None:
    """IAM knows in which cluster something is done."""

    def with_cluster(original: Any) -> Any:
        def context(service: str, iam_action: str, body: bytes, params: Any) -> dict[str, Any]:
            keys: dict[str, Any] = original(service, iam_action, body, params)
            if service != "ecs":
                return keys
            place = f"arn:aws:ecs:{current_region()}:{current_account_id()}"
            return {**keys, CLUSTER_KEY: _cluster(iam_action.partition(":")[2], _data(body), place)}

        return context

    replace_function(ACTIONS, "request_tag_context", ("service", "iam_action", "body", "params"), with_cluster)


def _resource(action: str, data: Mapping[str, Any], place: str) -> str:
    if action == "RegisterTaskDefinition":
        return f"{place}:task-definition/{data.get('family', '')}:*"
    if action not in _ABOUT:
        return "*"
    kind, parameter = _ABOUT[action]
    given = data.get(parameter) or ""
    name = str(given[0] if isinstance(given, list) and given else given or "")
    if name.startswith("arn:"):
        return name
    if kind == "cluster":
        return f"{place}:cluster/{name or 'default'}"
    return f"{place}:{kind}/{_name_of_cluster(data)}/{name}" if name else "*"


def _cluster(action: str, data: Mapping[str, Any], place: str) -> str:
    """Return the ARN of the cluster that a request is about, or in."""
    kind, tail = _resource(action, data, place).removeprefix(f"{place}:").partition("/")[::2]
    name = tail.partition("/")[0] if kind in ("cluster", *IN_CLUSTER) else _name_of_cluster(data)
    return f"{place}:cluster/{name}"


def _name_of_cluster(data: Mapping[str, Any]) -> str:
    return str(data.get("cluster") or "default").rpartition("/")[2]


def _data(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body)) if body[:1] == b"{" else {}


CONTAINER_AUTHORIZATION: tuple[Callable[[], None], ...] = (resources_of_containers, clusters_of_requests)
