"""The pipeline that promotes a release through dev, staging and prod, in an account of its own.

Owns the pipeline, its builds, the buckets of artifacts and releases with their key, the connection to the repository,
and who is told what. Deploys nothing itself: in each environment's account it assumes a role of `target_account`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.codebuild
import awacs.codeconnections
import awacs.codepipeline
import awacs.codestar_connections
import awacs.kms
import awacs.s3
import awacs.sns
import awacs.sts
from awacs.aws import ArnLike, Condition, Principal, Statement, StringEquals
from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.codebuild import Project
from troposphere.codeconnections import Connection
from troposphere.codepipeline import (
    ArtifactStore,
    EncryptionKey,
    GitBranchFilterCriteria,
    GitConfiguration,
    GitPushFilter,
    Pipeline,
    PipelineTriggerDeclaration,
)
from troposphere.codestarnotifications import NotificationRule
from troposphere.codestarnotifications import Target as NotificationTarget
from troposphere.events import Rule, Target
from troposphere.iam import Policy, Role
from troposphere.kms import Alias, Key
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    EventBridgeConfiguration,
    LifecycleConfiguration,
    LifecycleRule,
    NoncurrentVersionExpiration,
    NotificationConfiguration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    VersioningConfiguration,
)
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from generator.environment import ENVIRONMENTS
from generator.iam import (
    account_root,
    allow,
    allow_principal,
    arn,
    deny_insecure_transport,
    document,
    from_this_account,
    service_principal,
)
from generator.keys import DELETION_WINDOW_DAYS, USE_OF_A_KEY, administration
from generator.naming import (
    CLOUDFORMATION_ROLE,
    DEPLOYMENT_ROLE,
    PIPELINE_ROLE,
    PROJECT,
    REVIEW_ROLE,
    TOOLS,
    kebab_case,
    name_tag,
    pascal_case,
)
from generator.nesting import add_condition, conditional, only_if
from generator.parameter_types import (
    AccountId,
    BranchName,
    BucketName,
    EmailAddress,
    EnvironmentName,
    KeyArn,
    RepositoryName,
    ResourceName,
    RoleArn,
    SourceProvider,
    TopicArn,
    output,
    parameter,
)
from generator.retention import retain
from generator.roots.pipeline_builds import (
    Stores,
    add_stores,
    build_project,
    change_report_project,
    objects,
    regional_test_project,
    smoke_test_project,
)
from generator.roots.pipeline_stages import (
    HAS_REPOSITORY,
    HAS_SOURCE_BUCKET,
    REGIONAL_TEST,
    SOURCE_OBJECT,
    build_stage,
    environment_stage,
    regional_test_stage,
    review_stage,
    source_stage,
)

PIPELINE_NAME = f"{PROJECT}-pipeline"
ARTIFACT_DAYS = 365
"""How long artifacts are kept: a stage can be rolled back to an execution for as long as its artifacts are there."""

NONCURRENT_DAYS = 30
UNFINISHED_UPLOAD_DAYS = 7
ABOUT_A_BUCKET = [awacs.s3.GetBucketAcl, awacs.s3.GetBucketLocation, awacs.s3.GetBucketVersioning]
"""What CodePipeline asks of a bucket.
https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html"""

WITH_ARTIFACTS = [awacs.s3.GetObject, awacs.s3.GetObjectVersion, awacs.s3.PutObject, awacs.s3.PutObjectAcl]
"""What CodePipeline does with artifacts. It writes a connection's source with an ACL, although the bucket has none.
https://github.com/aws/aws-cdk/issues/13557"""

TOLD_OF = (
    "codepipeline-pipeline-pipeline-execution-failed",
    "codepipeline-pipeline-manual-approval-needed",
    "codepipeline-pipeline-manual-approval-failed",
)
"""https://docs.aws.amazon.com/dtconsole/latest/userguide/concepts.html#events-ref-pipeline"""

ACCOUNTS = {name: f"{pascal_case(name)}AccountId" for name in ENVIRONMENTS}
"""The parameter with each environment's account."""

