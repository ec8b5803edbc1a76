"""All proofs of `make check` on a release: exposure, permissions, rule sets of others, supply chain."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from generator.checks import exposure, supply_chain
from generator.checks.permissions import proof as permissions
from generator.checks.rule_sets import rule_waivers, subjects
from generator.checks.rule_sets import verdicts as rule_sets
from generator.checks.rule_sets.tool_environment import ToolEnvironment
from generator.checks.settings import all_settings, resolved
from generator.checks.verdict import Verdict
from generator.environment import TemplateConfiguration

RULE_WAIVERS = Path("params") / "rule_waivers.yaml"


def prove(
    project: Path, release: Path, configurations: Sequence[TemplateConfiguration], tools: ToolEnvironment
) -> list[Verdict]:
    """Return the verdicts of all proofs, those on the templates in every setting.

    `project` is the folder with the sources. Raises `UserError` for what cannot be examined at all.
    """
    tools.refuse_incomplete()
    settings = [(setting, resolved(release, setting)) for setting in all_settings(configurations)]
    waivers = rule_waivers.load(project / RULE_WAIVERS, [each.name for each in rule_sets.RULE_SETS])
    with ThreadPoolExecutor(max_workers=1) as beside:
        # The rule sets are programs of their own, and the longest of all: they run while the others are made here.
        of_rule_sets = beside.submit(rule_sets.prove, settings, subjects.of_other_roots(release), waivers, tools)
        made_here = [*exposure.prove(settings), *permissions.prove(release, settings, tools.folder)]
        return [*made_here, *of_rule_sets.result(), *supply_chain.prove(project)]
