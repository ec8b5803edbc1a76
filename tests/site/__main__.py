"""`python -m tests.site`: build the documentation site into `dist/site/`, and check it.

`--generator` chooses between two that read the same `mkdocs.yml`; with `--check` both build into a temporary folder,
and nothing is written. `--sources` is an address below which the repository's files can be looked at, such as
`https://git.example.com/web-platform/blob/main`: links to source files go there, which else are plain text. `--serve`
shows the built site at a port of this machine. `--pictures` lets a browser open every page of it, at a desk by day and
on a phone by night, and puts pictures into `dist/site-pictures/`.

Exit codes: 0 all is well, 1 something is amiss, 2 wrong use.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from generator.errors import UserError
from tests.site.building import BUILT, GENERATORS, REPOSITORY, build, publish
from tests.site.checking import LOST, problems
from tests.site.staging import Staging
from tests.visitors import tools
from tests.visitors.pages import chromium

STAGE, TARGET = REPOSITORY / ".cache" / "site", REPOSITORY / "dist" / "site"
PICTURES = REPOSITORY / "dist" / "site-pictures"
LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.check:
            return _check(options.sources)
        code = _build(options.generator, options.sources)
        if code == 0 and options.serve is not None:
            _serve(options.serve)
        return _look() if code == 0 and options.pictures else code
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.site", description=__doc__)
    parser.add_argument("--generator", choices=tuple(GENERATORS), default="material", help="what builds the site")
    parser.add_argument("--sources", default="", metavar="URL", help="where the repository's files can be looked at")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--check", action="store_true", help="let both build, check, and write nothing")
    chosen.add_argument("--serve", type=int, metavar="PORT", help="show the site, on this port of this machine")
    chosen.add_argument("--pictures", action="store_true", help="open every page with Chromium, and take pictures")
    return parser


def _build(generator: str, sources: str) -> int:
    staging = Staging(REPOSITORY, STAGE, sources)
    seconds = build(generator, staging)
    site = STAGE / BUILT
    code = _tell(f"documentation site: {generator}", seconds, site, problems(site, staging))
    if code == 0:
        publish(staging, TARGET)
        print(f"{TARGET.relative_to(REPOSITORY)}/index.html: open it, or show it with --serve 8000")
    return code


def _check(sources: str) -> int:
    """Build with both generators; a page that only one of them understands is amiss."""
    code = 0
    for generator in GENERATORS:
        with tempfile.TemporaryDirectory(prefix="site-") as temporary:
            staging = Staging(REPOSITORY, Path(temporary), sources)
            seconds = build(generator, staging)
            site = staging.folder / BUILT
            code |= _tell(f"documentation site: {generator}", seconds, site, problems(site, staging))
    return code


def _tell(what: str, seconds: float, site: Path, found: Sequence[str]) -> int:
    print(f"{what} in {seconds:.0f} s; {len(list(site.rglob('*.html')))} pages, {len(found)} problems", flush=True)
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


def _serve(port: int) -> None:
    with _server(port) as server, contextlib.suppress(KeyboardInterrupt):
        print(f"http://{LOOPBACK}:{server.server_port}/ until Ctrl-C", flush=True)
        server.serve_forever()


def _look() -> int:
    """Let a browser look at every page; return the exit code."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    names = sorted(file.relative_to(TARGET).as_posix() for file in TARGET.rglob("*.html") if file.name != LOST)
    with _server(0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://{LOOPBACK}:{server.server_port}/"
        job = {"site": address, "pages": names, "program": str(chromium()), "folder": str(PICTURES)}
        complaints = tools.run("tests.site.browser", job)
        server.shutdown()
    print(f"{PICTURES.relative_to(REPOSITORY)}: {len(names)} pages looked at, {len(complaints)} problems", flush=True)
    print("\n".join(complaints), end="\n" if complaints else "", file=sys.stderr)
    return 1 if complaints else 0


def _server(port: int) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((LOOPBACK, port), partial(_Quiet, directory=str(TARGET)))


class _Quiet(SimpleHTTPRequestHandler):
    """Hands out files without a line for each of them."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    sys.exit(main())
