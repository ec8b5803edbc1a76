"""`python -m tests.bench`: measure the generator beside what it is compared with, and judge the ratios.

Every subject first makes its output once, which is compared with ours; then each runs once a round. With `--write` the
figures and the picture go into docs/performance.md, else the picture lies in dist/bench. Exit codes: 0 measured, 1 a
subject's output is not ours, something failed, or with `--strict` a target that was measured is missed, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from generator.errors import UserError
from generator.interrupts import end_interrupted
from generator.release import folder_of
from generator.reports.generated_section import update
from tests.bench import picture, rehearsal, report, results
from tests.bench.run import measure, wanted
from tests.bench.targets import judged, read_targets

PAGE, SECTION = Path("docs/performance.md"), "performance"
PICTURE = Path("docs/pictures/performance.svg")
ELSEWHERE = Path("dist/bench")
RESULTS = ELSEWHERE / "results.json"
ROUNDS = 7
"""Fewer say nothing about the spread."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code. After an interrupt it does not return."""
    options = _parser().parse_args(arguments)
    # As after Ctrl-C, everything is to be stopped and removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = results.read(RESULTS) if options.from_results else _measured(options)
        return _shown(found, options.write, options.strict)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        end_interrupted()


def _measured(options: argparse.Namespace) -> results.Results:
    project, names = Path.cwd(), wanted(options.only, options.python_cdk)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        found = measure(project, Path(folder), options.rounds, names, _say)
    results.write(found, RESULTS)  # before the rehearsal, which may fail
    if options.rehearse and not options.only:
        _say("rehearsing all environments (half a minute) ...")
        steps = rehearsal.steps(project, folder_of(project / "templates_out"))
        found = dataclasses.replace(found, rehearsal=tuple(steps))
        results.write(found, RESULTS)
    return found


def _shown(found: results.Results, write: bool, strict: bool) -> int:
    targets = read_targets()
    text = report.markdown(found, targets)
    _say(text)
    page_picture = PICTURE if write else ELSEWHERE / PICTURE.name
    if write:
        _refuse_partial(found)
        update(PAGE, SECTION, text)
    try:
        drawn = picture.draw(found.samples(), _note(found), targets)
    except ValueError as error:
        _say(f"no picture: {error}")
    else:
        page_picture.write_bytes(drawn)
        _say(f"picture: {page_picture}; figures: {RESULTS}")
    judgements = judged(targets, found.samples())
    if strict and not judgements:
        raise UserError("--strict: no target compares what was measured; docs/performance.md says what each compares")
    missed = [each for each in judgements if not each.met]
    return 1 if found.refused or (strict and missed) else 0


def _refuse_partial(found: results.Results) -> None:
    missing = {name for each in read_targets() for name in (each.subject, each.baseline)} - found.samples().keys()
    if missing or not found.rehearsal:
        what = ", ".join(sorted(missing)) or "the rehearsal"
        raise UserError(f"{PAGE} shows all or nothing, and {what} was not measured; leave out ONLY")


def _note(found: results.Results) -> str:
    return (
        f"Points: medians of {report.rounds(found)}; lines: least to most; logarithmic. {found.templates} templates, "
        f"{found.resources} resources; {found.machine['processor']}, Python {found.machine['Python']}. "
        "Only the ratios travel."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=_at_least_one, default=ROUNDS, help=f"how often each subject runs ({ROUNDS})")
    parser.add_argument("--only", default="", metavar="REGEX", help="subjects whose name matches: 'troposphere|CDK'")
    parser.add_argument("--python-cdk", action="store_true", help="the AWS CDK in Python as well")
    parser.add_argument("--no-rehearsal", dest="rehearse", action="store_false", help="leave the rehearsal out")
    parser.add_argument("--from-results", action="store_true", help=f"show {RESULTS} again, without measuring")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE} and its picture")
    parser.add_argument(
        "--strict", action="store_true", help="end with code 1 where a target is missed that was measured, or none was"
    )
    return parser


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
