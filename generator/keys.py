"""KMS keys: who may do what with one, said once for every key of the platform."""

from __future__ import annotations

import awacs.kms
from awacs.aws import ArnLike, BoolIfExists, Condition, Deny, Principal, Statement
from troposphere import Sub

from generator.iam import account_root, allow_principal, arn

DELETION_WINDOW_DAYS = 30
"""The longest window that KMS offers: the time in which a deleted key can still be brought back."""

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
