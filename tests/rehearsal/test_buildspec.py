"""A build specification is read as CodeBuild reads it, or refused: nothing in it is skipped silently."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.rehearsal.buildspec import ArtifactFiles, OnFailure, parse

ROOT = Path(__file__).parents[2]
MINIMAL = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"


def refused(text: str, *words: str) -> None:
    with pytest.raises(UserError) as error:
        parse(text, "spec.yml")
    for word in ("spec.yml", *words):
        assert word in str(error.value)


def test_phases_come_in_the_order_in_which_they_run() -> None:
    spec = parse(
        "version: 0.2\nphases:\n  post_build: {commands: [c]}\n  install: {runtime-versions: {python: 3.11}}\n"
        "  build: {commands: [b], finally: [f]}\n",
        "spec.yml",
    )
    assert [phase.name for phase in spec.phases] == ["install", "build", "post_build"]
    assert spec.phases[0].runtimes == {"python": "3.11"}
    assert (spec.phases[1].commands, spec.phases[1].finally_commands) == (("b",), ("f",))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ABORT", OnFailure("ABORT")),
        ("CONTINUE", OnFailure("CONTINUE")),
        ("RETRY", OnFailure("RETRY", 3, ".*")),
        ("RETRY-4", OnFailure("RETRY", 4, ".*")),
        ("RETRY-0", OnFailure("RETRY", 0, ".*")),
        ("Retry-.*Error: Unable.*", OnFailure("RETRY", 3, ".*Error: Unable.*")),
        ("RETRY-8-invalid+", OnFailure("RETRY", 8, "invalid+")),
    ],
)
def test_what_a_failed_phase_leads_to(value: str, expected: OnFailure) -> None:
    spec = parse(f"{MINIMAL}    on-failure: '{value}'\n", "spec.yml")
    assert spec.phases[0].on_failure == expected


@pytest.mark.parametrize("value", ["'SKIP'", "RETRY-101", "RETRY-", "'RETRY-(('", "yes", "abort"])
def test_any_other_consequence_is_refused(value: str) -> None:
    refused(f"{MINIMAL}    on-failure: {value}\n", "phases: build: on-failure")


@pytest.mark.parametrize(
    ("command", "seen_as"), [("false", "False"), ("echo a: b", "{'echo a': 'b'}"), ("1", "1"), ("", "None")]
)
def test_a_command_that_yaml_does_not_read_as_text_is_refused_with_phase_and_position(
    command: str, seen_as: str
) -> None:
    refused(f"{MINIMAL}      - {command}\n", "phases: build: commands: number 2", seen_as, "quotes")


@pytest.mark.parametrize(
    ("addition", "place"),
    [
        ("run-as: user\n", "run-as"),
        ("batch: {}\n", "batch"),
        ("reports: {}\n", "reports"),
        ("proxy: {logs: yes}\n", "proxy"),
        ("env: {parameter-store: {A: /a}}\n", "env: parameter-store"),
        ("env: {secrets-manager: {A: a}}\n", "env: secrets-manager"),
        ("env: {git-credential-helper: yes}\n", "env: git-credential-helper"),
        ("    run-as: user\n", "phases: build: run-as"),
        ("artifacts: {files: [a], name: a}\n", "artifacts: name"),
        ("artifacts: {files: [a], secondary-artifacts: {b: {files: [b], s3-prefix: x}}}\n", "b: s3-prefix"),
        ("cache: {paths: [a], action: save}\n", "cache: action"),
    ],
)
def test_what_is_not_executed_is_refused(addition: str, place: str) -> None:
    refused(MINIMAL + addition, place, "not executed by the rehearsal")


@pytest.mark.parametrize(
    ("addition", "place"),
    [
        ("phase: {}\n", "phase is unknown"),
        ("env: {variable: {}}\n", "env: variable is unknown"),
        ("  deploy: {commands: [a]}\n", "phases: deploy is unknown"),
        ("    runtime-versions: {python: 3.11}\n", "phases: build: runtime-versions is unknown"),
        ("    command: [a]\n", "phases: build: command is unknown"),
        ("artifacts: {file: [a]}\n", "artifacts: file is unknown"),
        ("env: {shell: zsh}\n", "env: shell is 'zsh'; allowed: sh, /bin/sh, bash"),
        ("env: {variables: {A: yes}}\n", "A is True, not text"),
        ("env: {variables: {CODEBUILD_A: a}}\n", "'CODEBUILD_A' cannot be set"),
        ("env: {exported-variables: [AWS_REGION]}\n", "AWS_REGION"),
        ("env: {exported-variables: A}\n", "exported-variables must be a list"),
        ("artifacts: {base-directory: dist}\n", "artifacts: files are missing"),
        ("artifacts: {files: [/etc/passwd]}\n", "'/etc/passwd' must be a path inside the source"),
        ("artifacts: {files: [a], base-directory: ../b}\n", "'../b' must be a path inside the source"),
        ("artifacts: {files: ['a**']}\n", "'a**': ** stands alone"),
        ("artifacts: {files: [a], exclude-paths: [/a]}\n", "'/a' must be a path inside the source"),
        ("artifacts: {files: [a], discard-paths: maybe}\n", "discard-paths"),
        ("cache: {key: $(date), paths: [a]}\n", "cache: key"),
        ("cache: {paths: ['*.jar']}\n", "*.jar"),
        ("cache: {paths: [/root/.m2/**/*]}\n", "/root/.m2"),
    ],
)
def test_what_codebuild_does_not_know_is_refused(addition: str, place: str) -> None:
    refused(MINIMAL + addition, place)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [", "not YAML"),
        ("make", "must be a mapping"),
        ("version: 0.1\nphases: {build: {commands: [a]}}", "0.1"),
        ("phases: {build: {commands: [a]}}", "version"),
        ("version: 0.2", "phases"),
        ("version: 0.2\nphases: {build: {}}", "commands are missing"),
        ("version: 0.2\nphases: {build: make}", "phases: build"),
    ],
)
def test_what_is_no_build_specification_is_refused(text: str, word: str) -> None:
    refused(text, word)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        parse(text, "spec.yml")


def test_artifacts_and_cache_are_read() -> None:
    spec = parse(
        MINIMAL + "artifacts:\n  files: ['**/*']\n  base-directory: dist\n  discard-paths: yes\n"
        "  exclude-paths: '**/*.map'\n  secondary-artifacts: {report: {files: [report.html]}}\n"
        "cache:\n  key: k-$(codebuild-hash-files a.lock b.lock)-1\n  paths: [.venv/**/*]\n",
        "spec.yml",
    )
    assert spec.artifacts == ArtifactFiles(("**/*",), "dist", ("**/*.map",), discard_paths=True)
    assert spec.secondary_artifacts == {"report": ArtifactFiles(("report.html",))}
    assert spec.cache is not None
    assert spec.cache.hashed_files() == ("a.lock", "b.lock")


def test_d7_a_build_finds_every_environment_that_its_tests_need_in_the_cache() -> None:
    """One that is missing there would be set up anew by every build."""
    rules = subprocess.run(["make", "-pn", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [needed] = re.findall(r"^test: (.+)$", rules, re.MULTILINE)
    environments = {Path(ready).parent.name for ready in needed.split()}
    spec = parse((ROOT / "buildspec.yml").read_text(encoding="utf-8"), "buildspec.yml")
    assert spec.cache is not None
    assert len(environments) > 3
    assert {f"{name}/**/*" for name in environments} <= set(spec.cache.paths)
