"""What happens to data: both policies on purpose, and no type without a decision."""

from __future__ import annotations

import pytest
from troposphere.dynamodb import Table
from troposphere.ec2 import VPC
from troposphere.logs import LogGroup
from troposphere.rds import DBInstance
from troposphere.s3 import Bucket
from troposphere.secretsmanager import Secret

from generator.retention import (
    GENERATED,
    READ_REPLICA,
    RETENTION,
    discard_generated,
    discard_replica,
    retain,
    retain_audit_log,
)

DELETION_POLICIES = {"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}
REPLACEMENT_POLICIES = {"Delete", "Retain", "Snapshot"}  # CloudFormation knows RetainExceptOnCreate for deletion only


@pytest.mark.parametrize("resource_type", RETENTION)
def test_policies_are_cloudformations(resource_type: str) -> None:
    deletion, replacement = RETENTION[resource_type]
    assert deletion in DELETION_POLICIES
    assert replacement in REPLACEMENT_POLICIES


@pytest.mark.parametrize("resource_type", RETENTION)
def test_what_deletion_keeps_replacement_keeps_too(resource_type: str) -> None:
    deletion, replacement = RETENTION[resource_type]
    assert (deletion == "Delete") == (replacement == "Delete")


@pytest.mark.parametrize(
    "resource_type",
    ["AWS::RDS::DBInstance", "AWS::DynamoDB::Table", "AWS::EFS::FileSystem", "AWS::S3::Bucket", "AWS::KMS::Key"],
)
def test_d10_data_and_its_keys_are_never_deleted(resource_type: str) -> None:
    assert "Delete" not in RETENTION[resource_type]


def test_retain_gives_both_policies_and_returns_the_resource() -> None:
    bucket = Bucket("Some")
    assert retain(bucket) is bucket
    assert bucket.to_dict() == {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
    }


def test_retain_refuses_a_type_that_nobody_decided_on() -> None:
    with pytest.raises(KeyError, match="AWS::EC2::VPC"):
        retain(VPC("Vpc"))


def test_retain_does_not_share_state_between_resources() -> None:
    table, database = retain(Table("Table")), retain(DBInstance("Database"))
    assert (table.DeletionPolicy, database.DeletionPolicy) == ("RetainExceptOnCreate", "Snapshot")


def test_replica_leaves_no_snapshot() -> None:
    """RDS takes no final snapshot of a replica, and refuses the deletion that asks for one."""
    replica = discard_replica(DBInstance("Replica"))
    assert (replica.DeletionPolicy, replica.UpdateReplacePolicy) == READ_REPLICA == ("Delete", "Delete")


def test_d9_who_did_what_outlives_its_stack() -> None:
    group = retain_audit_log(LogGroup("Access"))
    assert (group.DeletionPolicy, group.UpdateReplacePolicy) == ("RetainExceptOnCreate", "Retain")


def test_a_secret_that_is_made_up_goes_with_its_stack() -> None:
    """Otherwise each move to containers and back would leave some behind, which cost and open nothing."""
    secret = discard_generated(Secret("Made"))
    assert (secret.DeletionPolicy, secret.UpdateReplacePolicy) == GENERATED == ("Delete", "Delete")
