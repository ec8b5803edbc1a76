"""The pipeline that promotes a release through dev, staging and prod, in an account of its own.

Owns the pipeline, its builds, the connection to the repository, who is told what, and who may let a release into
production. Keeps nothing: the buckets and their key are those of `tools_account`. Deploys nothing itself: in each
environment's account it assumes a role of `target_account`.
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.codebuild
import awacs.codeconnections
import awacs.codepipeline
import awacs.codestar_connections
import awacs.kms
import awacs.s3
import awacs.sns
import awacs.sts
from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, Ref, Template
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
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from generator.environment import ENVIRONMENTS
from generator.iam import (
    allow,
    allow_principal,
    arn,
    delivery_boundary,
    deny_insecure_transport,
    document,
    from_this_account,
    service_principal,
)
from generator.naming import (
    DEPLOYMENT_ROLE,
    PIPELINE_ROLE,
    PROJECT,
    TOOLS,
    account_parameter,
    name_tag,
)
from generator.nesting import add_condition, only_if
from generator.parameter_types import (
    AccountId,
    ApproverArns,
    BranchName,
    BucketName,
    EmailAddress,
    EnvironmentName,
    KeyArn,
    RepositoryName,
    ResourceName,
    RoleArn,
    SourceProvider,
    Toggle,
    TopicArn,
    output,
    parameter,
)
from generator.roots.pipeline_approval import add_approver
from generator.roots.pipeline_builds import (
    ARTIFACTS,
    HAS_CONTAINER_IMAGES,
    add_stores,
    build_project,
    change_report_project,
    images_project,
    regional_test_project,
    smoke_test_project,
)
from generator.roots.pipeline_stages import (
    HAS_REPOSITORY,
    HAS_SOURCE_BUCKET,
    REGIONAL_TEST,
    SOURCE_OBJECT,
    arn_of,
    build_stage,
    environment_stage,
    regional_test_stage,
    review_stage,
    source_stage,
)

PIPELINE_NAME = f"{PROJECT}-pipeline"
ABOUT_A_BUCKET = [awacs.s3.GetBucketAcl, awacs.s3.GetBucketLocation, awacs.s3.GetBucketVersioning]
"""What CodePipeline asks of a bucket.
https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html"""

WITH_ARTIFACTS = [awacs.s3.GetObject, awacs.s3.GetObjectVersion, awacs.s3.PutObject, awacs.s3.PutObjectAcl]
"""What CodePipeline does with artifacts. It writes a connection's source with an ACL, although the bucket has none.
https://github.com/aws/aws-cdk/issues/13557"""

RUN_BUILDS = [awacs.codebuild.BatchGetBuilds, awacs.codebuild.StartBuild]

TOLD_OF = (
    "codepipeline-pipeline-pipeline-execution-failed",
    "codepipeline-pipeline-manual-approval-needed",
    "codepipeline-pipeline-manual-approval-failed",
)
"""https://docs.aws.amazon.com/dtconsole/latest/userguide/concepts.html#events-ref-pipeline"""

