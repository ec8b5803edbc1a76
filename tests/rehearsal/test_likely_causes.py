"""The box of the first failure names a likely cause, and a page of the runbook that there is."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from generator.delivery.deploy import Deployment, Event
from generator.rehearsal.likely_causes import CAUSES, STUCK, UNKNOWN, hint_for
from generator.rehearsal.report import print_deployment
from generator.runbook.pages import read_pages
from tests.releases import ROOT


def failed(reason: str, status: str = "UPDATE_ROLLBACK_COMPLETE") -> Deployment:
    event = Event("Egress", "Address", "AWS::EC2::EIP", "CREATE_FAILED", reason, datetime(2026, 11, 22, tzinfo=UTC))
    return Deployment("web-platform-prod", status, events=[event])


def test_every_page_that_is_named_exists() -> None:
    anchors = {page.anchor for page in read_pages(ROOT / "runbook.md")}
    assert {hint.page for _, hint in CAUSES} | {STUCK.page, UNKNOWN.page} <= anchors


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)", "quota"),
        ("User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: ec2:AllocateAddress", "rights"),
        ("web-platform-prod-files already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/x", "that name"),
        ("Received 0 SUCCESS signal(s) out of 2. Unable to satisfy 100% requirement", "web servers"),
        ("Resource handler returned message: ECS Deployment Circuit Breaker was triggered", "tasks"),
    ],
)
def test_what_aws_says_has_a_likely_cause(reason: str, words: str) -> None:
    assert words in hint_for(failed(reason)).cause


def test_what_nobody_knows_is_not_guessed() -> None:
    assert hint_for(failed("Something went wrong")) == UNKNOWN
    assert "Likely cause" not in printed(failed("Something went wrong"))


def test_a_rollback_that_failed_comes_first() -> None:
    assert hint_for(failed("The maximum number of addresses has been reached.", "UPDATE_ROLLBACK_FAILED")) == STUCK


def test_the_box_shows_cause_and_page() -> None:
    text = printed(failed("The maximum number of addresses has been reached."))
    assert "first failure" in text
    assert "Egress / Address" in text
    assert "Likely cause: a quota of the account is used up" in text
    assert "runbook.md#deploy, or: python -m generator runbook deploy" in text


def printed(deployment: Deployment) -> str:
    output = StringIO()
    print_deployment(Console(file=output, width=120), deployment)
    return output.getvalue()
