"""All proofs of `make check` on a release: exposure, permissions, rule sets of others, supply chain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from generator.checks import exposure, supply_chain
from generator.checks.exposure.proof import PROOF as EXPOSURE
from generator.checks.permissions import proof as permissions
from generator.checks.rule_sets import rule_waivers, subjects
from generator.checks.rule_sets import verdicts as rule_sets
from generator.checks.rule_sets.tool_environment import ToolEnvironment
from generator.checks.settings import Setting, all_settings, resolved
from generator.checks.verdict import Verdict
from generator.environment import TemplateConfiguration
from generator.progress import Say, counted, silent
from generator.resolver import Resolution

RULE_WAIVERS = Path("params") / "rule_waivers.yaml"

PROOFS = (EXPOSURE, permissions.PROOF, rule_sets.PROOF, supply_chain.PROOF)
"""What a verdict's `proof` may be."""


def prove(
    project: Path,
    release: Path,
    configurations: Sequence[TemplateConfiguration],
    tools: ToolEnvironment,
    say: Say = silent,
    only: Collection[str] = PROOFS,
) -> list[Verdict]:
    """Return the verdicts of all proofs, or `only` some of `PROOFS`; those on the templates in every setting.

    `project` is the folder with the sources; `say` is told what is being proved. Raises `UserError` for what cannot be
    examined at all.
    """
    others_asked = rule_sets.PROOF in only
    if permissions.PROOF in only or others_asked:
        tools.refuse_incomplete()
    chosen = counted(all_settings(configurations), "reading setting", say)
    settings = [(setting, resolved(release, setting)) for setting in chosen]
    found: list[Verdict] = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        # The rule sets are programs of their own, and the longest of all: they run while the others are made here.
        of_others = beside.submit(_of_rule_sets, project, release, settings, tools, say) if others_asked else None
        if EXPOSURE in only:
            say(f"who can reach what, in {len(settings)} settings")
            found += exposure.prove(settings)
        if permissions.PROOF in only:
            say(f"who may do what, in {len(settings)} settings")
            found += permissions.prove(release, settings, tools.folder)
        found += of_others.result() if of_others else []
    return [*found, *(supply_chain.prove(project) if supply_chain.PROOF in only else ())]


def _of_rule_sets(
    project: Path,
    release: Path,
    settings: Sequence[tuple[Setting, Resolution]],
    tools: ToolEnvironment,
    say: Say,
) -> list[Verdict]:
    """Return the verdicts of rule sets that others have written."""
    waivers = rule_waivers.load(project / RULE_WAIVERS, [each.name for each in rule_sets.RULE_SETS])
    return rule_sets.prove(settings, subjects.of_other_roots(release), waivers, tools, say)
