"""What a terminal shows and a log does not: colour, a live line, the next step; and what fits into its columns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from generator.progress import counted
from generator.terminal import WIDTH_OF_LOGS
from tests.terminals import COLOUR, ROOT, TOLD, generator, on_terminal, plain

WORK = """
from rich.table import Table
from generator.terminal import messages, next_step, results, working

with working("counting") as say:
    for number in range(3):
        say(f"counting {number} of 3")
results().print("[red]all counted[/]")
table = Table("what it is", "what there is to say of it", box=None)
table.add_row("a word", "and another " * 12)
results().print(table)
next_step("count again")
"""
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

QUESTION = """
from generator.rehearse_command import approver
from generator.terminal import results, working

console = results()
with working("waiting", console) as line:
    console.print(approver(None, line)("prod: 1 change").approved)
    line("going on")
    console.print("done")
"""


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_terminal_shows_a_live_line_colour_and_what_comes_next() -> None:
    shown = on_terminal(program(WORK))
    assert shown.exit_code == 0
    assert "counting" in shown.text
    assert shown.text.index(HIDE_CURSOR) < shown.text.index(SHOW_CURSOR) < shown.text.index("all counted")
    assert f"{COLOUR}1mall counted" in shown.text
    assert "next: count again" in shown.text


@pytest.mark.parametrize("force", [{}, {"FORCE_COLOR": "1"}])
def test_a_log_has_results_alone(force: dict[str, str]) -> None:
    """With colour where that is forced, and without the live line even then."""
    result = subprocess.run(program(WORK), capture_output=True, text=True, check=True, cwd=ROOT, env={**TOLD, **force})
    assert result.stderr == ""
    assert (COLOUR in result.stdout) is bool(force)
    assert "counting" not in result.stdout
    assert max(map(len, plain(result.stdout).splitlines())) <= WIDTH_OF_LOGS
    assert "next" not in result.stdout


def test_standard_error_alone_may_be_a_terminal() -> None:
    """As in `make cost | less`: the table goes on, and who waits sees why."""
    shown = on_terminal(["/bin/sh", "-c", f'"{sys.executable}" -c "$1" | cat >/dev/null', "-", WORK])
    assert HIDE_CURSOR in shown.text
    assert "counting" in shown.text
    assert "all counted" not in shown.text
    assert "next" not in shown.text


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_colour_can_be_declined(variables: dict[str, str]) -> None:
    shown = on_terminal(program(WORK), variables={**TOLD, **variables})
    assert "all counted" in shown.text
    assert COLOUR not in shown.text


def test_a_terminal_that_cannot_move_its_cursor_gets_no_live_line() -> None:
    shown = on_terminal(program(WORK), variables={**TOLD, "TERM": "dumb"})
    assert HIDE_CURSOR not in shown.text
    assert "counting" not in shown.text


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_tables_fit_the_terminal(columns: int) -> None:
    shown = on_terminal(program(WORK), columns, variables={**TOLD, "NO_COLOR": "1"})
    assert max(len(line) for line in shown.lines if "another" in line) <= columns
    assert shown.text.count("another") == 12


def test_a_question_takes_the_live_line_away_and_gets_its_answer() -> None:
    shown = on_terminal(program(QUESTION), answers={"Approve? [y/N]: ": "y\n"})
    assert shown.exit_code == 0
    before, asked, after = shown.text.partition("prod: 1 change\r\nApprove? [y/N]: ")
    assert asked
    assert before.count(HIDE_CURSOR) == before.count(SHOW_CURSOR)
    assert after.index("y") < after.index("True") < after.index("done")
    assert after.count(HIDE_CURSOR) == after.count(SHOW_CURSOR)


def test_the_cursor_is_back_after_a_failure() -> None:
    shown = on_terminal(program("from generator.terminal import working\nwith working('x'): raise ValueError"))
    assert shown.exit_code == 1
    assert shown.text.index(HIDE_CURSOR) < shown.text.index(SHOW_CURSOR)


def test_an_interrupt_on_the_terminal_ends_a_command_with_130(tmp_path: Path) -> None:
    """Ctrl-C is what the terminal makes of a byte, and not a signal that a test sends."""
    waiting = (
        "import time, click\nimport generator.cli\nfrom generator.terminal import working\n\n"
        "def work(**_):\n    with working('waiting'):\n        time.sleep(60)\n\n"
        "generator.cli.cli = work\ngenerator.cli.main()\n"
    )
    (tmp_path / "waiting.py").write_text(waiting)
    command, path = [sys.executable, "-m", "waiting"], {"PYTHONPATH": str(ROOT)}
    shown = on_terminal(command, answers={"waiting": "\x03"}, cwd=tmp_path, variables={**TOLD, **path})
    assert shown.exit_code == 130
    assert shown.text.index(HIDE_CURSOR) < shown.text.index(SHOW_CURSOR) < shown.text.index("interrupted")


def test_a_command_on_a_terminal_says_what_it_does_and_what_comes_next() -> None:
    shown = on_terminal(generator("impact", "-e", "dev", "--set", "ScaleInCpuPercent=25"), columns=70)
    assert shown.exit_code == 0
    assert "comparing environment 1 of 1" in shown.text
    assert shown.lines[-1] == "next: try it: make rehearse SET=…"


def test_the_list_of_runbook_pages_fits_and_is_plain_text() -> None:
    shown = on_terminal(generator("runbook"), columns=70)
    assert max(map(len, shown.lines)) <= 70
    assert "\x1b]8" not in shown.text, "a link in the first sentence of a page is text"


def test_who_counts_says_how_far_it_is() -> None:
    said: list[str] = []
    assert list(counted(["a", "b"], "setting", said.append)) == ["a", "b"]
    assert said == ["setting 1 of 2", "setting 2 of 2"]
