"""docs/command-line.md shows the commands as they are, and their help is fit to be read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from generator.cli import SECTIONS, UNLISTED, cli
from generator.command_help import PROGRAM
from tests.command_line import commands, help_of
from tests.json_reports import SCHEMAS
from tests.releases import ROOT

COMMANDS = dict(commands())
EXAMPLE = re.compile(rf"^ +{re.escape(PROGRAM)} (?P<arguments>.+)$", re.MULTILINE)
SCREEN = 24


def test_the_page_shows_the_commands_of_today() -> None:
    """In a process of its own: click remembers the help option of a command that another test has called alone."""
    command = [sys.executable, "-m", "tests.command_line", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "write it with python -m tests.command_line"


def test_help_fits_a_screen_with_one_whole_line_for_each_command() -> None:
    lines = help_of().splitlines()
    assert len(lines) < SCREEN, "the prompt needs a line too"
    assert max(map(len, lines)) <= 80
    for name, line in ((name, line) for section in SECTIONS.values() for name, line in section.items()):
        assert [each for each in lines if each.split() == [name, *line.split()]], name


def test_every_command_is_where_its_name_says() -> None:
    assert [name for name in COMMANDS if COMMANDS[name].name != name.split()[-1]] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_in_a_commands_help_is_cut_off(name: str) -> None:
    """Lines of a list that do not fit end with three dots; ours, as in [NAME=VALUE]..., stand elsewhere."""
    text = help_of(*name.split())
    assert re.findall(r"\w\.\.\.$", text, re.MULTILINE) == []
    assert max(map(len, text.splitlines())) <= 80 or "Examples:" in text


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in UNLISTED])
def test_help_has_examples_that_the_command_takes_and_says_what_comes_next(name: str) -> None:
    command = COMMANDS[name]
    if isinstance(command, click.Group):
        return  # its parts have them
    text = help_of(*name.split())
    found = [match["arguments"] for match in EXAMPLE.finditer(text)]
    assert found, "an example shows more than a list of options"
    assert re.search(r"^  Next: ", text, re.MULTILINE)
    for arguments in found:
        words = shlex.split(arguments.partition(" > ")[0])
        assert words[: len(name.split())] == name.split()
        parsed = command.make_context(name, words[len(name.split()) :], parent=click.Context(cli))
        assert parsed.params is not None


def test_every_command_with_json_has_its_schema_and_no_schema_is_left_over() -> None:
    with_json = {name for name, command in COMMANDS.items() if any("--json" in each.opts for each in command.params)}
    assert with_json == {path.stem for path in SCHEMAS.glob("*.json")}


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(click.UsageError) as refused:
        cli.main(["impct"], prog_name=PROGRAM, standalone_mode=False)
    assert refused.value.format_message() == "No such command 'impct'. Did you mean 'impact'?"
    assert refused.value.exit_code == 2
