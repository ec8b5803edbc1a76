"""The templates that are deployed by themselves."""

from types import ModuleType

from generator.roots import platform

ROOTS: tuple[ModuleType, ...] = (platform,)
