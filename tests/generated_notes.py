"""What documents say of releases in figures: `python -m tests.generated_notes` writes it, tests hold it current.

docs/extending.md says how much room is left in a root, docs/upgrading.md what an upgrade does to an environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from generator.checks.changes import ChangeAction, ResourceChange
from generator.checks.environment_impact import EnvironmentImpact, impact_of
from generator.checks.quotas import BODY_IN_REQUEST
from generator.checks.settings import ANY_ACCOUNT, Setting
from generator.cost.accounts import environment_account
from generator.cost.estimate import estimate
from generator.cost.prices import load_prices
from generator.cost.usage import load_usage
from generator.environment import load_all
from generator.release import folder_of, read_manifest
from generator.reports import impact_words
from generator.reports.generated_section import update
from generator.reports.markdown_table import table
from generator.template_yaml import load
from tests.working_copy import ROOT

TEMPLATES_OUT, PARAMS = ROOT / "templates_out", ROOT / "params"
EXTENDING, UPGRADING = ROOT / "docs/extending.md", ROOT / "docs/upgrading.md"
FORMER = "v1.1.0"
"""The release that the current one is an upgrade of."""


def room() -> str:
    """Return how many bytes each root still takes, those with the least room first."""
    release = folder_of(TEMPLATES_OUT)
    sizes = {
        name: (release / name).stat().st_size
        for name, entry in read_manifest(release)["templates"].items()
        if entry["root"]
    }
    rows = [
        [f"`{name}`", f"{size:,}", f"{BODY_IN_REQUEST.gate - size:,}"]
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:4]
    ]
    return table(["root", "bytes", "room"], rows)


def upgrade() -> str:
    """Return what the upgrade from the former release does to each environment."""
    before, after = TEMPLATES_OUT / FORMER, folder_of(TEMPLATES_OUT)
    impacts = impact_of(before, after, load_all(PARAMS), ANY_ACCOUNT, [], date.min)
    return "\n\n".join(
        [
            _counts(impacts),
            "What is replaced, removed, or interrupted while it changes:",
            _hurt(impacts),
            "Roots that are new, which an administrator deploys:",
            _new_roots(before, after),
            "Settings that are new; all have a default:",
            _new_settings(before, after),
        ]
    )


def _counts(impacts: list[EnvironmentImpact]) -> str:
    former, current = _monthly_costs(TEMPLATES_OUT / FORMER), _monthly_costs(folder_of(TEMPLATES_OUT))
    words = [meaning for _, meaning in impact_words.counts(impacts[0].impact)]
    rows = []
    for each in impacts:
        numbers = [str(number) for number, _ in impact_words.counts(each.impact)]
        money = f"{former[each.environment]:.0f} → {current[each.environment]:.0f}"
        rows.append([each.environment, *numbers, str(len(each.dangers)), money])
    return table(["environment", *words, "dangers", "US dollars a month"], rows)


def _monthly_costs(release: Path) -> dict[str, Decimal]:
    """Return what each environment costs with a release, in US dollars."""
    prices, usages = load_prices(), load_usage(PARAMS / "usage.yaml")
    settings = [Setting(each.source.stem, each.parameters(), each.region) for each in load_all(PARAMS)]
    accounts = [environment_account(release, setting) for setting in settings]
    return {account.name: estimate(account, usages, prices).total for account in accounts}


def _hurt(impacts: list[EnvironmentImpact]) -> str:
    found: dict[tuple[str, str, str], list[str]] = {}
    for each in impacts:
        for change in each.impact.changes:
            effect = impact_words.effect(change)
            if change.action is not ChangeAction.ADD and effect != "in place":
                found.setdefault((change.address, effect, _why(change)), []).append(each.environment)
    rows = [[f"`{address}`", effect, why, ", ".join(names)] for (address, effect, why), names in found.items()]
    return table(["resource", "effect", "why, or what changes", "environments"], rows)


def _why(change: ResourceChange) -> str:
    changed = dict.fromkeys(f"`{each.path.partition('[')[0]}`" for each in change.properties)
    return "; ".join(change.notes) or ", ".join(changed) or "no longer in the templates"


def _new_roots(before: Path, after: Path) -> str:
    new = {name for name, entry in read_manifest(after)["templates"].items() if entry["root"]} - _templates(before)
    return table(["root", "what it is"], [[f"`{name}`", _read(after / name)["Description"]] for name in sorted(new)])


def _templates(release: Path) -> set[str]:
    return set(read_manifest(release)["templates"])


def _new_settings(before: Path, after: Path) -> str:
    known = _read(before / "platform.yaml")["Parameters"]
    rows = [
        [f"`{name}`", declared["Description"], f"`{declared['Default']}`" if declared["Default"] else "empty"]
        for name, declared in _read(after / "platform.yaml")["Parameters"].items()
        if name not in known
    ]
    return table(["setting", "what it is", "default"], rows)


def _read(template: Path) -> Mapping[str, Any]:
    body: Mapping[str, Any] = load(template.read_text(encoding="utf-8"))
    return body


SECTIONS = {(EXTENDING, "room"): room, (UPGRADING, f"from {FORMER}"): upgrade}
"""Which section of which document says what."""

if __name__ == "__main__":
    for (page, section), written in SECTIONS.items():
        changed = update(page, section, written())
        print(f"{page.relative_to(ROOT)}: {'written' if changed else 'nothing changed'}")
