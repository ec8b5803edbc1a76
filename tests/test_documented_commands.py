"""Every command that a document tells its readers to type is executed by a test, and prints what the document shows.

Most are typed into a shell here, in a copy of the project: cheap ones by `make test`, those that take minutes, a
browser or an idle machine by `make test-slow`. For each of the others a test elsewhere takes it from the document with
`documented`. The runbook's own blocks are run against a deployed environment by `rehearsal/test_runbook_commands.py`.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from generator.cli import cli
from generator.release import folder_of
from generator.runbook.pages import RUNBOOK, read_pages
from generator.template_yaml import load
from tests.__main__ import STEPS
from tests.aws_options import calls, options_of
from tests.documented_commands import (
    ROOT,
    Command,
    documented,
    filled,
    found,
    matches,
    normal,
    printed_as_shown,
    programs,
    shown,
)
from tests.recipes import recipes
from tests.working_copy import WorkingCopy

LISTED = yaml.safe_load((ROOT / "tests/documented_commands.yaml").read_text(encoding="utf-8"))
TAKING = ("documented", "documented_line")
"""Functions by which a test takes a command from a document."""

MOST_SLOW = 17
"""How many commands `make test` may leave to `make test-slow`. More of them is a decision."""


@dataclass(frozen=True)
class Run:
    """A command that is typed here."""

    command: str
    values: Sequence[str] = ()
    first: str = "true"
    exit: int = 0
    says: str = ""
    changes: Sequence[str] = ()
    may_change: Sequence[str] = ()
    """Patterns of files, as those of `fnmatch`."""

    makes: Sequence[str] = ()
    why: str = ""
    """Why it is slow."""

    def __str__(self) -> str:
        return self.command

    @property
    def typed(self) -> str:
        return filled(self.command, self.values)


def listed(name: str) -> list[Run]:
    return [Run(**{key.replace(" ", "_"): value for key, value in entry.items()}) for entry in LISTED[name]]


RUNS, SLOW = listed("run"), listed("slow")
SESSIONS = LISTED["sessions"]
"""Documents whose commands follow one another."""
OF_RECIPES = LISTED["recipes"]
"""The document whose commands are typed by the test of its recipes."""


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    return WorkingCopy(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def copy(unchanged: WorkingCopy) -> Iterator[WorkingCopy]:
    """A copy of the project in which nobody has typed anything yet."""
    yield unchanged
    unchanged.restore()


@pytest.mark.parametrize("run", [*RUNS, *(pytest.param(run, marks=pytest.mark.slow) for run in SLOW)], ids=str)
def test_e18_a_command_does_what_its_document_says(copy: WorkingCopy, run: Run) -> None:
    assert copy.run(run.first).returncode == 0
    before = copy.changed()
    done = copy.run(run.typed)
    printed = done.stdout + done.stderr
    assert done.returncode == run.exit, printed
    assert run.says in printed
    changed = {name for name in copy.changed() if name not in before}
    assert changed >= set(run.changes), printed[-2000:]
    allowed = [*run.changes, *run.may_change]
    assert {name for name in changed if not any(fnmatch(name, each) for each in allowed)} == set(), printed[-2000:]
    assert [name for name in run.makes if not (copy.folder / name).stat().st_size] == []
    for command in found():
        if command.text == run.command and command.file not in (*SESSIONS, OF_RECIPES):
            assert printed_as_shown(command.shown, done.stdout), f"{command.place} shows other than\n{done.stdout}"


@pytest.mark.parametrize("document", SESSIONS)
def test_e18_commands_that_follow_one_another_do_what_their_document_says(copy: WorkingCopy, document: str) -> None:
    typed = of_session(document)
    assert typed
    for command in typed:
        done = copy.run(command.text)
        assert (done.returncode == 0) is (command.text not in SESSIONS[document]["fail"]), done.stdout + done.stderr
        printed = done.stdout or done.stderr
        assert printed_as_shown(command.shown, printed), f"{command.place} shows other than\n{printed}"


def of_session(document: str) -> list[Command]:
    """Return the commands of a document that are typed one after the other."""
    left_out = tuple(SESSIONS[document]["without"])
    return [each for each in found() if each.file == document and each.fenced and not each.text.startswith(left_out)]


# That no command is forgotten.


def test_e18_every_command_is_executed_by_a_test() -> None:
    in_sessions = [command.text for document in SESSIONS for command in of_session(document)]
    typed = [run.command for run in (*RUNS, *SLOW)]
    known = Known([*said(), *in_sessions, *LISTED["make test"], *LISTED["pipeline"], *typed])
    missing = {command.text: command for command in found() if not (known.covers(command) or of_others(command))}
    assert [f"{each.place}: `{each.text}` is executed by no test" for each in missing.values()] == []


def test_nothing_is_listed_that_no_document_has() -> None:
    commands = [*LISTED["make test"], *LISTED["pipeline"], *(run.command for run in (*RUNS, *SLOW))]
    assert [each for each in commands if each not in {command.text for command in found()}] == []
    assert [each for each, times in Counter(commands).items() if times > 1] == []


def test_what_is_slow_has_a_reason_and_is_counted() -> None:
    assert [run.command for run in SLOW if len(run.why.split()) < 2] == []
    assert len(SLOW) == MOST_SLOW


@pytest.mark.parametrize("run", SLOW, ids=str)
def test_the_arguments_of_what_is_slow_are_understood(run: Run) -> None:
    for words in programs(run.command):
        understand(words)


def test_what_make_test_runs_is_what_the_documents_call_so() -> None:
    commands = [list(command[1:]) for rows in STEPS for row in rows for command in row]
    for line in LISTED["make test"]:
        [[_, *arguments]] = programs(line)
        assert arguments in (["-m", "tests"], ["-m", "pytest", "-m", "slow"]) or arguments in commands, line


def test_what_is_shown_of_the_proofs_is_what_the_page_of_claims_says() -> None:
    """`make check` takes minutes; it fails itself where the page lists other claims than it has examined."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    section = page.partition("<!-- claims: begin -->")[2].partition("<!-- claims: end -->")[0]
    claims = [row.split(" | ")[0].strip("| ") for row in re.findall(r"^\| (?!claim )[^-].*", section, re.MULTILINE)]
    lines = shown("make check")
    assert lines[-1] == f"{len(claims)} of {len(claims)} claims hold"
    text = " ".join(line[:53].strip() for line in lines[:-1])
    for claim in claims:
        text = text.replace(claim, "")
    assert text.split() == ["Claim", "exposure", "…"], "no claim of today"


