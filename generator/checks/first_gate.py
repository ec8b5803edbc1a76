"""The first gate: cloudformation-validate, AWS's validator in Rust, says in a moment what is plainly wrong.

It looks at templates before cfn-lint does, so that a misspelled property is reported within half a second instead of
several. What it does not find, cfn-lint may: that one stays the authority, and alone says that a template is valid.
https://github.com/aws-cloudformation/cloudformation-validate
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.checks.lint import REGIONS, Finding

if TYPE_CHECKING:
    from cloudformation_validate import Diagnostic

SUPPRESSED: Mapping[str, str] = MappingProxyType(
    {
        "W1001": "it does not see that `!If` takes the value only under the condition that the resource has, or one "
        "that implies it; cfn-lint does",
        "W2001": "it does not see a parameter that the body of a dashboard names; cfn-lint does",
        "W2509": "it takes a parameter for a password by its name; ours holds the ARN of a secret",
        "W8003": "it decides a condition on the region for the one region that it is told; a template is for several",
        "W9002": "the ARNs are spelled with pseudo parameters and name roles that an administrator makes beforehand",
        "W9003": "CloudFormation converts numbers in quotes, as it documents; cfn-lint's E3012 is not strict either",
        "W9053": "two conditions that mean different things may be decided by the same parameter",
    }
)
"""Rules in which it and cfn-lint disagree over our templates, each with the reason why cfn-lint is right."""

SEVERITIES: Mapping[str, str] = MappingProxyType({"FATAL": "error", "ERROR": "error", "WARN": "warning"})
"""What it calls what fails the gate, and what a finding calls it. The rest is advice."""


def screen(bodies: Mapping[str, bytes]) -> list[Finding]:
    """Return what it finds in templates, given by file name, in the order of the findings; nothing passes."""
    if not bodies:
        return []
    from cloudformation_validate import (
        CelEngine,
        DetailLevel,
        PseudoParameterOverrides,
        RuleFilterConfig,
        Severity,
        TemplateContent,
        ValidateConfig,
    )

    engine = CelEngine()  # of its engines, which find the same, the one that takes half of the time
    config = ValidateConfig(
        exclude=RuleFilterConfig(ids=sorted(SUPPRESSED)),
        detail_level=DetailLevel.STANDARD,
        severity_level=Severity.WARN,
        pseudo_parameter_overrides=PseudoParameterOverrides(region=REGIONS[0]),
    )
    return sorted(
        _finding(name, diagnostic)
        for name, body in bodies.items()
        for diagnostic in engine.validate_template(TemplateContent(body, name), config).diagnostics
    )


def _finding(name: str, diagnostic: Diagnostic) -> Finding:
    where = (diagnostic.property_path or "").replace(".", "/")
    entity = diagnostic.entity
    # Of a resource, the path begins in it; of anything else, with the section.
    path = f"Resources/{entity.logical_id}/{where}".rstrip("/") if entity and entity.resource_type else where
    return Finding(
        template=name,
        line=diagnostic.start_line or 1,
        rule=diagnostic.rule_id,
        severity=SEVERITIES[diagnostic.severity.name],
        path=path,
        message=diagnostic.message,
    )
