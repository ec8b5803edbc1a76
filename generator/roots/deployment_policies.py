"""What CloudFormation may do in an environment's account: the rights that deploying the platform needs, and no others.

Owns the managed policies of the role that CloudFormation deploys with (D9). They are computed: from the resource types
of the platform's templates, the permissions that AWS's registry schemas list for each, corrected by reviewed data
(`generator/deployment_permissions/corrections.yaml`), and confined to what bears this platform's name or tag. An
administrator deploys this root, after the boundaries and before the roles: no deployment can widen its own rights.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Equals, Template
from troposphere.iam import ManagedPolicy

from generator.deployment_permissions.policies import policy_name, statements_by_subject
from generator.iam import arn, document
from generator.nesting import add_condition, only_if, synthesize
from generator.parameter_types import BucketName, KeyArn, RegionNames, Toggle, parameter
from generator.regions import ADDITIONAL_REGIONS, regions_of_the_platform
from generator.roots import platform
from generator.stacks import STACKS

TEST_UPLOADS = "taskcat-*/*"
"""Where regional tests put the templates: buckets of each run, in this account."""

PURPOSE = {
    "Reading": "Descriptions of what there is.",
    "Network": "Network of the platform.",
    "Compute": "Servers, load balancers, alarms and parameters of the platform.",
    "Data": "Databases, tables, files, buckets and secrets of the platform.",
    "Encryption": "Keys and certificates of the platform.",
    "Identity": "Roles and users of the platform, inside their boundaries.",
    "Delivery": "Nested stacks, their templates, DNS records and log groups of the platform.",
    "Guard": "What no deployment does.",
}


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
    deployed = [synthesize(module.build).to_dict() for module in (*STACKS, platform)]
    for subject, statements in statements_by_subject(deployed, regions, templates, parameters.artifact_key_arn).items():
        template.add_resource(
            ManagedPolicy(
                f"{subject}Policy",
                ManagedPolicyName=policy_name(subject),
                Description=PURPOSE[subject],
                PolicyDocument=document(*statements),
            )
        )
    return Outputs()
