"""The reference: every parameter, output and alarm of a release, read from its templates, as Markdown.

What has no description cannot be looked up: that is an error. So is an alarm that does not name its runbook page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.naming import PLATFORM
from generator.release import read_manifest
from generator.reports.markdown_table import table
from generator.reports.reference_alarms import alarms
from generator.reports.template_words import names_in
from generator.template_yaml import load

SECTION = "reference"
STACK = "AWS::CloudFormation::Stack"

Settings = Mapping[str, Mapping[str, str]]
"""The parameters that each environment gives the platform."""

USERS = {"Resources": "", "Conditions": "condition ", "Rules": "rule ", "Outputs": "output "}
"""The sections of a template that use parameters, and how their entries are called."""


MANY = 20
"""More users than anybody reads: those of the environment's name."""


@dataclass(frozen=True)
class Source:
    """One template of a release."""

    file: Path
    is_root: bool
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The short name, such as `web_tier`."""
        return self.file.stem

    def entries(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the entries of a section."""
        entries: Mapping[str, Mapping[str, Any]] = self.body.get(section, {})
        return entries


def markdown(release: Path, settings: Settings) -> str:
    """Return the reference of a release. Raises `UserError` for what has no description."""
    sources = read_sources(release)
    if missing := [problem for source in sources for problem in _undescribed(source)]:
        raise UserError("\n".join(missing))
    takers = _takers(sources)
    chapters = [_chapter(source, settings, takers) for source in sources]
    return "\n\n".join([_contents(sources), *chapters])


def read_sources(release: Path) -> list[Source]:
    """Return the templates of a release: the platform first, what it nests, then the other roots."""
    found = []
    for name, entry in read_manifest(release)["templates"].items():
        body = load((release / name).read_text(encoding="utf-8"))
        found.append(Source(release / name, entry["root"], body))
    return sorted(found, key=lambda each: (each.name != PLATFORM, each.is_root, each.name))


def _undescribed(source: Source) -> Iterator[str]:
    for section in ("Parameters", "Outputs"):
        for name, entry in source.entries(section).items():
            if not entry.get("Description", "").strip():
                yield f"{source.file}: {section}.{name}: has no Description; say in one sentence what it is"


def _takers(sources: list[Source]) -> dict[tuple[str, str], list[str]]:
    """Return who takes the outputs of nested stacks, by the stack's logical id and the output's name."""
    takers: dict[tuple[str, str], list[str]] = {}
    [platform] = [source for source in sources if source.name == PLATFORM]
    for section, kind in (("Resources", ""), ("Outputs", "output ")):
        for name, entry in platform.entries(section).items():
            for address in _outputs_in(entry):
                takers.setdefault(address, []).append(f"{kind}`{name}`")
    return takers


def _outputs_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the outputs of nested stacks that a value takes, once each."""
    seen: dict[tuple[str, str], None] = {}

    def walk(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                walk(item)
        elif isinstance(part, dict):
            stack, *rest = part.get("Fn::GetAtt", [""])
            if ".".join(rest).startswith("Outputs."):
                seen[stack, ".".join(rest).removeprefix("Outputs.")] = None
            for item in part.values():
                walk(item)

    walk(value)
    yield from seen


def _contents(sources: list[Source]) -> str:
    rows = [
        f"| [`{source.file.name}`](#{source.file.name.replace('.', '')}) | {source.body['Description']} |"
        for source in sources
    ]
    return "\n".join(["| template | what it is |", "|---|---|", *rows])


def _chapter(source: Source, settings: Settings, takers: Mapping[tuple[str, str], list[str]]) -> str:
    kind = "A root." if source.is_root else f"Nested by `{PLATFORM}.yaml`."
    parts = [f"## `{source.file.name}`", f"{source.body['Description']} {kind}"]
    if source.entries("Parameters"):
        parts.append(_parameters(source, settings if source.name == PLATFORM else {}))
    if source.entries("Outputs"):
        parts.append(_outputs(source, takers))
    if told := alarms(source.file, source.body):
        parts.append(told)
    return "\n\n".join(parts)


def _parameters(source: Source, settings: Settings) -> str:
    head = ["parameter", "what it is", "what is allowed", "default", *settings, "used by"]
    rows = []
    for name, entry in source.entries("Parameters").items():
        given = [_code(values.get(name)) for values in settings.values()]
        rows.append([f"`{name}`", entry["Description"], _allowed(entry), _default(entry), *given, _users(source, name)])
    return table(head, rows)


def _allowed(entry: Mapping[str, Any]) -> str:
    if words := entry.get("ConstraintDescription"):
        return str(words)
    if values := entry.get("AllowedValues"):
        return ", ".join(f"`{value}`" if value else "empty" for value in values)
    return f"`{entry['Type']}`"


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


def _outputs(source: Source, takers: Mapping[tuple[str, str], list[str]]) -> str:
    if source.is_root:
        return table(
            ["output", "what it is"],
            [[f"`{name}`", entry["Description"]] for name, entry in source.entries("Outputs").items()],
        )
    stack = "".join(word.capitalize() for word in source.name.split("_"))
    return table(
        ["output", "what it is", "goes to"],
        [
            [f"`{name}`", entry["Description"], ", ".join(takers.get((stack, name), []))]
            for name, entry in source.entries("Outputs").items()
        ],
    )
