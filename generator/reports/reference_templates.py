"""The templates of a release as the reference reads them, and where values come from: stack by stack, by name.

Nothing is resolved for a setting: the reference speaks of every setting at once, conditions included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from generator.naming import PLATFORM
from generator.nesting import TEMPLATE_URL
from generator.release import read_manifest
from generator.template_yaml import load

STACK = "AWS::CloudFormation::Stack"
WRITTEN_FROM = "# Written by `make templates` from "
"""How the first line of a template begins; then comes its source."""

Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Source:
    """One template of a release."""

    file: Path
    is_root: bool
    body: Mapping[str, Any]
    module: str
    """The Python module that makes it, such as `generator/stacks/web_tier.py`."""

    @property
    def name(self) -> str:
        """The short name, such as `web_tier`."""
        return self.file.stem

    @property
    def resources(self) -> Resources:
        """The resources, by logical id."""
        return self.entries("Resources")

    def entries(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the entries of a section."""
        entries: Mapping[str, Mapping[str, Any]] = self.body.get(section, {})
        return entries


@dataclass(frozen=True)
class Place:
    """A resource or a parameter in one of the templates."""

    source: Source
    logical_id: str

    @property
    def resource(self) -> Mapping[str, Any]:
        """The resource; empty for a parameter."""
        return self.source.resources.get(self.logical_id, {})


@dataclass(frozen=True)
class Templates:
    """All templates of a release: the platform first, what it nests, then the other roots."""

    sources: tuple[Source, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Source]:
        """The templates by their short names."""
        return {source.name: source for source in self.sources}

    @cached_property
    def platform(self) -> Source:
        """The root that nests stacks."""
        return self.by_name[PLATFORM]

    @cached_property
    def nested(self) -> Mapping[str, str]:
        """The logical ids of the nested stacks in the platform, by the short names of their templates."""
        return {
            self._template_of(resource): logical_id
            for logical_id, resource in self.platform.resources.items()
            if resource["Type"] == STACK
        }

    def given(self, source: Source, parameter: str) -> Any:
        """Return what the platform hands a nested stack for a parameter; `None` for a root."""
        if source.name not in self.nested:
            return None
        return self.platform.resources[self.nested[source.name]]["Properties"]["Parameters"][parameter]

    def origin(self, source: Source, value: Any) -> Place | None:
        """Return the resource, or the root's parameter, that a reference ends at; `None` for what is no reference."""
        match value:
            case {"Ref": str(name)} if name in source.resources:
                return Place(source, name)
            case {"Ref": str(name)} if name in source.entries("Parameters"):
                given = self.given(source, name)
                return Place(source, name) if given is None else self.origin(self.platform, given)
            case {"Fn::GetAtt": [str(name), *rest]} if ".".join(rest).startswith("Outputs."):
                stack = self.by_name[self._template_of(source.resources[name])]
                output = stack.entries("Outputs")[".".join(rest).removeprefix("Outputs.")]
                return self.origin(stack, output["Value"])
            case {"Fn::GetAtt": [str(name), *_]}:
                return Place(source, name)
            case {"Fn::If": [_, first, second]}:
                return self.origin(source, first) or self.origin(source, second)
            case {"Fn::Select": [_, chosen]}:
                return self.origin(source, chosen)
        return None

    @cached_property
    def takers(self) -> Mapping[tuple[str, str], list[str]]:
        """Who takes the outputs of nested stacks, by the stack's logical id and the output's name."""
        takers: dict[tuple[str, str], list[str]] = {}
        for section, kind in (("Resources", ""), ("Outputs", "output ")):
            for name, entry in self.platform.entries(section).items():
                for address in _outputs_in(entry):
                    takers.setdefault(address, []).append(f"{kind}`{name}`")
        return takers

    @staticmethod
    def _template_of(stack: Mapping[str, Any]) -> str:
        url: str = stack["Properties"]["TemplateURL"]["Fn::Sub"]
        return Path(url.removeprefix(TEMPLATE_URL)).stem


def read(release: Path) -> Templates:
    """Return the templates of a release."""
    found = []
    for name, entry in read_manifest(release)["templates"].items():
        text = (release / name).read_text(encoding="utf-8")
        module = text.partition("\n")[0].removeprefix(WRITTEN_FROM).partition(".py")[0]
        found.append(Source(release / name, entry["root"], load(text), f"{module}.py"))
    return Templates(tuple(sorted(found, key=lambda each: (each.name != PLATFORM, each.is_root, each.name))))


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
