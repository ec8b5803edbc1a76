"""What an upgrade did to the resources of an environment, set beside what was predicted.

Seen from the physical ids before and after, and from the events between: what is new, gone, replaced, or changed in
place. Nested stacks themselves are left out: a release always changes their template's URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from generator.checks.changes import ChangeAction, Impact, Replacement
from generator.delivery.deploy import NESTED, Deployment
from generator.naming import resource_address

ADDED, REMOVED, REPLACED, MODIFIED = "added", "removed", "replaced", "modified"

DEVIATIONS: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "ministack changes a table's key in place; AWS replaces the table",
    "AWS::EC2::VPCEndpoint": "ministack changes a gateway endpoint in place; AWS replaces it",
}
"""Types that the emulator changes in place where AWS replaces them, with the reason."""


PREDICTED = {
    (ChangeAction.ADD, Replacement.FALSE): ADDED,
    (ChangeAction.REMOVE, Replacement.FALSE): REMOVED,
    (ChangeAction.MODIFY, Replacement.FALSE): MODIFIED,
    (ChangeAction.MODIFY, Replacement.CONDITIONAL): MODIFIED,
    (ChangeAction.MODIFY, Replacement.TRUE): REPLACED,
}
"""An impact's words in ours. What is replaced under a condition is taken for changed in place."""


@dataclass(frozen=True)
class Difference:
    """A resource with which something else happened than was predicted; empty words where nothing was."""

    address: str
    type: str
    predicted: str
    observed: str

    @property
    def explanation(self) -> str:
        """Why the emulator differs from AWS here; empty where nobody knows."""
        changed_in_place = self.predicted == REPLACED and self.observed in (MODIFIED, "")
        return DEVIATIONS.get(self.type, "") if changed_in_place else ""


def predicted(impact: Impact) -> dict[str, str]:
    """Return what an impact says will happen: address → added, removed, replaced or modified."""
    changes = (change for change in impact.changes if change.type != NESTED)
    return {change.address: PREDICTED[change.action, change.replacement] for change in changes}


def physical_ids(deployment: Deployment) -> dict[str, tuple[str, str]]:
    """Return type and physical id of each resource, by its address such as `Network/Vpc`."""
    return {
        resource_address(stack, resource["LogicalResourceId"]): (
            resource["ResourceType"],
            resource.get("PhysicalResourceId", ""),
        )
        for stack, resources in deployment.resources.items()
        for resource in resources
        if resource["ResourceType"] != NESTED and not resource["ResourceStatus"].startswith("DELETE")
    }


def observed(
    before: Mapping[str, tuple[str, str]], deployment: Deployment, foreseen: Mapping[str, str]
) -> dict[str, str]:
    """Return what a deployment did: address → added, removed, replaced or modified.

    ministack reports an update of every resource of a stack in which anything changes. Whether one was changed in place
    is therefore looked at only where something was foreseen.
    """
    after = physical_ids(deployment)
    updated = {
        event.address for event in deployment.events if event.status == "UPDATE_COMPLETE" and event.type != NESTED
    }
    changes = dict.fromkeys(after.keys() - before.keys(), ADDED) | dict.fromkeys(before.keys() - after.keys(), REMOVED)
    for address in before.keys() & after.keys():
        if before[address] != after[address]:
            changes[address] = REPLACED
        elif address in updated and address in foreseen:
            changes[address] = MODIFIED
    return changes


def differences(foreseen: Mapping[str, str], done: Mapping[str, str], types: Mapping[str, str]) -> list[Difference]:
    """Return the resources with which something else happened than was predicted. `types` is by address."""
    return [
        Difference(address, types.get(address, ""), foreseen.get(address, ""), done.get(address, ""))
        for address in sorted(foreseen.keys() | done.keys())
        if foreseen.get(address, "") != done.get(address, "")
    ]
