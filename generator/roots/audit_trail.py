"""Who did what in an environment's account: the trail of management events, and who is told of the gravest of them.

Owns a trail of all regions, with the bucket and the log group it is written to, a key that is used for nothing else,
and alarms on what hardly ever happens and is never part of a deployment (D9, D11). An administrator deploys it once for
each environment, unless the account has a trail already; the roles that deliver can touch none of it.

Objects in the bucket cannot be deleted: they expire. The log files carry digests, so that a change of one shows
(`aws cloudtrail validate-logs`). The first trail of an account costs nothing but what its files and log lines take.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.kms
import awacs.logs
import awacs.s3
import awacs.sts
from awacs.aws import ArnLike, Condition, Deny, Principal, Statement, StringEquals, StringLike
from troposphere import And, Equals, GetAtt, Not, Ref, Sub, Template
from troposphere.cloudtrail import EventSelector, Trail
from troposphere.iam import Policy, Role
from troposphere.kms import Key
from troposphere.logs import LogGroup, QueryDefinition
from troposphere.s3 import Bucket, LoggingConfiguration
from troposphere.sns import Topic

from generator.alarms import Metric, Window, at_least, metric_alarm
from generator.buckets import (
    access_log_bucket,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_with,
    lifecycle,
    objects,
    private_and_versioned,
)
from generator.iam import (
    account_root,
    allow,
    allow_principal,
    arn,
    document,
    from_this_account,
    service_principal,
    workload_boundary,
)
from generator.keys import (
    USE_OF_A_KEY,
    add_key,
    use_by_cloudwatch_logs,
    use_by_publishers,
)
from generator.log_metrics import log_metrics_namespace, metric_filter
from generator.logs import audit_log_group
from generator.naming import BREAK_GLASS_ROLE, PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.parameter_types import (
    AuditRetentionDays,
    BucketName,
    EmailAddress,
    EnvironmentName,
    KeyArn,
    ResourceName,
    TopicArn,
    output,
    parameter,
)
from generator.retention import retain
from generator.topics import add_subscription, add_topic

TELLS_ON_CALL, TELLS_OPERATIONS = "TellsOnCall", "TellsOperations"

# By a pattern and not by its name: the trail needs the key and the bucket before it exists.
TRAILS = "cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/${AWS::StackName}-*"

WITHIN = Window(periods=1, seconds=300)
"""CloudTrail delivers about five minutes after a call.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html"""


@dataclass(frozen=True)
class Event:
    """What is told to people as soon as it is seen once, and by which pattern it is seen in the trail's log."""

    means: str
    pattern: str


EVENTS = {
    # What AWS's services do in the name of the root user is not the root user.
    "RootUserUsed": Event(
        "Somebody signed in as the account's root user, or used its keys.",
        '{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) && '
        '($.eventType != "AwsServiceEvent") }',
    ),
    # Refused attempts count too: whoever tries it in an emergency needs help.
    "BreakGlassUsed": Event(
        "Somebody assumed the role for emergencies, or tried to.",
        f'{{ ($.eventName = "AssumeRole*") && ($.requestParameters.roleArn = "*:role/{BREAK_GLASS_ROLE}") }}',
    ),
    "AuditTrailChanged": Event(
        "A trail of the account was made, changed, stopped or deleted, or the bucket of this one was.",
        '{ (($.eventSource = "cloudtrail.amazonaws.com") && (($.eventName = "CreateTrail") || '
        '($.eventName = "UpdateTrail") || ($.eventName = "DeleteTrail") || ($.eventName = "StartLogging") || '
        '($.eventName = "StopLogging") || ($.eventName = "PutEventSelectors"))) || '
        f'(($.requestParameters.bucketName = "{PROJECT}-audit-trail-*") && (($.eventName = "DeleteBucket*") || '
        '($.eventName = "PutBucketPolicy") || ($.eventName = "PutBucketLifecycle*"))) }',
    ),
    "KeyDeletionScheduled": Event(
        "A key was disabled or is to be deleted: what it encrypts becomes unreadable.",
        '{ ($.eventSource = "kms.amazonaws.com") && (($.eventName = "ScheduleKeyDeletion") || '
        '($.eventName = "DisableKey")) }',
    ),
    "SignInWithoutMfa": Event(
        "A user of the account signed in to the console without an MFA device.",
        '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
        '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }',
    ),
}
"""By the name of the alarm, the metric and the page of the runbook. Fields are those of CloudTrail's records.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudwatch-alarms-for-cloudtrail.html"""