TEST_ACCOUNT = account_parameter(ENVIRONMENTS[0])
"""Regional tests run beside the environment that may break."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("What the tools account is called in tags.", default=TOOLS)
    dev_account_id: AccountId = parameter("Account of dev.")
    staging_account_id: AccountId = parameter("Account of staging.")
    prod_account_id: AccountId = parameter("Account of prod.")
    artifact_bucket_name: BucketName = parameter("Bucket of the pipeline's artifacts.")
    artifact_key_arn: KeyArn = parameter("Key that encrypts artifacts, releases, logs and notifications.")
    template_bucket_name: BucketName = parameter("Bucket of the published releases.")
    source_bucket_name: BucketName = parameter("Bucket that takes the source where no repository is given, or none.")
    source_repository: RepositoryName = parameter("Repository of the source; empty for a source bucket.", default="")
    source_provider: SourceProvider = parameter("Git host of the repository.", default="GitHub")
    source_branch: BranchName = parameter("Branch whose pushes are promoted.", default="main")
    notification_email: EmailAddress = parameter("Who is told of failures and approvals.", default="")
    approver_arns: ApproverArns = parameter(
        "Who may take the approvers' role; empty: this account's people.", default=""
    )
    container_images: Toggle = parameter("Build images for containers, and pin them.", default="false")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    pipeline_name: ResourceName = output("Name of the pipeline.")
    pipeline_role_arn: RoleArn = output("Role of the pipeline.")
    connection_arn: ResourceName = output("Connection to activate where a repository is given, or none.")
    notification_topic_arn: TopicArn = output("Topic of failures and approvals.")
    approver_role_arn: RoleArn = output("Role of those who approve production, with MFA.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_REPOSITORY, Not(Equals(parameters.source_repository, "")))
    add_condition(template, HAS_SOURCE_BUCKET, Equals(parameters.source_repository, ""))
    add_condition(template, HAS_CONTAINER_IMAGES, Equals(parameters.container_images, "true"))
    add_condition(template, "HasEmail", Not(Equals(parameters.notification_email, "")))
    topic = _topic(template, parameters)
    connection = _connection(template, parameters)
    stores = add_stores(template, parameters.template_bucket_name, parameters.artifact_key_arn)
    projects = {
        "build": build_project(template, stores, parameters.container_images),
        "smoke_test": smoke_test_project(template, stores),
        "regional_test": regional_test_project(template, stores, TEST_ACCOUNT),
        "change_report": change_report_project(template, stores, account_parameter("prod")),
    }
    images = images_project(template, stores)
    role = _pipeline_role(template, parameters, list(projects.values()), images, topic)
    pipeline = _pipeline(template, parameters, projects | {"images": images}, role, connection, topic)
    _start_after_upload(template, parameters, pipeline)
    _tell(template, pipeline, topic)
    approver = add_approver(template, parameters.approver_arns, parameters.artifact_key_arn, pipeline)
    return Outputs(
        pipeline_name=ResourceName(Ref(pipeline)),
        pipeline_role_arn=RoleArn(GetAtt(role, "Arn")),
        connection_arn=ResourceName(If(HAS_REPOSITORY, Ref(connection), "none")),
        notification_topic_arn=TopicArn(Ref(topic)),
        approver_role_arn=RoleArn(GetAtt(approver, "Arn")),
    )


def _topic(template: Template, parameters: Parameters) -> Topic:
    topic = template.add_resource(
        Topic("NotificationTopic", KmsMasterKeyId=parameters.artifact_key_arn, Tags=name_tag("pipeline-notifications"))
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


def _pipeline_role(
    template: Template, parameters: Parameters, projects: list[Project], images: Project, topic: Topic
) -> Role:
    targets = [arn(f"iam::${{{account_parameter(name)}}}:role/{DEPLOYMENT_ROLE}") for name in ENVIRONMENTS]
    use_of_the_key = [awacs.kms.Decrypt, awacs.kms.DescribeKey, awacs.kms.GenerateDataKey]
    statements = [
        allow("Artifacts", WITH_ARTIFACTS, [arn(ARTIFACTS)]),
        allow("ArtifactBucket", ABOUT_A_BUCKET, [arn("s3:::${ArtifactBucketName}")]),
        allow("UseTheKey", use_of_the_key, [parameters.artifact_key_arn]),
        allow("Builds", RUN_BUILDS, [GetAtt(project, "Arn") for project in projects]),
        allow("ActInTargetAccounts", [awacs.sts.AssumeRole], targets),
        allow("AskForApproval", [awacs.sns.Publish], [Ref(topic)]),
    ]
    of_images = allow("BuildOfImages", RUN_BUILDS, [GetAtt(images, "Arn")])
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
            PermissionsBoundary=delivery_boundary(),
            Policies=[
                Policy(PolicyName="Pipeline", PolicyDocument=document(*statements)),
                only_if(HAS_CONTAINER_IMAGES, Policy(PolicyName="Images", PolicyDocument=document(of_images))),
                *_use_of_source(),
            ],
        )
    )


def _use_of_source() -> list[AWSHelperFn]:
    """Return the right to take the source from wherever it is."""
    use_connection = [awacs.codeconnections.UseConnection, awacs.codestar_connections.UseConnection]
    of_repository = document(allow("UseTheConnection", use_connection, [Ref("Connection")]))
    source = "s3:::${SourceBucketName}/" + SOURCE_OBJECT
    of_bucket = document(
        allow("Source", [awacs.s3.GetObject, awacs.s3.GetObjectVersion], [arn(source)]),
        allow("SourceBucket", ABOUT_A_BUCKET, [arn("s3:::${SourceBucketName}")]),
    )
    return [
        only_if(HAS_REPOSITORY, Policy(PolicyName="Repository", PolicyDocument=of_repository)),
        only_if(HAS_SOURCE_BUCKET, Policy(PolicyName="SourceBucket", PolicyDocument=of_bucket)),
    ]


def _pipeline(
    template: Template,
    parameters: Parameters,
    projects: dict[str, Project],
    role: Role,
    connection: Connection,
    topic: Topic,
) -> Pipeline:
    stages = {name: environment_stage(name, account_parameter(name), projects["smoke_test"]) for name in ENVIRONMENTS}
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
                Type="S3",
                Location=parameters.artifact_bucket_name,
                EncryptionKey=EncryptionKey(Id=parameters.artifact_key_arn, Type="KMS"),
            ),
            Variables=[REGIONAL_TEST],
            Triggers=only_if(HAS_REPOSITORY, [trigger]),
            Stages=[
                source_stage(Ref(connection), parameters.source_bucket_name),
                build_stage(projects["images"], projects["build"]),
                stages["dev"],
                stages["staging"],
                regional_test_stage(projects["regional_test"]),
                review_stage(projects["change_report"], Ref(topic)),
                stages["prod"],
            ],
            Tags=name_tag("pipeline"),
        )
    )


def _start_after_upload(template: Template, parameters: Parameters, pipeline: Pipeline) -> None:
    """Start the pipeline when the source object changes, where there is no repository to push to."""
    resource = arn_of(pipeline)
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
            PermissionsBoundary=delivery_boundary(),
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
                "detail": {"bucket": {"name": [parameters.source_bucket_name]}, "object": {"key": [SOURCE_OBJECT]}},
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
            Resource=arn_of(pipeline),
            Targets=[NotificationTarget(TargetType="SNS", TargetAddress=Ref(topic))],
            # A topic that takes no messages yet counts as unreachable.
            DependsOn=["NotificationTopicPolicy"],
        )
    )
