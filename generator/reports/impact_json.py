"""The impact of an upgrade as JSON, for programs.

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
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from generator.checks.environment_impact import EnvironmentImpact

SCHEMA = 1


def to_json(impacts: Sequence[EnvironmentImpact]) -> str:
    """Return the report on all environments as JSON text, ending in a line feed."""
    content = {
        "schema": SCHEMA,
        "fails": any(impact.fails for impact in impacts),
        "environments": [{**asdict(impact), "fails": impact.fails} for impact in impacts],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=_as_text) + "\n"


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in JSON")
