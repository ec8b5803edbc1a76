"""Statements that no rule gives: roles and who may be handed them, keys, launches, and what is refused whatever else
is allowed.

`corrections.yaml` names them under `by_hand`, with the reason why the actions are not given by rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from awacs.aws import (
    ArnEquals,
    ArnLike,
    Bool,
    Condition,
    PolicyDocument,
    Statement,
    StringEquals,
    StringEqualsIfExists,
    StringLike,
    StringNotEquals,
)
from troposphere import AWSHelperFn, Sub

from generator.deployment_permissions.scopes import ACCOUNT, SCOPES
from generator.deployment_permissions.statements import OUR_TAG, actions
from generator.errors import UserError
from generator.iam import Resource, allow, arn, deny, deny_all_but, deny_elsewhere, operator_boundary, workload_boundary
from generator.naming import (
    AUDIT_TRAIL_STACK,
    BACKUP_ROLE,
    BACKUP_ROLES,
    BOOTSTRAP_ROLES,
    BOOTSTRAP_STACKS,
    GLOBAL_EDGE_STACK,
    PROJECT,
    RECOVERY_REGION_STACK,
    REPLICATION_ROLE,
    RESTORE_ROLE,
)

Template = Mapping[str, Any]
"""A template as a dictionary."""

LONGEST_LOGICAL_ID = 24
"""Of the 64 characters of a role's name, CloudFormation keeps 24 for the logical id, whatever the stack is called:
`BuildkitStack-BuildkitSta-HandlerServiceRoleFCDC14-1HUWNNZSWMJKC`. https://github.com/aws/aws-cdk/issues/26979"""

SERVICE_LINKED_ROLES: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "ecs.application-autoscaling.amazonaws.com",
    "AWS::AutoScaling::AutoScalingGroup": "autoscaling.amazonaws.com",
    "AWS::Backup::BackupSelection": "backup.amazonaws.com",
    "AWS::Backup::RestoreTestingPlan": "restore-testing.backup.amazonaws.com",
    "AWS::ECS::Cluster": "ecs.amazonaws.com",
    "AWS::EFS::FileSystem": "elasticfilesystem.amazonaws.com",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing.amazonaws.com",
    "AWS::RDS::DBInstance": "rds.amazonaws.com",
    # Of CloudWatch, for alarms that start an incident.
    "AWS::SSMIncidents::ResponsePlan": "ssm-incidents.alarms.cloudwatch.amazonaws.com",
}
"""Services that make a role of their own when the first resource of a type is created in an account.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupFullAccess.html
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""

HANDED_OVER: Sequence[tuple[str, str, str, tuple[str, ...]]] = (
    (BACKUP_ROLE, "BackupRole", "AWS::Backup::BackupSelection", ("backup.amazonaws.com",)),
    (
        RESTORE_ROLE,
        "RestoreRole",
        "AWS::Backup::RestoreTestingSelection",
        ("backup.amazonaws.com", "restore-testing.backup.amazonaws.com"),
    ),
    (REPLICATION_ROLE, "ReplicationRole", "AWS::S3::Bucket", ("s3.amazonaws.com",)),
)
"""The roles that an administrator makes for services: name and title of each, the type that names it, and to whom.
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupFullAccess.html"""

HANDED_ON_BY: Mapping[str, tuple[str, str]] = {
    "AWS::Synthetics::Canary": ("lambda.amazonaws.com", "synthetics.amazonaws.com"),
}
"""Types that hand their role on to the service which the role trusts: that service, and the type's own, to which
CloudFormation hands it. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchSyntheticsFullAccess.html
"""

SERVICES_WITH_DATA = ("backup", "dynamodb", "elasticfilesystem", "rds", "secretsmanager")
"""Services that encrypt with the data key when CloudFormation creates something of theirs."""

WATCHING_STACKS = (AUDIT_TRAIL_STACK, GLOBAL_EDGE_STACK, RECOVERY_REGION_STACK)
"""The administrator's stacks whose alarms, logs and copies no deployment may touch, although their names are ours."""

