"""The reference of a release, read from its templates: one page for each of them, and an index.

A page has parameters, outputs, resources, alarms, ports and permissions. What has no description cannot be looked up:
that is an error. So is an alarm that does not name its runbook page.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from generator.errors import UserError
from generator.naming import PLATFORM
from generator.reports.markdown_table import table
from generator.reports.reference_alarms import Alarm, alarms, alarms_table
from generator.reports.reference_interface import Settings, outputs, parameters, settings, undescribed
from generator.reports.reference_permissions import permissions
from generator.reports.reference_ports import ports
from generator.reports.reference_resources import resources
from generator.reports.reference_templates import Source, Templates, read
from generator.reports.template_words import in_words

SECTION = "reference"
WRITTEN = "<!-- Written by `make reference` from the templates of the release. Change those, not this page. -->"
TO_ROOT = "../../"
"""The way from a page to the top of the repository."""


def pages(release: Path) -> Mapping[str, str]:
    """Return the pages by their names, such as `web_tier.md`. Raises `UserError` for what nobody could look up."""
    templates = _described(release)
    return {f"{source.name}.md": _page(templates, source) for source in templates.sources}


def index(release: Path, given: Settings) -> str:
    """Return what stands in the index: all pages, the platform's settings, and all alarms. Errors as `pages`."""
    templates = _described(release)
    told = [(source, alarm) for source in templates.sources for alarm in alarms(source.file, source.body)]
    parts = [
        "## Templates",
        _contents(templates),
        "## Settings",
        "The parameters of the root `platform`: an environment sets them in `params/`, and the release gives the rest.",
        settings(templates.platform, given),
        "## Alarms",
        "By name, each with its page of the runbook, and the stack that has it.",
        _alarm_list(told),
    ]
    return "\n\n".join(parts)


def _described(release: Path) -> Templates:
    templates = read(release)
    if missing := [problem for source in templates.sources for problem in undescribed(source)]:
        raise UserError("\n".join(missing))
    return templates


def _contents(templates: Templates) -> str:
    rows = [
        [
            f"[`{source.name}`](reference/{source.name}.md)",
            "root" if source.is_root else "nested",
            source.body["Description"],
            str(len(source.resources)),
            str(len(alarms(source.file, source.body)) or ""),
        ]
        for source in templates.sources
    ]
    return table(["template", "kind", "what it is", "resources", "alarms"], rows)


def _alarm_list(told: list[tuple[Source, Alarm]]) -> str:
    rows = [
        [
            f"[`{alarm.name}`](../{alarm.page})",
            alarm.means,
            alarm.tells,
            f"[`{source.name}`](reference/{source.name}.md#alarms)",
        ]
        for source, alarm in sorted(told, key=lambda each: each[1].name)
    ]
    return table(["alarm", "what it means", "tells", "stack"], rows)


def _page(templates: Templates, source: Source) -> str:
    title = f"# {'Root' if source.is_root else 'Stack'} `{source.name}`"
    parts = [title, WRITTEN, source.body["Description"], _place(templates, source)]
    for heading, content in (
        ("Parameters", _parameters(templates, source)),
        ("Outputs", outputs(templates, source) if source.entries("Outputs") else ""),
        ("Rules", _rules(source)),
        ("Conditions", _conditions(source)),
        ("Alarms", alarms_table(alarms(source.file, source.body), TO_ROOT)),
        ("Ports", ports(templates, source)),
        ("Resources", resources(templates, source)),
        ("Permissions", permissions(source)),
    ):
        if content:
            parts += [f"## {heading}", content]
    return "\n\n".join(parts) + "\n"


def _place(templates: Templates, source: Source) -> str:
    """Say where the template comes from, and what nests it."""
    release = source.file.parent.name
    made = (
        f"Template: [`{source.file.name}`]({TO_ROOT}templates_out/{release}/{source.file.name}); "
        f"source: [`{source.module}`]({TO_ROOT}{source.module})."
    )
    if source.is_root:
        return f"A root, deployed by itself. {made}"
    logical_id = templates.nested[source.name]
    stack = templates.platform.resources[logical_id]
    only = f", only where `{stack['Condition']}`" if "Condition" in stack else ""
    return f"Nested by [`{PLATFORM}`]({PLATFORM}.md) as `{logical_id}`{only}. {made}"


def _parameters(templates: Templates, source: Source) -> str:
    if source.name == PLATFORM:
        return "All of them are [settings](../reference.md#settings)."
    return parameters(templates, source) if source.entries("Parameters") else ""


def _rules(source: Source) -> str:
    """Return what a root refuses before it makes anything."""
    rows = [
        [f"`{name}`", assertion["AssertDescription"]]
        for name, rule in source.entries("Rules").items()
        for assertion in rule["Assertions"]
    ]
    return table(["rule", "what must hold"], rows) if rows else ""


def _conditions(source: Source) -> str:
    rows = [[f"`{name}`", f"`{in_words(value)}`"] for name, value in source.entries("Conditions").items()]
    return table(["condition", "holds where"], rows) if rows else ""
