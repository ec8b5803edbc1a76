"""The patches of watching and recovering look at what they wrap: a ministack that has changed is refused."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from guarded_patches import Patch, assert_notices_another_function, assert_notices_another_handler, patches_of

from generator.rehearsal import (
    emulator_alarms,
    emulator_backup,
    emulator_log_groups,
    emulator_operations_types,
    emulator_operators_requests,
    emulator_replication,
    emulator_saved_queries,
    emulator_schedules,
    emulator_topics,
)
from generator.rehearsal.emulator_guards import PROVISIONERS
from generator.rehearsal.emulator_operations_types import OPERATIONS_PATCHES, OPERATIONS_RECORDED, OPERATIONS_TYPES

MODULES = (
    emulator_alarms,
    emulator_backup,
    emulator_log_groups,
    emulator_operations_types,
    emulator_operators_requests,
    emulator_replication,
    emulator_saved_queries,
    emulator_schedules,
    emulator_topics,
)

HANDLERS: dict[Patch, str] = {
    emulator_topics.topic_settings: "AWS::SNS::Topic",
    emulator_topics.subscriptions_of_people: "AWS::SNS::Subscription",
    emulator_log_groups.named_log_groups: "AWS::Logs::LogGroup",
    emulator_backup.vault_settings: "AWS::Backup::BackupVault",
    emulator_schedules.schedule_settings: "AWS::Scheduler::Schedule",
    emulator_replication.bucket_replication: "AWS::S3::Bucket",
}
CLOUDWATCH = "ministack.services.cloudwatch"
FUNCTIONS: list[tuple[Patch, str, str]] = [
    (emulator_topics.events_to_topics, "ministack.services.eventbridge", "_dispatch_to_sns"),
    (emulator_alarms.alarms_of_several_metrics, PROVISIONERS, "_cw_metric_alarm_record"),
    (emulator_alarms.evaluation, CLOUDWATCH, "_stat_value"),
    (emulator_alarms.actions, CLOUDWATCH, "_dispatch_alarm_actions"),
    (emulator_alarms.suppressors, CLOUDWATCH, "_put_composite_alarm"),
    (emulator_operators_requests.namespaces_of_data, "ministack.core.iam_actions", "request_tag_context"),
    (emulator_operators_requests.groups_of_servers, "ministack.core.iam_actions", "extract_resource_arn"),
    (emulator_operators_requests.servers_ended_by_hand, "ministack.services.autoscaling", "_error"),
    (emulator_operators_requests.suspended_processes, "ministack.services.autoscaling", "_error"),
    (emulator_saved_queries.saved_queries, "ministack.services.cloudwatch_logs", "handle_request"),
    (emulator_backup.plan_numbers, PROVISIONERS, "_backup_plan_body"),
]


@pytest.mark.parametrize("patch", OPERATIONS_PATCHES, ids=lambda patch: patch.__name__)
def test_every_patch_says_what_it_restores(patch: Patch) -> None:
    assert inspect.getdoc(patch)


def test_every_patch_of_the_modules_is_applied_and_guarded() -> None:
    assert patches_of(MODULES) == set(OPERATIONS_PATCHES)
    guarded = set(HANDLERS) | {patch for patch, _, _ in FUNCTIONS}
    # It adds to a table and replaces nothing.
    assert set(OPERATIONS_PATCHES) - guarded == {emulator_operations_types.tags_of_rules}


@pytest.mark.parametrize(("patch", "type_name"), HANDLERS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_handler_with_other_parameters_is_noticed(
    monkeypatch: pytest.MonkeyPatch, patch: Patch, type_name: str
) -> None:
    # What is wrapped before the handler is looked at must not stay wrapped in this process.
    monkeypatch.setattr(inspect.getmodule(patch), "replace_function", lambda *_: None, raising=False)
    assert_notices_another_handler(monkeypatch, patch, type_name)


@pytest.mark.parametrize(("patch", "module", "name"), FUNCTIONS)
def test_a_function_with_other_parameters_is_noticed(
    monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str
) -> None:
    assert_notices_another_function(monkeypatch, patch, module, name)


def test_no_type_of_these_is_ministacks_own() -> None:
    ours = {*OPERATIONS_TYPES, *OPERATIONS_RECORDED}
    assert not ours & set(import_module(PROVISIONERS)._RESOURCE_HANDLERS)
