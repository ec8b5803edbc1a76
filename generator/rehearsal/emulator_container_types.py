"""ECS's resource types as CloudFormation deploys them: all that a template says, through ECS's API.

ministack 1.5.33 has handlers that drop most of a task definition and much of a service, and wait for nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ECS.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal import emulator_container_records as records
from generator.rehearsal.emulator_api import ApiError, call, typed_like_the_api
from generator.rehearsal.emulator_auto_scaling import CLOUDFORMATION
from generator.rehearsal.emulator_container_history import HISTORY
from generator.rehearsal.emulator_container_records import ECS, Record, all_services, deployed, find_service, is_active
from generator.rehearsal.emulator_container_services import SERVICES
from generator.rehearsal.emulator_guards import apply_settings, guarded, handler_of, replace_function, wrap_action
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request
from generator.rehearsal.emulator_json_answers import refused

SERVICE, TASK_DEFINITION, CLUSTER = "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ECS::Cluster"
POLL_SECONDS = 0.02

NOT_IN_API = ("ForceNewDeployment",)
"""A service's property that is no parameter: its change alone makes a deployment."""


NOT_EMPTY = "The Cluster cannot be deleted while Services are active."


def cluster_settings() -> None:
    """A cluster of a stack has the Service Connect defaults of its template, and is not deleted with services in it."""
    handler = handler_of(CLUSTER)
    delete = handler["delete"]

    def unless_in_use(physical_id: str, props: Properties) -> None:
        if _services_of(physical_id):
            raise ApiError(NOT_EMPTY)
        delete(physical_id, props)

    def update(name: str, old: Properties, new: Properties) -> None:
        wanted = new.get("ServiceConnectDefaults")
        if wanted and wanted != old.get("ServiceConnectDefaults"):
            call("ecs", "UpdateCluster", cluster=name, serviceConnectDefaults={"namespace": wanted["Namespace"]})

    apply_settings(handler, update)
    handler["delete"] = unless_in_use


def clusters_in_use() -> None:
    """A cluster with services is not deleted, and keeps the capacity providers that they use; ministack does not mind.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
    """

    def deleting(original: Any) -> Any:
        def delete(data: Any) -> Any:
            if _services_of(data["cluster"]):
                return refused("ClusterContainsServicesException", NOT_EMPTY)
            return original(data)

        return delete

    def putting(original: Any) -> Any:
        def put(data: Any) -> Any:
            strategies = (each.get("capacityProviderStrategy") or () for each in _services_of(data["cluster"]))
            used = {each["capacityProvider"] for strategy in strategies for each in strategy}
            if taken := used - set(data["capacityProviders"]):
                why = f"The specified capacity provider is in use and cannot be removed: {', '.join(sorted(taken))}."
                return refused("ResourceInUseException", why)
            return original(data)

        return put

    wrap_action(ECS, "DeleteCluster", deleting)
    wrap_action(ECS, "PutClusterCapacityProviders", putting)


def _services_of(cluster: str) -> list[Record]:
    """Return the active services of a cluster of the account and region under way."""
    arn = import_module(ECS)._clusters.get(import_module(ECS)._resolve_cluster_name(cluster), {}).get("clusterArn")
    return [each for *_, each in all_services() if is_active(each) and each["clusterArn"] == arn]


def task_definition_details() -> None:
    """DescribeTaskDefinition shows what RegisterTaskDefinition was given, and no empty values."""

    def showing(original: Any) -> Any:
        def describe(data: Any) -> Any:
            status, headers, body = original(data)
            return status, headers, body.replace(b', "pidMode": ""', b"").replace(b', "ipcMode": ""', b"")

        return describe

    wrap_action(ECS, "DescribeTaskDefinition", showing)


def services_that_stacks_wait_for() -> None:
    """CloudFormation waits for a service's deployment without standing in anybody's way."""

    def on_thread(original: Any) -> Any:
        return lambda resource_type: resource_type == SERVICE or original(resource_type)

    guarded(f"{CLOUDFORMATION}.stacks", "_runs_on_worker_thread", "resource_type")
    replace_function(f"{CLOUDFORMATION}.stacks", "_runs_on_worker_thread", ("resource_type",), on_thread)


