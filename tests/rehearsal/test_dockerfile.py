"""Dockerfiles, as a build without an engine reads them; and the application's own, by its linter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from generator.errors import UserError
from generator.rehearsal.dockerfile import health_check_of, instructions_of

DOCKERFILE = Path(__file__).parents[2] / "application/Dockerfile"


def hadolint(text: str) -> str:
    """Return what hadolint finds, of whatever severity; no rule is excused, neither here nor by a comment."""
    program = Path(sys.executable).with_name("hadolint")
    options = ["--no-color", "--failure-threshold", "style", "--disable-ignore-pragma", "-"]
    done = subprocess.run([program, *options], input=text, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_d5_hadolint_has_nothing_to_say_of_the_applications_image() -> None:
    assert hadolint(DOCKERFILE.read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize(
    ("find", "put", "rule"),
    [
        ("USER 1001:1001", "USER root", "DL3002"),
        ("WORKDIR /build", "WORKDIR build", "DL3000"),
        ('CMD ["./serve"]', "CMD ./serve", "DL3025"),
        ("COPY build_archive.py", "ADD build_archive.py", "DL3020"),
    ],
)
def test_hadolint_would_say_something(find: str, put: str, rule: str) -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert find in text
    assert rule in hadolint(text.replace(find, put))


def test_d5_every_base_is_pinned_by_a_digest_or_a_stage_of_its_own() -> None:
    stages = [
        instruction.value.split(" AS ")
        for instruction in instructions_of(DOCKERFILE.read_text(encoding="utf-8"))
        if instruction.name == "FROM"
    ]
    names = {stage[1] for stage in stages if len(stage) == 2}
    assert all("@sha256:" in stage[0] or stage[0] in names for stage in stages)


def test_instructions_have_flags_and_words() -> None:
    [_, copy, run] = instructions_of(
        'FROM a\n# comment\nCOPY --from=build --chmod=444 a \\\n  b/ ./\nRUN ["x", "y z"]\n'
    )
    assert (copy.flags, copy.words({}), copy.in_exec_form) == (
        {"from": "build", "chmod": "444"},
        ["a", "b/", "./"],
        None,
    )
    assert (run.in_exec_form, run.command) == (["x", "y z"], ["x", "y z"])
    assert instructions_of("FROM a\nCMD x y")[1].command == ["/bin/sh", "-c", "x y"]


def test_variables_are_put_in() -> None:
    label = instructions_of('FROM a\nLABEL version="${VERSION}" title="two words"')[1]
    assert label.pairs({"VERSION": "7"}) == {"version": "7", "title": "two words"}


def test_a_health_check_is_told_in_nanoseconds() -> None:
    text = 'FROM a\nHEALTHCHECK --interval=15s --timeout=500ms --start-period=1m --retries=3 CMD ["./check", "x"]'
    assert health_check_of(instructions_of(text)[1]) == {
        "Test": ["CMD", "./check", "x"],
        "Interval": 15_000_000_000,
        "Timeout": 500_000_000,
        "StartPeriod": 60_000_000_000,
        "Retries": 3,
    }
    assert health_check_of(instructions_of("FROM a\nHEALTHCHECK CMD curl x")[1]) == {"Test": ["CMD-SHELL", "curl x"]}
    assert health_check_of(instructions_of("FROM a\nHEALTHCHECK NONE")[1]) == {"Test": ["NONE"]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "ARG A=b\nFROM a"])
def test_a_file_that_does_not_begin_with_from_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="first instruction must be FROM"):
        instructions_of(text)


def test_a_duration_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(UserError, match="line 2: soon is no duration"):
        health_check_of(instructions_of("FROM a\nHEALTHCHECK --interval=soon CMD x")[1])
