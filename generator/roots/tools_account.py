"""What the tools account keeps: artifacts, source, published releases and images, with the key that encrypts them.

Owns the buckets, the repositories of images and the key, who of which account may use them, and the log of every access
to the buckets. Stands apart from `pipeline`, which can be changed, deleted and made again without touching a release:
what an environment runs was read from here, and what a rollback brings back is read from here again. Runs nothing and
has no role.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.kms
import awacs.s3
from awacs.aws import ArnLike, Condition, Principal, Statement, StringEquals
from troposphere import Equals, GetAtt, If, Ref, Sub, Template
from troposphere.kms import Key
from troposphere.s3 import Bucket, EventBridgeConfiguration, LoggingConfiguration, NotificationConfiguration

from generator.buckets import (
    access_log_bucket,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_with,
    lifecycle,
    objects,
    private_and_versioned,
)
from generator.environment import ENVIRONMENTS
from generator.iam import account_root, allow_principal, arn, service_principal
from generator.keys import USE_OF_A_KEY, add_key, grants_through_services, use_by_cloudwatch_logs
from generator.naming import (
    CLOUDFORMATION_ROLE,
    DEPLOYMENT_ROLE,
    PROJECT,
    REVIEW_ROLE,
    TOOLS,
    account_parameter,
    kebab_case,
    name_tag,
)
from generator.nesting import add_condition, conditional, only_if
from generator.parameter_types import (
    AccountId,
    BucketName,
    EnvironmentName,
    KeyArn,
    RepositoryName,
    output,
    parameter,
)
from generator.retention import retain
from generator.roots.tools_account_images import add_image_repositories

ARTIFACT_DAYS = 365
"""How long artifacts are kept: a stage can be rolled back to an execution for as long as its artifacts are there."""

HAS_SOURCE_BUCKET = "HasSourceBucket"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("What the tools account is called in tags.", default=TOOLS)
    dev_account_id: AccountId = parameter("Account of dev.")
    staging_account_id: AccountId = parameter("Account of staging.")
    prod_account_id: AccountId = parameter("Account of prod.")
    source_repository: RepositoryName = parameter("Repository of the source; empty for a source bucket.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    artifact_bucket_name: BucketName = output("Bucket of the pipeline's artifacts.")
    artifact_key_arn: KeyArn = output("Key that encrypts artifacts, source, releases, images, logs, messages.")
    template_bucket_name: BucketName = output("Bucket of the published releases.")
    source_bucket_name: BucketName = output("Bucket that takes the source where no repository is given, or none.")
    access_log_bucket_name: BucketName = output("Bucket of the log of every access to the others.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_SOURCE_BUCKET, Equals(parameters.source_repository, ""))
    key = _key(template)
    log = access_log_bucket(template, "AccessLogBucket", "access-logs")
    artifacts = _bucket(template, "ArtifactBucket", key, log, expire_after_days=ARTIFACT_DAYS)
    # Nothing in it expires: a rollback needs the former release's templates.
    templates = _bucket(template, "TemplateBucket", key, log)
    source = _source_bucket(template, key, log)
    bucket_policy(template, artifacts, _readable_by_targets(artifacts))
    bucket_policy(template, templates, _readable_by_targets(templates))
    bucket_policy(template, source, **conditional(HAS_SOURCE_BUCKET))
    logged = [GetAtt(artifacts, "Arn"), GetAtt(templates, "Arn"), only_if(HAS_SOURCE_BUCKET, GetAtt(source, "Arn"))]
    bucket_policy(template, log, delivery_of_access_logs("AccessLogs", log, logged))
    add_image_repositories(template, GetAtt(key, "Arn"), _target_accounts())
    return Outputs(
        artifact_bucket_name=BucketName(Ref(artifacts)),
        artifact_key_arn=KeyArn(GetAtt(key, "Arn")),
        template_bucket_name=BucketName(Ref(templates)),
        source_bucket_name=BucketName(If(HAS_SOURCE_BUCKET, Ref(source), "none")),
        access_log_bucket_name=BucketName(Ref(log)),
    )


def _key(template: Template) -> Key:
    return add_key(
        template,
        "ArtifactKey",
        description="Artifacts, source, releases, images, logs and notifications of the pipeline.",
        alias=f"alias/{PROJECT}-artifacts",
        tag="artifact-key",
        statements=_use_of_the_key(),
    )


def _use_of_the_key() -> list[Statement]:
    """Return who encrypts and decrypts. "*" in a key policy is this key alone.

    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-kms.html asks for the direct use by builds.
    """
    return [
        allow_principal(
            "UseThroughServicesByIamPolicies",
            Principal("AWS", account_root()),
            USE_OF_A_KEY,
            ["*"],
            Condition(_through("s3", "sns")),
        ),
        allow_principal(
            "UseByRolesOfThePipeline",
            Principal("AWS", account_root()),
            [awacs.kms.Decrypt, awacs.kms.DescribeKey, awacs.kms.GenerateDataKey],
            ["*"],
            Condition(ArnLike({"aws:PrincipalArn": arn(f"iam::${{AWS::AccountId}}:role/{PROJECT}-*")})),
        ),
        allow_principal(
            "DecryptionByTargetAccounts",
            Principal("AWS", _target_accounts()),
            [awacs.kms.Decrypt, awacs.kms.DescribeKey],
            ["*"],
            Condition([_target_roles(), _through("s3")]),
        ),
        # ECR reads and writes by a grant that it gets with each repository: who pulls needs no right to the key.
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
        grants_through_services(["ecr"]),
        use_by_cloudwatch_logs(),
        allow_principal(
            "UseByNotifications",
            service_principal("codestar-notifications"),
            [awacs.kms.Decrypt, awacs.kms.GenerateDataKey],
            ["*"],
            Condition(_through("sns")),
        ),
    ]


def _through(*services: str) -> StringEquals:
    """Return the condition that one of some services uses the key for the caller."""
    return StringEquals({"kms:ViaService": [Sub(f"{service}.${{AWS::Region}}.amazonaws.com") for service in services]})


def _target_accounts() -> list[Sub]:
    return [arn(f"iam::${{{account_parameter(name)}}}:root") for name in ENVIRONMENTS]


def _target_roles() -> ArnLike:
    """Return the condition that the caller is one of the roles that read releases in a target account.

    Named by a condition and not as principals, because a policy with a principal that does not exist yet is refused.
    Which accounts those are, the statement's principals say.
    """
    names = (DEPLOYMENT_ROLE, REVIEW_ROLE, CLOUDFORMATION_ROLE)
    return ArnLike({"aws:PrincipalArn": [arn(f"iam::*:role/{name}") for name in names]})


def _source_bucket(template: Template, key: Key, log: Bucket) -> Bucket:
    """Add the bucket to which the source is uploaded, and which tells EventBridge so: no repository is given."""
    uploads = NotificationConfiguration(EventBridgeConfiguration=EventBridgeConfiguration(EventBridgeEnabled=True))
    return _bucket(
        template, "SourceBucket", key, log, NotificationConfiguration=uploads, **conditional(HAS_SOURCE_BUCKET)
    )


def _bucket(
    template: Template, title: str, key: Key, log: Bucket, *, expire_after_days: int | None = None, **others: Any
) -> Bucket:
    name = kebab_case(title)
    return template.add_resource(
        retain(
            Bucket(
                title,
                BucketEncryption=encrypted_with(GetAtt(key, "Arn")),
                LifecycleConfiguration=lifecycle(expire_after_days),
                LoggingConfiguration=LoggingConfiguration(DestinationBucketName=Ref(log), LogFilePrefix=f"{name}/"),
                Tags=name_tag(name),
                **private_and_versioned(),
                **others,
            )
        )
    )


def _readable_by_targets(bucket: Bucket) -> Statement:
    return allow_principal(
        "ReadingByTargetAccounts",
        Principal("AWS", _target_accounts()),
        [awacs.s3.GetObject, awacs.s3.GetObjectVersion],
        [objects(bucket)],
        Condition(_target_roles()),
    )