KEYS_OF_WHAT_WATCHES = {"aws:ResourceTag/Name": f"{PROJECT}-*-audit-trail*"}
"""A key's ARN tells nothing; the `Name` tag of the audit trail's does."""

READ_GLOBAL_WEB_ACL = "wafv2:GetWebACL"
"""What CloudFront asks of who gives a distribution its web ACL."""

WITHOUT_REGION = (
    *("billing:*", "budgets:*", "ce:*", "cloudfront:*", "iam:*", "route53:*", "shield:*"),
    READ_GLOBAL_WEB_ACL,
)
"""Their requests count as of us-east-1, wherever the stack is.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion"""

NEVER = (
    "backup:DeleteBackupVaultAccessPolicy",
    "backup:DeleteBackupVaultLockConfiguration",
    "backup:DeleteRecoveryPoint",
    "backup:DisassociateRecoveryPoint",
    "backup:StartRestoreJob",
    "backup:UpdateRecoveryPointLifecycle",
    "dynamodb:DeleteBackup",
    "dynamodb:DeleteTable",
    "elasticfilesystem:DeleteFileSystem",
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
    "rds:DeleteDBInstanceAutomatedBackup",
    "rds:DeleteDBSnapshot",
    "rds:ModifyDBSnapshotAttribute",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
)
"""What ends or gives away data and its backups: no deployment ever needs it (generator/retention.py). A vault is not
among it: AWS Backup itself deletes none that holds anything."""


DELETE_SECRET = ("secretsmanager:DeleteSecret",)
MADE_ANEW = ("ApplicationSecret", "TestSecret")
"""Logical ids of generated secrets that go with their stack and come back with it, with another value. CloudFormation
names a secret after its logical id, and a name is for good."""


def pass_roles(templates: Iterable[Template]) -> list[Statement]:
    """Allow each role that a template makes to be handed to the services that its trust policy names, and to no other.

    Raises `UserError` for a logical id that CloudFormation would shorten in the role's name.
    """
    by_services: dict[tuple[str, ...], set[str]] = defaultdict(set)
    handed_on = dict(HANDED_ON_BY[each] for each in _types(templates) if each in HANDED_ON_BY)
    for title, role in _resources(templates, "AWS::IAM::Role"):
        trusted = _trusted_services(role["AssumeRolePolicyDocument"])
        services = tuple(sorted(trusted | {handed_on[each] for each in trusted if each in handed_on}))
        if services:
            by_services[services].add(title)
    return [
        allow(
            "PassRolesTo" + "And".join(_service_name(service) for service in services),
            actions(["iam:PassRole"]),
            [arn(f"iam::{ACCOUNT}:role/{PROJECT}-*-{title}-*") for title in sorted(titles)],
            Condition(StringEquals({"iam:PassedToService": list(services)})),
        )
        for services, titles in sorted(by_services.items())
    ]


def pass_roles_of_the_administrator(types: Iterable[str]) -> list[Statement]:
    """Allow services to be handed the roles that an administrator makes for them: no deployment makes such a role."""
    return [
        allow(
            f"Pass{title}",
            actions(["iam:PassRole"]),
            _roles([role]),
            Condition(StringEquals({"iam:PassedToService": list(services)})),
        )
        for role, title, of_type, services in HANDED_OVER
        if of_type in types
    ]


def roles(templates: Iterable[Template]) -> list[Statement]:
    """Allow roles to be made and changed inside the boundary of workloads, with those policies of AWS that are used."""
    bounded = StringEquals({"iam:PermissionsBoundary": workload_boundary()})
    ours = [arn(each) for each in SCOPES["iam:role"].arns]
    changes = (
        "CreateRole",
        "DeleteRolePolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "UpdateAssumeRolePolicy",
    )
    statements = [allow("RolesWithinTheBoundary", actions(f"iam:{name}" for name in changes), ours, Condition(bounded))]
    managed = _managed_policies(templates)
    if managed:
        named = ArnEquals({"iam:PolicyARN": [Sub(policy) for policy in managed]})
        attaching = actions(["iam:AttachRolePolicy", "iam:DetachRolePolicy"])
        statements.append(allow("AwsPoliciesOfRoles", attaching, ours, Condition([bounded, named])))
    return statements