WHO_DID_WHAT = (
    "fields @timestamp, coalesce(userIdentity.arn, userIdentity.invokedBy) as who, eventName, eventSource, errorCode, "
    "sourceIPAddress, awsRegion\n| filter eventName not like /^(BatchGet|Describe|Get|Head|List|Lookup)/\n"
    "| sort @timestamp desc\n| limit 100"
)
"""What changed the account last, refused attempts included."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    audit_retention_days: AuditRetentionDays = parameter("Days for which it is kept who did what.", default="365")
    on_call_email: EmailAddress = parameter("Who is told at once; empty for nobody.", default="")
    operations_email: EmailAddress = parameter("Who is told as well; empty for nobody.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    trail_name: ResourceName = output("Trail of the account's management events.")
    trail_bucket_name: BucketName = output("Bucket of the trail's files.")
    trail_log_group_name: ResourceName = output("Log group in which the trail can be searched.")
    audit_topic_arn: TopicArn = output("Topic of what people are told at once.")


def build(template: Template, parameters: Parameters) -> Outputs:
    key = _key(template)
    bucket = _bucket(template, parameters, key)
    logs = template.add_resource(
        audit_log_group(
            "TrailLogGroup",
            tag="audit-trail-logs",
            key=KeyArn(GetAtt(key, "Arn")),
            retention_days=parameters.audit_retention_days,
        )
    )
    trail = _trail(template, bucket, logs, _role(template, logs), key)
    topic = _topic(template, parameters, key)
    for title, event in EVENTS.items():
        _tell(template, title, event, logs, topic)
    template.add_resource(
        QueryDefinition(
            "WhoDidWhatQuery",
            Name=in_environment(f"{PROJECT}/${{EnvironmentName}}/who did what"),
            LogGroupNames=[Ref(logs)],
            QueryString=WHO_DID_WHAT,
        )
    )
    return Outputs(
        trail_name=ResourceName(Ref(trail)),
        trail_bucket_name=BucketName(Ref(bucket)),
        trail_log_group_name=ResourceName(Ref(logs)),
        audit_topic_arn=TopicArn(Ref(topic)),
    )


def _key(template: Template) -> Key:
    return add_key(
        template,
        "TrailKey",
        description=in_environment(f"Audit trail of {PROJECT} ${{EnvironmentName}}."),
        alias=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-audit-trail"),
        tag="audit-trail-key",
        statements=_use_of_the_key(),
    )


def _use_of_the_key() -> list[Statement]:
    """Return who encrypts and decrypts. "*" in a key policy is this key alone.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    of_a_trail = StringLike({"kms:EncryptionContext:aws:cloudtrail:arn": arn("cloudtrail:*:${AWS::AccountId}:trail/*")})
    ours = ArnLike({"aws:SourceArn": arn(TRAILS)})
    through_s3 = StringEquals({"kms:ViaService": Sub("s3.${AWS::Region}.amazonaws.com")})
    return [
        allow_principal(
            "EncryptionByTheTrail",
            service_principal("cloudtrail"),
            [awacs.kms.GenerateDataKey],
            ["*"],
            Condition([ours, of_a_trail]),
        ),
        allow_principal(
            "DescriptionForTheTrail", service_principal("cloudtrail"), [awacs.kms.DescribeKey], ["*"], Condition(ours)
        ),
        allow_principal(
            "UseThroughS3ByIamPolicies", Principal("AWS", account_root()), USE_OF_A_KEY, ["*"], Condition(through_s3)
        ),
        use_by_cloudwatch_logs(),
        *use_by_publishers("cloudwatch"),
    ]


def _bucket(template: Template, parameters: Parameters, key: Key) -> Bucket:
    log = access_log_bucket(template, "TrailAccessLogBucket", "audit-trail-access-logs")
    bucket = template.add_resource(
        retain(
            Bucket(
                "TrailBucket",
                BucketEncryption=encrypted_with(GetAtt(key, "Arn")),
                LifecycleConfiguration=lifecycle(parameters.audit_retention_days),
                LoggingConfiguration=LoggingConfiguration(DestinationBucketName=Ref(log), LogFilePrefix="audit-trail/"),
                Tags=name_tag("audit-trail"),
                **private_and_versioned(),
            )
        )
    )
    bucket_policy(template, log, delivery_of_access_logs("AccessLogs", log, [GetAtt(bucket, "Arn")], "audit-trail/*"))
    bucket_policy(template, bucket, *_delivery_of_the_trail(bucket), _no_deletion(bucket))
    return bucket


