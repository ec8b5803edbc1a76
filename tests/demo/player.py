"""The recording as a page that plays it: one file, with asciinema's player in it, that asks for nothing.

Who presents opens it where the live demo does not want to; it needs no program but a browser.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template

from generator.errors import UserError
from tests.demo.recording import CAST, Recording
from tests.working_copy import ROOT

BUNDLE = ROOT / ".venv-demo/node_modules/asciinema-player/dist/bundle"
SCRIPT, STYLE = BUNDLE / "asciinema-player.min.js", BUNDLE / "asciinema-player.css"
PAGE = Path("dist/demo.html")
OPTIONS = {"fit": "both", "theme": "asciinema", "preload": True, "poster": "npt:0:04"}

LAYOUT = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
<style>html, body { margin: 0; height: 100%; background: #131a24; } #demo { height: 100%; }</style>
<div id="demo"></div>
<script>$script</script>
<script>AsciinemaPlayer.create({ data: $recording }, document.getElementById("demo"), $options);</script>
</html>
""")


def page(recording: Recording, script: str, style: str) -> str:
    """Return the page. Text that would end a script is spelled otherwise in it, which JavaScript reads as the same."""
    return LAYOUT.substitute(
        title=html.escape(recording.header["title"]),
        style=style,
        script=script,
        recording=_in_script(recording.text()),
        options=_in_script(OPTIONS),
    )


def write() -> Path:
    """Write the page of the committed recording; return its path. Raises `UserError` without the player."""
    if not SCRIPT.exists():
        raise UserError(f"{SCRIPT.relative_to(ROOT)}: is missing; run make recording or make slides, which set it up")
    text = page(Recording.read(ROOT / CAST), *(file.read_text(encoding="utf-8") for file in (SCRIPT, STYLE)))
    (ROOT / PAGE).parent.mkdir(exist_ok=True)
    (ROOT / PAGE).write_text(text, encoding="utf-8")
    return PAGE


def _in_script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
