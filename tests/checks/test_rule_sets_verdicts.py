"""The gates themselves: a failure, a stale waiver, a tool that crashed, is another version, or looked at nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.checks.rule_sets import cdk_nag, checkov, cloudsplaining, control_tower
from generator.checks.rule_sets.evaluations import Evaluation, Outcome, ToolError, blind_spots
from generator.checks.rule_sets.folding import Folded
from generator.checks.rule_sets.rule_waivers import RuleWaiver
from generator.checks.rule_sets.subjects import Subject, of_other_roots
from generator.checks.rule_sets.tool_environment import ToolEnvironment, run
from generator.checks.rule_sets.verdicts import RULE_SETS, Figures, evaluate, figures, verdicts
from generator.checks.verdict import Verdict
from generator.errors import UserError
from generator.naming import DELIVERY_BOUNDARY
from generator.release import MANIFEST

ROOT = Path(__file__).parents[2]
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
BUCKET = {"Type": "AWS::S3::Bucket"}

FAILED = Evaluation("CKV_AWS_18", "dev", "Storage/LogBucket", passed=False, message="Ensure logging")
PASSED = Evaluation("CKV_AWS_21", "dev", "Storage/LogBucket", passed=True)
WAIVER = RuleWaiver("waivers[0]", "checkov", "CKV_AWS_18", ("Storage/LogBucket",), ("D11",), "holds the logs itself")


def subject(name: str = "dev", **resources: dict[str, Any]) -> Subject:
    addresses = {logical_id: logical_id for logical_id in resources}
    folded = Folded({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, addresses, {})
    return Subject(name, "platform", {"EnvironmentName": name}, folded)


def judged(
    *evaluations: Evaluation, defects: tuple[str, ...] = (), waivers: tuple[RuleWaiver, ...] = ()
) -> list[Verdict]:
    """Return the verdicts where checkov says this, and the others have nothing to say."""
    first, *others = RULE_SETS
    outcomes = [Outcome(first.name, evaluations, defects), *(Outcome(each.name, ()) for each in others)]
    return verdicts(outcomes, [subject("dev"), subject("prod")], list(waivers))


def fake_tool(folder: Path, output: str, exit_code: int = 0, complaint: str = "") -> ToolEnvironment:
    """An environment whose every program says this."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    (folder / "output").write_text(output)
    python.write_text(f"#!/bin/sh\ncat '{folder}/output'\nprintf '%s' '{complaint}' >&2\nexit {exit_code}\n")
    python.chmod(0o755)
    return ToolEnvironment(folder)


def test_an_unwaived_failure_breaks_the_claim_by_name() -> None:
    verdict, *_ = judged(FAILED, PASSED)
    assert not verdict.holds
    assert verdict.counterexamples == ("CKV_AWS_18 fails for Storage/LogBucket in dev: Ensure logging",)
    assert verdict.evidence == "2 evaluations of 2 rules over 1 templates; 0 waived"


def test_one_line_says_in_how_many_settings_a_rule_fails() -> None:
    in_prod = Evaluation("CKV_AWS_18", "prod", "Storage/LogBucket", passed=False, message="Ensure logging")
    verdict, *_ = judged(FAILED, in_prod)
    assert verdict.counterexamples == ("CKV_AWS_18 fails for Storage/LogBucket in dev and 1 more: Ensure logging",)


def test_a_waived_failure_does_not_and_is_counted() -> None:
    verdict, *_, on_waivers = judged(FAILED, PASSED, waivers=(WAIVER,))
    assert verdict.holds
    assert verdict.evidence.endswith("; 1 waived")
    assert on_waivers.holds


def test_a_waiver_that_applies_to_nothing_is_a_failure() -> None:
    *_, on_waivers = judged(PASSED, waivers=(WAIVER,))
    assert on_waivers.counterexamples == (
        "waivers[0] (checkov CKV_AWS_18): no failure of resource Storage/LogBucket; remove it",
    )


def test_a_tool_that_crashed_is_a_failure_whatever_it_said_before() -> None:
    verdict, *_ = judged(PASSED, defects=("exits with 1: Traceback",))
    assert verdict.counterexamples == ("checkov exits with 1: Traceback",)


def test_a_tool_that_evaluated_nothing_is_named_with_the_template() -> None:
    assert blind_spots(["dev", "prod"], [PASSED]) == ("evaluated nothing in prod",)


def test_where_the_tools_are_missing_no_claim_on_rule_sets_holds(tmp_path: Path) -> None:
    subjects = [subject(Bucket=BUCKET, Policy=policy(EVERYTHING))]
    outcomes = evaluate(subjects, ToolEnvironment(tmp_path))
    assert [outcome.rule_set for outcome in outcomes] == [each.name for each in RULE_SETS]
    for verdict in verdicts(outcomes, subjects, [])[:-1]:
        assert not verdict.holds
        assert "is missing; run make check" in verdict.counterexamples[0]


@pytest.mark.parametrize(
    ("output", "exit_code", "complaint", "expected"),
    [
        ("", 3, "Traceback", "exits with 3: Traceback"),
        ("{}", 0, "Parse Error in rule file", "Parse Error in rule file"),
        ("<html>", 0, "", "prints no JSON"),
        (json.dumps({"results": {}, "summary": {"checkov_version": "0.0.1"}}), 0, "", "checkov is 0.0.1, but 3."),
    ],
    ids=["crashes", "complains", "garbage", "another version"],
)
def test_a_tool_that_cannot_be_believed_is_an_error(
    tmp_path: Path, output: str, exit_code: int, complaint: str, expected: str
) -> None:
    tools = fake_tool(tmp_path / "tools", output, exit_code, complaint)
    with pytest.raises(ToolError, match=expected):
        checkov.evaluate(tools, tmp_path, {})


