"""KMS keys: what each has, and who may do what with one, said once for every key of the platform."""

from __future__ import annotations

from collections.abc import Sequence

import awacs.kms
from awacs.aws import Action, ArnLike, Bool, BoolIfExists, Condition, Deny, Principal, Statement, StringEquals
from troposphere import AWSHelperFn, Ref, Sub, Template
from troposphere.kms import Alias, Key

from generator.iam import account_root, allow_principal, arn, document, from_this_account, service_principal
from generator.naming import name_tag
from generator.nesting import conditional
from generator.retention import retain

EVENTBRIDGE = "events"
"""What EventBridge is called among the principals of services."""

DELETION_WINDOW_DAYS = 30
"""The longest window that KMS offers: the time in which a deleted key can still be brought back."""

SERVICES_WITH_DATA = ("rds", "dynamodb", "elasticfilesystem", "s3", "secretsmanager", "ssm")
"""Through which services what the platform keeps is encrypted."""

SERVICES_WITH_BACKUPS = ("backup", "rds", "dynamodb", "elasticfilesystem", "s3")
"""Through which services backups are made, copied and restored: AWS Backup hands each store's to the store's service.
https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
"""

USE_OF_A_KEY = [
    awacs.kms.Action(name)
    for name in (
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    )
]
ADMINISTRATION_OF_A_KEY = [
    awacs.kms.Action(name)
    for name in (
        "CancelKeyDeletion",
        "CreateAlias",
        "DeleteAlias",
        "DescribeKey",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "GetKeyPolicy",
        "GetKeyRotationStatus",
        "ListGrants",
        "ListKeyPolicies",
        "ListKeyRotations",
        "ListResourceTags",
        "PutKeyPolicy",
        "RevokeGrant",
        "RotateKeyOnDemand",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateKeyDescription",
    )
]


def administration() -> Statement:
    """Return the statement that leaves a key's administration to the account's IAM policies.

    "*" in a key policy is this key alone. The actions leave out encryption and decryption: who administers a key cannot
    read what it protects.
    """
    return allow_principal(
        "AdministrationByIamPolicies",
        Principal("AWS", account_root()),
        ADMINISTRATION_OF_A_KEY,
        ["*"],
    )


def grants_for_aws_alone() -> Statement:
    """Return the statement that keeps grants on a key to AWS services, whatever an IAM policy allows.

    A grant gives the use of a key past its policy.
    https://docs.aws.amazon.com/controltower/latest/controlreference/kms-rules.html#ct-kms-pr-3-description
    """
    neither = {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}
    return Statement(
        Sid="GrantsForAwsAlone",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[awacs.kms.CreateGrant],
        Resource=["*"],
        Condition=Condition(BoolIfExists(neither)),
    )


def use_through_services(services: Sequence[str], *also: Action) -> list[Statement]:
    """Return the statements that leave a key's use to the account's IAM policies, through some services alone.

    A service such as `rds` uses the key in its caller's name, and keeps on using it by a grant. `also` are actions that
    some of the services want besides.
    """
    return [
        allow_principal(
            "UseThroughServicesByIamPolicies",
            Principal("AWS", account_root()),
            [*USE_OF_A_KEY, *also],
            ["*"],
            Condition(_through(services)),
        ),
        grants_through_services(services),
    ]


def grants_through_services(services: Sequence[str]) -> Statement:
    """Return the statement that lets some services get grants on a key, for who may make what they encrypt with it."""
    for_aws_resource = Bool({"kms:GrantIsForAWSResource": "true"})
    return allow_principal(
        "GrantsForServicesByIamPolicies",
        Principal("AWS", account_root()),
        [awacs.kms.CreateGrant],
        ["*"],
        Condition([_through(services), for_aws_resource]),
    )


def _through(services: Sequence[str]) -> StringEquals:
    return StringEquals({"kms:ViaService": [Sub(f"{name}.${{AWS::Region}}.amazonaws.com") for name in services]})


def use_by_backups() -> list[Statement]:
    """Return the statements that let backups be encrypted, copied and restored by the account's IAM policies.

    A new vault makes AWS Backup try the key, and give up the grant that it got for it.
    """
    return use_through_services(SERVICES_WITH_BACKUPS, awacs.kms.RetireGrant)


def use_by_cloudwatch_logs() -> Statement:
    """Return the statement that lets CloudWatch Logs encrypt log groups of this account, and nothing else.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:*")
    return allow_principal(
        "UseByCloudWatchLogs",
        Principal("Service", Sub("logs.${AWS::Region}.amazonaws.com")),
        USE_OF_A_KEY,
        ["*"],
        Condition(ArnLike({"kms:EncryptionContext:aws:logs:arn": groups})),
    )


def use_by_publishers(*services: str) -> list[Statement]:
    """Return the statements that let services of this account publish to topics that a key encrypts.

    EventBridge does not say for whom it asks: KMS would refuse it wherever a condition wants to know.
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    publish = [awacs.kms.Decrypt, awacs.kms.GenerateDataKey]
    return [
        allow_principal(
            f"PublishingBy{service.capitalize()}",
            service_principal(service),
            publish,
            ["*"],
            None if service == EVENTBRIDGE else from_this_account(),
        )
        for service in services
    ]


def add_key(
    template: Template,
    title: str,
    *,
    description: AWSHelperFn | str,
    alias: AWSHelperFn | str,
    tag: str,
    statements: Sequence[Statement],
    condition: str | None = None,
) -> Key:
    """Add a key that rotates and outlives its stack, with its alias: administered by IAM, used as `statements` say."""
    key = template.add_resource(
        retain(
            Key(
                title,
                **conditional(condition),
                Description=description,
                EnableKeyRotation=True,
                PendingWindowInDays=DELETION_WINDOW_DAYS,
                KeyPolicy=document(administration(), grants_for_aws_alone(), *statements),
                Tags=name_tag(tag),
            )
        )
    )
    template.add_resource(Alias(f"{title}Alias", **conditional(condition), AliasName=alias, TargetKeyId=Ref(key)))
    return key
