"""D10: what an environment keeps in its second region, under names that the first region knows beforehand."""

from __future__ import annotations

from generator.naming import BOOTSTRAP_STACKS, RECOVERY_REGION_STACK
from generator.parameter_types import EnvironmentName
from tests.intrinsics import Templates, of_type

LONGEST_ENVIRONMENT = "a23456789-123456"
BUCKET_NAME_LENGTH, VAULT_NAME_LENGTH = 63, 50
ACCOUNT_ID = "123456789012"


def test_names_are_short_enough_for_every_environment(templates: Templates) -> None:
    EnvironmentName.parse(LONGEST_ENVIRONMENT)

    def longest(template: str) -> str:
        return template.replace("${EnvironmentName}", LONGEST_ENVIRONMENT).replace("${AWS::AccountId}", ACCOUNT_ID)

    buckets = [bucket["Properties"] for bucket in of_type(templates["recovery_region"], "AWS::S3::Bucket").values()]
    named = [bucket["BucketName"]["Fn::Sub"] for bucket in buckets if "BucketName" in bucket]
    assert len(named) == 2
    for name in named:
        assert len(longest(name)) <= BUCKET_NAME_LENGTH
    vault = templates["recovery_region"]["Resources"]["RecoveryVault"]["Properties"]["BackupVaultName"]["Fn::Sub"]
    assert len(longest(vault)) <= VAULT_NAME_LENGTH
    [text, values] = templates["recovery"]["Resources"]["BackupVault"]["Properties"]["BackupVaultName"]["Fn::Sub"]
    assert list(values) == ["OfThisStack"], "eight characters of the stack's id"
    assert len(longest(text).replace("${OfThisStack}", "01234567")) <= VAULT_NAME_LENGTH


def test_replicas_are_encrypted_by_the_key_that_the_first_region_names(templates: Templates) -> None:
    [alias] = of_type(templates["recovery_region"], "AWS::KMS::Alias").values()
    assert alias["Properties"]["TargetKeyId"] == {"Ref": "RecoveryKey"}
    [_, configuration, _] = templates["storage"]["Resources"]["ReleaseBucket"]["Properties"][
        "ReplicationConfiguration"
    ]["Fn::If"]
    [text, values] = configuration["Rules"][0]["Destination"]["EncryptionConfiguration"]["ReplicaKmsKeyID"]["Fn::Sub"]
    assert text == "arn:${AWS::Partition}:kms:${RecoveryRegion}:${AWS::AccountId}:${Alias}"
    assert values == {"Alias": alias["Properties"]["AliasName"]}


def test_every_bucket_is_logged_and_the_log_of_nobody_else(templates: Templates) -> None:
    buckets = of_type(templates["recovery_region"], "AWS::S3::Bucket")
    for title in ("WebsiteReplica", "ReleasesReplica"):
        logging = buckets[title]["Properties"]["LoggingConfiguration"]
        assert logging["DestinationBucketName"] == {"Ref": "AccessLogBucket"}, title
    statement = templates["recovery_region"]["Resources"]["AccessLogBucketPolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ][1]
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == [
        {"Fn::GetAtt": ["WebsiteReplica", "Arn"]},
        {"Fn::GetAtt": ["ReleasesReplica", "Arn"]},
    ]


def test_d9_no_deployment_reaches_it() -> None:
    assert RECOVERY_REGION_STACK in BOOTSTRAP_STACKS
