"""Each recipe of docs/extending.md works as it stands there, and leaving a step out is refused in the words it quotes.

Most recipes about the templates are applied together to one copy of the project, after each has been applied alone: so
cfn-lint looks once at what they change. Its verdicts are kept with the project's own, by content, for the next run.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import urllib3

from generator.delivery.application_archive import START, read
from generator.errors import UserError
from tests.documented_commands import printed_as_shown
from tests.recipes import EXTENDING, Recipe, Step, apply, recipes
from tests.working_copy import ROOT, WorkingCopy

RECIPES = {recipe.title: recipe for recipe in recipes((ROOT / EXTENDING).read_text(encoding="utf-8"))}
TOGETHER = ("A stack", "A setting", "An environment", "An alarm")
"""Recipes that change templates, and nothing that another of them changes."""
STEP_BY_STEP = ("A region", "An existing VPC", "A waiver")

FORGOTTEN = [(recipe, step) for recipe in RECIPES.values() for step in recipe.of("refused without")]
ALONE = [(recipe, step) for recipe, step in FORGOTTEN if not step.command and recipe.title != "Your own application"]
IN_THE_END = [(recipe, step) for recipe, step in FORGOTTEN if step.command not in ("", "make check")]
BY_CHECK = [(recipe, step) for recipe, step in FORGOTTEN if step.command == "make check"]

READ = """
from pathlib import Path
from generator.checks import exposure
from generator.checks.permissions import proof as permissions
from generator.checks.permissions.iam_simulate import Simulator
from generator.checks.permissions.worlds import worlds
from generator.checks.settings import all_settings, resolved
from generator.environment import load_all
from generator.release import folder_of

