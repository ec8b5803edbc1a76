"""The regions in which the platform may act: the stack's own, those that a root's parameter adds, and the second
region, in which copies of the data are.
"""

from __future__ import annotations

from troposphere import Equals, If, Not, Ref, Split, Sub, Template

from generator.nesting import add_condition
from generator.parameter_types import RecoveryRegion, RegionNames

ADDITIONAL_REGIONS = "Regions beside this one in which the platform may act, such as those of regional tests."
"""Describes the parameter `AdditionalRegions` of the roots that confine to regions."""

EDGE_REGION = "us-east-1"
"""Where CloudFront looks for certificates and web ACLs, and where its metrics are, whichever region the platform is in.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html"""

HAS_RECOVERY_REGION = "HasRecoveryRegion"


def add_recovery_condition(template: Template, recovery_region: RecoveryRegion) -> None:
    """Add the condition that copies go to a second region."""
    add_condition(template, HAS_RECOVERY_REGION, Not(Equals(recovery_region, "")))


def regions_of_the_platform(template: Template, additional_regions: RegionNames) -> If:
    """Return the list of the stack's own region and the additional ones; add the condition that there are any.

    `additional_regions` is the template's parameter `AdditionalRegions`.
    """
    add_condition(template, "MoreRegions", Not(Equals(additional_regions, "")))
    here_and_there = Sub("${AWS::Region},${AdditionalRegions}")
    return If("MoreRegions", Split(",", here_and_there), Split(",", Ref("AWS::Region")))