TEST_ACCOUNT = ACCOUNTS[ENVIRONMENTS[0]]
"""Regional tests run beside the environment that may break."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("What the tools account is called in tags.", default=TOOLS)
    dev_account_id: AccountId = parameter("Account of dev.")
    staging_account_id: AccountId = parameter("Account of staging.")
    prod_account_id: AccountId = parameter("Account of prod.")
    source_repository: RepositoryName = parameter("Repository of the source; empty for a source bucket.", default="")
    source_provider: SourceProvider = parameter("Git host of the repository.", default="GitHub")
    source_branch: BranchName = parameter("Branch whose pushes are promoted.", default="main")
    notification_email: EmailAddress = parameter("Who is told of failures and approvals.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    pipeline_name: ResourceName = output("Name of the pipeline.")
    pipeline_role_arn: RoleArn = output("Role of the pipeline.")
    artifact_bucket_name: BucketName = output("Bucket of the pipeline's artifacts.")
    artifact_key_arn: KeyArn = output("Key that encrypts artifacts and templates.")
    template_bucket_name: BucketName = output("Bucket of the published releases.")
    source_bucket_name: ResourceName = output("Bucket that takes the source where no repository is given, or none.")
    connection_arn: ResourceName = output("Connection to activate where a repository is given, or none.")
    notification_topic_arn: TopicArn = output("Topic of failures and approvals.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_REPOSITORY, Not(Equals(parameters.source_repository, "")))
    add_condition(template, HAS_SOURCE_BUCKET, Equals(parameters.source_repository, ""))
    add_condition(template, "HasEmail", Not(Equals(parameters.notification_email, "")))
    key = _key(template)
    artifacts, templates, source = _buckets(template, key)
    topic = _topic(template, parameters, key)
    connection = _connection(template, parameters)
    stores = add_stores(template, artifacts, templates, KeyArn(GetAtt(key, "Arn")))
    projects = {
        "build": build_project(template, stores),
        "smoke_test": smoke_test_project(template, stores),
        "regional_test": regional_test_project(template, stores, TEST_ACCOUNT),
        "change_report": change_report_project(template, stores, ACCOUNTS["prod"]),
    }
    role = _pipeline_role(template, stores, list(projects.values()), source, topic)
    pipeline = _pipeline(template, parameters, stores, projects, role, connection, source, topic)
    _start_after_upload(template, pipeline, source)
    _tell(template, pipeline, topic)
    return Outputs(
        pipeline_name=ResourceName(Ref(pipeline)),
        pipeline_role_arn=RoleArn(GetAtt(role, "Arn")),
        artifact_bucket_name=BucketName(Ref(artifacts)),
        artifact_key_arn=stores.key,
        template_bucket_name=BucketName(Ref(templates)),
        source_bucket_name=ResourceName(If(HAS_SOURCE_BUCKET, Ref(source), "none")),
        connection_arn=ResourceName(If(HAS_REPOSITORY, Ref(connection), "none")),
        notification_topic_arn=TopicArn(Ref(topic)),
    )


def _key(template: Template) -> Key:
    key = template.add_resource(
        retain(
            Key(
                "ArtifactKey",
                Description=f"Artifacts, templates and logs of {PIPELINE_NAME}.",
                EnableKeyRotation=True,
                PendingWindowInDays=DELETION_WINDOW_DAYS,
                KeyPolicy=document(administration(), *_use_of_the_key()),
                Tags=name_tag("artifact-key"),
            )
        )
    )
    template.add_resource(Alias("ArtifactKeyAlias", AliasName=f"alias/{PROJECT}-artifacts", TargetKeyId=Ref(key)))
    return key


def _use_of_the_key() -> list[Statement]:
    """Return who encrypts and decrypts. "*" in a key policy is this key alone.

    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-kms.html asks for the direct use by builds.
    """
    groups = arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:*")
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
        allow_principal(
            "UseByCloudWatchLogs",
            Principal("Service", Sub("logs.${AWS::Region}.amazonaws.com")),
            USE_OF_A_KEY,
            ["*"],
            Condition(ArnLike({"kms:EncryptionContext:aws:logs:arn": groups})),
        ),
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
    return [arn(f"iam::${{{account}}}:root") for account in ACCOUNTS.values()]


def _target_roles() -> ArnLike:
    """Return the condition that the caller is one of the roles that read releases in a target account.

    Named by a condition and not as principals, because a policy with a principal that does not exist yet is refused.
    Which accounts those are, the statement's principals say.
    """
    names = (DEPLOYMENT_ROLE, REVIEW_ROLE, CLOUDFORMATION_ROLE)
    return ArnLike({"aws:PrincipalArn": [arn(f"iam::*:role/{name}") for name in names]})


def _buckets(template: Template, key: Key) -> tuple[Bucket, Bucket, Bucket]:
    """Add the buckets of artifacts, of releases and, where no repository is given, of the source."""
    tell_of_uploads = NotificationConfiguration(
        EventBridgeConfiguration=EventBridgeConfiguration(EventBridgeEnabled=True)
    )
    artifacts = _bucket("ArtifactBucket", key, LifecycleRule(Status="Enabled", ExpirationInDays=ARTIFACT_DAYS))
    templates = _bucket("TemplateBucket", key)  # nothing in it expires: a rollback needs the former release's templates
    source = _bucket("SourceBucket", key, NotificationConfiguration=tell_of_uploads, Condition=HAS_SOURCE_BUCKET)
    _protect(template, artifacts, _readable_by_targets(artifacts))
    _protect(template, templates, _readable_by_targets(templates))
    _protect(template, source, **conditional(HAS_SOURCE_BUCKET))
    return artifacts, templates, source


def _bucket(title: str, key: Key, *rules: LifecycleRule, **others: Any) -> Bucket:
    encryption = ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=GetAtt(key, "Arn"))
    with_our_key = ServerSideEncryptionRule(BucketKeyEnabled=True, ServerSideEncryptionByDefault=encryption)
    leftovers = LifecycleRule(
        Status="Enabled",
        AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=UNFINISHED_UPLOAD_DAYS),
        NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=NONCURRENT_DAYS),
    )
    return retain(
        Bucket(
            title,
            BucketEncryption=BucketEncryption(ServerSideEncryptionConfiguration=[with_our_key]),
            LifecycleConfiguration=LifecycleConfiguration(Rules=[*rules, leftovers]),
            OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
            Tags=name_tag(kebab_case(title)),
            **others,
        )
    )


def _protect(template: Template, bucket: Bucket, *statements: Statement, **others: Any) -> None:
    """Add a bucket and its policy: TLS only, and what else is allowed."""
    everything = [GetAtt(bucket, "Arn"), objects(bucket)]
    template.add_resource(bucket)
    template.add_resource(
        BucketPolicy(
            f"{bucket.title}Policy",
            Bucket=Ref(bucket),
            PolicyDocument=document(deny_insecure_transport([awacs.s3.Action("*")], everything), *statements),
            **others,
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


def _topic(template: Template, parameters: Parameters, key: Key) -> Topic:
    topic = template.add_resource(
        Topic("NotificationTopic", KmsMasterKeyId=Ref(key), Tags=name_tag("pipeline-notifications"))
    )
    template.add_resource(
        SubscriptionResource(
            "NotificationMail",
            Condition="HasEmail",
            TopicArn=Ref(topic),
            Protocol="email",
            Endpoint=parameters.notification_email,
        )
    )
    template.add_resource(
        TopicPolicy(
            "NotificationTopicPolicy",
            Topics=[Ref(topic)],
            PolicyDocument=document(
                allow_principal(
                    "Notifications",
                    service_principal("codestar-notifications"),
                    [awacs.sns.Publish],
                    [Ref(topic)],
                    from_this_account(),
                ),
                deny_insecure_transport([awacs.sns.Publish], [Ref(topic)]),
            ),
        )
    )
    return topic


def _connection(template: Template, parameters: Parameters) -> Connection:
    return template.add_resource(
        Connection(
            "Connection",
            Condition=HAS_REPOSITORY,
            ConnectionName=PROJECT,
            ProviderType=parameters.source_provider,
            Tags=name_tag("connection"),
        )
    )


def _pipeline_role(template: Template, stores: Stores, projects: list[Project], source: Bucket, topic: Topic) -> Role:
    targets = [arn(f"iam::${{{account}}}:role/{DEPLOYMENT_ROLE}") for account in ACCOUNTS.values()]
    statements = [
        allow("Artifacts", WITH_ARTIFACTS, [objects(stores.artifacts)]),
        allow("ArtifactBucket", ABOUT_A_BUCKET, [GetAtt(stores.artifacts, "Arn")]),
        allow("UseTheKey", [awacs.kms.Decrypt, awacs.kms.DescribeKey, awacs.kms.GenerateDataKey], [stores.key]),
        allow(
            "Builds",
            [awacs.codebuild.BatchGetBuilds, awacs.codebuild.StartBuild],
            [GetAtt(project, "Arn") for project in projects],
        ),
        allow("ActInTargetAccounts", [awacs.sts.AssumeRole], targets),
        allow("AskForApproval", [awacs.sns.Publish], [Ref(topic)]),
    ]
    return template.add_resource(
        Role(
            "PipelineRole",
            RoleName=PIPELINE_ROLE,
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "CodePipeline",
                    service_principal("codepipeline"),
                    [awacs.sts.AssumeRole],
                    condition=from_this_account(),
                )
            ),
            Policies=[Policy(PolicyName="Pipeline", PolicyDocument=document(*statements)), *_use_of_source(source)],
        )
    )


def _use_of_source(source: Bucket) -> list[AWSHelperFn]:
    """Return the right to take the source from wherever it is."""
    use_connection = [awacs.codeconnections.UseConnection, awacs.codestar_connections.UseConnection]
    of_repository = document(allow("UseTheConnection", use_connection, [Ref("Connection")]))
    of_bucket = document(
        allow("Source", [awacs.s3.GetObject, awacs.s3.GetObjectVersion], [objects(source, SOURCE_OBJECT)]),
        allow("SourceBucket", ABOUT_A_BUCKET, [GetAtt(source, "Arn")]),
    )
    return [
        only_if(HAS_REPOSITORY, Policy(PolicyName="Repository", PolicyDocument=of_repository)),
        only_if(HAS_SOURCE_BUCKET, Policy(PolicyName="SourceBucket", PolicyDocument=of_bucket)),
    ]


def _pipeline(
    template: Template,
    parameters: Parameters,
    stores: Stores,
    projects: dict[str, Project],
    role: Role,
    connection: Connection,
    source: Bucket,
    topic: Topic,
) -> Pipeline:
    stages = {name: environment_stage(name, account, projects["smoke_test"]) for name, account in ACCOUNTS.items()}
    pushed = GitPushFilter(Branches=GitBranchFilterCriteria(Includes=[parameters.source_branch]))
    trigger = PipelineTriggerDeclaration(
        ProviderType="CodeStarSourceConnection",
        GitConfiguration=GitConfiguration(SourceActionName="Source", Push=[pushed]),
    )
    return template.add_resource(
        Pipeline(
            "Pipeline",
            Name=PIPELINE_NAME,
            PipelineType="V2",
            ExecutionMode="QUEUED",
            RoleArn=GetAtt(role, "Arn"),
            ArtifactStore=ArtifactStore(
                Type="S3", Location=Ref(stores.artifacts), EncryptionKey=EncryptionKey(Id=stores.key, Type="KMS")
            ),
            Variables=[REGIONAL_TEST],
            Triggers=only_if(HAS_REPOSITORY, [trigger]),
            Stages=[
                source_stage(Ref(connection), Ref(source)),
                build_stage(projects["build"]),
                stages["dev"],
                stages["staging"],
                regional_test_stage(projects["regional_test"]),
                review_stage(projects["change_report"], Ref(topic)),
                stages["prod"],
            ],
            Tags=name_tag("pipeline"),
        )
    )


def _start_after_upload(template: Template, pipeline: Pipeline, source: Bucket) -> None:
    """Start the pipeline when the source object changes, where there is no repository to push to."""
    resource = _arn_of(pipeline)
    role = template.add_resource(
        Role(
            "StartRole",
            Condition=HAS_SOURCE_BUCKET,
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "EventBridge",
                    service_principal("events"),
                    [awacs.sts.AssumeRole],
                    condition=from_this_account(),
                )
            ),
            Policies=[
                Policy(
                    PolicyName="Start",
                    PolicyDocument=document(
                        allow("StartThePipeline", [awacs.codepipeline.StartPipelineExecution], [resource])
                    ),
                )
            ],
            Tags=name_tag("start"),
        )
    )
    template.add_resource(
        Rule(
            "SourceUploaded",
            Condition=HAS_SOURCE_BUCKET,
            Description="Starts the pipeline when a new source is uploaded.",
            EventPattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [Ref(source)]}, "object": {"key": [SOURCE_OBJECT]}},
            },
            Targets=[Target(Id="Pipeline", Arn=resource, RoleArn=GetAtt(role, "Arn"))],
        )
    )


def _tell(template: Template, pipeline: Pipeline, topic: Topic) -> None:
    template.add_resource(
        NotificationRule(
            "Notifications",
            Name=PIPELINE_NAME,
            DetailType="FULL",
            EventTypeIds=list(TOLD_OF),
            Resource=_arn_of(pipeline),
            Targets=[NotificationTarget(TargetType="SNS", TargetAddress=Ref(topic))],
            # A topic that takes no messages yet counts as unreachable.
            DependsOn=["NotificationTopicPolicy"],
        )
    )


def _arn_of(pipeline: Pipeline) -> AWSHelperFn:
    return arn(f"codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:${{{pipeline.title}}}")
