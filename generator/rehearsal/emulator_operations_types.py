"""The types of watching and recovering that ministack lacks, and all patches of the services they belong to."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_alarms import ALARMS, COMPOSITE_ALARM
from generator.rehearsal.emulator_backup import BACKUPS
from generator.rehearsal.emulator_canaries import CANARY
from generator.rehearsal.emulator_guards import PROVISIONERS
from generator.rehearsal.emulator_handlers import ApiType
from generator.rehearsal.emulator_log_groups import LOG_GROUPS
from generator.rehearsal.emulator_operators_requests import OPERATORS_REQUESTS
from generator.rehearsal.emulator_replication import bucket_replication
from generator.rehearsal.emulator_saved_queries import QUERY_DEFINITION, SAVED_QUERIES
from generator.rehearsal.emulator_schedules import SCHEDULES
from generator.rehearsal.emulator_topics import TOPICS

OPERATIONS_TYPES: dict[str, ApiType] = {
    "AWS::CloudWatch::CompositeAlarm": COMPOSITE_ALARM,
    "AWS::Logs::QueryDefinition": QUERY_DEFINITION,
    "AWS::Synthetics::Canary": CANARY,
}

OPERATIONS_RECORDED: tuple[str, ...] = (
    "AWS::Backup::RestoreTestingPlan",
    "AWS::Backup::RestoreTestingSelection",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::RDS::EventSubscription",
    "AWS::SSMContacts::Contact",
    "AWS::SSMContacts::ContactChannel",
    "AWS::SSMContacts::Plan",
    "AWS::SSMContacts::Rotation",
    "AWS::SSMIncidents::ResponsePlan",
    "AWS::XRay::Group",
)
"""Types of services, or parts of services, that ministack does not have."""


def tags_of_rules() -> None:
    """The tags of a stack go to its rules of EventBridge too.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html
    """
    provisioners: Any = import_module(PROVISIONERS)
    provisioners._STACK_TAG_PROPERTY.setdefault("AWS::Events::Rule", ("Tags", "list"))


OPERATIONS_PATCHES: tuple[Callable[[], None], ...] = (
    *TOPICS,
    *ALARMS,
    *BACKUPS,
    *SCHEDULES,
    *LOG_GROUPS,
    *SAVED_QUERIES,
    *OPERATORS_REQUESTS,
    bucket_replication,
    tags_of_rules,
)
