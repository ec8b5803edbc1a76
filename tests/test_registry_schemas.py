"""The schemas that are read as files are those that cfn-lint uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from generator import registry_schemas
from generator.checks.lint import REGIONS
from tests.intrinsics import Templates

ROOT = Path(__file__).parents[1]

SAME = """
import sys

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from generator.registry_schemas import schema

region, *types = sys.argv[1:]
for name in types:
    assert schema(name, region) == PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, name).schema, name
"""


@pytest.mark.parametrize("region", REGIONS)
def test_they_are_what_cfn_lint_reads(templates: Templates, region: str) -> None:
    types = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}
    assert len(types) > 80
    command = [sys.executable, "-c", SAME, region, *sorted(types), "Custom::Anything"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)


def test_cfn_lint_is_not_imported_for_them() -> None:
    program = (
        "import sys; from generator.registry_schemas import handler_permissions;"
        "assert 'ec2:CreateVpc' in handler_permissions('AWS::EC2::VPC', 'eu-west-1')['create'];"
        "assert 'cfnlint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_an_unknown_region_has_those_of_the_first() -> None:
    name = "AWS::EC2::VPC"
    assert registry_schemas.schema(name, "xx-none-1") == registry_schemas.schema(name, registry_schemas.FIRST_REGION)


def test_an_unknown_type_is_none() -> None:
    with pytest.raises(KeyError, match="AWS::No::Such"):
        registry_schemas.schema("AWS::No::Such", "eu-west-1")
