"""AWS Control Tower's proactive controls, evaluated by cfn-guard.

https://docs.aws.amazon.com/controltower/latest/controlreference/proactive-controls.html
A rule speaks of all resources of its type at once: passes are counted by rule and template, failures by resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.checks.rule_sets.evaluations import Evaluation, ToolError
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.tool_environment import ToolEnvironment, parse, run

NAME = "Control Tower"

FOUND_FAILURES = 19
"""cfn-guard's exit code where templates fail a rule."""

PACKAGE = "@cdklabs/cdk-validator-cfnguard"
RULES = Path("rules", "control-tower", "cfn-guard")
RULE = re.compile(r"^rule (\w+)\s+when is_cfn_template", re.MULTILINE)
RESOURCE_PATH = re.compile(r"/Resources/(?P<logical_id>\w+)")
DEMAND = re.compile(r"\[CT\.[^\]]+\]: [^\n]+")


def evaluate(tools: ToolEnvironment, templates: Path, subjects: Mapping[str, Subject]) -> list[Evaluation]:
    """Return what the rules say of the flat templates in a folder; `subjects` are by file name. Raises `ToolError`.

    Every rule of every file must say something of every template, if only that it does not apply: cfn-guard leaves out
    a rule file that it cannot read.
    """
    tools.check_version(PACKAGE, tools.installed_from_npm(PACKAGE))
    known = rules(tools)
    options = ["--structured", "--output-format", "json", "--show-summary", "none"]
    files = [part for name in subjects for part in ("--data", name)]
    command: list[str | Path] = [tools.cfn_guard, "validate", "--rules", tools.control_tower / RULES, *files, *options]
    reports: Any = parse(NAME, run(command, templates, (0, FOUND_FAILURES)))
    evaluations: list[Evaluation] = []
    for report in reports:
        failed = {failure["Rule"]["name"]: failure["Rule"] for failure in report["not_compliant"]}
        missing = known - failed.keys() - {*report["compliant"], *report["not_applicable"]}
        if missing:
            raise ToolError(f"cfn-guard says nothing of {', '.join(sorted(missing)[:5])} in {report['name']}")
        evaluations += _evaluations(subjects[Path(report["name"]).name], report["compliant"], failed)
    return evaluations


def rules(tools: ToolEnvironment) -> set[str]:
    """Return the names of all rules. Raises `ToolError` where there are none."""
    files = (tools.control_tower / RULES).rglob("*.guard")
    found = {name for file in files for name in RULE.findall(file.read_text(encoding="utf-8"))}
    if not found:
        raise ToolError(f"{tools.control_tower / RULES}: holds no rules")
    return found


def _evaluations(subject: Subject, passed: list[str], failed: Mapping[str, Any]) -> Iterator[Evaluation]:
    for rule in sorted(set(passed) - failed.keys()):
        yield Evaluation(rule, subject.name, "", passed=True)
    for rule, failure in failed.items():
        demand = DEMAND.search(str(failure))
        message = demand[0].split("\\n")[0] if demand else ""
        resources = sorted(set(_failing_resources(failure["checks"])))
        for address in [subject.address(logical_id) for logical_id in resources] or [""]:
            yield Evaluation(rule, subject.name, address, passed=False, message=message)


def _failing_resources(check: Any) -> Iterator[str]:
    """Yield the logical ids of the resources at which failing clauses point; what they compare *with* is no culprit."""
    if isinstance(check, list):
        for item in check:
            yield from _failing_resources(item)
    elif isinstance(check, dict):
        for key, item in check.items():
            path = RESOURCE_PATH.match(item) if key == "path" and isinstance(item, str) else None
            if path:
                yield path["logical_id"]
            elif key != "to":
                yield from _failing_resources(item)
