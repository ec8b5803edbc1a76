"""`python -m tests.visitors load|pages`: rehearse the platform and visit it.

With `--write` the figures and pictures go into the documentation, else into `dist/visitors/`. Exit codes: 0 all is
well, 1 a request was lost, a page is amiss or the platform does not run, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError
from generator.interrupts import end_interrupted
from generator.reports.generated_section import update
from tests.visitors import load, pages, rehearsed

LOAD_PAGE, LOAD_SECTION = Path("docs/load.md"), "load"
PICTURES = Path("docs/pictures")
ELSEWHERE = Path("dist/visitors")
REHEARSING = "rehearsing the platform (half a minute) ..."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code. After an interrupt it does not return."""
    options = _parser().parse_args(arguments)
    folder = PICTURES if options.write else ELSEWHERE
    # As after Ctrl-C, everything is to be stopped and removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _load(folder, options.write) if options.visit == "load" else _pages(folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        end_interrupted()


def _load(folder: Path, write: bool) -> int:
    _say(REHEARSING)
    with rehearsed.for_load() as ground:
        measured = load.measure(ground, _say)
    text = load.table(measured)
    _say(text)
    load.draw(measured, folder / "load.svg")
    if write:
        update(LOAD_PAGE, LOAD_SECTION, text)
    _say(f"picture: {folder / 'load.svg'}")
    print("\n".join(measured.complaints), end="\n" if measured.complaints else "", file=sys.stderr)
    return 1 if measured.complaints else 0


def _pages(folder: Path) -> int:
    pages.chromium()  # Whoever has none shall know it before the platform is rehearsed.
    _say(REHEARSING)
    with rehearsed.for_pages() as site:
        visits = pages.look(site, folder)
    _say(pages.summary(visits))
    _say(f"pictures: {folder}")
    return 1 if any(visit.problems for visit in visits) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.visitors", description=__doc__)
    parser.add_argument("visit", choices=("load", "pages"), help="many shoppers, or one with a browser")
    parser.add_argument("--write", action="store_true", help="write figures and pictures to the documentation")
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
