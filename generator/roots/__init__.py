"""The templates that are deployed by themselves."""

from types import ModuleType

from generator.roots import (
    audit_trail,
    boundaries,
    deployment_policies,
    deployment_policies_services,
    global_edge,
    pipeline,
    platform,
    recovery_region,
    target_account,
    tools_account,
)

ROOTS: tuple[ModuleType, ...] = (
    platform,
    boundaries,
    tools_account,
    pipeline,
    deployment_policies,
    deployment_policies_services,
    target_account,
    global_edge,
    audit_trail,
    recovery_region,
)
