"""What the pipeline needs in an environment's account: the roles it assumes, and the one CloudFormation works with.

Owns three roles, and where taskcat tests in this account, a fourth. Their names are fixed, because the tools account
names them before they exist. They can be used from the tools account alone, and there only by the roles of the pipeline
that need them. CloudFormation's role has the rights that the root `deployment_policies` computes, and no others (D9).

Owns the break-glass role as well: it must be there exactly when the platform's stacks are broken or gone, and nobody
who deploys may be able to make one. Three more are AWS's, by which it backs up and replicates (`backup_roles`). Every
role is bounded by the delivery boundary (`boundaries`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import awacs.acm
import awacs.autoscaling
import awacs.backup
import awacs.cloudformation
import awacs.dynamodb
import awacs.ec2
import awacs.elasticfilesystem
import awacs.elasticloadbalancing
import awacs.iam
import awacs.kms
import awacs.logs
import awacs.rds
import awacs.s3
import awacs.secretsmanager
import awacs.ssm
import awacs.sts
from awacs.aws import (
    ArnEquals,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
    StringLike,
)
from troposphere import Equals, GetAtt, Tags, Template
from troposphere.iam import Policy, Role

from generator.deployment_permissions.policies import policy_names
from generator.iam import (
    allow,
    allow_principal,
    arn,
    delivery_boundary,
    deny,
    document,
    people_with_mfa,
    service_principal,
)
from generator.naming import (
    BOOTSTRAP_STACKS,
    BREAK_GLASS_ROLE,
    CHANGE_REPORT_ROLE,
    CLOUDFORMATION_ROLE,
    DEPLOYMENT_ROLE,
    PIPELINE_ROLE,
    PROJECT,
    REGIONAL_TEST_BUILD_ROLE,
    REGIONAL_TEST_ROLE,
    REVIEW,
    REVIEW_ROLE,
    TEST_STACK_PREFIX,
)
from generator.nesting import add_condition, conditional
from generator.parameter_types import AccountId, BucketName, KeyArn, RoleArn, Toggle, output, parameter
from generator.roots.backup_roles import add_backup_roles

STACKS = "cloudformation:${AWS::Region}:${AWS::AccountId}:stack/" + PROJECT + "-*"
MAKE_CHANGE_SETS = [
    awacs.cloudformation.CreateChangeSet,
    awacs.cloudformation.DeleteChangeSet,
    awacs.cloudformation.DescribeChangeSet,
    awacs.cloudformation.TagResource,
    awacs.cloudformation.UntagResource,
]
DEPLOY = [
    awacs.cloudformation.DescribeStackEvents,
    awacs.cloudformation.DescribeStackResource,
    awacs.cloudformation.DescribeStackResources,
    awacs.cloudformation.ExecuteChangeSet,
    awacs.cloudformation.GetTemplate,
    awacs.cloudformation.ListStackResources,
    awacs.cloudformation.SetStackPolicy,
]
TEST_STACKS = "cloudformation:*:${AWS::AccountId}:stack/" + TEST_STACK_PREFIX + "*"
TEST_BUCKETS = ("s3:::taskcat-*", f"s3:::{TEST_STACK_PREFIX}*")
ON_TEST_BUCKETS = [
    awacs.s3.Action(name)
    for name in (
        "CreateBucket",
        "DeleteBucket",
        "DeleteObject",
        "DeleteObjectVersion",
        "GetBucketLocation",
        "GetBucketTagging",
        "GetObject",
        "ListBucket",
        "ListBucketVersions",
        "PutBucketPolicy",
        "PutBucketTagging",
        "PutObject",
        "PutObjectAcl",
    )
]
"""What taskcat does with the bucket it makes, and the clean-up with what the stacks leave."""

EMERGENCY_SECONDS = 3600
"""How long the break-glass role lasts, and how old the MFA may be that opens it: IAM's shortest session."""

