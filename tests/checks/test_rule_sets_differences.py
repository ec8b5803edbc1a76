"""What is new in a setting: everything that could get another verdict, and what stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.checks.rule_sets.differences import new_in
from generator.checks.rule_sets.subjects import of_settings
from generator.checks.settings import Setting, all_settings, resolved
from generator.environment import ENVIRONMENTS, load_all
from generator.release import folder_of
from generator.resolver import NESTED_STACK, Resolution, Resource
from tests.releases import released
from tests.releases import settings as settings_of

ROOT = Path(__file__).parents[2]


def resource(address: str, **properties: Any) -> Resource:
    stack, _, logical_id = address.rpartition("/")
    return Resource(stack, logical_id, "AWS::S3::Bucket", properties, {}, None, "some.yaml", ())


def resolution(*resources: Resource) -> Resolution:
    return Resolution("web-platform-dev", "1" * 12, "eu-west-1", {each.address: each for each in resources}, {}, {})


BUCKET = resource("Storage/Bucket")
POLICY = resource("Storage/Policy", Bucket="⟨Storage/Bucket⟩")
OTHER = resource("Storage/Other")


@pytest.mark.parametrize(
    ("later", "there", "context"),
    [
        ((BUCKET, POLICY, OTHER), set(), set()),
        ((BUCKET, POLICY), set(), set()),
        # Without its policy, the bucket may be judged differently.
        ((BUCKET, OTHER), {"Storage/Bucket"}, set()),
        ((BUCKET, POLICY, resource("Storage/Other", Name="x")), {"Storage/Other"}, set()),
        ((BUCKET, resource("Storage/Policy", Bucket="⟨Storage/Bucket⟩", Open=True), OTHER),
         {"Storage/Bucket", "Storage/Policy"}, set()),
        ((BUCKET, POLICY, resource("Edge/Bucket")), {"Edge/Bucket"}, set()),
    ],
)  # fmt: skip
def test_what_could_get_another_verdict_is_judged(
    later: tuple[Resource, ...], there: set[str], context: set[str]
) -> None:
    known: set[str] = set()
    new_in(resolution(BUCKET, POLICY, OTHER), known)
    part, beside = new_in(resolution(*later), known)
    assert (set(part.resources), beside) == (there, context)


def test_what_is_new_has_its_neighbours_beside_it() -> None:
    key = resource("Encryption/Key")
    known: set[str] = set()
    first = (key, resource("Storage/A", Key="⟨Encryption/Key⟩", Log="⟨Storage/B⟩"), resource("Storage/B"))
    new_in(resolution(*first), known)
    changed = (*first[:2], resource("Storage/B", Name="x"))
    part, beside = new_in(resolution(*changed), known)
    assert set(part.resources) == {"Encryption/Key", "Storage/A", "Storage/B"}
    # A is judged again, because its neighbour has changed; the key, two steps away, is only there for A's sake.
    assert beside == {"Encryption/Key"}


def test_a_setting_is_judged_once() -> None:
    known: set[str] = set()
    part, beside = new_in(released("prod"), known)
    assert {each for each, of in released("prod").resources.items() if of.type != NESTED_STACK} == set(part.resources)
    assert beside == frozenset()
    again, _ = new_in(released("prod"), known)
    assert again.resources == {}


def test_environments_are_whole_and_of_further_settings_nothing_new_is_lost() -> None:
    release = folder_of(ROOT / "templates_out")
    settings = [(each, resolved(release, each)) for each in all_settings(load_all(ROOT / "params"))]
    subjects = {subject.name: subject for subject in of_settings(settings)}
    judged: set[str] = set()
    for setting, whole in settings:
        wanted = {each for each, of in whole.resources.items() if of.type != NESTED_STACK}
        subject = subjects.get(setting.name)
        if setting.name in ENVIRONMENTS:
            assert subject is not None
            assert set(subject.folded.addresses.values()) == wanted
        there = set(subject.folded.addresses.values()) - subject.context if subject else set()
        judged |= there
        assert wanted <= judged


def test_the_same_setting_under_another_name_adds_nothing() -> None:
    dev = Setting("dev", settings_of("dev"), "eu-west-1")
    same = Setting("the same", settings_of("dev"), "eu-west-1")
    assert [each.name for each in of_settings([(dev, released("dev")), (same, released("dev"))])] == ["dev"]