settings = [each for each in all_settings(load_all(Path("params"))) if each.name in ("dev", "prod")]
release = folder_of(Path("templates_out"))
resolutions = [(setting, resolved(release, setting)) for setting in settings]
"""
NO_CONNECTION = """
[verdict] = [each for each in exposure.prove(resolutions) if each.claim == "The database opens no connection"]
print(verdict.holds, verdict.evidence)
"""
JOBS = """
questions = permissions.of_tables(worlds(release, resolutions), ["The application can send and take jobs"])
verdicts = permissions.answers(questions, [], Simulator(Path(".venv-checks")))
print(all(each.holds for each in verdicts), *(each.counterexamples for each in verdicts))
"""
"""What `make check` does, with one claim in two settings."""


def named(case: tuple[Recipe, Step]) -> str:
    recipe, step = case
    return f"{recipe.title} without {step.file}"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    return WorkingCopy(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def copy(clean: WorkingCopy) -> Iterator[WorkingCopy]:
    """A copy of the project in which nothing has been changed yet."""
    yield clean
    clean.restore()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorkingCopy, str]:
    """A copy of the project with all recipes about templates, and what writing the release said."""
    copy = WorkingCopy(tmp_path_factory.mktemp("all-recipes"))
    for title in TOGETHER:
        apply(RECIPES[title], copy.folder)
    done = copy.run("make templates")
    assert done.returncode == 0, done.stderr
    return copy, done.stdout


def written_today(text: str) -> str:
    """Return a waiver as if it were added today, and good for as long as the one in the document."""
    days = {key: date.fromisoformat(day) for key, day in re.findall(r"(added|expires): (\d{4}-\d\d-\d\d)", text)}
    for day in days.values():
        text = text.replace(str(day), str(datetime.now(UTC).date() + (day - days["added"])))
    return text


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("title", RECIPES)
def test_d18_a_recipe_can_be_followed_by_itself(copy: WorkingCopy, title: str) -> None:
    apply(RECIPES[title], copy.folder)
    assert {step.file for step in RECIPES[title].of("file", "patch")} <= set(copy.changed())


@pytest.mark.parametrize("title", TOGETHER)
def test_d18_what_a_recipe_runs_prints_what_the_document_shows(written: tuple[WorkingCopy, str], title: str) -> None:
    copy, templates = written
    commands = [command for step in RECIPES[title].of("run") for command in step.commands]
    assert commands
    for command in commands:
        printed = templates if command.text == "make templates" else copy.run(command.text).stdout
        assert printed_as_shown(command.shown, printed), f"{command.place} shows other than\n{printed}"


@pytest.mark.parametrize("command", ["make cost", "make diagram"])
def test_d18_reports_know_what_the_recipes_have_added(written: tuple[WorkingCopy, str], command: str) -> None:
    copy, _ = written
    done = copy.run(command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("title", STEP_BY_STEP)
def test_d18_a_recipe_does_step_by_step_what_the_document_shows(copy: WorkingCopy, title: str) -> None:
    for step in RECIPES[title].steps:
        if step.kind in ("run", "refused"):
            for command in step.commands:
                done = copy.run(command.text)
                printed = done.stdout + done.stderr
                assert (done.returncode == 0) is (step.kind == "run"), printed
                assert printed_as_shown(command.shown, printed), f"{command.place} shows other than\n{printed}"
        else:
            apply(Recipe(title, [replace(step, content=written_today(step.content))]), copy.folder)


@pytest.mark.parametrize("command", ["make cost", "make diagram"])
def test_d18_an_environment_may_stand_beside_the_pipeline(copy: WorkingCopy, command: str) -> None:
    recipe = RECIPES["An environment"]
    apply(Recipe(recipe.title, recipe.of("edit")), copy.folder)
    done = copy.run(command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", ALONE, ids=named)
def test_d18_a_forgotten_step_is_refused_in_the_words_of_the_document(
    copy: WorkingCopy, case: tuple[Recipe, Step]
) -> None:
    recipe, step = case
    apply(recipe.without(step.file), copy.folder)
    done = copy.run("make templates")
    assert done.returncode != 0
    assert in_one_line(step.content) in in_one_line(done.stderr)


@pytest.mark.parametrize("case", IN_THE_END, ids=named)
def test_d18_what_is_forgotten_beside_the_templates_is_refused_too(
    written: tuple[WorkingCopy, str], case: tuple[Recipe, Step]
) -> None:
    recipe, step = case
    copy, _ = written
    path = copy.folder / step.file
    with_recipe = path.read_bytes()
    assert copy.run(f"git show HEAD:{step.file} > before && mv before {step.file}").returncode == 0
    try:
        done = copy.run(step.command)
    finally:
        path.write_bytes(with_recipe)
    assert done.returncode != 0, recipe.title
    assert in_one_line(step.content) in in_one_line(done.stderr)


def test_d18_the_tests_of_a_new_stack_pass(written: tuple[WorkingCopy, str]) -> None:
    copy, _ = written
    done = copy.run("python -m pytest -q -p no:cacheprovider tests/stacks/test_jobs.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_d18_the_source_that_recipes_add_is_as_all_source_is(written: tuple[WorkingCopy, str]) -> None:
    copy, _ = written
    files = " ".join(name for name in copy.changed() if name.endswith(".py"))
    done = copy.run(f"ruff check --quiet {files} && ruff format --quiet --diff {files}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_d18_the_new_claim_holds_and_looks_at_something(copy: WorkingCopy) -> None:
    apply(RECIPES["A claim"], copy.folder)
    said = checked(copy, NO_CONNECTION)
    assert said.startswith("True 2 settings, ")
    assert " 0 looked at" not in said


def test_d18_the_application_can_use_what_the_new_stack_has(written: tuple[WorkingCopy, str]) -> None:
    copy, _ = written
    assert checked(copy, JOBS).startswith("True ")


@pytest.mark.parametrize("case", BY_CHECK, ids=named)
def test_d18_what_only_a_proof_notices_is_refused_by_it(copy: WorkingCopy, case: tuple[Recipe, Step]) -> None:
    recipe, step = case
    apply(recipe.without(step.file), copy.folder)
    assert copy.run("make templates").returncode == 0
    said = checked(copy, JOBS)
    assert said.startswith("False ")
    assert in_one_line(step.content) in said


def checked(copy: WorkingCopy, question: str) -> str:
    """Return what a part of `make check` says in a copy of the project."""
    script = [sys.executable, "-c", READ + question]
    done = subprocess.run(script, cwd=copy.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_d18_the_smallest_application_keeps_the_contract_and_answers(copy: WorkingCopy, tmp_path: Path) -> None:
    apply(RECIPES["Your own application"], copy.folder)
    archive = copy.folder / "shop.tar.gz"
    assert set(read(archive).site) == {"index.html"}
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "current", filter="data")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {**os.environ, "PORT": str(port), "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}
    application = subprocess.Popen([f"./{START}"], cwd=tmp_path / "current", env=variables)
    try:
        retries = urllib3.Retry(total=10, backoff_factor=0.2)
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}/healthz", retries=retries, timeout=5)
        assert (answer.status, answer.data) == (200, b"ok")
    finally:
        application.terminate()
        application.wait()


def test_d18_an_archive_that_breaks_the_contract_is_refused(copy: WorkingCopy) -> None:
    recipe = RECIPES["Your own application"]
    [step] = recipe.of("refused without")
    apply(recipe.without(step.file), copy.folder)
    with pytest.raises(UserError, match=step.content.strip()):
        read(copy.folder / "shop.tar.gz")
