"""That nothing of a release is left out of its drawing, unless somebody has said why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from generator.cost.accounts import Account
from generator.diagram.finished import FinishedPage
from generator.diagram.page import key_of

NOT_DRAWN: Mapping[str, str] = MappingProxyType(
    {
        "deployment_policies": "What CloudFormation's role may do is text, not a picture: docs/security.md.",
        "deployment_policies_services": "What CloudFormation's role may do is text, not a picture: docs/security.md.",
    }
)
"""Templates whose resources are on no page, by the name without `.yaml`, and why."""


def left_out(pages: Sequence[FinishedPage], accounts: Sequence[Account]) -> list[str]:
    """Return the resources of these accounts that are on no page and not said to be left out, in words."""
    drawn = set().union(*(page.drawn for page in pages))
    return sorted(
        {
            f"{key_of(resource)}: {resource.type} is on no page; draw it, or say why not in {__name__}"
            for account in accounts
            for root in account.roots
            for resource in root.resolution.resources.values()
            if key_of(resource) not in drawn and resource.template.removesuffix(".yaml") not in NOT_DRAWN
        }
    )
