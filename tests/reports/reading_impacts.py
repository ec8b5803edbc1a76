"""The impact of an upgrade, read back from its JSON: nothing of it may be lost on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from generator.checks.changes import (
    ChangeAction,
    Impact,
    ParameterChange,
    PropertyChange,
    Replacement,
    ResourceChange,
)
from generator.checks.data_at_stake import Danger
from generator.checks.deployment_time import DeploymentTime, StackTime, Step
from generator.checks.environment_impact import EnvironmentImpact, JudgedDanger
from generator.checks.permission_changes import PermissionChange
from generator.checks.update_behaviour import Behaviour
from generator.checks.waivers import Action, Waiver


def from_json(text: str) -> list[EnvironmentImpact]:
    """Return what `generator.reports.impact_json.to_json` was given."""
    return [_environment(given) for given in json.loads(text)["environments"]]


def _environment(given: Mapping[str, Any]) -> EnvironmentImpact:
    return EnvironmentImpact(
        given["environment"],
        given["region"],
        given["before"],
        given["after"],
        Impact(
            tuple(_change(change) for change in given["impact"]["changes"]),
            tuple(ParameterChange(**change) for change in given["impact"]["parameters"]),
            tuple(_permission(change) for change in given["impact"]["permissions"]),
            tuple(_danger(danger) for danger in given["impact"]["dangers"]),
        ),
        tuple(
            JudgedDanger(
                _danger(judged["danger"]),
                _waiver(judged["waiver"]) if judged["waiver"] else None,
                judged["objection"],
            )
            for judged in given["dangers"]
        ),
        tuple(_waiver(waiver) for waiver in given["expired"]),
        tuple(_waiver(waiver) for waiver in given["unused"]),
        _time(given["creation"]),
    )


def _change(given: Mapping[str, Any]) -> ResourceChange:
    return ResourceChange(
        ChangeAction(given["action"]),
        given["address"],
        given["type"],
        Replacement(given["replacement"]),
        Behaviour(given["requires"]),
        tuple(
            PropertyChange(
                **{**edit, "lines": tuple(edit["lines"]), "requires": Behaviour(edit["requires"])},
            )
            for edit in given["properties"]
        ),
        tuple(given["notes"]),
    )


def _permission(given: Mapping[str, Any]) -> PermissionChange:
    return PermissionChange(
        **{**given, "actions": tuple(given["actions"]), "resources": tuple(given["resources"])},
    )


def _danger(given: Mapping[str, Any]) -> Danger:
    return Danger(**{**given, "action": Action(given["action"]), "cascade": tuple(given["cascade"])})


def _waiver(given: Mapping[str, Any]) -> Waiver:
    return Waiver(
        given["key"],
        given["address"],
        tuple(given["environments"]),
        Action(given["action"]),
        given["reason"],
        date.fromisoformat(given["added"]),
        date.fromisoformat(given["expires"]),
    )


def _time(given: Mapping[str, Any]) -> DeploymentTime:
    return DeploymentTime(
        given["low"],
        given["typical"],
        given["high"],
        tuple(Step(**step) for step in given["path"]),
        tuple(StackTime(**stack) for stack in given["stacks"]),
        given["flat"],
        given["checked"],
    )
