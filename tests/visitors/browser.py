"""`python -m tests.visitors.browser`: a visitor with Chromium walks through the shop, and all that is amiss is noted.

Standard input is the job: `site`, `program` (Chromium), `key` (digest of the public key that it is to trust)
and `folder` (for the pictures). The answer is a list of visits, as JSON. The browser knows the site's names and no
other, so that a page that wants something from elsewhere shows it.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.visitors.site import LOOPBACK, Site
from tests.visitors.visits import Visit

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PATIENCE_MILLISECONDS = 15_000.0
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", violation =>
    window.violations.push(`${violation.violatedDirective}: ${violation.blockedURI}`));
"""
IMAGES = "document.images.length"
BROKEN_IMAGES = "Array.from(document.images).filter(image => !image.naturalWidth).map(image => image.src)"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Walk:
    """A walk in one window: pages one after the other, each of them a visit."""

    def __init__(self, page: Page, site: Site, folder: Path) -> None:
        self.visits: list[Visit] = []
        self._page = page
        self._site = site
        self._folder = folder
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.add_init_script(VIOLATIONS)
        page.on("response", lambda answer: self._now.answered(answer.url, answer.status, answer.headers))
        page.on("requestfailed", self._failed)
        page.on("console", lambda message: self._now.said(message.type, message.text, message.location["url"]))
        page.on("pageerror", lambda error: self._now.problems.append(f"script: {error}"))

    @property
    def _now(self) -> Visit:
        return self.visits[-1]

    @contextmanager
    def visit(self, name: str, path: str, status: int = HTTPStatus.OK) -> Iterator[Page]:
        """Go to a path, let the `with` block look around or click, and take a picture at its end."""
        visit = Visit(name, f"{self._site.website}{path}", expected=int(status))
        self.visits.append(visit)
        answer = self._page.goto(visit.url)
        assert answer is not None
        visit.document(answer.status, answer.all_headers(), answer.security_details() or {})
        try:
            yield self._page
            self._scroll_through()
            self._page.wait_for_load_state("networkidle")
        except (AssertionError, PlaywrightError) as error:
            visit.problems.append(str(error).splitlines()[0])
        self._look_at_the_whole(visit)

    def _scroll_through(self) -> None:
        """Scroll down, so that what is loaded when it comes into sight is loaded, and up again."""
        for image in self._page.locator("img").all():
            image.scroll_into_view_if_needed()
            expect(image).not_to_have_js_property("naturalWidth", 0)
        self._page.evaluate("window.scrollTo(0, 0)")

    def _look_at_the_whole(self, visit: Visit) -> None:
        visit.images = self._page.evaluate(IMAGES)
        visit.problems += [f"image not shown: {source}" for source in self._page.evaluate(BROKEN_IMAGES)]
        visit.problems += [f"content security policy: {each}" for each in self._page.evaluate("window.violations")]
        if self._page.evaluate(TOO_WIDE) > 0:
            visit.problems.append("wider than the window")
        self._page.screenshot(path=self._folder / f"{visit.name}.png", animations="disabled", caret="hide")

    def _failed(self, request: Request) -> None:
        self._now.problems.append(f"failed: {request.method} {request.url}: {request.failure}")


def shop(walk: Walk, suffix: str = "") -> None:
    """Look at the shelves, put two things into the cart, and look at the cart."""
    with walk.visit(f"storefront{suffix}", "/") as page:
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("main").get_by_role("listitem").first).to_be_visible()
    with walk.visit(f"product{suffix}", "/products/1") as page:
        add_to_cart(page)
    with walk.visit(f"cart{suffix}", "/products/2") as page:
        add_to_cart(page)
        page.get_by_role("link", name="To the cart").click()
        quantities = page.get_by_role("spinbutton")
        expect(quantities).to_have_count(2)
        for quantity in quantities.all():
            expect(quantity).to_have_value("1")


def add_to_cart(page: Page) -> None:
    """Click, and wait until the page says that it is done."""
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status")).to_contain_text("is in your cart")


def get_lost(walk: Walk) -> None:
    """Ask for what there is not."""
    with walk.visit("not-found", "/nowhere.html", HTTPStatus.NOT_FOUND) as page:
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def walks(browser: Browser, site: Site, folder: Path) -> Iterator[Visit]:
    """Walk at a desk and on a phone; yield the visits."""
    for device, suffix in ((DESKTOP, ""), (PHONE, "-phone")):
        context = browser.new_context(locale="en", **device)
        walk = Walk(context.new_page(), site, folder)
        shop(walk, suffix)
        if not suffix:
            get_lost(walk)
        context.close()
        yield from walk.visits


def main() -> None:
    """Do the job of standard input. Asked to end, close the browser first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job = json.loads(sys.stdin.readline())
    site = Site(**job["site"])
    mapped = [f"MAP {name}:443 {LOOPBACK}:{port}" for name, port in site.ports.items()]
    arguments = [
        f"--host-resolver-rules={', '.join([*mapped, 'MAP * ~NOTFOUND', f'EXCLUDE {LOOPBACK}'])}",
        f"--ignore-certificate-errors-spki-list={job['key']}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=job["program"], args=arguments)
        visits = list(walks(browser, site, Path(job["folder"])))
        browser.close()
    print(json.dumps([asdict(visit) for visit in visits]))


if __name__ == "__main__":
    main()
