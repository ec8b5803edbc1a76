"""The templates that are deployed by themselves."""

from types import ModuleType

from generator.roots import pipeline, platform, target_account

ROOTS: tuple[ModuleType, ...] = (platform, pipeline, target_account)
