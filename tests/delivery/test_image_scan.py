"""D17: an image with a critical vulnerability is not promoted, unless somebody has looked at it and waived it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from generator.delivery.image_scan import Patience, refuse_vulnerable
from generator.delivery.image_waivers import ImageWaiver, load
from generator.delivery.images import Image
from generator.errors import UserError

TODAY = date(2026, 11, 21)
IMAGE = Image("ApplicationImage", "web-platform/application", "abc", Path("application"))
AT_ONCE = Patience(seconds=60, pause=0)
OPERATION = "describe_image_scan_findings"
WAIVER = """\
waivers:
  - vulnerability: CVE-2026-1
    reason: In the parser of a format that is never read.
    added: 2026-11-21
    expires: 2026-12-15
"""


def basic(*findings: tuple[str, str]) -> dict[str, Any]:
    return {"findings": [{"name": name, "severity": severity} for name, severity in findings]}


def enhanced(name: str, severity: str) -> dict[str, Any]:
    finding = {"severity": severity, "packageVulnerabilityDetails": {"vulnerabilityId": name}}
    return {"enhancedFindings": [{"findingArn": "arn:aws:inspector2:::finding/1", **finding}]}


def examined(
    states: list[str], findings: dict[str, Any] | None = None, *waived: str, patience: Patience = AT_ONCE
) -> list[str]:
    """Let ECR answer with these states, one after the other, and with findings; return what was said."""
    ecr = boto3.client("ecr", "eu-west-1", aws_access_key_id="id", aws_secret_access_key="secret")
    lines: list[str] = []
    with Stubber(ecr) as answers:
        for state in states:
            if state == "none yet":
                answers.add_client_error(OPERATION, "ScanNotFoundException")
            else:
                answers.add_response(OPERATION, {"imageScanStatus": {"status": state, "description": "so it is"}})
        if findings is not None:
            answers.add_response(OPERATION, {"imageScanFindings": findings})
        waivers = [ImageWaiver("waivers[0]", name, "reason", TODAY) for name in waived]
        refuse_vulnerable(ecr, [IMAGE], waivers, lines.append, patience)
        answers.assert_no_pending_responses()
    return lines


@pytest.mark.parametrize("state", ["COMPLETE", "ACTIVE"])
def test_an_image_without_a_critical_vulnerability_passes(state: str) -> None:
    [line] = examined([state], basic(("CVE-2026-1", "HIGH"), ("CVE-2026-2", "LOW")))
    assert line == "web-platform/application:abc: scanned, critical: none"


@pytest.mark.parametrize("findings", [basic(("CVE-2026-1", "CRITICAL")), enhanced("CVE-2026-1", "CRITICAL")])
def test_a_critical_vulnerability_is_refused_by_name(findings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"application:abc: CVE-2026-1: .*waive each in params/image_waivers\.yaml$"):
        examined(["COMPLETE"], findings)


def test_what_is_waived_passes_and_nothing_else() -> None:
    found = basic(("CVE-2026-1", "CRITICAL"), ("CVE-2026-2", "CRITICAL"))
    assert examined(["COMPLETE"], found, "CVE-2026-1", "CVE-2026-2")
    with pytest.raises(UserError) as refused:
        examined(["COMPLETE"], found, "CVE-2026-1")
    assert "CVE-2026-2" in str(refused.value)
    assert "CVE-2026-1" not in str(refused.value)


def test_a_scan_is_waited_for() -> None:
    assert examined(["none yet", "PENDING", "IN_PROGRESS", "COMPLETE"], basic())


def test_a_scan_that_does_not_end_is_no_success() -> None:
    with pytest.raises(UserError, match="its scan is IN_PROGRESS"):
        examined(["IN_PROGRESS"], patience=Patience(seconds=0, pause=0))
    with pytest.raises(UserError, match="its scan is PENDING"):
        examined(["none yet"], patience=Patience(seconds=0, pause=0))


@pytest.mark.parametrize("state", ["FAILED", "FINDINGS_UNAVAILABLE", "SCAN_ELIGIBILITY_EXPIRED"])
def test_a_scan_that_failed_is_no_success(state: str) -> None:
    with pytest.raises(UserError, match=f"its scan is {state}: so it is"):
        examined([state])


def test_an_image_that_cannot_be_scanned_is_named() -> None:
    [line] = examined(["UNSUPPORTED_IMAGE"])
    assert line == "web-platform/application:abc: is not scanned: so it is"


# Waivers


def written(folder: Path, text: str) -> Path:
    path = folder / "image_waivers.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_waivers_are_good_until_their_last_day(tmp_path: Path) -> None:
    path = written(tmp_path, WAIVER)
    assert [waiver.vulnerability for waiver in load(path, date(2026, 12, 15))] == ["CVE-2026-1"]
    assert load(path, date(2026, 12, 16)) == []


def test_no_file_is_no_waiver(tmp_path: Path) -> None:
    assert load(tmp_path / "image_waivers.yaml", TODAY) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("CVE-2026-1", "''"), "vulnerability: must be its name"),
        (("In the parser of a format that is never read.", "ok"), "reason: must say in 15 characters"),
        (("2026-12-15", "2027-12-15"), "expires: 2027-12-15 must be 0 to 90 days after added"),
        (("vulnerability", "cve"), "cve is unknown; allowed: vulnerability, reason, added, expires"),
    ],
)
def test_a_wrong_waiver_is_refused(tmp_path: Path, wrong: tuple[str, str], message: str) -> None:
    path = written(tmp_path, WAIVER.replace(*wrong))
    with pytest.raises(UserError, match=rf"image_waivers\.yaml: waivers\[0\]: {message}"):
        load(path, TODAY)