def test_what_the_pipeline_runs_is_in_its_builds() -> None:
    pipeline = load((folder_of(ROOT / "templates_out") / "pipeline.yaml").read_text(encoding="utf-8"))
    builds = (ROOT / "buildspec.yml").read_text(encoding="utf-8") + str(pipeline["Resources"])
    assert documented("make rehearse") == ("rehearse",)
    assert [line for line in LISTED["pipeline"] if not re.search(rf"\b{line}\b", builds)] == []


def test_commands_of_aws_exist_with_their_options() -> None:
    of_aws = {command.text: command for command in found() if command.text.startswith("aws ")}
    assert of_aws
    for command in of_aws.values():
        for service, operation, options in calls(command.text):
            assert options <= options_of(service, operation), f"{command.place}: aws {service} {operation}"


def of_others(command: Command) -> bool:
    """Whether other tests answer for a command, which run all that there is of its kind.

    A block of the runbook is run, or says why not, in `rehearsal/test_runbook_commands.py`, and those of recipes in
    `test_extending_document.py`. A command of AWS in a sentence or a table names a call, which is held to AWS's models.
    """
    if command.file == str(RUNBOOK) and command.fenced:
        return command.text in of_pages()
    if command.file == OF_RECIPES and command.fenced:
        return command.text in of_recipes()
    return command.text.startswith("aws ") and not command.fenced


@functools.cache
def of_pages() -> set[str]:
    """Return the commands of the runbook's pages."""
    blocks = [block for page in read_pages(ROOT / RUNBOOK) for block in page.blocks]
    return {normal(step.command) for block in blocks for step in block.steps}


