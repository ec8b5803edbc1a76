"""How things are called."""

from __future__ import annotations

import pytest

from generator import __version__
from generator.naming import (
    PROJECT,
    name_tag,
    parameter_path,
    pascal_case,
    root_stack_name,
    short_name,
    stack_logical_id,
    template_file,
    web_server_image_path,
)
from generator.stacks import web_tier


@pytest.mark.parametrize(
    ("snake_case", "pascal"),
    [
        ("vpc_cidr", "VpcCidr"),
        ("network", "Network"),
        ("availability_zone_a", "AvailabilityZoneA"),
        ("database_multi_az", "DatabaseMultiAz"),
    ],
)
def test_pascal_case(snake_case: str, pascal: str) -> None:
    assert pascal_case(snake_case) == pascal


@pytest.mark.parametrize("module", [web_tier, "generator.stacks.web_tier"], ids=["module", "name"])
def test_file_template_and_logical_id_share_the_modules_name(module: object) -> None:
    assert short_name(module) == "web_tier"  # type: ignore[arg-type]
    assert stack_logical_id(module) == "WebTier"  # type: ignore[arg-type]
    assert template_file(module) == "web_tier.yaml"  # type: ignore[arg-type]


def test_name_tag_names_project_and_environment() -> None:
    value = {"Fn::Sub": f"{PROJECT}-${{EnvironmentName}}-vpc"}
    assert name_tag("vpc").to_dict() == [{"Key": "Name", "Value": value}]


def test_name_tag_is_a_new_object_at_every_call() -> None:
    """`Tags.__add__` changes its right operand: a shared object would collect the tags of others."""
    first, second = name_tag("vpc"), name_tag("vpc")
    assert first is not second
    first.tags.append({"Key": "Other", "Value": "x"})
    assert len(name_tag("vpc").to_dict()) == len(second.to_dict()) == 1


def test_parameter_path_is_below_the_environment() -> None:
    path = parameter_path("database", "endpoint").to_dict()
    assert path == {"Fn::Sub": f"/{PROJECT}/${{EnvironmentName}}/database/endpoint"}


def test_root_stack_is_named_after_its_environment() -> None:
    assert root_stack_name("dev") == f"{PROJECT}-dev"


def test_image_is_pinned_for_each_release() -> None:
    assert web_server_image_path() == f"/{PROJECT}/releases/v{__version__}/web-server-image"
    assert web_server_image_path("1.0.0") != web_server_image_path("1.0.1")
