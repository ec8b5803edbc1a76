"""The rule sets, run for real: a broken template fails by the right rules, at the right resource.

All broken templates are judged in one run, each reduced to the stack that is broken: what takes time is the start.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator.checks.rule_sets.evaluations import Outcome
from generator.checks.rule_sets.folding import fold
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.tool_environment import ToolEnvironment
from generator.checks.rule_sets.verdicts import evaluate, verdicts
from tests.releases import RELEASED, Edit, edited_release, resolution, setting

ROOT = Path(__file__).parents[2]
ADMINISTRATION = [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]

Rules = set[tuple[str, str]]
"""Rule sets, each with a rule of it."""

MUTATIONS: dict[str, tuple[Edit, str, Rules]] = {
    "unencrypted database": (
        setting("database", "Database", "StorageEncrypted", False),
        "Database/Database",
        {
            ("checkov", "CKV_AWS_16"),
            ("Control Tower", "rds_instance_storage_encrypted_check"),
            ("cdk-nag", "AwsSolutions-RDS2"),
        },
    ),
    "public database": (
        setting("database", "Database", "PubliclyAccessible", True),
        "Database/Database",
        {("checkov", "CKV_AWS_17"), ("Control Tower", "rds_instance_public_access_check")},
    ),
    "public bucket": (
        setting("storage", "ReleaseBucket", "PublicAccessBlockConfiguration.BlockPublicAcls", False),
        "Storage/ReleaseBucket",
        {
            ("checkov", "CKV_AWS_53"),
            ("Control Tower", "s3_bucket_level_public_access_prohibited_check"),
            ("cdk-nag", "AwsSolutions-S2"),
        },
    ),
    "SSH from anywhere": (
        setting("security", "LoadBalancerInHttps", "FromPort", 22),
        "Security/LoadBalancerInHttps",
        {("checkov", "CKV_AWS_24"), ("Control Tower", "vpc_sg_restricted_common_ports_check")},
    ),
    "key without rotation": (
        setting("encryption", "DataKey", "EnableKeyRotation", False),
        "Encryption/DataKey",
        {
            ("checkov", "CKV_AWS_7"),
            ("Control Tower", "kms_key_rotation_enabled_check"),
            ("cdk-nag", "AwsSolutions-KMS5"),
        },
    ),
    "policy that allows everything": (
        setting("storage", "UseStorage", "PolicyDocument.Statement", ADMINISTRATION),
        "Storage/UseStorage",
        {
            ("checkov", "CKV_AWS_110"),
            ("Control Tower", "iam_inline_policy_no_statements_with_admin_access_check"),
            ("cdk-nag", "AwsSolutions-IAM5"),
            ("cloudsplaining", "PrivilegeEscalation"),
        },
    ),
    "old TLS": (
        setting("ingress", "HttpsListener", "SslPolicy", "ELBSecurityPolicy-2016-08"),
        "Ingress/HttpsListener",
        {("checkov", "CKV_AWS_103")},
    ),
    "instance metadata for everyone": (
        setting("web_tier", "LaunchTemplate", "LaunchTemplateData.MetadataOptions.HttpTokens", "optional"),
        "WebTier/LaunchTemplate",
        {("checkov", "CKV_AWS_79"), ("Control Tower", "ec2_launch_template_imdsv2_check")},
    ),
    "unencrypted files": (
        setting("storage", "FileSystem", "Encrypted", False),
        "Storage/FileSystem",
        {
            ("checkov", "CKV_AWS_42"),
            ("Control Tower", "efs_encrypted_check"),
            ("cdk-nag", "AwsSolutions-EFS1"),
        },
    ),
    "bucket without TLS": (
        setting("storage", "ReleaseBucketPolicy", "PolicyDocument.Statement.0.Condition", None),
        "Storage/ReleaseBucketPolicy",
        {
            ("Control Tower", "s3_bucket_policy_ssl_requests_only_check"),
            ("cdk-nag", "AwsSolutions-S10"),
        },
    ),
}


def reduced(name: str, release: Path, stack: str) -> Subject:
    """Return one stack of a release in dev, as something to be judged."""
    whole = resolution(release, "dev")
    part = {address: each for address, each in whole.resources.items() if each.stack == stack}
    assert part
    return Subject(name, "platform", {"EnvironmentName": "dev"}, fold(replace(whole, resources=part)))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Subject], list[Outcome]]:
    """What the tools say of the release as it is, by stack, and of every mutation."""
    subjects = []
    for name, (edit, address, _) in MUTATIONS.items():
        stack = address.split("/")[0]
        sound = f"sound {stack}"
        if sound not in {subject.name for subject in subjects}:
            subjects.append(reduced(sound, RELEASED, stack))
        subjects.append(reduced(name, edited_release(tmp_path_factory.mktemp("mutation"), edit), stack))
    return subjects, evaluate(subjects, ToolEnvironment(ROOT / ".venv-checks"))


@pytest.mark.parametrize("name", MUTATIONS)
def test_d17_a_broken_template_fails_by_name(judged: tuple[list[Subject], list[Outcome]], name: str) -> None:
    _, outcomes = judged
    _, address, expected = MUTATIONS[name]
    failing = {
        subject: {
            (outcome.rule_set, failure.rule)
            for outcome in outcomes
            for failure in outcome.failures
            if (failure.subject, failure.address) == (subject, address)
        }
        for subject in (name, f"sound {address.split('/')[0]}")
    }
    before = failing[f"sound {address.split('/')[0]}"]
    assert expected <= failing[name]
    # Whatever failed before proves nothing; wildcards in IAM are told apart by their finding, below.
    assert not expected & (before - {("cdk-nag", "AwsSolutions-IAM5")})


def test_a_wildcard_in_iam_is_named(judged: tuple[list[Subject], list[Outcome]]) -> None:
    _, outcomes = judged
    found = {
        failure.finding
        for outcome in outcomes
        for failure in outcome.failures
        if failure.subject == "policy that allows everything" and failure.rule == "AwsSolutions-IAM5"
    }
    assert {"Action::*", "Resource::*"} <= found


def test_every_tool_ran_and_said_so(judged: tuple[list[Subject], list[Outcome]]) -> None:
    _, outcomes = judged
    for outcome in outcomes:
        # Some stacks alone hold nothing that a rule set looks at; that is said, and nothing else is wrong.
        assert all(defect.startswith("evaluated nothing in") for defect in outcome.defects), outcome.defects
        assert any(evaluation.passed for evaluation in outcome.evaluations), outcome.rule_set


def test_a_verdict_names_rule_resource_and_setting(judged: tuple[list[Subject], list[Outcome]]) -> None:
    subjects, outcomes = judged
    by_claim = {verdict.claim.split(" finds")[0]: verdict for verdict in verdicts(outcomes, subjects, [])}
    expected = "CKV_AWS_16 fails for Database/Database in unencrypted database: Ensure all data stored in the RDS"
    assert any(each.startswith(expected) for each in by_claim["checkov"].counterexamples)
