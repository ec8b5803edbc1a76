"""Permissions boundaries: the most that roles and users of this account can ever be allowed.

Owns three managed policies that are used as permissions boundaries only, in the tools account as in every environment's
account (D9). A boundary grants nothing: a role may do what its own policies *and* its boundary allow. That is why there
are wildcards here, which no policy that grants has.

An administrator deploys this root before any other. The roles that deliver are bounded by it themselves, so that none
of them can change a boundary, or make a role or a user that has none: whatever a template asks CloudFormation to
create stays inside.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from awacs.aws import (
    Action,
    ArnEquals,
    Bool,
    Condition,
    Statement,
    StringEquals,
    StringEqualsIfExists,
    StringNotEquals,
)
from troposphere import Equals, If, Not, Ref, Sub, Template
from troposphere.iam import ManagedPolicy

from generator.iam import allow, arn, deny, document, operator_boundary, workload_boundary
from generator.naming import (
    BACKUP_ROLES,
    BOOTSTRAP_ROLES,
    BREAK_GLASS_ROLE,
    DELIVERY_BOUNDARY,
    OPERATOR_BOUNDARY,
    PROJECT,
    WORKLOAD_BOUNDARY,
)
from generator.nesting import add_condition
from generator.parameter_types import ManagedPolicyArn, RecoveryRegion, RegionNames, output, parameter
from generator.regions import ADDITIONAL_REGIONS, regions_of_the_platform

EVERYWHERE = ["*"]

WORKLOAD: Mapping[str, Sequence[str]] = {
    "application-autoscaling": ("Describe*",),
    "autoscaling": (
        *("CancelInstanceRefresh", "Describe*", "ResumeProcesses", "StartInstanceRefresh"),
        *("SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup"),
    ),
    "backup": ("Describe*", "Get*", "List*"),
    "cloudformation": ("Describe*", "Get*", "List*", "SignalResource"),
    "cloudwatch": ("Describe*", "Get*", "List*", "PutMetricData"),
    "dynamodb": ("*Item", "BatchGet*", "ConditionCheckItem", "Describe*", "List*", "Query", "Scan"),
    "ec2": ("Describe*", "GetConsoleOutput"),
    "ec2-instance-connect": ("SendSSHPublicKey",),
    "ec2messages": ("*",),
    "ecr": ("GetAuthorizationToken",),
    "ecs": ("ContinueServiceDeployment", "Describe*", "List*", "StopServiceDeployment", "StopTask"),
    "elasticfilesystem": ("ClientMount", "ClientWrite", "Describe*"),
    # ECS moves requests from one version of the containers to the next by its own role.
    "elasticloadbalancing": ("DeregisterTargets", "Describe*", "ModifyRule", "RegisterTargets"),
    "kms": ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*"),
    "logs": (
        *("CreateLogGroup", "CreateLogStream", "PutLogEvents", "PutRetentionPolicy"),
        *("Describe*", "Filter*", "Get*", "List*", "StartQuery", "StopQuery"),
    ),
    "rds": ("Describe*", "List*", "StartDBInstance", "StopDBInstance"),
    "rds-db": ("connect",),
    "s3": ("AbortMultipartUpload", "Get*", "List*", "PutObject"),
    "secretsmanager": ("DescribeSecret", "GetSecretValue"),
    "servicediscovery": ("Discover*", "Get*", "List*"),
    "sns": ("Get*", "List*"),
    "ssm": (
        *("Describe*", "Get*", "List*"),
        *("ResumeSession", "StartSession", "TerminateSession"),
        *("PutComplianceItems", "PutInventory", "UpdateInstanceAssociationStatus", "UpdateInstanceInformation"),
    ),
    "ssmmessages": ("*",),
    "synthetics": ("Describe*", "Get*"),
    "tag": ("Get*",),
    "xray": ("BatchGet*", "Get*", "List*", "PutTelemetryRecords", "PutTraceSegments"),
}
"""What machines, AWS services and operators of the platform use, by service; no iam, sts, organizations or account."""

PULLING: Mapping[str, Sequence[str]] = {
    "ecr": ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"),
}
"""What reads an image: the only thing of another account that machines use, for the tools account keeps the images.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"""

NEVER_FOR_WORKLOADS: Mapping[str, Sequence[str]] = {
    "ec2": ("DescribeVpnConnections",),  # the answer holds the tunnels' keys
    "iam": ("*",),
    "kms": ("CreateGrant", "Disable*", "PutKeyPolicy", "ScheduleKeyDeletion"),
    "logs": ("Delete*", "PutResourcePolicy", "PutSubscriptionFilter"),
    "organizations": ("*",),
    "s3": ("Delete*", "PutBucket*", "PutEncryptionConfiguration", "PutObjectAcl"),
    "ssm": ("CreateDocument", "DeleteDocument", "ModifyDocumentPermission", "PutParameter", "UpdateDocument*"),
    "sts": ("AssumeRole*",),
}
"""What even a resource's own policy cannot give them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-eval-logic
"""

OWN_DEVICE = (
    "ChangePassword",
    "CreateVirtualMFADevice",
    "DeactivateMFADevice",
    "DeleteVirtualMFADevice",
    "EnableMFADevice",
    "GetMFADevice",
    "GetUser",
    "ListMFADevices",
    "ResyncMFADevice",
)
"""What people do with their own password and MFA device."""

WITHOUT_REGION: Mapping[str, Sequence[str]] = {
    "billing": ("*",),
    "budgets": ("*",),
    "ce": ("*",),
    "cloudfront": ("*",),
    "iam": ("*",),
    "route53": ("*",),
    "s3": ("ListAllMyBuckets",),
    "shield": ("*",),
    "sts": ("*",),
    # The web ACL of a distribution stands in us-east-1, and who names it must be able to see it.
    "wafv2": ("GetWebACL",),
}
"""Services whose requests all count as of us-east-1, wherever they come from.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
"""

POLICIES_OF_A_ROLE = (
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
)
POLICIES_OF_A_USER = tuple(name.replace("Role", "User") for name in POLICIES_OF_A_ROLE)
"""The actions that tell IAM's condition which boundary the role or user has, or is to have."""