# ---------------------------------------------------------------------------------------------------------------------
# Task definitions
# ---------------------------------------------------------------------------------------------------------------------


def _register(request: Request) -> Created:
    wanted = typed_like_the_api("ecs", "RegisterTaskDefinition", request.properties)
    wanted.setdefault("family", request.generated_name(255))
    arn = str(call("ecs", "RegisterTaskDefinition", **wanted)["taskDefinition"]["taskDefinitionArn"])
    return arn, {"TaskDefinitionArn": arn}


def _tag_definition(physical_id: str, old: Properties, request: Request) -> Created:
    _tag(physical_id, old, request.properties)
    return physical_id, {"TaskDefinitionArn": physical_id}


def _deregister(physical_id: str, properties: Properties) -> None:
    call("ecs", "DeregisterTaskDefinition", taskDefinition=physical_id)


def _tag(arn: str, old: Properties, new: Properties) -> None:
    gone = {each["Key"] for each in old.get("Tags", ())} - {each["Key"] for each in new.get("Tags", ())}
    if gone:
        call("ecs", "UntagResource", resourceArn=arn, tagKeys=sorted(gone))
    if new.get("Tags"):
        tags = [{"key": each["Key"], "value": str(each["Value"])} for each in new["Tags"]]
        call("ecs", "TagResource", resourceArn=arn, tags=tags)


# ---------------------------------------------------------------------------------------------------------------------
# Services
# ---------------------------------------------------------------------------------------------------------------------


def _create_service(request: Request) -> Created:
    wanted = typed_like_the_api("ecs", "CreateService", request.properties, NOT_IN_API)
    wanted.setdefault("serviceName", request.generated_name(255))
    arn = str(call("ecs", "CreateService", **wanted)["service"]["serviceArn"])
    try:
        _wait_for_deployment(arn)
    except ApiError:
        # The stack never learns the name of a service whose creation failed.
        _delete_service(arn, request.properties)
        raise
    return arn, _attributes(arn)


def _update_service(physical_id: str, old: Properties, request: Request) -> Created:
    new = request.properties
    wanted = typed_like_the_api("ecs", "CreateService", new, NOT_IN_API)
    unchanging = ("serviceName", "launchType", "role", "schedulingStrategy", "deploymentController", "tags")
    asked = {name: value for name, value in wanted.items() if name not in unchanging}
    forced = new.get("ForceNewDeployment") != old.get("ForceNewDeployment") or None
    call("ecs", "UpdateService", **asked, service=physical_id, forceNewDeployment=forced)
    _tag(physical_id, old, new)
    _wait_for_deployment(physical_id)
    return physical_id, _attributes(physical_id)


def _delete_service(physical_id: str, properties: Properties) -> None:
    call("ecs", "DeleteService", cluster=properties.get("Cluster"), service=physical_id, force=True)


def _attributes(arn: str) -> dict[str, str]:
    return {"ServiceArn": arn, "Name": arn.rpartition("/")[2]}


def _wait_for_deployment(arn: str) -> None:
    """Wait until the newest deployment of a service is over. Raises `ApiError` where it did not go well."""
    service = find_service(arn.split("/")[-2], arn)
    assert service is not None
    deployment = deployed(service).deployments[0]
    pause = threading.Event()
    while deployment.is_open:
        pause.wait(POLL_SECONDS)
    if deployment.status != records.SUCCESSFUL:
        raise ApiError(f"Error occurred during operation 'ECS Deployment: {deployment.reason}'.")


CONTAINER_TYPES: dict[str, ApiType] = {
    SERVICE: ApiType(_create_service, _delete_service, _update_service, has_tags=True),
    TASK_DEFINITION: ApiType(_register, _deregister, _tag_definition, has_tags=True),
}
"""Types that ministack has, and that these replace."""

CONTAINERS: tuple[Callable[[], None], ...] = (
    *SERVICES,
    *HISTORY,
    cluster_settings,
    clusters_in_use,
    task_definition_details,
    services_that_stacks_wait_for,
)