@functools.cache
def of_recipes() -> set[str]:
    """Return the commands of the recipes, which `test_extending_document.py` follows."""
    chapters = recipes((ROOT / OF_RECIPES).read_text(encoding="utf-8"))
    steps = [step for recipe in chapters for step in recipe.of("run", "refused", "edit")]
    return {command.text for step in steps for command in step.commands}


class Known:
    """Commands that are executed, and what that says of others."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.started = {line: started(line) for line in lines}

    def covers(self, command: Command) -> bool:
        """Whether a command is one of these, is said in other words, leaves something open, or only names one."""
        if any(matches(command.text, line) for line in self.lines):
            return True
        does = started(command.text)
        if does and any(matches(does, other) for other in self.started.values()):
            return True
        # In a sentence, `make certificate` is the name of what is called with arguments where it is explained.
        names = (*self.lines, *self.started.values())
        return not command.fenced and any(line.startswith(f"{command.text} ") for line in names)


@functools.cache
def started(line: str) -> str:
    """Return what a command starts, which several say in different words; empty where make refuses it."""
    try:
        words = programs(line)
    except ValueError:
        return ""
    return "\n".join(" ".join(["python" if Path(each[0]).name == "python" else each[0], *each[1:]]) for each in words)


@functools.cache
def said() -> list[str]:
    """Return the commands that tests elsewhere take from a document, from the source of these tests."""
    return [
        normal(line)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path != Path(__file__)
        for line in taken(path.read_text(encoding="utf-8"))
    ]


def taken(source: str) -> list[str]:
    """Return the commands that a test module takes from documents, but for those of tests that are skipped."""
    return [
        call.args[0].value
        for definition in ast.parse(source).body
        if not any(word in ast.unparse(each) for each in getattr(definition, "decorator_list", ()) for word in SKIPPED)
        for call in ast.walk(definition)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in TAKING
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


SKIPPED = ("mark.skip", "mark.xfail")


class _UnderstoodError(Exception):
    """A program has read its arguments, and would begin now."""


def understand(words: Sequence[str]) -> None:
    """Let a program's own parser read its arguments. Raises where it refuses them."""
    match list(words):
        case [_, "-m", "generator", *arguments]:
            context, command = click.Context(cli), cli
            while isinstance(command, click.Group):
                name, command, arguments = command.resolve_command(context, arguments)
                context = command.make_context(name, arguments, parent=context)
                arguments = context.args
        case [_, "-m", module, *arguments] if module.startswith("tests."):
            reads = ArgumentParser.parse_args

            def read_and_stop(*given: Any) -> None:
                reads(*given)
                raise _UnderstoodError

            program = importlib.import_module(f"{module}.__main__")
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(ArgumentParser, "parse_args", read_and_stop)
                with pytest.raises(_UnderstoodError):
                    program.main(arguments)


# Each of these would pass if nothing were demanded.


@pytest.mark.parametrize(
    ("text", "fenced", "covered"),
    [
        ("make cost", True, True),
        ("python -m generator cost", True, True),
        ("python -m generator cost --by item", True, False),
        ("make certificate ENVIRONMENT=…", True, True),
        ("python -m generator certificate --environment …", True, True),
        ("python -m generator certificate --environment prod", True, False),
        ("make certificate", False, True),
        ("make certificate", True, False),
        ("make drill", False, False),
        ("make nonsense", True, False),
    ],
)
def test_a_command_without_a_test_is_noticed(text: str, fenced: bool, covered: bool) -> None:
    known = Known(["make cost", "make certificate ENVIRONMENT=dev"])
    assert known.covers(Command("page.md", 1, text, fenced=fenced)) is covered


def test_a_test_that_is_skipped_executes_nothing() -> None:
    source = """
def test_a():
    run(*documented("make a"))

@pytest.mark.skip
def test_b():
    documented("make b")
"""
    assert taken(source) == ["make a"]


def test_arguments_that_a_program_does_not_know_are_refused() -> None:
    understand(programs("make rehearse TO=dev")[0])
    with pytest.raises(click.UsageError):
        understand(programs("make rehearse TO=moon")[0])
    with pytest.raises(SystemExit):
        understand(["python", "-m", "tests.visitors", "nowhere"])
