"""The identifiers that the permission proof gives to what is not deployed yet: of the form that AWS gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generator.checks.permissions.identifiers import Identifiers
from generator.checks.settings import Setting, resolved
from generator.environment import load_all
from generator.release import folder_of
from generator.resolver import references

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def identifiers() -> Identifiers:
    setting = Setting("prod", load_all(ROOT / "params")[2].parameters(), "eu-west-1")
    return Identifiers(resolved(folder_of(ROOT / "templates_out"), setting))


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("Security/WebServerRole", r"arn:aws:iam::\d{12}:role/web-platform-prod-Securi-WebServerRole-[0-9A-F]{12}"),
        ("Storage/LogBucket", r"arn:aws:s3:::web-platform-prod-storag-logbucket-[0-9a-f]{12}"),
        ("Encryption/DataKey", r"arn:aws:kms:eu-west-1:\d{12}:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("Network/Vpc", r"arn:aws:ec2:eu-west-1:\d{12}:vpc/vpc-[0-9a-f]{17}"),
        ("Observability/PageTopic", r"arn:aws:sns:eu-west-1:\d{12}:web-platform-prod-Observ-PageTopic-[0-9A-F]{12}"),
        ("Observability/Outage", r"arn:aws:cloudwatch:eu-west-1:\d{12}:alarm:web-platform-prod-Observ-Outage-\w{12}"),
        ("Observability/Canary", r"arn:aws:synthetics:eu-west-1:\d{12}:canary:web-platform-prod"),
        ("Recovery/BackupVault", r"arn:aws:backup:eu-west-1:\d{12}:backup-vault:web-platform-prod-.+"),
        ("Cost/Budget", r"arn:aws:budgets::\d{12}:budget/web-platform-prod-.+"),
        ("Ingress/LoadBalancer", r"arn:aws:elasticloadbalancing:.*:loadbalancer/app/web-p-LoadB-[0-9A-F]{12}/\w{16}"),
    ],
)
def test_arns_are_of_the_form_that_aws_gives(identifiers: Identifiers, address: str, form: str) -> None:
    assert re.fullmatch(form, identifiers.arn(address))


def test_names_fit_what_aws_allows(identifiers: Identifiers) -> None:
    """An IAM name has at most 64 characters, a bucket's and a database's at most 63."""
    resources = identifiers.resolution.resources
    longest = {
        kind: max(len(identifiers.ref(each.address)) for each in resources.values() if each.type == kind)
        for kind in ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::RDS::DBInstance")
    }
    assert max(longest.values()) <= 63


def test_no_symbol_of_a_resource_is_left(identifiers: Identifiers) -> None:
    concrete = [identifiers.concrete(each.properties) for each in identifiers.resolution.resources.values()]
    assert references([each.properties for each in identifiers.resolution.resources.values()])
    assert references(concrete) == set()


def test_the_same_resource_has_the_same_identifier_every_time(identifiers: Identifiers) -> None:
    again = Identifiers(identifiers.resolution)
    assert identifiers.arn("Security/WebServerRole") == again.arn("Security/WebServerRole")
