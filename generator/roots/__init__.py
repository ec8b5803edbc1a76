"""The templates that are deployed by themselves."""

from types import ModuleType

from generator.roots import boundaries, deployment_policies, pipeline, platform, target_account, tools_account

ROOTS: tuple[ModuleType, ...] = (
    platform,
    boundaries,
    tools_account,
    pipeline,
    deployment_policies,
    target_account,
)
