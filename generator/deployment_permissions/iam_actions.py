"""The actions that IAM knows, and the resources that a policy may confine them to: AWS's reference, as dated facts.

`iam_actions.json` is written by `generator.deployment_permissions.refresh`, which says where the facts come from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

FACTS = Path(__file__).parent / "iam_actions.json"

READING = frozenset({"List", "Read"})
"""Access levels of actions that change nothing. `Read` may read content, `List` shows what there is."""

TAGGING = "Tagging"


@dataclass(frozen=True)
class IamAction:
    """One action: `makes` are the types of resources that it creates, `on` those that must be there already.

    The types are those of the reference, such as `vpc` or `loadbalancer/app/`. An action with neither knows no
    resource: a policy can only give it for `*`.
    """

    name: str
    level: str
    makes: tuple[str, ...]
    on: tuple[str, ...]

    @property
    def service(self) -> str:
        """The prefix of the action's name, such as `ec2`."""
        return self.name.partition(":")[0]


@cache
def iam_actions() -> dict[str, IamAction]:
    """Return every known action by its name."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))["actions"]
    return {
        name: IamAction(name, entry["level"], tuple(entry.get("makes", ())), tuple(entry.get("on", ())))
        for name, entry in facts.items()
    }


@cache
def matching(pattern: str) -> tuple[str, ...]:
    """Return the names of the known actions that a pattern such as `ec2:Describe*` stands for; none is possible."""
    if "*" not in pattern:
        return (pattern,) if pattern in iam_actions() else ()
    beginning = pattern.partition("*")[0]
    return tuple(name for name in iam_actions() if name.startswith(beginning) and fnmatchcase(name, pattern))
