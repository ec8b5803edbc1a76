"""What the pipeline is billed for: minutes of its actions and of its builds."""

from __future__ import annotations

from collections.abc import Mapping

from generator.cost.charges import Billed, Charge, Rule, Surroundings
from generator.cost.usage import amount
from generator.errors import UserError
from generator.resolver import Resource

COMPUTE_TYPES = {"BUILD_GENERAL1_SMALL": "codebuild.small", "BUILD_GENERAL1_MEDIUM": "codebuild.medium"}


def _pipeline(resource: Resource, around: Surroundings) -> Billed:
    if resource.properties.get("PipelineType") != "V2":
        raise UserError(f"{resource.template}: {resource.logical_id}: only prices of pipelines of type V2 are known")
    usage = around.usage
    minutes = usage.pipeline_runs * usage.pipeline_minutes
    yield Charge("codepipeline.minute", minutes, "minute", f"{usage.pipeline_runs} executions")


def _build_project(resource: Resource, around: Surroundings) -> Billed:
    compute_type = resource.properties["Environment"]["ComputeType"]
    if compute_type not in COMPUTE_TYPES:
        raise UserError(f"{resource.template}: {resource.logical_id}: no price of {compute_type}")
    usage = around.usage
    minutes = usage.pipeline_runs * amount(usage.build_minutes, resource.logical_id)
    yield Charge(COMPUTE_TYPES[compute_type], minutes, "minute", f"{usage.pipeline_runs} executions")


RULES: Mapping[str, Rule] = {
    "AWS::CodeBuild::Project": _build_project,
    "AWS::CodePipeline::Pipeline": _pipeline,
}
