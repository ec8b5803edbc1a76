"""Waivers of third-party rules: what they accept, when they are stale, and what a file of them may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.checks.rule_sets.evaluations import Evaluation
from generator.checks.rule_sets.folding import Folded
from generator.checks.rule_sets.rule_waivers import RuleWaiver, load
from generator.checks.rule_sets.subjects import Subject
from generator.checks.rule_sets.verdicts import RULE_SETS
from generator.errors import UserError

NAMES = [rule_set.name for rule_set in RULE_SETS]
SOUND: dict[str, Any] = {
    "rule_set": "checkov",
    "rule": "CKV_AWS_260",
    "resources": ["Security/LoadBalancerInHttp"],
    "requirements": ["W3"],
    "reason": "Port 80 answers with a redirect and nothing else.",
}
ROOT = Path(__file__).parents[2]


def subject(**parameters: str) -> Subject:
    return Subject("dev", "platform", parameters, Folded({}, {}, {}))


def failure(address: str = "Network/PublicAclIn", finding: str = "") -> Evaluation:
    return Evaluation("VPC3", "dev", address, passed=False, finding=finding)


def waiver(**changed: Any) -> RuleWaiver:
    given = {"resources": ("Network/PublicAcl*",), **changed}
    return RuleWaiver("waivers[0]", "cdk-nag", "VPC3", requirements=("E14",), reason="asked for", **given)


@pytest.mark.parametrize(
    ("waiving", "failing", "of", "accepted"),
    [
        (waiver(), failure(), subject(), True),
        (waiver(), failure("Network/PrivateAclIn"), subject(), False),
        (waiver(), failure(finding="Resource::*"), subject(), False),
        (waiver(findings=("Resource::*",)), failure(finding="Resource::*"), subject(), True),
        (waiver(findings=("Resource::*",)), failure(finding="Action::*"), subject(), False),
        (waiver(findings=("Resource::*",)), failure(), subject(), False),
        (waiver(findings=("all",)), failure(finding="Action::*"), subject(), True),
        (waiver(findings=("all",)), failure(), subject(), False),
        (waiver(findings=("x/{EnvironmentName}/*",)), failure(finding="x/dev/*"), subject(EnvironmentName="dev"), True),
        (
            waiver(findings=("x/{EnvironmentName}/*",)),
            failure(finding="x/dev/*"),
            subject(EnvironmentName="prod"),
            False,
        ),
        (
            waiver(findings=("arn:{Region}:{AccountId}",)),
            failure(finding="arn:eu-west-1:111122223333"),
            subject(),
            True,
        ),
        (waiver(where={"EnvironmentName": ("dev",)}), failure(), subject(EnvironmentName="dev"), True),
        (waiver(where={"EnvironmentName": ("dev",)}), failure(), subject(EnvironmentName="prod"), False),
        (waiver(where={"EnvironmentName": ("dev",)}), failure(), subject(), False),
    ],
)
def test_a_waiver_accepts_what_it_names_and_no_more(
    waiving: RuleWaiver, failing: Evaluation, of: Subject, accepted: bool
) -> None:
    assert waiving.covers("cdk-nag", failing, of) == accepted
    assert not waiving.covers("checkov", failing, of)


def test_every_part_of_a_waiver_must_be_used() -> None:
    waiving = waiver(
        resources=("Network/PublicAcl*", "Network/Gone"),
        findings=("Resource::*", "Action::gone"),
        where={"EnvironmentName": ("dev", "gone")},
    )
    covered = [(failure(finding="Resource::*"), subject(EnvironmentName="dev"))]
    unused = list(waiving.unused(covered))
    assert unused == ["resource Network/Gone", "finding Action::gone", "EnvironmentName gone"]
    assert list(waiver().unused([])) == ["resource Network/PublicAcl*"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rule_set": "cfripper"}, "rule_set: 'cfripper' is none; allowed: checkov, Control Tower, cdk-nag"),
        ({"rule": 7}, "rule: must be a rule's name"),
        ({"resources": []}, "resources: must be a list of text"),
        ({"resources": ["*"]}, "must name a stack or root and a resource"),
        ({"resources": ["*/LogBucket"]}, "must name a stack or root and a resource"),
        ({"resources": ["Storage/*"]}, "must name a stack or root and a resource"),
        ({"requirements": ["because"]}, "requirements: 'because' is none; write ids such as E15"),
        ({"requirements": None}, "requirements: must be a list of text"),
        ({"reason": "false positive"}, "reason: must say in 20 characters"),
        ({"findings": "some"}, "findings: must be a list of text"),
        ({"where": {"EnvironmentName": "dev"}}, "where: must map parameters to lists"),
        ({"where": {"DatabaseMultiAz": [False]}}, "where: must map parameters to lists"),
        ({"expires": "2026-12-31"}, "expires is unknown; allowed: rule_set, rule, resources"),
    ],
)
def test_a_file_that_is_not_sound_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "rule_waivers.yaml"
    path.write_text(yaml.safe_dump({"waivers": [SOUND, {**SOUND, **change}]}))
    with pytest.raises(UserError) as error:
        load(path, NAMES)
    assert f"{path}: waivers[1]: " in str(error.value)
    assert complaint in str(error.value)


@pytest.mark.parametrize("missing", sorted(SOUND))
def test_every_waiver_names_rule_resource_requirement_and_reason(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "rule_waivers.yaml"
    path.write_text(yaml.safe_dump({"waivers": [{key: value for key, value in SOUND.items() if key != missing}]}))
    with pytest.raises(UserError, match=f"{missing} is missing"):
        load(path, NAMES)


@pytest.mark.parametrize("content", ["", "[]", "waivers: {}", "waivers: [", "waivers: []\nother: 1", "waivers: ['x']"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rule_waivers.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"rule_waivers\.yaml: "):
        load(path, NAMES)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path / "rule_waivers.yaml", NAMES)


def test_our_own_waivers_name_requirements_that_exist() -> None:
    known = {"W": 9, "D": 18, "E": 18, "C": 7}
    for waiving in load(ROOT / "params" / "rule_waivers.yaml", NAMES):
        for requirement in waiving.requirements:
            assert 1 <= int(requirement[1:]) <= known[requirement[0]], waiving.key
