"""`python -m tests`: style and format, then types, all tests, all proofs, and taskcat's against the emulator, beside
each other, up to the first that fails.

After success a verdict stands in `.cache/tested/`, named by a digest of the source and the Python version. A rehearsal
of the pipeline builds a copy of the very files that were tested a moment ago: with `TEST_VERDICTS=reuse`, which nothing
else sets, such a verdict is taken instead of a second run, and the output says so.

Exit codes: 0 passed, that of the first command that fails, 130 interrupted.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from generator.interrupts import INTERRUPTED
from generator.source_files import source_files
from tests.side_by_side import Command, run

# One more than there are cores, because tests of what is emulated wait for a third of their time.
WORKERS = max(2, os.cpu_count() or 1) + 1
# In the order of the files: those with few tests, which xdist would leave to the end, are the longest ones.
IN_PARALLEL = ("--numprocesses", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
APPLICATION = ".venv-application/bin/python"
APPLICATION_SOURCES = ("application/shop", "application/build_archive.py")
STYLE = (
    (sys.executable, "-m", "ruff", "check", "."),
    (sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."),
)
TESTS = ((sys.executable, "-m", "pytest", *IN_PARALLEL),)
# Tests wait for much: beside them there is room for what computes.
BESIDE = (
    (sys.executable, "-m", "mypy"),
    # The sample application is no part of the package, and has packages of its own.
    (sys.executable, "-m", "mypy", "--python-executable", APPLICATION, "--allow-untyped-calls", *APPLICATION_SOURCES),
    (sys.executable, "-m", "generator", "check"),
    (sys.executable, "-m", "tests.taskcat", "--emulator"),
    (sys.executable, "-m", "pytest", "application/tests"),
    (sys.executable, "-m", "tests.site", "--check"),
)
STEPS = ((STYLE,), (TESTS, BESIDE))
"""What is run one after the other; each of them is rows of commands beside each other."""

VERDICTS = Path(".cache") / "tested"
REUSE_VARIABLE, REUSE = "TEST_VERDICTS", "reuse"


def main(folder: Path, steps: Sequence[Sequence[Sequence[Command]]] = STEPS) -> int:
    """Run all steps in a folder, or take the verdict on exactly its files where that is asked for."""
    before = digest(folder)
    verdict = folder / VERDICTS / before
    if os.environ.get(REUSE_VARIABLE) == REUSE and verdict.is_file():
        passed_at = verdict.read_text(encoding="utf-8").strip()
        print(f"tests: passed already for exactly these files on {passed_at}; not run again", flush=True)
        return 0
    for rows in steps:
        try:
            code = run(rows, folder)
        except KeyboardInterrupt:
            return INTERRUPTED
        if code != 0:
            return code
    if digest(folder) == before:
        _write(verdict)
    else:
        print("tests: passed; no verdict is kept, because files changed meanwhile", flush=True)
    return 0


def digest(folder: Path) -> str:
    """Return a digest of the source in a folder: paths, contents, who may execute, and the version of Python.

    It is the same for a copy of the source elsewhere, at whatever time it was made.
    """
    total = hashlib.sha256(platform.python_version().encode())
    for path in source_files(folder):
        name = path.relative_to(folder)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(f"{name.as_posix()}\0{content}\0{executable}\n".encode())
    return total.hexdigest()


def _write(verdict: Path) -> None:
    """Write a verdict whole or not at all."""
    verdict.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=verdict.parent, delete=False) as file:
        file.write(datetime.now().astimezone().isoformat(sep=" ", timespec="seconds") + "\n")
    Path(file.name).replace(verdict)


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