def test_checkov_without_any_check_that_applies_evaluates_nothing(tmp_path: Path) -> None:
    nothing = json.dumps({"passed": 0, "failed": 0, "checkov_version": "3.3.30"})
    assert checkov.evaluate(fake_tool(tmp_path / "tools", nothing), tmp_path, {}) == []


def test_skipped_checks_are_no_passes(tmp_path: Path) -> None:
    results = {"parsing_errors": [], "skipped_checks": ["CKV_AWS_18"], "passed_checks": [], "failed_checks": []}
    said = json.dumps({"results": results, "summary": {"checkov_version": ToolEnvironment().pinned("checkov")}})
    with pytest.raises(ToolError, match="skips"):
        checkov.evaluate(fake_tool(tmp_path / "tools", said), tmp_path, {})


def test_cloudsplaining_without_its_data_is_not_believed(tmp_path: Path) -> None:
    blind = {"PrivilegeEscalation": [], "ServiceWildcard": ["s3"]}
    said = json.dumps({"version": ToolEnvironment().pinned("cloudsplaining"), "found": [blind]})
    with pytest.raises(ToolError, match="finds no PrivilegeEscalation in a policy that allows everything"):
        cloudsplaining.evaluate(fake_tool(tmp_path / "tools", said), tmp_path, {})


def test_a_rule_that_cfn_guard_leaves_out_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = [{"name": "x.json", "not_compliant": [], "compliant": [], "not_applicable": ["only_this_one"]}]
    monkeypatch.setattr(control_tower, "run", lambda *_: json.dumps(report))
    with pytest.raises(ToolError, match=r"cfn-guard says nothing of .* in x\.json"):
        control_tower.evaluate(ToolEnvironment(ROOT / ".venv-checks"), tmp_path, {"x.json": subject()})


def test_a_rule_of_cdk_nag_that_throws_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"template": "x.json", "rule": "S1", "logical_id": "Bucket", "info": "logs", "error": "not a primitive"}]
    monkeypatch.setattr(cdk_nag, "run", lambda *_, **__: json.dumps(said))
    tools = ToolEnvironment(ROOT / ".venv-checks")
    [evaluation] = cdk_nag.evaluate(tools, tmp_path, {"x.json": subject(Bucket=BUCKET)})
    assert (evaluation.passed, evaluation.finding) == (False, "not evaluated: not a primitive")


def test_a_tool_sees_nothing_of_the_users_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKV_SKIP", "everything")
    said = run(["/usr/bin/env"], tmp_path)
    assert "CKV_SKIP" not in said
    assert f"HOME={tmp_path}" in said


def policy(document: dict[str, Any], **properties: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document, **properties}}


def test_boundaries_are_no_rights_and_everything_else_is() -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyName": "x", "PolicyDocument": EVERYTHING}]}}
    boundary = policy(EVERYTHING, ManagedPolicyName=DELIVERY_BOUNDARY)
    of_all = subject(Boundary=boundary, Other=policy(EVERYTHING), Role=role, Bucket=BUCKET)
    assert [document.logical_id for document in cloudsplaining.documents_of(of_all)] == ["Other", "Role"]
    assert not cloudsplaining.concerns(subject(Boundary=boundary, Bucket=BUCKET))


def test_figures_are_of_one_template() -> None:
    elsewhere = Evaluation("CKV_AWS_18", "prod", "Storage/LogBucket", passed=False)
    other = Evaluation("CKV_AWS_19", "dev", "Storage/LogBucket", passed=False)
    outcome = Outcome("checkov", (FAILED, PASSED, other, elsewhere))
    assert figures([outcome], subject("dev"), [WAIVER]) == [Figures("checkov", passed=1, failed=1, waived=1)]


def root(folder: Path, parameters: dict[str, Any]) -> Path:
    """Write a release with a root of these parameters, the first of which changes its bucket; return it."""
    bucket = {**BUCKET, "Properties": {"BucketName": {"Ref": next(iter(parameters))}}}
    template = {"Parameters": parameters, "Resources": {"Bucket": bucket}}
    (folder / "tools.yaml").write_text(json.dumps(template))
    templates = {"tools.yaml": {"root": True, "sha256": ""}, "network.yaml": {"root": False, "sha256": ""}}
    (folder / MANIFEST).write_text(json.dumps({"version": "1", "released": False, "templates": templates}))
    return folder


def test_other_roots_are_judged_with_every_choice_of_their_parameters(tmp_path: Path) -> None:
    switch = {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]}
    release = root(tmp_path, {"Tests": switch, "ToolsAccountId": {"Type": "String"}})
    [off, on] = of_other_roots(release)
    assert (off.name, off.parameters["Tests"]) == ("tools", "false")
    assert (on.name, on.parameters["Tests"]) == ("tools Tests=true", "true")
    assert on.address("Bucket") == "tools/Bucket"


def test_a_parameter_without_an_example_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Parameters/Novel: has no default; give it an example"):
        of_other_roots(root(tmp_path, {"Novel": {"Type": "String"}}))
