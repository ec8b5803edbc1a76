"""`python -m tests.diagram`: open the drawing with draw.io's own code, and take its pictures.

With `--write` they go into the documentation, else into `dist/diagram/`. It fails where draw.io does not hold what the
file says: a cell that is missing, or a line that goes another way than the one that was found free. With `--stencils`
it writes the list of shapes that draw.io has. Exit codes: 0 all is well, 1 something differs, 2 wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError
from tests.diagram import opened

DRAWING, PICTURES, ELSEWHERE = Path("docs/pictures/architecture.drawio"), Path("docs/pictures"), Path("dist/diagram")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.diagram", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the pictures to the documentation")
    parser.add_argument("--stencils", action="store_true", help="write the list of draw.io's shapes")
    options = parser.parse_args(arguments)
    folder = PICTURES if options.write else ELSEWHERE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        shown = opened.by_drawio(DRAWING, folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.stencils:
        opened.STENCILS.write_text("\n".join(shown.stencils) + "\n", encoding="utf-8")
    complaints = opened.complaints(DRAWING, shown)
    print(f"{DRAWING}: draw.io shows {len(shown.pages)} pages; pictures: {folder}")
    print("\n".join(complaints), end="\n" if complaints else "", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
