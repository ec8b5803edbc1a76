"""`python -m tests.site.browser`: a reader with Chromium opens every page, at a desk by day and on a phone by night.

Standard input is the job: `site` (the address), `pages`, `program` (Chromium) and `folder` (for the pictures). The
answer is a list of complaints, as JSON: an error in the console, a request to another host or without an answer, a page
that is wider than its window, and a chart that was not drawn. The browser knows no other host than this machine.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

WINDOWS = {
    "desk": {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}
LOOPBACK = "127.0.0.1"
DRAWN_MILLISECONDS = 15_000.0
LEFT = "net::ERR_ABORTED"
"""What a request ends with that was under way when the reader went on."""

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CHART = "pre.mermaid"
"""What a chart is called until it is drawn."""


def visits(browser: Browser, site: str, pages: list[str], folder: Path) -> Iterator[str]:
    """Open the pages in every window, take pictures, and yield what is amiss."""
    for window, device in WINDOWS.items():
        context = browser.new_context(locale="en", **device)
        page = context.new_page()
        for name in pages:
            for complaint in _visit(page, site, name):
                yield f"{name} ({window}): {complaint}"
            page.screenshot(path=folder / f"{name.removesuffix('.html').replace('/', '-')}-{window}.png")
        context.close()


def _visit(page: Page, site: str, name: str) -> list[str]:
    heard: list[str] = []
    listeners = {
        "console": lambda said: heard.append(f"console: {said.text}") if said.type == "error" else None,
        "pageerror": lambda error: heard.append(f"script: {error}"),
        "requestfailed": lambda asked: None if asked.failure == LEFT else heard.append(f"no answer: {asked.url}"),
        "request": lambda asked: None if _is_here(asked.url, site) else heard.append(f"another host: {asked.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(f"{site}{name}", wait_until="load")
    charts = page.locator(CHART)
    try:
        if charts.count():
            page.wait_for_function(f"!document.querySelector('{CHART}')", timeout=DRAWN_MILLISECONDS)
    except PlaywrightError as error:
        heard.append(f"a chart was not drawn: {str(error).splitlines()[0]}")
    if page.evaluate(TOO_WIDE) > 0:
        heard.append("wider than the window")
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return heard


def _is_here(address: str, site: str) -> bool:
    return address.startswith((site, "data:", "blob:", "about:"))


def main() -> None:
    """Do the job of standard input. Asked to end, close the browser first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job = json.loads(sys.stdin.readline())
    nobody_else = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=job["program"], args=[nobody_else])
        complaints = list(visits(browser, job["site"], job["pages"], Path(job["folder"])))
        browser.close()
    print(json.dumps(complaints))


if __name__ == "__main__":
    main()
