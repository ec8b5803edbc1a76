"""Protections by Shield Advanced, to which an account must be subscribed (D8)."""

from __future__ import annotations

from troposphere import AWSHelperFn, Template
from troposphere.shield import Protection

from generator.naming import PROJECT, in_environment, name_tag


def add_protection(template: Template, title: str, what: str, resource_arn: AWSHelperFn, condition: str) -> None:
    """Protect a resource where the condition holds; `what` it is ends the protection's name."""
    template.add_resource(
        Protection(
            title,
            Condition=condition,
            Name=in_environment(f"{PROJECT}-${{EnvironmentName}}-{what}"),
            ResourceArn=resource_arn,
            Tags=name_tag(f"{what}-protection"),
        )
    )
