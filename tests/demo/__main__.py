"""`python -m tests.demo`: record the demo, or make the slides of the presentation.

`record` plays docs/demo.md in a terminal, about as long as the demo itself takes, and writes docs/demo/demo.cast, its
pictures, and dist/demo.html, a page that plays it. `slides` writes docs/demo/slides.md with the release's figures, and
makes dist/slides.html of it and, where there is Chromium, dist/slides.pdf.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError
from generator.exit_codes import DONE, INTERRUPTED
from tests.demo import player, presentation, recording, screens


def _record(options: argparse.Namespace) -> None:
    made = recording.record(recording.CAST)
    print(f"{recording.CAST}: {len(made.answers())} commands in {made.events[-1][0] / 60:.1f} minutes")
    _screens(options)


def _screens(_: argparse.Namespace) -> None:
    for picture in screens.draw(recording.CAST):
        print(f"{picture}: written")
    print(f"{player.write()}: written")


def _slides(options: argparse.Namespace) -> None:
    print(f"{presentation.SLIDES}: {'written' if presentation.write() else 'nothing changed'}")
    for made in [] if options.markdown_only else presentation.present(options.images):
        print(f"{made}: written")


_SUBCOMMANDS = {"record": _record, "screens": _screens, "slides": _slides}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record", help="play the demo in a terminal and write what it shows")
    commands.add_parser("screens", help="make the pictures of the recording anew")
    slides = commands.add_parser("slides", help="write the slides, and make a page and a PDF of them")
    slides.add_argument("--markdown-only", action="store_true", help="write docs/demo/slides.md alone")
    slides.add_argument("--images", type=Path, metavar="FOLDER", help="also a picture of each slide")
    options = parser.parse_args(arguments)
    try:
        _SUBCOMMANDS[options.command](options)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
