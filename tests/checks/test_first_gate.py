"""The first gate finds what is plainly wrong, says it as cfn-lint would, and objects to nothing that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks import first_gate
from generator.checks.first_gate import SUPPRESSED, screen
from generator.checks.lint import lint_templates
from generator.release import folder_of

RELEASE = folder_of(Path(__file__).parents[2] / "templates_out")

BUCKET = """\
AWSTemplateFormatVersion: '2010-09-09'
Description: A bucket.
Parameters:
  Purpose:
    Type: String
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BucketName: !Sub ${Purpose}-bucket
      VersioningConfiguration:
        Status: Enabled
Outputs:
  BucketArn:
    Value: !GetAtt Bucket.Arn
"""

MISTAKES = {
    "an unknown type": ("AWS::S3::Bucket", "AWS::S3::Buckets", "Resources/Bucket"),
    "a misspelled property": ("BucketName:", "BucketNam:", "Resources/Bucket/Properties"),
    "a value that is not allowed": ("Status: Enabled", "Status: enabled", "Resources/Bucket/Properties"),
    "a resource that is not there": ("!GetAtt Bucket.Arn", "!GetAtt Buckets.Arn", "Outputs/BucketArn"),
    "an attribute that is not there": ("!GetAtt Bucket.Arn", "!GetAtt Bucket.Arm", "Outputs/BucketArn"),
    "a parameter that is not there": ("${Purpose}", "${Porpoise}", "Resources/Bucket/Properties/BucketName"),
}


@pytest.fixture(scope="module")
def bodies() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(RELEASE.glob("*.yaml"))}


def test_it_objects_to_nothing_in_the_release(bodies: dict[str, bytes]) -> None:
    assert screen(bodies) == []


def test_every_suppressed_rule_would_object_to_something(
    bodies: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that objects to nothing any more is no disagreement: it is taken off the list."""
    monkeypatch.setattr(first_gate, "SUPPRESSED", {})
    findings = screen(bodies)
    assert {finding.rule for finding in findings} == SUPPRESSED.keys()
    assert findings == sorted(findings)


@pytest.mark.parametrize(("right", "wrong", "path"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_found_where_it_is(right: str, wrong: str, path: str) -> None:
    assert screen({"bucket.yaml": BUCKET.encode()}) == []
    text = BUCKET.replace(right, wrong)
    findings = screen({"bucket.yaml": text.encode()})
    assert findings
    for finding in findings:
        assert finding.template == "bucket.yaml"
        assert finding.path.startswith(path), finding
        assert finding.line <= text[: text.index(wrong)].count("\n") + 1, finding


def test_what_it_finds_cfn_lint_finds_too(tmp_path: Path) -> None:
    """It must not fail what the authority would let pass."""
    for number, (right, wrong, _) in enumerate(MISTAKES.values()):
        (tmp_path / f"bucket{number}.yaml").write_text(BUCKET.replace(right, wrong))
    bodies = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    errors = {finding.template for finding in lint_templates(tmp_path, None) if finding.severity == "error"}
    assert {finding.template for finding in screen(bodies)} == errors == bodies.keys()


@pytest.mark.parametrize("text", ["", "{", "[]", "Resources: 1\n", "Resources:\n  A: !Unknown x\n"])
def test_a_template_that_cannot_be_read_is_a_finding(text: str) -> None:
    assert screen({"broken.yaml": text.encode()}) != []


def test_warnings_count() -> None:
    text = BUCKET.replace("    DeletionPolicy: Retain\n", "").replace("!Sub ${Purpose}-bucket", "!Sub fixed")
    assert "warning" in {finding.severity for finding in screen({"bucket.yaml": text.encode()})}


def test_no_template_needs_no_engine() -> None:
    assert screen({}) == []
