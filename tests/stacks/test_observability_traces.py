"""D11: the group of an environment's traces, and that servers call themselves as it asks."""

from __future__ import annotations

import re

from generator.parameter_types import EnvironmentName
from tests.intrinsics import Templates, of_type
from tests.user_data.test_printed_files import environment

LONGEST_NAME = 32
"""https://docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html"""


def test_the_group_has_the_traces_of_its_environment_and_no_others(templates: Templates) -> None:
    [group] = of_type(templates["observability"], "AWS::XRay::Group").values()
    expression = group["Properties"]["FilterExpression"]["Fn::Sub"].replace("${EnvironmentName}", "dev")
    assert expression == f'service("{environment()["OTEL_SERVICE_NAME"]}")'


def test_a_rise_of_failures_is_told(templates: Templates) -> None:
    """Insights compare failures with all requests: the group must not hold failures alone."""
    [group] = of_type(templates["observability"], "AWS::XRay::Group").values()
    assert group["Properties"]["InsightsConfiguration"]["InsightsEnabled"] is True
    assert not re.search(r"fault|error|responsetime", group["Properties"]["FilterExpression"]["Fn::Sub"])


def test_the_longest_name_of_an_environment_fits(templates: Templates) -> None:
    longest = "x" * 16
    assert re.fullmatch(EnvironmentName.allowed_pattern or "", longest)
    assert not re.fullmatch(EnvironmentName.allowed_pattern or "", f"{longest}x")
    [group] = of_type(templates["observability"], "AWS::XRay::Group").values()
    name = group["Properties"]["GroupName"]["Fn::Sub"].replace("${EnvironmentName}", longest)
    assert len(name) <= LONGEST_NAME


def test_no_sampling_rule_is_made_that_nothing_reads(templates: Templates) -> None:
    assert not [name for name, template in templates.items() if of_type(template, "AWS::XRay::SamplingRule")]
    assert environment()["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
    assert 0 < float(environment()["OTEL_TRACES_SAMPLER_ARG"]) < 1
