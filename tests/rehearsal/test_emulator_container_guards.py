"""The patches of containers look at what they wrap: a ministack that has changed is refused."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from guarded_patches import Patch, assert_notices_another_function, assert_notices_another_handler, patches_of

from generator.rehearsal import (
    emulator_container_deployments,
    emulator_container_history,
    emulator_container_records,
    emulator_container_service_requests,
    emulator_container_services,
    emulator_container_tasks,
    emulator_container_traffic,
    emulator_container_types,
)
from generator.rehearsal.emulator_auto_scaling import CLOUDFORMATION
from generator.rehearsal.emulator_container_events import EVENTS
from generator.rehearsal.emulator_container_records import ECS
from generator.rehearsal.emulator_container_types import CLUSTER, CONTAINER_TYPES, CONTAINERS
from generator.rehearsal.emulator_guards import PROVISIONERS, PatchError
from generator.rehearsal.emulator_types import NATIVE_TYPES

MODULES = (
    emulator_container_deployments,
    emulator_container_history,
    emulator_container_records,
    emulator_container_service_requests,
    emulator_container_services,
    emulator_container_tasks,
    emulator_container_traffic,
    emulator_container_types,
)
NOT_PATCHES = {
    emulator_container_records.all_services,
    emulator_container_tasks.look,
    emulator_container_services.watch,
}

FUNCTIONS: list[tuple[Patch, str, str]] = [
    *(
        (emulator_container_services.services, ECS, name)
        for name in (
            "_resolve_cluster_name",
            "_resolve_service_ref",
            "_resolve_td_key",
            "_build_task_containers",
            "_sanitize",
            "_recount_cluster",
        )
    ),
    (emulator_container_services.services, EVENTS, "_put_events"),
    (emulator_container_services.tasks_of_services, ECS, "_resolve_task"),
    (emulator_container_services.tasks_of_services, ECS, "_refresh_service_state"),
    (emulator_container_types.services_that_stacks_wait_for, f"{CLOUDFORMATION}.stacks", "_runs_on_worker_thread"),
]
ACTIONS: list[tuple[Patch, str]] = [
    (emulator_container_services.services, "CreateService"),
    (emulator_container_services.services, "UpdateService"),
    (emulator_container_services.services, "DeleteService"),
    (emulator_container_services.services, "DescribeServices"),
    (emulator_container_services.tasks_of_services, "StopTask"),
    (emulator_container_history.service_deployments, "ListServiceDeployments"),
    (emulator_container_history.service_deployments, "DescribeServiceDeployments"),
    (emulator_container_history.service_deployments, "DescribeServiceRevisions"),
    (emulator_container_types.task_definition_details, "DescribeTaskDefinition"),
    (emulator_container_types.clusters_in_use, "DeleteCluster"),
    (emulator_container_types.clusters_in_use, "PutClusterCapacityProviders"),
]
ADDED: list[tuple[Patch, str]] = [
    (emulator_container_history.decisions, "ContinueServiceDeployment"),
    (emulator_container_history.decisions, "StopServiceDeployment"),
]


@pytest.fixture(autouse=True)
def ministack_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch that finds a change late has applied some of itself already."""
    ecs: Any = import_module(ECS)
    monkeypatch.setattr(ecs, "_ACTION_MAP", dict(ecs._ACTION_MAP))
    for _, module, name in FUNCTIONS:
        target: Any = import_module(module)
        monkeypatch.setattr(target, name, getattr(target, name))
    provisioners: Any = import_module(PROVISIONERS)
    handlers = {name: dict(handler) for name, handler in provisioners._RESOURCE_HANDLERS.items()}
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", handlers)


@pytest.mark.parametrize(("patch", "module", "name"), FUNCTIONS)
def test_another_function_is_noticed(monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str) -> None:
    assert_notices_another_function(monkeypatch, patch, module, name)


@pytest.mark.parametrize(("patch", "action"), ACTIONS)
def test_an_action_that_is_gone_is_noticed(patch: Patch, action: str) -> None:
    del import_module(ECS)._ACTION_MAP[action]
    with pytest.raises(PatchError, match=f"has no action {action}"):
        patch()


@pytest.mark.parametrize(("patch", "action"), ADDED)
def test_an_action_that_ministack_has_by_itself_is_noticed(patch: Patch, action: str) -> None:
    import_module(ECS)._ACTION_MAP[action] = None
    with pytest.raises(PatchError, match=f"has {action} by itself now"):
        patch()


def test_another_handler_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_notices_another_handler(monkeypatch, emulator_container_types.cluster_settings, CLUSTER)


def test_every_patch_of_the_modules_is_applied_and_guarded() -> None:
    guarded = {patch for patch, *_ in (*FUNCTIONS, *ACTIONS, *ADDED)} | {emulator_container_types.cluster_settings}
    assert set(CONTAINERS) == guarded == patches_of(MODULES) - NOT_PATCHES


def test_what_is_replaced_is_ministacks_own() -> None:
    assert set(CONTAINER_TYPES) <= NATIVE_TYPES
