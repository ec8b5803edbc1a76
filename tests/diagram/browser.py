"""`python -m tests.diagram.browser`: draw.io's own viewer, in Chromium, opens a drawing and takes pictures of it.

Standard input is the job: `drawing`, `program` (Chromium), `folder` (for the pictures) and `scale` (of pixels). The
answer is JSON: `pages`, what draw.io holds of each, and `stencils`, the names of all AWS shapes that it has.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import signal
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from playwright.sync_api import Page, sync_playwright

VIEWER = "jupyterlab_drawio_render_extension"
"""The package from PyPI that brings draw.io's viewer with all its shapes; nothing else of it is used."""

SCRIPTS = ("viewer-static.min.js", "shapes.min.js", "stencils.min.js")
RAW = -15
"""Deflated data without a header, as zlib calls it."""

START = Path(__file__).with_name("viewer.html")


def scripts() -> list[Path]:
    """Return the viewer's files."""
    found = importlib.util.find_spec(VIEWER)
    assert found is not None, f"{VIEWER} is not installed"
    assert found.origin is not None
    return [Path(found.origin).parent / "static" / name for name in SCRIPTS]


def stencils() -> list[str]:
    """Return the names of AWS's shapes, from the viewer's file: XML, deflated, in base 64."""
    packed = re.search(r"f\['aws4\.xml'\] = '([^']*)'", scripts()[-1].read_text(encoding="utf-8"))
    assert packed is not None, "the viewer has no shapes of AWS"
    shapes = unquote(zlib.decompress(base64.b64decode(packed[1]), RAW).decode())
    return sorted({name.lower().replace(" ", "_") for name in re.findall(r'<shape [^>]*?name="([^"]+)"', shapes)})


def lit(svg: str) -> str:
    """Return a picture with its light colours alone, and without the hint for viewers that show no text."""
    colour = r"(?:rgba?\([^)]*\)|[^,()]+)"
    one_look = re.sub(rf"light-dark\(({colour}), *{colour}\)", r"\1", svg)
    return re.sub(r"<switch><g requiredFeatures[^>]*/><a .*?</a></switch>", "", one_look, flags=re.DOTALL)


def pages(browser_page: Page, drawing: Path, folder: Path) -> list[dict[str, Any]]:
    """Open every page of a drawing and write its pictures."""
    source = drawing.read_text(encoding="utf-8")
    names = [diagram.attrib["name"] for diagram in ElementTree.fromstring(source).iter("diagram")]
    shown = []
    for number, name in enumerate(names):
        answer = browser_page.evaluate("([source, number]) => show(source, number)", [source, number])
        answer["svg"] = lit(answer["svg"])
        target = folder / f"architecture-{name.lower()}"
        target.with_suffix(".svg").write_text(answer["svg"], encoding="utf-8")
        browser_page.locator("svg").first.screenshot(path=target.with_suffix(".png"))
        shown.append({"name": name, **answer})
    return shown


def main() -> None:
    """Do the job of standard input. Asked to end, close the browser first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job = json.loads(sys.stdin.readline())
    with sync_playwright() as playwright:
        arguments = ["--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=job["program"], args=arguments)
        window = {"viewport": {"width": 2400, "height": 2000}, "device_scale_factor": job["scale"]}
        browser_page = browser.new_context(**window).new_page()
        browser_page.goto(START.as_uri())
        for script in scripts():
            browser_page.add_script_tag(path=script)
        shown = pages(browser_page, Path(job["drawing"]), Path(job["folder"]))
        browser.close()
    print(json.dumps({"pages": shown, "stencils": stencils()}))


if __name__ == "__main__":
    main()
