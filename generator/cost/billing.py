"""What each type of resource is billed for: a rule, or the reason why nothing."""

from __future__ import annotations

from collections.abc import Mapping

from generator.cost import (
    billing_backup,
    billing_containers,
    billing_data,
    billing_delivery,
    billing_edge,
    billing_monitoring,
    billing_network,
    billing_servers,
)
from generator.cost.charges import Charge, NoCharge, Rule, Surroundings
from generator.cost.no_charge import NO_CHARGE
from generator.errors import UserError
from generator.resolver import Resource

RULES: Mapping[str, Rule] = {
    **billing_network.RULES,
    **billing_servers.RULES,
    **billing_data.RULES,
    **billing_edge.RULES,
    **billing_monitoring.RULES,
    **billing_backup.RULES,
    **billing_delivery.RULES,
    **billing_containers.RULES,
}


def bill(resource: Resource, around: Surroundings) -> list[Charge | NoCharge]:
    """Return what a resource is billed for. Raises `UserError` for a type without a rule and without a reason."""
    if reason := NO_CHARGE.get(resource.type):
        return [NoCharge(reason)]
    if resource.type not in RULES:
        raise UserError(
            f"{resource.template}: {resource.logical_id}: nothing is known of what {resource.type} costs; "
            "add a rule to generator/cost/billing.py, or the reason to generator/cost/no_charge.py"
        )
    return list(RULES[resource.type](resource, around))
