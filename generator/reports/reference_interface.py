"""Parameters and outputs of a template: what each is, where it comes from, and where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.naming import PLATFORM
from generator.reports.markdown_table import table
from generator.reports.reference_templates import Source, Templates
from generator.reports.template_words import in_words, names_in

Settings = Mapping[str, Mapping[str, str]]
"""The parameters that each environment gives the platform."""

USERS = {"Resources": "", "Conditions": "condition ", "Rules": "rule ", "Outputs": "output "}
"""The sections of a template that use parameters, and how their entries are called."""

MANY = 12
"""More users than anybody reads: those of the environment's name."""


def undescribed(source: Source) -> Iterator[str]:
    """Yield a complaint for each parameter and output that nobody could look up."""
    for section in ("Parameters", "Outputs"):
        for name, entry in source.entries(section).items():
            if not entry.get("Description", "").strip():
                yield f"{source.file}: {section}.{name}: has no Description; say in one sentence what it is"


def settings(platform: Source, given: Settings) -> str:
    """Return the table of the platform's parameters, with what each environment sets."""
    head = ["parameter", "what it is", "what is allowed", "default", *given, "used by"]
    rows = []
    for name, entry in platform.entries("Parameters").items():
        values = [_code(environment.get(name)) for environment in given.values()]
        rows.append(
            [f"`{name}`", entry["Description"], _allowed(entry), _default(entry), *values, _users(platform, name)]
        )
    return table(head, rows)


def parameters(templates: Templates, source: Source) -> str:
    """Return the table of a template's parameters. A nested stack's come from the platform and have no default."""
    nested = source.name in templates.nested
    head = ["parameter", "what it is", "type", "what is allowed", "comes from" if nested else "default", "used by"]
    rows = []
    for name, entry in source.entries("Parameters").items():
        last = _given(templates.given(source, name)) if nested else _default(entry)
        rows.append(
            [f"`{name}`", entry["Description"], f"`{entry['Type']}`", _constraint(entry), last, _users(source, name)]
        )
    return table(head, rows)


def outputs(templates: Templates, source: Source) -> str:
    """Return the table of a template's outputs, with who takes those of a nested stack."""
    entries = source.entries("Outputs")
    if source.name not in templates.nested:
        return table(["output", "what it is"], [[f"`{name}`", entry["Description"]] for name, entry in entries.items()])
    stack = templates.nested[source.name]
    rows = [
        [f"`{name}`", entry["Description"], ", ".join(templates.takers.get((stack, name), []))]
        for name, entry in entries.items()
    ]
    return table(["output", "what it is", "goes to"], rows)


def _given(value: Any) -> str:
    """Return what the platform hands on: another stack's output, or a parameter of its own."""
    match value:
        case {"Fn::GetAtt": [stack, *rest]}:
            return f"`{stack}`: `{'.'.join(rest).removeprefix('Outputs.')}`"
        case {"Fn::If": [condition, first, second]}:
            return f"{_given(first)} where `{condition}`, else {_given(second)}"
        case {"Ref": str(name)}:
            return f"`{PLATFORM}`: `{name}`"
    return f"`{in_words(value)}`" if value != "" else "empty"


def _allowed(entry: Mapping[str, Any]) -> str:
    return _constraint(entry) or f"`{entry['Type']}`"


def _constraint(entry: Mapping[str, Any]) -> str:
    if words := entry.get("ConstraintDescription"):
        return str(words)
    return ", ".join(f"`{value}`" if value else "empty" for value in entry.get("AllowedValues", []))


def _default(entry: Mapping[str, Any]) -> str:
    return _code(entry["Default"]) if "Default" in entry else "must be given"


def _code(value: object) -> str:
    return "" if value is None else "empty" if value == "" else f"`{value}`"


def _users(source: Source, name: str) -> str:
    users = [
        f"{kind}`{user}`"
        for section, kind in USERS.items()
        for user, entry in source.entries(section).items()
        if name in names_in(entry)
    ]
    return ", ".join(users) if len(users) <= MANY else f"{len(users)} of them, mostly in names"
