"""What probably made a deployment fail, by the words of its first failure, and the page of the runbook that helps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.delivery.deploy import Deployment


@dataclass(frozen=True)
class Hint:
    """A likely cause, empty where nothing is known, and the anchor of a page of the runbook."""

    cause: str
    page: str


STUCK = Hint("undoing the update failed too: the stack takes no deployment until that is mended", "stuck-rollback")
UNKNOWN = Hint("", "deploy")

CAUSES: tuple[tuple[str, Hint], ...] = (
    (
        r"not authorized to perform|AccessDenied|UnauthorizedOperation",
        Hint("the role's rights are older than this release: bootstrap the account again", "deploy"),
    ),
    (
        r"limit ?exceeded|quota|maximum number of",
        Hint("a quota of the account is used up: Service Quotas shows it, and takes a request for more", "deploy"),
    ),
    (
        r"already exists",
        Hint("something else has that name, such as what an earlier stack retained when it was deleted", "tear-down"),
    ),
    (
        r"circuit ?breaker|(did not|failed to) stabilize",
        Hint("tasks of the new version do not become healthy", "a-container-deployment-hangs"),
    ),
    (
        r"SUCCESS signal|failed to launch|Group did not",
        Hint("web servers do not come up with the new launch template", "bootstrap-failed"),
    ),
)
"""By words of a reason, as AWS's services say it; the first that fits counts. Case does not matter."""


def hint_for(deployment: Deployment) -> Hint:
    """Return what probably made a deployment fail."""
    if deployment.status.endswith("ROLLBACK_FAILED"):
        return STUCK
    reason = deployment.first_failure.reason if deployment.first_failure else ""
    return next((hint for words, hint in CAUSES if re.search(words, reason, re.IGNORECASE)), UNKNOWN)