ON_BOOTSTRAP_ROLES = (
    *POLICIES_OF_A_ROLE,
    "DeleteRole",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole*",
)

NEVER_IN_DELIVERY: Mapping[str, Sequence[str]] = {
    "account": ("*",),
    "iam": (
        # Policies with a life of their own, the boundaries among them. The platform's roles have inline policies.
        "CreatePolicy*",
        "DeletePolicy*",
        "SetDefaultPolicyVersion",
        "Delete*PermissionsBoundary",
        # Ways into the account that outlive a session. Taking them away is part of deleting a user.
        "CreateAccessKey",
        "CreateLoginProfile",
        "UpdateAccessKey",
        "UpdateLoginProfile",
        "*SAMLProvider",
        "*ServiceSpecificCredential",
        "*SigningCertificate",
        "*SSHPublicKey",
        # Settings of the account.
        "*AccountAlias",
        "*AccountPasswordPolicy",
        "*MFADevice",
    ),
    "organizations": ("*",),
    # What watches over everybody, delivery included.
    "cloudtrail": ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"),
    "config": ("DeleteConfigurationRecorder", "DeleteDeliveryChannel", "StopConfigurationRecorder"),
    "guardduty": ("DeleteDetector", "DisassociateFromAdministratorAccount", "UpdateDetector"),
    "s3": ("PutAccountPublicAccessBlock",),
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    additional_regions: RegionNames = parameter(ADDITIONAL_REGIONS, default="")
    recovery_region: RecoveryRegion = parameter(
        "Region that gets copies of the account's data; empty for none.", default=""
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    workload_boundary_arn: ManagedPolicyArn = output("Boundary of the roles that the platform's stacks create.")
    operator_boundary_arn: ManagedPolicyArn = output("Boundary of people's users.")
    delivery_boundary_arn: ManagedPolicyArn = output("Boundary of the roles that deliver the platform.")


def build(template: Template, parameters: Parameters) -> Outputs:
    regions = regions_of_the_platform(template, parameters.additional_regions)
    here = StringEquals({"aws:RequestedRegion": regions})
    workload = _boundary(
        template, "WorkloadBoundary", WORKLOAD_BOUNDARY, "The most that machines and operators can do.", _workload(here)
    )
    operator = _boundary(
        template, "OperatorBoundary", OPERATOR_BOUNDARY, "The most that a person's user can do.", _operator()
    )
    delivery = _boundary(
        template,
        "DeliveryBoundary",
        DELIVERY_BOUNDARY,
        "The most that deployments can do.",
        _delivery(here, _where_copies_are(template, parameters.recovery_region)),
    )
    return Outputs(
        workload_boundary_arn=ManagedPolicyArn(Ref(workload)),
        operator_boundary_arn=ManagedPolicyArn(Ref(operator)),
        delivery_boundary_arn=ManagedPolicyArn(Ref(delivery)),
    )


def _boundary(
    template: Template, title: str, name: str, description: str, statements: Sequence[Statement]
) -> ManagedPolicy:
    return template.add_resource(
        ManagedPolicy(title, ManagedPolicyName=name, Description=description, PolicyDocument=document(*statements))
    )


def _workload(here: StringEquals) -> list[Statement]:
    """Confine machines and operators to what the platform uses, in its regions, on what belongs to this account."""
    # IfExists: requests that concern no resource, such as a metric's, have no resource's account.
    ours = StringEqualsIfExists({"aws:ResourceAccount": Ref("AWS::AccountId")})
    # The boundary is the same in every account and knows none of the others; each role's own policy names the one.
    images = [arn(f"ecr:*:*:repository/{PROJECT}/*")]
    return [
        allow("WhatThePlatformUses", _actions(WORKLOAD), EVERYWHERE, Condition([here, ours])),
        allow("ImagesOfThePlatform", _actions(PULLING), images, Condition(here)),
        deny("NothingThatWidensRights", _actions(NEVER_FOR_WORKLOADS), EVERYWHERE),
    ]


def _operator() -> list[Statement]:
    """Confine a person's user to itself and to the platform's roles, and those to whoever has an MFA device."""
    own = [arn("iam::${AWS::AccountId}:user/${!aws:username}"), arn("iam::${AWS::AccountId}:mfa/${!aws:username}")]
    return [
        allow("OwnPasswordAndDevice", _actions({"iam": OWN_DEVICE}), own),
        allow(
            "RolesOfThePlatform",
            _actions({"sts": ("AssumeRole",)}),
            [arn(f"iam::${{AWS::AccountId}}:role/{PROJECT}-*")],
            Condition(Bool({"aws:MultiFactorAuthPresent": "true"})),
        ),
        deny("NoRoleThatDelivers", _actions({"sts": ("AssumeRole*",)}), _bootstrap_roles()),
    ]


def _where_copies_are(template: Template, recovery_region: RecoveryRegion) -> StringEquals:
    """Return the condition of the second region; where there is none, of this one."""
    add_condition(template, "HasRecoveryRegion", Not(Equals(recovery_region, "")))
    region = If("HasRecoveryRegion", recovery_region, Ref("AWS::Region"))
    return StringEquals({"aws:RequestedRegion": region})


def _delivery(here: StringEquals, where_copies_are: StringEquals) -> list[Statement]:
    """Leave deployments what their own policies say, and draw the border that none of these may cross.

    What copies data acts in the second region too, and whoever restores them when the first is lost.
    """
    copying = [arn(f"iam::${{AWS::AccountId}}:role/{name}") for name in (*BACKUP_ROLES, BREAK_GLASS_ROLE)]
    by_them = ArnEquals({"aws:PrincipalArn": copying})
    return [
        allow("InTheRegionsOfThePlatform", [Action("*")], EVERYWHERE, Condition(here)),
        allow("WhereCopiesAre", [Action("*")], EVERYWHERE, Condition([where_copies_are, by_them])),
        allow("ServicesWithoutRegion", _actions(WITHOUT_REGION), EVERYWHERE),
        deny("NothingThatOutlivesOrWatchesDelivery", _actions(NEVER_IN_DELIVERY), EVERYWHERE),
        deny("NoRoleThatDelivers", _actions({"iam": ON_BOOTSTRAP_ROLES}), _bootstrap_roles()),
        deny(
            "NoRoleWithoutItsBoundary",
            _actions({"iam": POLICIES_OF_A_ROLE}),
            EVERYWHERE,
            _unless_bounded_by(workload_boundary()),
        ),
        deny(
            "NoUserWithoutItsBoundary",
            _actions({"iam": POLICIES_OF_A_USER}),
            EVERYWHERE,
            _unless_bounded_by(operator_boundary()),
        ),
    ]


def _unless_bounded_by(boundary: Sub) -> Condition:
    return Condition(StringNotEquals({"iam:PermissionsBoundary": boundary}))


def _bootstrap_roles() -> list[Sub]:
    return [arn(f"iam::${{AWS::AccountId}}:role/{name}") for name in BOOTSTRAP_ROLES]


def _actions(by_service: Mapping[str, Sequence[str]]) -> list[Action]:
    return [Action(service, name) for service, names in by_service.items() for name in names]
