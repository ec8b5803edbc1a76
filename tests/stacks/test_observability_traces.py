"""D11: the group of an environment's traces, and that servers call themselves as it asks."""

from __future__ import annotations

import re
from typing import Any

from generator.parameter_types import EnvironmentName
from tests.intrinsics import Templates, of_type
from tests.user_data.scratch_server import SETTINGS
from tests.user_data.test_printed_files import environment

LONGEST_NAME = 32
"""https://docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html"""


def test_the_group_has_the_traces_of_its_environment_and_no_others(templates: Templates) -> None:
    """Of servers and of tasks: the group's own spelling is the one that both are told."""
    [group] = of_type(templates["observability"], "AWS::XRay::Group").values()
    expression = group["Properties"]["FilterExpression"]["Fn::Sub"]
    assert expression.replace("${EnvironmentName}", "dev") == f'service("{environment()["OTEL_SERVICE_NAME"]}")'
    assert expression == f'service("{in_tasks(templates)["OTEL_SERVICE_NAME"]["Fn::Sub"]}")'


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
    """Servers and tasks trace the share that the environment sets."""
    assert not [name for name, template in templates.items() if of_type(template, "AWS::XRay::SamplingRule")]
    assert environment()["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
    assert environment()["OTEL_TRACES_SAMPLER_ARG"] == SETTINGS["TRACE_SHARE"]
    assert in_tasks(templates)["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
    assert in_tasks(templates)["OTEL_TRACES_SAMPLER_ARG"] == {"Ref": "TraceShare"}


def in_tasks(templates: Templates) -> dict[str, Any]:
    """Return the environment of the application in a task, by name."""
    [definition] = of_type(templates["containers"], "AWS::ECS::TaskDefinition").values()
    [application] = [each for each in definition["Properties"]["ContainerDefinitions"] if each["Name"] == "application"]
    return {each["Name"]: each["Value"] for each in application["Environment"]}
