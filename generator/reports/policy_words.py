"""Statements of policies in words: who, what, on what, and where. Nothing of a statement is left out.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generator.reports.template_words import in_words

Statement = Mapping[str, Any]

SHORT = (
    (re.compile(r"^arn:\$\{AWS::Partition\}:"), ""),
    (re.compile(r"\$\{AWS::Region\}"), "{region}"),
    (re.compile(r"\$\{AWS::AccountId\}"), "{account}"),
    (re.compile(r"\$\{!(\w[\w:.]*)\}"), r"${\1}"),
)
"""What is left out or said shorter in every ARN."""

OPERATORS = {
    "StringEquals": "is",
    "StringNotEquals": "is not",
    "StringLike": "is like",
    "StringNotLike": "is not like",
    "ArnEquals": "is",
    "ArnNotEquals": "is not",
    "ArnLike": "is like",
    "ArnNotLike": "is not like",
    "Bool": "is",
    "NumericLessThan": "is less than",
}
"""Operators of conditions. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

EVERY, IF_GIVEN = "ForAllValues:", "IfExists"


def actions(statement: Statement) -> str:
    """Return what a statement allows or denies, service by service."""
    but = "NotAction" in statement
    words = "<br>".join(_by_service(statement["NotAction" if but else "Action"]))
    words = f"everything but {words}" if but else words
    return words if statement["Effect"] == "Allow" else f"**never** {words}"


def _by_service(named: Any) -> Iterator[str]:
    services: dict[str, list[str]] = {}
    for action in [named] if isinstance(named, str) else named:
        service, _, operation = action.partition(":")
        services.setdefault(service, []).append(operation)
    for service, operations in services.items():
        if service == "*":
            yield "everything"
        else:
            yield f"{service}: {', '.join(f'`{operation}`' for operation in operations)}"


def principals(statement: Statement) -> str:
    """Return whom a statement speaks of."""
    whom = statement["Principal"]
    if whom == "*":
        return "anybody"
    words = []
    for kind, named in whom.items():
        assert kind in ("AWS", "Service", "Federated"), kind
        words.append("anybody" if named == "*" else targets(named))
    return ", ".join(words)


def targets(named: Any) -> str:
    """Return resources as a reader names them: ARNs without their beginning, references by name."""
    items = named if isinstance(named, list) else [named]
    return ", ".join(words for item in items if (words := _target(item)))


def condition(statement: Statement) -> str:
    """Return where a statement holds, which is where all of this is so; empty where it always does.

    Raises `ValueError` for an operator that has no words yet.
    """
    parts = []
    for operator, tests in statement.get("Condition", {}).items():
        for key, values in tests.items():
            parts.append(_test(operator, key, values))
    return "; ".join(parts)


def _test(operator: str, key: str, values: Any) -> str:
    if operator == "Null":
        return f"`{key}` is {'not given' if str(values).lower() == 'true' else 'given'}"
    name = operator.removeprefix(EVERY).removesuffix(IF_GIVEN)
    if name not in OPERATORS:
        raise ValueError(f"{operator} is not told in words yet: {key}")
    items = values if isinstance(values, list) else [values]
    wanted = " or ".join(words for item in items if (words := _target(item)))
    every = "every " if operator.startswith(EVERY) else ""
    given = ", if given" if operator.endswith(IF_GIVEN) else ""
    return f"{every}`{key}` {OPERATORS[name]} {wanted}{given}"


def _target(item: Any) -> str:
    match item:
        case "*":
            return "everything"
        case {"Fn::If": [name, first, second]}:
            here, there = targets(first), targets(second)
            if here and there:
                return f"{here} where `{name}`, else {there}"
            return f"{here} where `{name}`" if here else f"{there} unless `{name}`"
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]} | str(text):
            for pattern, shorter in SHORT:
                text = pattern.sub(shorter, text)
            return f"`{text}`"
        case bool():
            return f"`{str(item).lower()}`"
    words = in_words(item)
    return f"`{words}`" if words else ""
