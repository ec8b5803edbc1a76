"""`python -m tests.requirement_coverage`: hold every requirement to what is named for it; `--write` writes the page.

Exit codes: 0 covered, 1 something is missing or the page is stale, 2 wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError
from tests.requirement_coverage import page, rows, served
from tests.requirement_coverage.complaints import Release, complaints, resolve_all
from tests.requirement_coverage.rows import Coverage
from tests.requirement_coverage.served import Served


def main(project: Path, arguments: Sequence[str], file: Path = rows.FILE) -> int:
    """Look up all that the rows of a file name, and settle it."""
    write = asked_to_write(arguments)
    coverage = rows.read(file)
    return settle(project, coverage, resolve_all(project, coverage.deployments), served.everything(project), write)


def asked_to_write(arguments: Sequence[str]) -> bool:
    """Return what the arguments say, or exit with 2."""
    parser = argparse.ArgumentParser(prog="python -m tests.requirement_coverage", description=__doc__)
    parser.add_argument("--write", action="store_true", help="Write docs/requirements.md.")
    return bool(parser.parse_args(arguments).write)


def settle(project: Path, coverage: Coverage, release: Release, proved: Sequence[Served], write: bool) -> int:
    """Print what is wrong, or how much is covered, and write or compare the page; return the exit code."""
    wrong = complaints(project, coverage, release, proved)
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    print(page.figures(coverage, proved))
    before = (project / page.PAGE).read_text(encoding="utf-8")
    after = page.with_sections(before, page.sections(project, coverage, release, proved))
    if write:
        (project / page.PAGE).write_text(after, encoding="utf-8")
    elif before != after:
        print(f"{page.PAGE}: is stale; write it with python -m tests.requirement_coverage --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path.cwd(), sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
