"""The command `check`, as far as it is not the proofs themselves: what is asked for, and what it says as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from generator import check_command
from generator.check_command import PROOFS, check
from generator.checks import proofs
from generator.checks.verdict import Verdict
from generator.errors import UserError
from tests.json_reports import read
from tests.releases import ROOT

BROKEN = Verdict("exposure", "Nobody reaches the database", ("E6",), "1 setting", ("tcp 5432 from anywhere",))


@pytest.fixture(autouse=True)
def without_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(check_command, "CHECK_TOOLS", tmp_path / "no-tools")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments, catch_exceptions=False)


def test_every_proof_can_be_asked_for() -> None:
    assert [name.replace("-", " ") for name in PROOFS] == list(proofs.PROOFS)


def test_one_proof_needs_no_tools_and_is_json_alone() -> None:
    result = run("--only", "exposure", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = read("check", result.stdout)
    assert {each["proof"] for each in found["claims"]} == {"exposure"}
    assert not found["fails"]


@pytest.mark.parametrize("proof", ["permissions", "rule-sets"])
def test_proofs_that_need_tools_say_so(proof: str) -> None:
    with pytest.raises(UserError, match="run make check"):
        run("--only", proof)


def test_some_claims_are_not_written_as_if_they_were_all() -> None:
    with pytest.raises(UserError, match="leave out --only"):
        run("--only", "exposure", "--write")


def test_claims_that_the_page_does_not_list_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "prove", lambda *_: [BROKEN])
    with pytest.raises(UserError, match=r"docs/security.md: lists other claims"):
        run("--only", "exposure")


def test_a_broken_claim_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "security.md"
    page.write_text("### Exposure\n\n| claim | serves |\n|---|---|\n| Nobody reaches the database | E6 |\n", "utf-8")
    monkeypatch.setattr(check_command, "SECURITY_PAGE", page)
    monkeypatch.setattr(proofs, "prove", lambda *_: [BROKEN])
    result = run("--only", "exposure")
    assert result.exit_code == 1
    assert "tcp 5432 from anywhere" in result.stdout