TEST_PARAMETERS = "ssm:*:${AWS::AccountId}:parameter/" + PROJECT + "/taskcat-*"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    tools_account_id: AccountId = parameter("Account of the pipeline.")
    artifact_bucket_name: BucketName = parameter("Bucket of the pipeline's artifacts.")
    artifact_key_arn: KeyArn = parameter("Key that encrypts artifacts and templates.")
    template_bucket_name: BucketName = parameter("Bucket of the published releases.")
    regional_tests: Toggle = parameter("Whether taskcat tests releases in this account.", default="false")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    deployment_role_arn: RoleArn = output("Role that the pipeline assumes in this account.")
    cloudformation_role_arn: RoleArn = output("Role that CloudFormation deploys with.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "RegionalTests", Equals(parameters.regional_tests, "true"))
    cloudformation = _cloudformation_role(template)
    deployment = _deployment_role(template, parameters, cloudformation)
    _review_role(template, parameters, cloudformation)
    _regional_test_role(template, cloudformation)
    _break_glass_role(template)
    add_backup_roles(template)
    return Outputs(
        deployment_role_arn=RoleArn(GetAtt(deployment, "Arn")),
        cloudformation_role_arn=RoleArn(GetAtt(cloudformation, "Arn")),
    )


def _cloudformation_role(template: Template) -> Role:
    """Add the role that CloudFormation deploys with. Only the roles below can hand it over, and to nobody else."""
    return template.add_resource(
        Role(
            "CloudFormationRole",
            RoleName=CLOUDFORMATION_ROLE,
            AssumeRolePolicyDocument=document(
                allow_principal("CloudFormation", service_principal("cloudformation"), [awacs.sts.AssumeRole])
            ),
            ManagedPolicyArns=[arn(f"iam::${{AWS::AccountId}}:policy/{name}") for name in policy_names()],
            PermissionsBoundary=delivery_boundary(),
        )
    )


def _deployment_role(template: Template, parameters: Parameters, cloudformation: Role) -> Role:
    statements = [
        allow("ChangeSetsOfThePlatform", [*MAKE_CHANGE_SETS, *DEPLOY], [arn(STACKS)]),
        _not_the_bootstrap(),
        _seeing_stacks(),
        _hand_over(cloudformation),
        *_read_releases(parameters),
    ]
    return _role_for(template, "Deployment", DEPLOYMENT_ROLE, PIPELINE_ROLE, statements)


def _review_role(template: Template, parameters: Parameters, cloudformation: Role) -> Role:
    """Add the role of a build that runs what is under review: nothing may change before people have agreed (D18)."""
    statements = [
        *_change_sets_to_read(),
        _not_the_bootstrap(),
        _seeing_stacks(),
        _hand_over(cloudformation),
        *_read_releases(parameters),
    ]
    return _role_for(template, "Review", REVIEW_ROLE, CHANGE_REPORT_ROLE, statements)


def _role_for(
    template: Template,
    purpose: str,
    name: str,
    trusted: str,
    statements: Sequence[Statement],
    condition: str | None = None,
) -> Role:
    """Add a role that one role of the tools account may assume."""
    return template.add_resource(
        Role(
            f"{purpose}Role",
            **conditional(condition),
            RoleName=name,
            AssumeRolePolicyDocument=_trusting(trusted),
            PermissionsBoundary=delivery_boundary(),
            Policies=[Policy(PolicyName=purpose, PolicyDocument=document(*statements))],
        )
    )


def _change_sets_to_read() -> list[Statement]:
    """Return the right to make change sets, but none that takes the place of one that the pipeline executes."""
    making = {awacs.cloudformation.CreateChangeSet, awacs.cloudformation.DeleteChangeSet}
    others = [action for action in MAKE_CHANGE_SETS if action not in making]
    to_read = Condition(StringLike({"cloudformation:ChangeSetName": f"{PROJECT}-*{REVIEW}*"}))
    return [
        allow("ChangeSetsToRead", [a for a in MAKE_CHANGE_SETS if a in making], [arn(STACKS)], to_read),
        allow("ReadingThem", others, [arn(STACKS)]),
    ]


def _trusting(role: str) -> PolicyDocument:
    """Return a trust policy for a role of the tools account, which may not exist yet."""
    return document(
        allow_principal(
            "RolesOfTheToolsAccount",
            Principal("AWS", arn("iam::${ToolsAccountId}:root")),
            [awacs.sts.AssumeRole],
            condition=Condition(ArnEquals({"aws:PrincipalArn": [arn("iam::${ToolsAccountId}:role/" + role)]})),
        )
    )


def _not_the_bootstrap() -> Statement:
    """Keep hands off the stacks that an administrator deploys: their names begin as those of the platform do."""
    stacks = [arn(f"cloudformation:*:${{AWS::AccountId}}:stack/{name}/*") for name in BOOTSTRAP_STACKS]
    return deny("NotTheBootstrap", [awacs.cloudformation.Action("*")], stacks)


def _seeing_stacks() -> Statement:
    # Asking for all stacks, to find out whether one exists, knows no resource.
    return allow("SeeingStacks", [awacs.cloudformation.DescribeStacks], ["*"])


def _hand_over(cloudformation: Role) -> Statement:
    return allow(
        "HandCloudFormationItsRole",
        [awacs.iam.PassRole],
        [GetAtt(cloudformation, "Arn")],
        Condition(StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"})),
    )


def _read_releases(parameters: Parameters) -> list[Statement]:
    return [
        allow(
            "ReadArtifactsAndTemplates",
            [awacs.s3.GetObject, awacs.s3.GetObjectVersion],
            [arn("s3:::${ArtifactBucketName}/*"), arn("s3:::${TemplateBucketName}/*")],
        ),
        allow("DecryptThem", [awacs.kms.Decrypt, awacs.kms.DescribeKey], [parameters.artifact_key_arn]),
    ]


def _regional_test_role(template: Template, cloudformation: Role) -> Role:
    """Add the role of taskcat, whose stacks, buckets and certificates have names of their own (docs/taskcat.md)."""
    statements = [_test_stacks(), _asking(), _hand_over(cloudformation), *_preparation(), *_clean_up()]
    return _role_for(
        template, "RegionalTest", REGIONAL_TEST_ROLE, REGIONAL_TEST_BUILD_ROLE, statements, condition="RegionalTests"
    )


def _test_stacks() -> Statement:
    return allow(
        "StacksOfTests",
        [
            awacs.cloudformation.CreateStack,
            awacs.cloudformation.DeleteStack,
            awacs.cloudformation.DescribeStackEvents,
            awacs.cloudformation.GetTemplate,
            awacs.cloudformation.ListStackResources,
        ],
        [arn(TEST_STACKS)],
    )


def _asking() -> Statement:
    # Lists and descriptions that IAM limits to no resource.
    return allow(
        "AskingWhatIsThere",
        [
            awacs.acm.ListCertificates,
            awacs.autoscaling.DescribeAutoScalingGroups,
            awacs.cloudformation.DescribeStacks,
            awacs.cloudformation.ListStacks,
            awacs.ec2.DescribeAvailabilityZones,
            awacs.ec2.DescribeLaunchTemplateVersions,
            awacs.ec2.DescribeVpcs,
            awacs.elasticloadbalancing.DescribeLoadBalancers,
            awacs.rds.DescribeDBSnapshots,
            awacs.s3.ListAllMyBuckets,
        ],
        ["*"],
    )


def _preparation() -> list[Statement]:
    buckets = [arn(bucket) for bucket in TEST_BUCKETS] + [arn(f"{bucket}/*") for bucket in TEST_BUCKETS]
    return [
        allow("UploadsAndBucketsOfTests", ON_TEST_BUCKETS, buckets),
        allow(
            "PublicImages", [awacs.ssm.GetParameter], [arn("ssm:*::parameter/aws/service/ami-amazon-linux-latest/*")]
        ),
        allow(
            "CertificateParameters",
            [
                awacs.ssm.AddTagsToResource,
                awacs.ssm.DeleteParameters,
                awacs.ssm.GetParameter,
                awacs.ssm.PutParameter,
            ],
            [arn(TEST_PARAMETERS)],
        ),
        # A certificate has no name; the condition of its tag comes with the import only.
        allow(
            "CertificatesOfTests",
            [
                awacs.acm.AddTagsToCertificate,
                awacs.acm.DeleteCertificate,
                awacs.acm.DescribeCertificate,
                awacs.acm.GetCertificate,
                awacs.acm.ImportCertificate,
                awacs.acm.ListTagsForCertificate,
            ],
            [arn("acm:*:${AWS::AccountId}:certificate/*")],
        ),
    ]


def _clean_up() -> list[Statement]:
    of_tests = Condition(StringLike({"aws:ResourceTag/Environment": "taskcat-*"}))
    return [
        allow(
            "TablesOfTests",
            [awacs.dynamodb.DeleteTable, awacs.dynamodb.DescribeTable, awacs.dynamodb.UpdateTable],
            [arn("dynamodb:*:${AWS::AccountId}:table/" + TEST_STACK_PREFIX + "*")],
        ),
        allow(
            "LogGroupsOfTests",
            [awacs.logs.DeleteLogGroup],
            [arn("logs:*:${AWS::AccountId}:log-group:" + TEST_STACK_PREFIX + "*")],
        ),
        allow(
            "SnapshotsOfTests",
            [awacs.rds.DeleteDBSnapshot],
            [arn(f"rds:*:${{AWS::AccountId}}:snapshot:{PROJECT}-taskcat-*")],
        ),
        allow(
            "VaultsOfTests",
            [awacs.backup.DeleteBackupVault],
            [arn(f"backup:*:${{AWS::AccountId}}:backup-vault:{TEST_STACK_PREFIX}*")],
        ),
        allow(
            "SecretsOfTests",
            [awacs.secretsmanager.DeleteSecret],
            [arn("secretsmanager:*:${AWS::AccountId}:secret:*")],
            of_tests,
        ),
        allow(
            "FilesAndKeysOfTests",
            [awacs.elasticfilesystem.DeleteFileSystem, awacs.kms.DescribeKey, awacs.kms.ScheduleKeyDeletion],
            [arn("elasticfilesystem:*:${AWS::AccountId}:file-system/*"), arn("kms:*:${AWS::AccountId}:key/*")],
            of_tests,
        ),
    ]


def _break_glass_role(template: Template) -> None:
    """Add the role for emergencies: for people of this account who have just shown their MFA device, for an hour."""
    template.add_resource(
        Role(
            "BreakGlassRole",
            RoleName=BREAK_GLASS_ROLE,
            Description="For emergencies alone. Every use is to raise an alarm and to be explained afterwards.",
            AssumeRolePolicyDocument=document(people_with_mfa(EMERGENCY_SECONDS)),
            # Nobody knows beforehand what will be broken; the boundary still guards the bootstrap and all ways in.
            ManagedPolicyArns=[arn("iam::aws:policy/AdministratorAccess")],
            MaxSessionDuration=EMERGENCY_SECONDS,
            PermissionsBoundary=delivery_boundary(),
            Tags=Tags(Name=BREAK_GLASS_ROLE, Use="emergency"),
        )
    )
