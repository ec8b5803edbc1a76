"""The managed policies that CloudFormation deploys with, by subject: what each may hold, and IAM's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from awacs.aws import Statement
from troposphere.iam import ManagedPolicy

from generator.deployment_permissions import by_hand
from generator.deployment_permissions.by_hand import Template
from generator.deployment_permissions.needs import needs
from generator.deployment_permissions.statements import READ_SERVICE, generic_statements
from generator.errors import UserError
from generator.iam import document
from generator.naming import PROJECT

SUBJECTS: Mapping[str, Sequence[str]] = {
    "Network": ("ec2", "servicediscovery"),
    "Compute": ("autoscaling", "ecs", "elasticloadbalancing"),
    "Data": ("dynamodb", "elasticfilesystem", "rds", "s3", "secretsmanager"),
    "Encryption": ("acm", "kms"),
    "Identity": ("iam",),
    "Delivery": (READ_SERVICE, "cloudformation", "logs", "route53", "ssm"),
    "Guard": (),
    "Edge": ("cloudfront", "shield", "wafv2"),
    "Operations": (
        "application-autoscaling",
        "cloudwatch",
        "events",
        "lambda",
        "sns",
        "ssm-contacts",
        "ssm-incidents",
        "synthetics",
        "xray",
    ),
    "Upkeep": ("backup", "backup-storage", "billing", "budgets", "ce", "resource-groups", "scheduler"),
}
"""The policies, and the services of each. Their names are logical ids: they stay."""

OF_SERVICES = ("Data", "Encryption", "Edge", "Operations", "Upkeep")
"""The subjects of the second root: one alone would be larger than what CloudFormation takes in a request."""

PURPOSE: Mapping[str, str] = {
    "Network": "Network of the platform, and the names in it.",
    "Compute": "Servers, containers and load balancers of the platform.",
    "Data": "Databases, tables, files, buckets and secrets of the platform.",
    "Encryption": "Keys and certificates of the platform.",
    "Identity": "Roles and users of the platform, inside their boundaries.",
    "Delivery": "Nested stacks, their templates, DNS records, logs and parameters of the platform; what there is.",
    "Guard": "What no deployment does.",
    "Edge": "CloudFront, web ACLs and Shield protections of the platform.",
    "Operations": "Alarms, scaling of containers, notifications, incidents, canary and traces.",
    "Upkeep": "Backups, schedules, budgets and resource groups of the platform.",
}
"""What the console says of each policy."""

MAXIMUM_CHARACTERS = 6144
"""Of a managed policy, white space not counted. A role can have ten of them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


def policy_name(subject: str) -> str:
    """Return the name of the policy on a subject: `web-platform-deploy-network`."""
    return f"{PROJECT}-deploy-{subject.lower()}"


def policy_names() -> list[str]:
    """Return the names of all policies, in order."""
    return [policy_name(subject) for subject in SUBJECTS]


def statements_by_subject(templates: Sequence[Template]) -> dict[str, list[Statement]]:
    """Return the statements of each policy: all that deploying the resources of these templates needs.

    Raises `UserError` for a type, an action or a service that has no place yet.
    """
    types = sorted({resource["Type"] for template in templates for resource in template["Resources"].values()})
    generic = generic_statements(needs(types))
    homeless = generic.keys() - {service for services in SUBJECTS.values() for service in services}
    if homeless:
        raise UserError(f"deployment policies: no policy is for {min(homeless)}; add it to SUBJECTS in policies.py")
    found = {
        subject: [statement for service in services for statement in generic.get(service, [])]
        for subject, services in SUBJECTS.items()
    }
    found["Network"] += by_hand.namespaces(types)
    found["Compute"] += by_hand.launches()
    found["Data"] += [*by_hand.file_systems(), *by_hand.secrets()]
    found["Encryption"] += by_hand.keys()
    found["Identity"] += [*by_hand.roles(templates), *by_hand.users(types), *by_hand.pass_roles(templates)]
    found["Identity"] += [*by_hand.pass_roles_of_the_administrator(types), *by_hand.service_linked_roles(types)]
    found["Edge"] += by_hand.edge()
    found["Operations"] += by_hand.operations()
    return found


def managed_policy(subject: str, statements: Sequence[Statement]) -> ManagedPolicy:
    """Return the policy on a subject, as a resource."""
    return ManagedPolicy(
        f"{subject}Policy",
        ManagedPolicyName=policy_name(subject),
        Description=PURPOSE[subject],
        PolicyDocument=document(*statements),
    )
