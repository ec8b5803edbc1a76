"""The CodeBuild projects of the pipeline and their roles: part of the root `pipeline`.

Each build may do what its commands need and no more. The first follows the repository's `buildspec.yml`; the others are
a command or two, kept here, because a change of the repository must not change who reviews it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import awacs.ec2
import awacs.ecr
import awacs.kms
import awacs.logs
import awacs.s3
import awacs.ssm
import awacs.sts
import yaml
from awacs.aws import Condition, Statement, StringEquals
from troposphere import AWSHelperFn, GetAtt, Ref, Template
from troposphere.codebuild import (
    Artifacts,
    CloudWatchLogs,
    Environment,
    EnvironmentVariable,
    LogsConfig,
    Project,
    ProjectCache,
    Source,
)
from troposphere.iam import ManagedPolicy, Policy, Role
from troposphere.logs import LogGroup

from generator.iam import allow, allow_principal, arn, delivery_boundary, document, from_this_account, service_principal
from generator.logs import log_group
from generator.naming import (
    APPLICATION_REPOSITORY,
    CHANGE_REPORT_ROLE,
    CLOUDFORMATION_ROLE,
    COLLECTOR_REPOSITORY,
    IMAGES_ROLE,
    PROJECT,
    REGIONAL_TEST_BUILD_ROLE,
    REGIONAL_TEST_ROLE,
    REVIEW_ROLE,
    kebab_case,
    name_tag,
)
from generator.nesting import conditional, only_if
from generator.parameter_types import BucketName, KeyArn, Toggle

IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
"""https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html"""

PYTHON = "3.11"
"""The one that the project needs; without a word CodeBuild takes what its image happens to prefer."""

DEFAULT_MINUTES = 60
"""How long CodeBuild lets a build run that says nothing else."""

SMALL, MEDIUM = "BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM"
REPORTS = "reviews"
"""The folder of the template bucket that keeps the reviews' reports."""

HAS_CONTAINER_IMAGES = "HasContainerImages"
IMAGE_REPOSITORIES = [
    arn(f"ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{name}")
    for name in (APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY)
]
PUSH_IMAGES = [
    awacs.ecr.BatchCheckLayerAvailability,
    awacs.ecr.BatchGetImage,
    awacs.ecr.CompleteLayerUpload,
    awacs.ecr.InitiateLayerUpload,
    awacs.ecr.PutImage,
    awacs.ecr.UploadLayerPart,
]
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""

ARTIFACTS = "s3:::${ArtifactBucketName}/*"
RELEASES = "s3:::${TemplateBucketName}/" + PROJECT + "/*"
REVIEWS = "s3:::${TemplateBucketName}/" + REPORTS + "/*"
"""What builds and pipeline find and leave in the buckets of `tools_account`, whose names are the root's parameters."""


@dataclass(frozen=True)
class Stores:
    """Where builds find and leave things."""

    templates: BucketName
    key: KeyArn
    logs: LogGroup
    rights: ManagedPolicy
    """What every build may do: write its log, read artifacts."""


def add_stores(template: Template, templates: BucketName, key: KeyArn) -> Stores:
    """Add what the builds share beside the buckets and the key: the log group and the rights."""
    logs = template.add_resource(log_group("BuildLogGroup", tag="builds", key=key))
    rights = document(
        allow("WriteLogs", [awacs.logs.CreateLogStream, awacs.logs.PutLogEvents], [GetAtt(logs, "Arn")]),
        allow("ReadArtifacts", [awacs.s3.GetObject, awacs.s3.GetObjectVersion], [arn(ARTIFACTS)]),
        # A data key alone leads to nothing: only builds with a right to put objects have a use for it.
        allow("UseTheKey", [awacs.kms.Decrypt, awacs.kms.DescribeKey, awacs.kms.GenerateDataKey], [key]),
    )
    policy = template.add_resource(ManagedPolicy("BuildRights", PolicyDocument=rights))
    return Stores(templates, key, logs, policy)


