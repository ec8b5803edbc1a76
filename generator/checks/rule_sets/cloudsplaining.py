"""cloudsplaining's risks, in every policy document that a principal of ours gets.

Risks are what an action without limits to its resources lets somebody do; statements with conditions are passed over.
https://cloudsplaining.readthedocs.io/en/latest/glossary/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from generator.checks.rule_sets.evaluations import Evaluation, ToolError
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.tool_environment import TOOLS, ToolEnvironment, parse, run
from generator.naming import DELIVERY_BOUNDARY, OPERATOR_BOUNDARY, WORKLOAD_BOUNDARY

NAME = "cloudsplaining"

POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")
PRINCIPALS = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")

BOUNDARIES = (WORKLOAD_BOUNDARY, OPERATOR_BOUNDARY, DELIVERY_BOUNDARY)
"""Managed policies that give no rights: what they allow is only the most that other policies could give."""

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
"""A document with every risk: where one is not found in it, the tool has lost its data and its silence says nothing."""


class Document(NamedTuple):
    """A policy document, and where it stands."""

    subject: Subject
    logical_id: str
    content: Mapping[str, Any]


def evaluate(tools: ToolEnvironment, templates: Path, subjects: Mapping[str, Subject]) -> list[Evaluation]:
    """Return what is found in the IAM policies of the flat templates. Raises `ToolError`.

    The documents come from the subjects; `templates` is only where the tool runs.
    """
    documents = [document for subject in subjects.values() for document in documents_of(subject)]
    asked = [ADMINISTRATOR, *(_plain(document.content) for document in documents)]
    output = run([tools.python, TOOLS / "cloudsplaining_policies.py"], templates, text=json.dumps(asked))
    answer: Any = parse(NAME, output)
    tools.check_version("cloudsplaining", answer["version"])
    of_administrator, *found = answer["found"]
    unseen = [risk for risk, findings in of_administrator.items() if not findings]
    if unseen:
        raise ToolError(f"cloudsplaining finds no {', '.join(unseen)} in a policy that allows everything")
    return [each for document, risks in zip(documents, found, strict=True) for each in _evaluations(document, risks)]


def concerns(subject: Subject) -> bool:
    """Whether a subject gives a principal any rights."""
    return any(documents_of(subject))


def documents_of(subject: Subject) -> Iterator[Document]:
    """Yield the policy documents that give a principal rights: its own, and those that are attached to it."""
    for logical_id, resource in subject.folded.template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] in POLICIES and properties.get("ManagedPolicyName") not in BOUNDARIES:
            yield Document(subject, logical_id, properties["PolicyDocument"])
        if resource["Type"] in PRINCIPALS:
            for policy in properties.get("Policies", []):
                yield Document(subject, logical_id, policy["PolicyDocument"])


def _evaluations(document: Document, risks: Mapping[str, list[str]]) -> Iterator[Evaluation]:
    subject, address = document.subject.name, document.subject.address(document.logical_id)
    for risk, findings in risks.items():
        if not findings:
            yield Evaluation(risk, subject, address, passed=True)
        for finding in findings:
            yield Evaluation(risk, subject, address, False, finding, "allowed on every resource, without a condition")


def _plain(value: Any) -> Any:
    """Return a document with text in the place of references: cloudsplaining knows no functions."""
    match value:
        case {"Ref": name}:
            return name
        case {"Fn::GetAtt": [name, attribute]}:
            return f"arn:aws:service:region:account:{name}" if attribute.endswith("Arn") else name
        case {"Fn::Join": [_, parts]}:
            return "".join(_plain(part) for part in parts)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value
