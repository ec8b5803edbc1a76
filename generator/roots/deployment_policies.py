"""What CloudFormation may do in an environment's account: the rights that deploying the platform needs, and no others.

Owns managed policies of the role that CloudFormation deploys with (D9); those on data, keys, edge and operations are in
the root `deployment_policies_services`. They are computed: from the resource types of the platform's templates, the
permissions that AWS's registry schemas list for each, corrected by reviewed data
(`generator/deployment_permissions/corrections.yaml`), and confined to what bears this platform's name or tag. An
administrator deploys both roots, after the boundaries and before the roles: no deployment can widen its own rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from awacs.aws import Statement
from troposphere import Equals, Template

from generator.deployment_permissions import by_hand
from generator.deployment_permissions.policies import OF_SERVICES, SUBJECTS, managed_policy, statements_by_subject
from generator.iam import arn
from generator.naming import DELIVERY_BOUNDARY, OPERATOR_BOUNDARY, PROJECT, WORKLOAD_BOUNDARY
from generator.nesting import add_condition, only_if, synthesized
from generator.parameter_types import BucketName, KeyArn, RegionNames, Toggle, parameter
from generator.regions import ADDITIONAL_REGIONS, regions_of_the_platform
from generator.roots import platform
from generator.stacks import STACKS

BOUNDARIES = (WORKLOAD_BOUNDARY, OPERATOR_BOUNDARY, DELIVERY_BOUNDARY)
TEST_UPLOADS = "taskcat-*/*"
"""Where regional tests put the templates: buckets of each run, in this account."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    artifact_key_arn: KeyArn = parameter("Key that encrypts artifacts and templates.")
    template_bucket_name: BucketName = parameter("Bucket of the published releases.")
    regional_tests: Toggle = parameter("Whether taskcat tests releases in this account.", default="false")
    additional_regions: RegionNames = parameter(ADDITIONAL_REGIONS, default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    pass


def build(template: Template, parameters: Parameters) -> Outputs:
    regions = regions_of_the_platform(template, parameters.additional_regions)
    add_condition(template, "RegionalTests", Equals(parameters.regional_tests, "true"))
    templates = [arn("s3:::${TemplateBucketName}/*"), only_if("RegionalTests", arn(f"s3:::{TEST_UPLOADS}"))]
    here = {
        "Delivery": by_hand.templates_of_releases(templates, parameters.artifact_key_arn),
        "Guard": by_hand.guard(regions, [*BOUNDARIES, f"{PROJECT}-deploy-*"]),
    }
    for subject in SUBJECTS:
        if subject not in OF_SERVICES:
            template.add_resource(managed_policy(subject, [*computed_statements()[subject], *here.get(subject, [])]))
    return Outputs()


@cache
def computed_statements() -> Mapping[str, Sequence[Statement]]:
    """Return by subject what deploying needs of the templates that CloudFormation deploys with these policies."""
    return statements_by_subject([synthesized(module.build) for module in (*STACKS, platform)])
