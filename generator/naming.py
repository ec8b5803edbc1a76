"""How things are called: the project, logical ids, template files, Name tags and SSM parameter paths.

Physical names are given only where AWS needs one; a fixed name blocks replacement. What remains is the `Name` tag,
shown by the console, and the SSM parameters by which stacks publish what applications read at start.
"""

from __future__ import annotations

import re
from types import ModuleType

from troposphere import Sub, Tags

from generator import __version__

PROJECT = "web-platform"
"""The project's name, in Name tags, SSM paths and the names of root stacks. A team that adopts the platform sets its
own.
"""

PLATFORM = "platform"
"""The root that environments deploy, by its short name."""

TOOLS = "tools"
"""What the tools account is called where other accounts have the name of an environment."""

# Roles that another account or another stack must know by name.
PIPELINE_ROLE = f"{PROJECT}-pipeline"
CHANGE_REPORT_ROLE = f"{PROJECT}-change-report"
IMAGES_ROLE = f"{PIPELINE_ROLE}-images"
APPROVER_ROLE = f"{PIPELINE_ROLE}-approver"
REGIONAL_TEST_BUILD_ROLE = f"{PROJECT}-regional-test-build"
DEPLOYMENT_ROLE = f"{PROJECT}-deployment"
REVIEW_ROLE = f"{PROJECT}-review"
CLOUDFORMATION_ROLE = f"{PROJECT}-cloudformation"
REGIONAL_TEST_ROLE = f"{PROJECT}-regional-test"
BREAK_GLASS_ROLE = f"{PROJECT}-break-glass"
BACKUP_ROLE = f"{PROJECT}-backup"
RESTORE_ROLE = f"{PROJECT}-restore"
REPLICATION_ROLE = f"{PROJECT}-replication"

BACKUP_ROLES = (BACKUP_ROLE, RESTORE_ROLE, REPLICATION_ROLE)
"""The roles by which AWS copies data for us: an administrator makes them, and deployments hand them to AWS."""

BOOTSTRAP_ROLES = (
    BREAK_GLASS_ROLE,
    CLOUDFORMATION_ROLE,
    DEPLOYMENT_ROLE,
    REVIEW_ROLE,
    f"{CHANGE_REPORT_ROLE}*",
    f"{PIPELINE_ROLE}*",  # the pipeline's stack names its other roles after itself
    f"{REGIONAL_TEST_ROLE}*",  # the target account's, and the one of the build that assumes it
    *BACKUP_ROLES,
)
"""Patterns of the roles that an administrator's stacks create, in the tools account and in the environments'."""

# Repositories of images in the tools account: environments pull from them, and one build pushes to them.
APPLICATION_REPOSITORY = f"{PROJECT}/application"
COLLECTOR_REPOSITORY = f"{PROJECT}/collector"

# Permissions boundaries, by what the roles and users they bound are for. They stand in every account before its roles.
WORKLOAD_BOUNDARY = f"{PROJECT}-workload"
OPERATOR_BOUNDARY = f"{PROJECT}-operator"
DELIVERY_BOUNDARY = f"{PROJECT}-delivery"

BOUNDARIES_STACK = f"{PROJECT}-boundaries"
DEPLOYMENT_POLICIES_STACK = f"{PROJECT}-deployment-policies"
SERVICE_POLICIES_STACK = f"{PROJECT}-deployment-policies-services"
TARGET_STACK = f"{PROJECT}-target"
TOOLS_STACK = f"{PROJECT}-tools"
PIPELINE_STACK = f"{PROJECT}-pipeline"
GLOBAL_EDGE_STACK = f"{PROJECT}-global-edge"
AUDIT_TRAIL_STACK = f"{PROJECT}-audit-trail"
RECOVERY_REGION_STACK = f"{PROJECT}-recovery-region"
BOOTSTRAP_STACKS = (
    BOUNDARIES_STACK,
    DEPLOYMENT_POLICIES_STACK,
    SERVICE_POLICIES_STACK,
    TARGET_STACK,
    GLOBAL_EDGE_STACK,
    AUDIT_TRAIL_STACK,
    RECOVERY_REGION_STACK,
    TOOLS_STACK,
    PIPELINE_STACK,
)
"""The stacks that an administrator deploys to an account, and no pipeline."""

# SSM parameters below an environment's path, in which an administrator's commands store what no stack can make.
CERTIFICATE_PARAMETER = "certificate-arn"
EDGE_WEB_ACL_PARAMETER = "edge/web-acl-arn"
EDGE_CERTIFICATE_PARAMETER = "edge/certificate-arn"

