"""The impact of an upgrade as JSON, for programs, and back.

    {"schema": 1, "fails": true, "environments": [
        {"environment": "prod", "region": "eu-west-1", "before": "v1.1.0", "after": "v1.2.0", "fails": true,
         "impact": {
            "changes": [{"action": "Modify", "address": "Database/Database", "type": "AWS::RDS::DBInstance",
                         "replacement": "True", "requires": "Replacement", "notes": ["…"],
                         "properties": [{"path": "MasterUsername", "scope": "Properties", "before": "a", "after": "b",
                                         "lines": [], "requires": "Replacement", "cause": ""}]}],
            "parameters": [{"name": "VpcCidr", "before": "10.30.0.0/16", "after": "10.31.0.0/16"}],
            "permissions": [{"holder": "Security/WebServerRole", "sign": "+", "effect": "Allow", "actions": ["…"],
                             "resources": ["…"], "principal": "", "condition": ""}],
            "dangers": [{"address": "…", "type": "…", "action": "replace", "reason": "…", "data": "…", "cascade": []}]},
         "dangers": [{"danger": {…as above…}, "waiver": null, "objection": "not waived"}],
         "expired": [{"key": "waivers[0]", "address": "…", "environments": ["prod"], "action": "replace",
                      "reason": "…", "added": "2026-11-21", "expires": "2026-12-15"}],
         "unused": [],
         "creation": {"low": 483.0, "typical": 711.0, "high": 1320.0, "flat": 514.0, "checked": "2026-11-21",
                      "path": [{"address": "…", "start": 0.0, "end": 5.0}],
                      "stacks": [{"stack": "Network", "start": 11.0, "end": 39.0, "slack": 0.0}]}}]}

`action`, `replacement` and `scope` are CloudFormation's words; `requires` is what its documentation says after "Update
requires". Times are seconds. A key may be added; one that is renamed, or means something else, raises `schema`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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

SCHEMA = 1


def to_json(impacts: Sequence[EnvironmentImpact]) -> str:
    """Return the report on all environments as JSON text, ending in a line feed."""
    content = {
        "schema": SCHEMA,
        "fails": any(impact.fails for impact in impacts),
        "environments": [{**asdict(impact), "fails": impact.fails} for impact in impacts],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=_as_text) + "\n"


def from_json(text: str) -> list[EnvironmentImpact]:
    """Return what `to_json` was given. Raises `ValueError` for another schema."""
    content = json.loads(text)
    if content["schema"] != SCHEMA:
        raise ValueError(f"schema {content['schema']} is not {SCHEMA}")
    return [_environment(given) for given in content["environments"]]


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in JSON")


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
