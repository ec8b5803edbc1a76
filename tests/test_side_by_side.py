"""Rows of commands run beside each other; the first failure ends all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.side_by_side import run

ROOT = Path(__file__).parents[1]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def says(words: str) -> tuple[str, ...]:
    return python(f"print({words!r})")


# Each waits for the other: one after the other they would never end.
MEETS = "import pathlib, time\n{0}.write_text('')\nwhile not {1}.exists(): time.sleep(0.01)"
WAITS = "import pathlib, time\npathlib.Path('begun').touch()\nwhile True: time.sleep(1)"
FAILS_MEANWHILE = "import pathlib, sys, time\nwhile not pathlib.Path('begun').exists(): time.sleep(0.01)\nsys.exit(5)"


def test_rows_run_beside_each_other(tmp_path: Path) -> None:
    one, other = "pathlib.Path('one')", "pathlib.Path('other')"
    assert run([[python(MEETS.format(one, other))], [python(MEETS.format(other, one))]], tmp_path) == 0


def test_what_a_row_beside_says_is_shown_in_one_piece(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([[says("first")], [says("beside"), says("and then")]], tmp_path) == 0
    shown = capfd.readouterr().out
    assert "first\n" in shown
    assert shown.index(f"$ {sys.executable} -c") < shown.index("\nbeside\n") < shown.index("\nand then\n")


@pytest.mark.parametrize("failing", [0, 1])
def test_the_first_failure_ends_all_rows(tmp_path: Path, failing: int, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [[python(WAITS), says("never")], [python(WAITS), says("never")]]
    rows[failing] = [python(FAILS_MEANWHILE), says("never")]
    assert run(rows, tmp_path) == 5
    assert "\nnever\n" not in capfd.readouterr().out


def test_an_interrupt_ends_all_rows_and_is_handed_on(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\nfrom tests.side_by_side import run\n"
        f"waits = {python(WAITS)!r}\n"
        f"try: run([[waits], [waits]], pathlib.Path({str(tmp_path)!r}))\n"
        "except KeyboardInterrupt: print('handed on')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output.splitlines()[-1] == "handed on"