# The tags by which AWS Backup finds what to take every day, and what of that to keep for long.
BACKUP_TAG, BACKED_UP_DAILY = "Backup", "daily"
LONG_TERM_TAG, KEPT_FOR_LONG = "LongTermBackups", "true"

# Whose replicas are in the second region.
WEBSITE_REPLICA = "website"
RELEASES_REPLICA = "releases"

OPERATORS_NAMESPACE = f"{PROJECT}-operators"
"""Metrics that people put. Not the namespace of the web servers, which could acknowledge a page otherwise."""

TEST_STACK_PREFIX = f"{PROJECT}-taskcat-"
"""How the names of regional tests' stacks begin: as the platform's do, so that the same rights deploy them."""

REVIEW = "-review"
"""How the name of a change set ends that is made to be read, and executed by nobody."""


def pascal_case(snake_case: str) -> str:
    """Return CloudFormation's spelling of a Python name: `vpc_cidr` becomes `VpcCidr`."""
    return "".join(word.capitalize() for word in snake_case.split("_"))


def kebab_case(logical_id: str) -> str:
    """Return a logical id as it reads in a Name tag: `LoadBalancer` becomes `load-balancer`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", logical_id).lower()


def short_name(module: ModuleType | str) -> str:
    """Return the last part of a module's name: `generator.stacks.web_tier` becomes `web_tier`."""
    name = module if isinstance(module, str) else module.__name__
    return name.rpartition(".")[2]


def stack_logical_id(module: ModuleType | str) -> str:
    """Return the logical id under which a root nests the module's stack: `WebTier`."""
    return pascal_case(short_name(module))


def resource_address(stack: str, logical_id: str) -> str:
    """Return a resource's place among nested stacks: `Network/Vpc`, or `WebTier` in the root, whose path is empty."""
    return f"{stack}/{logical_id}" if stack else logical_id


def template_file(module: ModuleType | str) -> str:
    """Return the file name of the module's template: `web_tier.yaml`."""
    return f"{short_name(module)}.yaml"


def root_stack_name(environment_name: str) -> str:
    """Return the name of an environment's root stack: `web-platform-dev`."""
    return f"{PROJECT}-{environment_name}"


def account_parameter(environment_name: str) -> str:
    """Return the parameter with an environment's account, in the roots of the tools account: `DevAccountId`."""
    return f"{pascal_case(environment_name)}AccountId"


def name_tag(suffix: str) -> Tags:
    """Return the `Name` tag of a resource, such as `web-platform-dev-vpc`.

    A new object at every call, because `Tags.__add__` changes its right operand. Tags of project and environment come
    from the root stack, which hands them to every nested stack and resource.
    """
    return Tags(Name=in_environment(f"{PROJECT}-${{EnvironmentName}}-{suffix}"))


def name_tag_of_data(suffix: str, *, for_long: bool) -> Tags:
    """Return the tags of a resource that AWS Backup takes every day: its `Name`, and those by which it is found.

    `for_long` says that environments with long-term backups take weekly and monthly ones as well.
    """
    found_by = {BACKUP_TAG: BACKED_UP_DAILY, **({LONG_TERM_TAG: KEPT_FOR_LONG} if for_long else {})}
    return Tags(Name=in_environment(f"{PROJECT}-${{EnvironmentName}}-{suffix}"), **found_by)


def recovery_vault_name() -> Sub:
    """Return the name of the vault in the second region. It is fixed: the first region's stack cannot ask for it."""
    return in_environment(f"{PROJECT}-${{EnvironmentName}}-recovery")


def recovery_key_alias() -> Sub:
    """Return the alias of the second region's key, by which the first region names it."""
    return in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-recovery")


def replica_bucket_name(subject: str) -> Sub:
    """Return the name of a bucket's replica in the second region, which the bucket has to know, such as that of
    `website`.
    """
    return in_environment(f"{PROJECT}-${{EnvironmentName}}-${{AWS::AccountId}}-{subject}-replica")


def parameter_path(*parts: str) -> Sub:
    """Return an SSM parameter name under the environment's path, such as `/web-platform/dev/database/endpoint`."""
    return in_environment("/".join(["", PROJECT, "${EnvironmentName}", *parts]))


def in_environment(text: str) -> Sub:
    """Return text in which `${EnvironmentName}` stands for the environment; every stack has that parameter."""
    return Sub(text)


def web_server_image_path(version: str = __version__) -> str:
    """Return the SSM parameter that pins the web servers' AMI for one release (requirement: AMI pinned per release)."""
    return f"/{PROJECT}/releases/v{version}/web-server-image"
