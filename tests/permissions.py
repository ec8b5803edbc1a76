"""Ways to break released templates, and what the permission proof then says of one claim.

What is broken is the template, in a copy of the release, as an author would break it; never the tables or the checker.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from generator import template_yaml
from generator.checks.permissions import escalation, proof
from generator.checks.permissions.documents import EXAMINATIONS
from generator.checks.permissions.iam_simulate import Simulator
from generator.checks.permissions.worlds import World, worlds
from generator.checks.settings import Setting, resolved
from generator.checks.verdict import Verdict
from generator.environment import load_all
from generator.release import folder_of

ROOT = Path(__file__).parents[1]
RELEASE = folder_of(ROOT / "templates_out")
TOOLS = ROOT / ".venv-checks"
WORKFLOW = "repo:my-team/my-shop:ref:refs/heads/main"

Templates = dict[str, Any]
Damage = Callable[[Templates], None]


def places(release: Path, *modes: str) -> list[World]:
    """Dev on both computes with all that there can be: bastion, workflow, domain, canary and a second region."""
    given = {"FederatedSubject": WORKFLOW, "DomainName": "shop.example.com", "HostedZoneId": "Z0000000001"}
    given |= {"SyntheticCanary": "true", "RecoveryRegion": "eu-central-1", "RestoreTesting": "true"}
    given |= {"Compute": "both", "ServerPaths": "/checkout/*"}
    parameters = {**load_all(ROOT / "params")[0].parameters(), **given}
    settings = [Setting(mode, {**parameters, "AccessMode": mode}, "eu-west-1") for mode in modes or ("ssm",)]
    return worlds(release, [(setting, resolved(release, setting)) for setting in settings])


@cache
def simulator() -> Simulator:
    return Simulator(TOOLS)


@cache
def released() -> Templates:
    return {path.stem: template_yaml.load(path.read_text(encoding="utf-8")) for path in RELEASE.glob("*.yaml")}


def broken(folder: Path, damage: Damage) -> Path:
    """Return a copy of the release with damage."""
    release = folder / "release"
    shutil.copytree(RELEASE, release)
    templates = deepcopy(released())
    damage(templates)
    changed = {name: template for name, template in templates.items() if template != released()[name]}
    assert changed, "no damage"
    for name, template in changed.items():
        (release / f"{name}.yaml").write_text(template_yaml.dump(template), encoding="utf-8")
    return release


def verdict(release: Path, sentence: str) -> Verdict:
    """Return the verdict on one claim: only what it takes is asked."""
    where = places(release)
    for examination in EXAMINATIONS:
        if examination.sentence == sentence:
            return proof.examined(examination, where)
    steps = escalation.steps(where) if sentence in (proof.STEPS, proof.WAYS) else []
    if sentence == proof.DEPLOYS:
        questions = [proof.of_deployment(where, simulator())]
    else:
        questions = [] if steps else proof.of_tables(where, [sentence])
    found = proof.answers(questions, steps, simulator())
    return next(each for each in found if each.claim == sentence)


# Damage


def properties(templates: Templates, path: str) -> Any:
    """Return what stands at `template/LogicalId/Property/…`, below the resource's properties."""
    template, logical_id, *keys = path.split("/")
    place = templates[template]["Resources"][logical_id]["Properties"]
    for key in keys:
        place = place[int(key) if isinstance(place, list) else key]
    return place


def statements(templates: Templates, path: str) -> list[dict[str, Any]]:
    """Return the statements of a policy document."""
    found: list[dict[str, Any]] = properties(templates, path)["Statement"]
    return found


def named(templates: Templates, path: str, sid: str) -> dict[str, Any]:
    """Return the statement of a policy that has a name."""
    return next(each for each in statements(templates, path) if each["Sid"] == sid)


def put(path: str, sid: str, key: str, value: Any) -> Damage:
    """Set a part of a statement."""

    def damage(templates: Templates) -> None:
        named(templates, path, sid)[key] = value

    return damage


def without(path: str, sid: str, key: str) -> Damage:
    """Take a part of a statement away."""

    def damage(templates: Templates) -> None:
        del named(templates, path, sid)[key]

    return damage


def add(path: str, **statement: Any) -> Damage:
    """Add an allowing statement to a policy."""

    def damage(templates: Templates) -> None:
        statements(templates, path).append({"Sid": "TooMuch", "Effect": "Allow", **statement})

    return damage


def no_statement(path: str, sid: str) -> Damage:
    """Take a statement away."""

    def damage(templates: Templates) -> None:
        statements(templates, path).remove(named(templates, path, sid))

    return damage


def no_property(path: str) -> Damage:
    """Take a property away."""

    def damage(templates: Templates) -> None:
        parent, _, key = path.rpartition("/")
        del properties(templates, parent)[key]

    return damage


class Mutation(NamedTuple):
    """One way to break a template, the claim that must notice, and what the counterexample must say."""

    name: str
    damage: Damage
    claim: str
    says: Sequence[str]


def assert_noticed(mutation: Mutation, folder: Path) -> None:
    """Break a copy of the release, and see the claim fail with the words among its counterexamples."""
    found = verdict(broken(folder, mutation.damage), mutation.claim)
    assert not found.holds
    assert any(all(part in text for part in mutation.says) for text in found.counterexamples), found.counterexamples