def users(types: Iterable[str]) -> list[Statement]:
    """Allow users, where there are any, to be made and changed inside the boundary of operators."""
    if "AWS::IAM::User" not in types:
        return []
    changes = ("CreateUser", "DeleteUserPolicy", "PutUserPermissionsBoundary", "PutUserPolicy")
    bounded = Condition(StringEquals({"iam:PermissionsBoundary": operator_boundary()}))
    ours = [arn(each) for each in SCOPES["iam:user"].arns]
    return [allow("UsersWithinTheBoundary", actions(f"iam:{name}" for name in changes), ours, bounded)]


def service_linked_roles(types: Iterable[str]) -> list[Statement]:
    """Allow the roles that AWS's services make for themselves, by service."""
    services = sorted({SERVICE_LINKED_ROLES[each] for each in types if each in SERVICE_LINKED_ROLES})
    return [
        allow(
            "ServiceLinkedRoles",
            actions(["iam:CreateServiceLinkedRole"]),
            [arn(f"iam::{ACCOUNT}:role/aws-service-role/{service}/*") for service in services],
            Condition(StringEquals({"iam:AWSServiceName": services})),
        )
    ]


def launches() -> list[Statement]:
    """Allow launches from launch templates of ours, into our subnets and groups.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
    """
    run = actions(["ec2:RunInstances"])
    from_template = ArnLike({"ec2:LaunchTemplate": arn(f"ec2:*:{ACCOUNT}:launch-template/*")})
    launched = [arn(f"ec2:*:{ACCOUNT}:{name}/*") for name in ("instance", "network-interface", "volume")]
    inside = [arn(f"ec2:*:{ACCOUNT}:{name}/*") for name in ("security-group", "subnet")]
    named = Condition(StringLike({"aws:ResourceTag/Name": f"{PROJECT}-*"}))
    at_launch = {"ec2:CreateAction": "RunInstances", "aws:RequestTag/Project": PROJECT}
    return [
        # Images belong to Amazon: their ARNs have no account.
        allow("LaunchFromTemplates", run, [*launched, arn("ec2:*::image/*")], Condition(from_template)),
        allow("LaunchInside", run, inside, Condition([from_template, StringEquals(OUR_TAG)])),
        allow("LaunchTemplatesOfOurs", run, [arn(f"ec2:*:{ACCOUNT}:launch-template/*")], named),
        allow("TagAtLaunch", actions(["ec2:CreateTags"]), launched, Condition(StringEquals(at_launch))),
    ]


def keys() -> list[Statement]:
    """Allow keys to be made with our tag and to be used through the services that hold the data; grants to these alone.

    New tags of a key count after up to five minutes; until then a key has none.
    https://docs.aws.amazon.com/kms/latest/developerguide/abac.html
    """
    through = StringLike({"kms:ViaService": [f"{service}.*.amazonaws.com" for service in SERVICES_WITH_DATA]})
    ours, ours_or_new = [arn(each) for each in SCOPES["kms:key"].arns], StringEqualsIfExists(OUR_TAG)
    use = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "RetireGrant")
    for_aws = Bool({"kms:GrantIsForAWSResource": "true"})
    tagged = Condition(StringEquals({"aws:RequestTag/Project": PROJECT}))
    return [
        # The request that makes a key brings its tags and its first policy.
        # https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-kms
        allow("KeysTaggedFromTheStart", actions(["kms:CreateKey", "kms:PutKeyPolicy"]), ["*"], tagged),
        allow("KeysThroughServices", actions(f"kms:{name}" for name in use), ours, Condition([through, ours_or_new])),
        allow("GrantsToServices", actions(["kms:CreateGrant"]), ours, Condition([through, ours_or_new, for_aws])),
    ]


