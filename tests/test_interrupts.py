"""How an interrupted program ends: what it has said is read, and its exit code is 130, whoever is there to read."""

from __future__ import annotations

import os
import subprocess
import sys

END = "from generator.interrupts import end_interrupted; print('said', end=''); end_interrupted(); print('after')"
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def test_what_was_said_is_read_and_nothing_comes_after() -> None:
    command = [sys.executable, "-c", END]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=BUFFERED)
    assert (result.returncode, result.stdout, result.stderr) == (130, "said", "")


def test_the_reader_may_be_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", END]
    try:
        result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=BUFFERED)
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (130, b"")