def _delivery_of_the_trail(bucket: Bucket) -> list[Statement]:
    """Return what CloudTrail does with the bucket.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    ours = ArnLike({"aws:SourceArn": arn(TRAILS)})
    owned = StringEquals({"s3:x-amz-acl": "bucket-owner-full-control"})
    return [
        allow_principal(
            "LookingByTheTrail",
            service_principal("cloudtrail"),
            [awacs.s3.GetBucketAcl],
            [GetAtt(bucket, "Arn")],
            Condition(ours),
        ),
        allow_principal(
            "DeliveryByTheTrail",
            service_principal("cloudtrail"),
            [awacs.s3.PutObject],
            [objects(bucket, "AWSLogs/${AWS::AccountId}/*")],
            Condition([ours, owned]),
        ),
    ]


def _no_deletion(bucket: Bucket) -> Statement:
    """Return the statement that lets nobody delete what was recorded; objects expire by the bucket's lifecycle."""
    return Statement(
        Sid="NobodyDeletes",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[awacs.s3.DeleteObject, awacs.s3.DeleteObjectVersion],
        Resource=[objects(bucket)],
    )


def _role(template: Template, logs: LogGroup) -> Role:
    """Add the role with which CloudTrail writes to the log group.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    streams = arn(
        "logs:${AWS::Region}:${AWS::AccountId}:log-group:${Group}:log-stream:${AWS::AccountId}_CloudTrail_*",
        Group=Ref(logs),
    )
    write = allow("WriteTheTrail", [awacs.logs.CreateLogStream, awacs.logs.PutLogEvents], [streams])
    return template.add_resource(
        Role(
            "TrailLogsRole",
            Description="Lets CloudTrail write the trail to its log group.",
            AssumeRolePolicyDocument=document(
                allow_principal(
                    "CloudTrail",
                    service_principal("cloudtrail"),
                    [awacs.sts.AssumeRole],
                    condition=from_this_account(),
                )
            ),
            PermissionsBoundary=workload_boundary(),
            Policies=[Policy(PolicyName="WriteTheTrail", PolicyDocument=document(write))],
            Tags=name_tag("audit-trail-role"),
        )
    )


def _trail(template: Template, bucket: Bucket, logs: LogGroup, role: Role, key: Key) -> Trail:
    return template.add_resource(
        Trail(
            "Trail",
            DependsOn=[f"{bucket.title}Policy"],
            IsLogging=True,
            IsMultiRegionTrail=True,
            IncludeGlobalServiceEvents=True,
            EnableLogFileValidation=True,
            EventSelectors=[EventSelector(IncludeManagementEvents=True, ReadWriteType="All")],
            S3BucketName=Ref(bucket),
            KMSKeyId=GetAtt(key, "Arn"),
            CloudWatchLogsLogGroupArn=GetAtt(logs, "Arn"),
            CloudWatchLogsRoleArn=GetAtt(role, "Arn"),
            Tags=name_tag("audit-trail"),
        )
    )


def _topic(template: Template, parameters: Parameters, key: Key) -> Topic:
    """Add the topic. Where the same person is on call and in operations, the person is told once."""
    on_call, operations = parameters.on_call_email, parameters.operations_email
    add_condition(template, TELLS_ON_CALL, Not(Equals(on_call, "")))
    others = Not(Equals(operations, on_call))
    add_condition(template, TELLS_OPERATIONS, And(Not(Equals(operations, "")), others))
    topic = add_topic(template, "AuditTopic", tag="audit-trail", key=Ref(key), publishers=("cloudwatch",))
    for title, endpoint, condition in (
        ("OnCallMail", on_call, TELLS_ON_CALL),
        ("OperationsMail", operations, TELLS_OPERATIONS),
    ):
        add_subscription(template, title, topic, protocol="email", endpoint=endpoint, condition=condition)
    return topic


def _tell(template: Template, title: str, event: Event, logs: LogGroup, topic: Topic) -> None:
    template.add_resource(metric_filter(title, pattern=event.pattern, log_group_name=Ref(logs)))
    template.add_resource(
        metric_alarm(
            title,
            means=event.means,
            metric=Metric(log_metrics_namespace(), title, {}, "Sum"),
            breach=at_least(1),
            window=WITHIN,
            actions=[Ref(topic)],
        )
    )
