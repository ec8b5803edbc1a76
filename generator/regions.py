"""The regions in which the platform may act: the one of the stack, and those that a root's parameter adds."""

from __future__ import annotations

from troposphere import Equals, If, Not, Ref, Split, Sub, Template

from generator.nesting import add_condition
from generator.parameter_types import RegionNames

ADDITIONAL_REGIONS = "Regions beside this one in which the platform may act, such as those of regional tests."
"""Describes the parameter `AdditionalRegions` of the roots that confine to regions."""


def regions_of_the_platform(template: Template, additional_regions: RegionNames) -> If:
    """Return the list of the stack's own region and the additional ones; add the condition that there are any.

    `additional_regions` is the template's parameter `AdditionalRegions`.
    """
    add_condition(template, "MoreRegions", Not(Equals(additional_regions, "")))
    here_and_there = Sub("${AWS::Region},${AdditionalRegions}")
    return If("MoreRegions", Split(",", here_and_there), Split(",", Ref("AWS::Region")))