def file_systems() -> list[Statement]:
    """Allow file systems that are encrypted. They have no name; their tags come with the request, since the only right
    to tag that the type's schema lists is the one which that request needs.
    """
    ours, encrypted = StringEquals({"aws:RequestTag/Project": PROJECT}), Bool({"elasticfilesystem:Encrypted": "true"})
    make = actions(["elasticfilesystem:CreateFileSystem"])
    return [allow("FilesTaggedAndEncrypted", make, ["*"], Condition([ours, encrypted]))]


def namespaces(types: Iterable[str]) -> list[Statement]:
    """Allow namespaces, where there are any, that get our tag with the request that makes them."""
    if "AWS::ServiceDiscovery::PrivateDnsNamespace" not in types:
        return []
    ours = {"aws:RequestTag/Project": PROJECT}
    make, tag = (actions([f"servicediscovery:{name}"]) for name in ("CreatePrivateDnsNamespace", "TagResource"))
    return [
        allow("NamespacesTaggedFromTheStart", make, ["*"], Condition(StringEquals(ours))),
        # Cloud Map limits tagging to no resource: a namespace holds names, and no data.
        allow("TagsOfNamespaces", tag, ["*"], Condition(StringEqualsIfExists(ours))),
    ]


def edge() -> list[Statement]:
    """Allow functions to be tagged, which the facts do not know yet, and the distribution's web ACL to be read."""
    functions = [arn(each) for each in SCOPES["cloudfront:function"].arns]
    globally, ours_or_new = [arn(f"wafv2:*:{ACCOUNT}:global/webacl/*")], Condition(StringEqualsIfExists(OUR_TAG))
    tags = actions(["cloudfront:TagResource", "cloudfront:UntagResource"])
    return [
        allow("TagsOfFunctions", tags, functions),
        # The web ACL of the distribution stands in us-east-1; an administrator deploys it, and nobody else changes it.
        allow("FirewallOfDistributions", actions([READ_GLOBAL_WEB_ACL]), globally, ours_or_new),
    ]


def operations() -> list[Statement]:
    """Allow what watches, groups and saves: what IAM knows no resource for comes with our tag."""
    # CloudWatch takes a composite alarm only from whoever may make any.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    composites = allow("CompositeAlarms", actions(["cloudwatch:PutCompositeAlarm"]), ["*"])
    dashboards = [arn(each) for each in SCOPES["cloudwatch:dashboard"].arns]
    made = (
        "ce:CreateAnomalyMonitor",
        "ce:CreateAnomalySubscription",
        "resource-groups:CreateGroup",
        "ssm-incidents:CreateResponsePlan",
        "synthetics:CreateCanary",
    )
    return [
        composites,
        # The facts do not know yet that dashboards have tags.
        allow("TagsOfDashboards", actions(["cloudwatch:TagResource", "cloudwatch:UntagResource"]), dashboards),
        allow("TaggedFromTheStart", actions(made), ["*"], Condition(StringEquals({"aws:RequestTag/Project": PROJECT}))),
    ]


def templates_of_releases(objects: Sequence[Resource], key: Resource) -> list[Statement]:
    """Allow the templates of nested stacks to be read: bucket and key belong to the tools account."""
    via_s3 = Condition(StringLike({"kms:ViaService": "s3.*.amazonaws.com"}))
    return [
        allow("TemplatesOfReleases", actions(["s3:GetObject"]), objects),
        allow("DecryptThem", actions(["kms:Decrypt"]), [key], via_s3),
    ]