def images_project(template: Template, stores: Stores) -> Project:
    """Add the build of the images that the release's tasks start from, where the tools account keeps images.

    It executes the Dockerfile of the source with Docker, which needs a privileged build, and may do nothing else.
    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html
    """
    in_this_region = StringEquals({"aws:RequestedRegion": Ref("AWS::Region")})
    rights = [
        # A token of the whole registry, which allows what the role may do: IAM limits it to no resource.
        allow("LogInToTheRegistry", [awacs.ecr.GetAuthorizationToken], ["*"], Condition(in_this_region)),
        allow("PushImages", PUSH_IMAGES, IMAGE_REPOSITORIES),
        allow("SeeImages", [awacs.ecr.DescribeImages, awacs.ecr.DescribeImageScanFindings], IMAGE_REPOSITORIES),
    ]
    return _project(
        template,
        stores,
        "Images",
        "Builds and pushes images.",
        rights,
        ["make images"],
        role_name=IMAGES_ROLE,
        cached=[".venv"],
        # A provenance attestation would make each push an index of two manifests.
        # https://docs.docker.com/build/building/variables/#buildx_no_default_attestations
        variables={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        condition=HAS_CONTAINER_IMAGES,
        privileged=True,
    )


def build_project(template: Template, stores: Stores, container_images: Toggle) -> Project:
    """Add the build: templates, tests, and the release published once for all environments."""
    rights = [
        allow("HandOnArtifacts", [awacs.s3.PutObject], [arn(ARTIFACTS)]),
        allow("PublishReleases", [awacs.s3.GetObject, awacs.s3.PutObject], [arn(RELEASES)]),
        allow(
            "ResolveTheImage",
            [awacs.ssm.GetParameter],
            [arn("ssm:${AWS::Region}::parameter/aws/service/ami-amazon-linux-latest/*")],
        ),
        allow(
            "PinTheImage",
            [awacs.ssm.GetParameter, awacs.ssm.PutParameter],
            [arn(f"ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{PROJECT}/releases/*")],
        ),
        # SSM looks whether the image exists, as whoever stores its id. IAM limits that to no resource.
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html
        allow("SeeTheImage", [awacs.ec2.DescribeImages], ["*"]),
    ]
    pin_images = _policy("PinImages", allow("SeeImages", [awacs.ecr.DescribeImages], IMAGE_REPOSITORIES))
    return _project(
        template,
        stores,
        "Build",
        "Tests and publishes.",
        rights,
        size=MEDIUM,
        more_rights=[only_if(HAS_CONTAINER_IMAGES, pin_images)],
        variables={"TEMPLATE_BUCKET": stores.templates, "CONTAINER_IMAGES": container_images},
    )


def smoke_test_project(template: Template, stores: Stores) -> Project:
    """Add the test from outside, which needs no rights in any environment."""
    commands = ['python3 smoke_test.py "$APPLICATION_URL"']
    return _project(template, stores, "SmokeTest", "Asks as a client does.", [], commands)


def change_report_project(template: Template, stores: Stores, prod_account: str) -> Project:
    """Add the review's report. What it runs is under review too, so that its role in production executes nothing."""
    commands = ["make review ENVIRONMENT=prod", ". ./review.env"]
    review = arn(f"iam::${{{prod_account}}}:role/{REVIEW_ROLE}")
    rights = [
        allow("ReviewInProduction", [awacs.sts.AssumeRole], [review]),
        allow("ReadReleases", [awacs.s3.GetObject], [arn(RELEASES)]),
        allow("KeepReports", [awacs.s3.PutObject], [arn(REVIEWS)]),
    ]
    return _project(
        template,
        stores,
        "ChangeReport",
        "Reports what changes in prod.",
        rights,
        commands,
        role_name=CHANGE_REPORT_ROLE,
        exported=["SUMMARY", "REPORT_URL"],
        cached=[".venv"],
        variables={
            "REVIEW_ROLE_ARN": review,
            "CLOUDFORMATION_ROLE_ARN": arn(f"iam::${{{prod_account}}}:role/{CLOUDFORMATION_ROLE}"),
        },
    )


def regional_test_project(template: Template, stores: Stores, test_account: str) -> Project:
    """Add the test in regions, which acts in the account that has the role for it."""
    commands = [
        'export AWS_PROFILE=test AWS_CONFIG_FILE="$(mktemp)"',
        r"printf '[profile test]\ncredential_source=EcsContainer\nrole_arn=%s\n' "
        '"$TEST_ROLE_ARN" > "$AWS_CONFIG_FILE"',
        f"make taskcat ROLE_NAME={CLOUDFORMATION_ROLE}",
    ]
    role = arn(f"iam::${{{test_account}}}:role/{REGIONAL_TEST_ROLE}")
    return _project(
        template,
        stores,
        "RegionalTest",
        "Runs taskcat.",
        [allow("ActInTheTestAccount", [awacs.sts.AssumeRole], [role])],
        commands,
        role_name=REGIONAL_TEST_BUILD_ROLE,
        minutes=120,
        cached=[".venv", ".venv-taskcat"],
        variables={"TEST_ROLE_ARN": role},
    )


def _project(
    template: Template,
    stores: Stores,
    name: str,
    description: str,
    rights: Sequence[Statement],
    commands: Sequence[str] = (),
    *,
    role_name: str = "",
    exported: Sequence[str] = (),
    cached: Sequence[str] = (),
    variables: Mapping[str, Any] | None = None,
    size: str = SMALL,
    minutes: int = DEFAULT_MINUTES,
    more_rights: Sequence[AWSHelperFn] = (),
    condition: str | None = None,
    privileged: bool = False,
) -> Project:
    optional: dict[str, Any] = {"TimeoutInMinutes": minutes} if minutes != DEFAULT_MINUTES else {}
    if cached or not commands:  # a build without commands here has those of the repository, which has something to keep
        optional["Cache"] = ProjectCache(Type="LOCAL", Modes=["LOCAL_CUSTOM_CACHE"])
    role = template.add_resource(_role(stores, name, role_name, rights, more_rights, condition))
    specification = {"BuildSpec": _buildspec(commands, exported, cached)} if commands else {}
    return template.add_resource(
        Project(
            f"{name}Project",
            **conditional(condition),
            Description=description,
            ServiceRole=GetAtt(role, "Arn"),
            Source=Source(Type="CODEPIPELINE", **specification),
            Artifacts=Artifacts(Type="CODEPIPELINE"),
            Environment=_environment(size, variables or {}, privileged),
            EncryptionKey=stores.key,
            LogsConfig=LogsConfig(CloudWatchLogs=CloudWatchLogs(Status="ENABLED", GroupName=Ref(stores.logs))),
            **optional,
            Tags=name_tag(kebab_case(name)),
        )
    )


def _environment(size: str, variables: Mapping[str, Any], privileged: bool) -> Environment:
    optional: dict[str, Any] = {"PrivilegedMode": True} if privileged else {}
    if variables:
        optional["EnvironmentVariables"] = [
            EnvironmentVariable(Name=name, Value=value) for name, value in variables.items()
        ]
    return Environment(Type="LINUX_CONTAINER", Image=IMAGE, ComputeType=size, **optional)


def _role(
    stores: Stores,
    name: str,
    role_name: str,
    statements: Sequence[Statement],
    more: Sequence[AWSHelperFn],
    condition: str | None,
) -> Role:
    named: dict[str, Any] = {"RoleName": role_name} if role_name else {"Tags": name_tag(f"{kebab_case(name)}-role")}
    own: dict[str, Any] = {}
    if statements:
        own["Policies"] = [_policy(name, *statements), *more]
    return Role(
        f"{name}Role",
        **conditional(condition),
        **named,
        AssumeRolePolicyDocument=document(
            allow_principal(
                "CodeBuild", service_principal("codebuild"), [awacs.sts.AssumeRole], condition=from_this_account()
            )
        ),
        PermissionsBoundary=delivery_boundary(),
        ManagedPolicyArns=[Ref(stores.rights)],
        **own,
    )


def _policy(name: str, *statements: Statement) -> Policy:
    return Policy(PolicyName=name, PolicyDocument=document(*statements))


def _buildspec(commands: Sequence[str], exported: Sequence[str], cached: Sequence[str]) -> str:
    """Return an inline build specification; every command is text, whatever it looks like.

    `cached` are the folders that one build leaves to the next: Python environments, made by the same Python each time.
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
    """
    specification: dict[str, Any] = {"version": 0.2}
    if exported:
        specification["env"] = {"exported-variables": list(exported)}
    specification["phases"] = {"build": {"commands": list(commands)}}
    if cached:
        specification["phases"] = {"install": {"runtime-versions": {"python": PYTHON}}, **specification["phases"]}
        specification["cache"] = {"paths": [f"{folder}/**/*" for folder in cached]}
    return yaml.safe_dump(specification, sort_keys=False, width=10_000)
