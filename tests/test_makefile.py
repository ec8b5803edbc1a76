"""The Makefile: words that it does not understand are refused in words, before anything is set up or run."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.working_copy import ROOT, without_make


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("rehearse AS_IS=true", "AS_IS=true is not understood; write AS_IS=yes, or leave it out"),
        ("rehearse APPROVE=maybe", "APPROVE=maybe is not understood; write APPROVE=yes or no, or leave it out"),
        ("check WRITE=1", "WRITE=1 is not understood; write WRITE=yes, or leave it out"),
        ("publish BUCKET=releases IMAGES=yes", "IMAGES=yes is not understood; write IMAGES=true, or leave it out"),
        ("certificate", "Say which environment: make certificate ENVIRONMENT=dev"),
        ("bootstrap-target", "Say which environment: make bootstrap-target ENVIRONMENT=dev"),
        ("publish-application", "Say which environment: make publish-application ENVIRONMENT=dev"),
    ],
)
def test_what_is_not_understood_is_refused(typed: str, said: str) -> None:
    done = planned(typed)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("typed", ["rehearse APPROVE=no AS_IS=yes", "publish BUCKET=releases IMAGES=false", "check"])
def test_what_is_understood_is_run(typed: str) -> None:
    done = planned(typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert "-m generator" in done.stdout


def planned(typed: str) -> subprocess.CompletedProcess[str]:
    """Let make say what it would run."""
    command = ["make", "--dry-run", "--no-print-directory", *typed.split()]
    return subprocess.run(command, cwd=ROOT, env=without_make(os.environ), capture_output=True, text=True, check=False)