def guard(regions: AWSHelperFn, policies: Iterable[str]) -> list[Statement]:
    """Refuse, whatever else is allowed: other regions, the bootstrap's own, what watches, the end of data."""
    elsewhere = Condition(StringNotEquals({"aws:RequestedRegion": regions}))
    own = [
        *_roles(name for name in BOOTSTRAP_ROLES if name not in BACKUP_ROLES),
        *(arn(f"iam::{ACCOUNT}:policy/{name}") for name in policies),
    ]
    stacks = [arn(f"cloudformation:*:{ACCOUNT}:stack/{name}/*") for name in BOOTSTRAP_STACKS]
    handing_over = actions(["iam:GetRole", "iam:PassRole"])
    return [
        deny_all_but("OutsideItsRegions", actions(WITHOUT_REGION), ["*"], elsewhere),
        deny("RolesAndPoliciesOfTheBootstrap", actions(["iam:*"]), own),
        deny_all_but("OtherRolesAreOnlyHandedOver", handing_over, _roles(BACKUP_ROLES)),
        deny("StacksOfTheBootstrap", actions(["cloudformation:*"]), stacks),
        deny("WhatWatchesDelivery", actions(["*"]), _watching()),
        deny("KeysOfWhatWatches", actions(["kms:*"]), ["*"], Condition(StringLike(KEYS_OF_WHAT_WATCHES))),
        deny("DataAndItsBackups", actions(NEVER), ["*"]),
        deny_elsewhere("SecretsThatDataNeeds", actions(DELETE_SECRET), _secrets_made_anew()),
    ]


def secrets() -> list[Statement]:
    """Allow those secrets to be deleted that come back with their stack."""
    return [allow("SecretsMadeAnew", actions(DELETE_SECRET), _secrets_made_anew(), Condition(StringEquals(OUR_TAG)))]


def _secrets_made_anew() -> list[Sub]:
    return [arn(f"secretsmanager:*:{ACCOUNT}:secret:{title}-*") for title in MADE_ANEW]


def _watching() -> list[Sub]:
    """Return what the administrator's stacks have that watches or saves, by the names that CloudFormation makes."""
    before_the_name = (
        f"cloudwatch:*:{ACCOUNT}:alarm:",
        f"events:*:{ACCOUNT}:rule/",
        f"iam::{ACCOUNT}:role/",
        f"logs:*:{ACCOUNT}:log-group:",
        "s3:::",
        f"sns:*:{ACCOUNT}:",
    )
    return [arn(f"{before}{stack}-*") for stack in WATCHING_STACKS for before in before_the_name]


def _roles(names: Iterable[str]) -> list[Sub]:
    return [arn(f"iam::{ACCOUNT}:role/{name}") for name in names]


def _types(templates: Iterable[Template]) -> list[str]:
    return sorted({resource["Type"] for template in templates for resource in template["Resources"].values()})


def _resources(templates: Iterable[Template], type_name: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for template in templates:
        for title, resource in template["Resources"].items():
            if resource["Type"] == type_name:
                if len(title) > LONGEST_LOGICAL_ID:
                    raise UserError(
                        f"{title}: a role's logical id has at most {LONGEST_LOGICAL_ID} characters; shorten it"
                    )
                yield title, resource["Properties"]


def _trusted_services(document: PolicyDocument | Mapping[str, Any]) -> set[str]:
    """Return the services that a trust policy names."""
    policy = document.to_dict() if isinstance(document, PolicyDocument) else document
    found: set[str] = set()
    for statement in policy["Statement"]:
        services = statement.get("Principal", {}).get("Service", [])
        found.update([services] if isinstance(services, str) else services)
    return found


def _managed_policies(templates: Iterable[Template]) -> list[str]:
    """Return the ARNs of AWS's managed policies that roles of the templates have, as text for `Fn::Sub`."""
    return sorted(
        {
            policy["Fn::Sub"]
            for _, role in _resources(templates, "AWS::IAM::Role")
            for policy in role.get("ManagedPolicyArns", [])
        }
    )


def _service_name(principal: str) -> str:
    return "".join(word.capitalize() for part in principal.split(".")[:-2] for word in part.split("-"))
