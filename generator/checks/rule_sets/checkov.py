"""checkov's CloudFormation checks, without the checks that it would download.

https://www.checkov.io/5.Policy%20Index/cloudformation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.checks.rule_sets.evaluations import Evaluation, ToolError
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.tool_environment import ToolEnvironment, parse, run

NAME = "checkov"

NOTHING_TO_RENDER: Mapping[str, str] = {"RENDER_EDGES_DUPLICATE_PERCENT": "0", "RENDER_EDGES_DUPLICATE_ITER_COUNT": "0"}
"""By these checkov stops following references when it comes to one for the second time. It looks for the values of
parameters, which folded templates do not have: going round eight times finds what going round once does.
https://github.com/bridgecrewio/checkov/blob/3.3.30/checkov/common/graph/graph_builder/variable_rendering/renderer.py
"""


def evaluate(tools: ToolEnvironment, templates: Path, subjects: Mapping[str, Subject]) -> list[Evaluation]:
    """Return what checkov says of a folder of flat templates; `subjects` are by file name. Raises `ToolError`."""
    options = ["--skip-download", "--framework", "cloudformation", "--output", "json", "--compact", "--soft-fail"]
    command: list[str | Path] = [tools.python, "-m", "checkov.main", *options, "--directory", "."]
    report: Any = parse(NAME, run(command, templates, environment=NOTHING_TO_RENDER))
    if not isinstance(report, dict) or "results" not in report:
        # What it prints where no check applies anywhere.
        return []
    tools.check_version("checkov", report["summary"]["checkov_version"])
    results = report["results"]
    if results["parsing_errors"] or results["skipped_checks"]:
        raise ToolError(f"checkov could not read {results['parsing_errors']}, or skips {results['skipped_checks']}")
    return [_evaluation(subjects, check) for check in (*results["passed_checks"], *results["failed_checks"])]


def _evaluation(subjects: Mapping[str, Subject], check: Mapping[str, Any]) -> Evaluation:
    subject = subjects[Path(check["file_path"]).name]
    return Evaluation(
        rule=check["check_id"],
        subject=subject.name,
        address=subject.address(check["resource"].rpartition(".")[2]),
        passed=check["check_result"]["result"] == "PASSED",
        message=check["check_name"],
    )
