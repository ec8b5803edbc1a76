"""The whole rehearsal as a user runs it: what it prints, how it ends, that it leaves nothing, and that probes bite."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from generator import template_yaml
from generator.delivery.deploy import Deployment, Event, deploy, template_at
from generator.delivery.publish import key_prefix, pin_image
from generator.environment import TemplateConfiguration, load
from generator.naming import PROJECT, root_stack_name
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import ANYWHERE, Target, inspect
from generator.rehearsal.rehearse import rehearse_one
from generator.release import MANIFEST, digest, folder_of, read_manifest

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
ENVIRONMENTS = ("dev", "staging", "prod")
REGION = "eu-west-1"

# ---------------------------------------------------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------------------------------------------------


class Project:
    """What the command reads, to be broken at will, and a place of its own for what it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.release = folder_of(folder / "templates_out")
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        for name in ("params", "templates_out"):
            shutil.copytree(ROOT / name, folder / name)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "generator", "rehearse", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.scratch), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
        assert "Traceback" not in output + errors
        self.assert_nothing_left()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def emulators(self) -> list[int]:
        """Return the processes that work in our scratch folder: other tests have emulators of their own."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if b"generator.rehearsal.emulator_process" in command and str(self.scratch).encode() in variables:
                found.append(int(process.name))
        return found

    def assert_nothing_left(self) -> None:
        assert self.emulators() == []
        assert list(self.scratch.iterdir()) == []

    def change_template(self, name: str, old: str, new: str) -> None:
        path = self.release / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def rewrite_manifest(self) -> None:
        """Make the manifest agree with the templates as they are now."""
        manifest = read_manifest(self.release)
        for name, entry in manifest["templates"].items():
            entry["sha256"] = digest((self.release / name).read_bytes())
        (self.release / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def summary(output: str) -> dict[str, list[str]]:
    """Return the last table: environment → the other cells, without the seconds."""
    rows = re.split(r"^Result ─+$", output, flags=re.MULTILINE)[-1].splitlines()
    cells = [re.split(r" {2,}", row.strip()) for row in rows if row.strip()]
    return {name: rest[:4] for name, *rest in cells if name in ENVIRONMENTS}


def output_tables(output: str) -> list[dict[str, str]]:
    """Return the outputs of each environment. A value that was folded is cut, not empty."""
    tables = re.findall(r"^ Output +Value *\n(.*?)^\w+: \d+ of \d+ claims", output, flags=re.MULTILINE | re.DOTALL)
    rows = [[re.split(r" {2,}", row.strip(), maxsplit=1) for row in table.splitlines()] for table in tables]
    return [{row[0]: row[1] for row in table if len(row) == 2} for table in rows]


def test_the_release_deploys_to_every_environment(project: Project) -> None:
    result = project.run()
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    found = summary(result.stdout)
    assert list(found) == list(ENVIRONMENTS)
    assert [cells[0] for cells in found.values()] == ["CREATE_COMPLETE"] * 3
    for name, (_, _, _, claims) in found.items():
        holding, _, all_claims = claims.partition(" of ")
        assert int(holding) == int(all_claims) > 60, name
    promised = template_yaml.load((RELEASE / "platform.yaml").read_text(encoding="utf-8"))["Outputs"]
    tables = output_tables(result.stdout)
    assert len(tables) == 3
    for table in tables:
        assert list(table) == list(promised)
        assert all(table.values())
    assert "What this does not show" in result.stdout
    assert "Nothing runs on the servers" in result.stdout


def test_one_environment_can_be_chosen(project: Project) -> None:
    result = project.run("--environment", "staging")
    assert result.returncode == 0, result.stdout + result.stderr
    assert list(summary(result.stdout)) == ["staging"]


BREAKAGES: dict[str, tuple[str, str, str, str, str]] = {
    "a missing SSM parameter": (
        "database.yaml",
        "rds.force_ssl: '1'",
        "rds.force_ssl: '{{resolve:ssm:/missing}}'",
        "Database / DatabaseParameters",
        "/missing",
    ),
    "a property that the schema refuses": (
        "network.yaml",
        "RuleAction: allow",
        "RuleAction: allow\n      RuleColour: blue",
        "Network / ",
        "'RuleColour' was unexpected",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_resource_of_a_child_that_fails_is_shown(project: Project, name: str) -> None:
    template, old, new, where, reason = BREAKAGES[name]
    project.change_template(template, old, new)
    project.rewrite_manifest()
    result = project.run()
    assert result.returncode == 1, result.stdout + result.stderr
    box = re.search(r"╭─ first failure ─+╮\n(.*?)╰─", result.stdout, flags=re.DOTALL)
    assert box is not None, result.stdout
    assert box.group(1).lstrip("│ ").startswith(where)
    assert "CREATE_FAILED" in box.group(1)
    assert reason in box.group(1)
    found = summary(result.stdout)
    assert "ROLLBACK" in found["dev"][0]
    assert [found["staging"], found["prod"]] == [["not reached"]] * 2


def test_a_template_changed_after_writing_is_refused(project: Project) -> None:
    project.change_template("database.yaml", "postgres17", "postgres16")
    result = project.run()
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.search(r"^error: .*database\.yaml: is not what v[\d.]+ was written with", result.stderr)
    assert "restore it from git" in result.stderr


def test_a_port_in_use_is_named(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = project.run("--port", str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert f"error: Port {port} on 127.0.0.1 is in use" in result.stderr


def test_an_interrupt_ends_the_emulator_too(project: Project) -> None:
    process = project.start()
    assert process.stdout is not None
    try:
        assert any("IN_PROGRESS" in line for line in process.stdout)
        assert len(project.emulators()) == 1
        # To the whole group, as a terminal does on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, output + errors
    assert errors.strip() == "interrupted"
    assert "Traceback" not in output
    project.assert_nothing_left()
