"""What is amiss with a built site: links that lead nowhere, requests to other hosts, pages without title or way, and
what GitHub shows otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

from tests.site.staging import HEADING, Staging, places_of

LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
"""What a browser asks for by itself, and the attribute that says where."""

LOADING_LINKS = ("stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "manifest")
"""The relations of a `link` that make a browser ask.
https://html.spec.whatwg.org/multipage/links.html#linkTypes"""

IMPORTED = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")]+)|@import\s+['\"]([^'\"]+)")
SHAPE = ("ul", "ol", "li", "table", "tr", "pre", "h1", "h2", "h3", "h4", "img", "blockquote")
"""The elements that must be the same as on GitHub."""

ARTICLE = "article"
"""The element in which both generators put a page's text."""

LOST = "404.html"
"""The page that a web server shows for an address that there is not: its links start at the top of the server."""


@dataclass
class Page:
    """What matters of one built page."""

    title: str = ""
    headings: int = 0
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    """Where a reader can go."""
    loads: list[str] = field(default_factory=list)
    """What the browser asks for."""
    shown: Counter[str] = field(default_factory=Counter)
    """How often each of the elements that make a page's shape stands in its text."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_title = False
        self._in_article = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.page.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        self._in_title = tag == "title" and not self.page.title
        self.page.headings += tag == "h1"
        self._in_article = self._in_article or tag == ARTICLE
        self.page.shown[tag] += self._in_article and tag in SHAPE
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if tag == "link" and set(given.get("rel", "").split()) & set(LOADING_LINKS):
            self.page.loads.append(given["href"])
        if given.get(LOADS.get(tag, "")):
            self.page.loads.append(given[LOADS[tag]])

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.page.title += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"
        self._in_article = self._in_article and tag != ARTICLE


def problems(site: Path, staging: Staging) -> list[str]:
    """Return what is amiss with a site that was built from these pages; empty where nothing is."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))}
    pages = {file.relative_to(site).as_posix(): read(text) for file, text in texts.items()}
    found = [f"{name}: {problem}" for name, page in pages.items() for problem in _of_page(site, name, page, pages)]
    found += [f"{name}: {problem}" for name, problem in _styles(site)]
    found += _missing(staging.pages, pages)
    found += _other_shapes(staging.repository, pages)
    return found + list(_same_titles(pages))


def read(html: str) -> Page:
    """Return what matters of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.page


def _of_page(site: Path, name: str, page: Page, pages: Mapping[str, Page]) -> Iterator[str]:
    if not page.title:
        yield "has no title"
    if page.headings != 1 and name != LOST:
        yield f"has {page.headings} headings of the first order; it needs one"
    for address in page.loads:
        if _is_elsewhere(address):
            yield f"asks another host for {address}"
    for address in [*page.links, *(load for load in page.loads if not _is_elsewhere(load))]:
        if problem := _led_astray(site, name, address, pages):
            yield problem


def _is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def _led_astray(site: Path, name: str, address: str, pages: Mapping[str, Page]) -> str:
    """Return what is wrong with an address on a page; empty where it leads somewhere, or out of the site."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return ""
    base = site if parts.path.startswith("/") else (site / name).parent
    target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else (site / name).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site.resolve()) or not target.is_file():
        return f"leads to {address}, which there is not"
    place = target.relative_to(site.resolve()).as_posix()
    anchor = unquote(parts.fragment)
    if anchor and place in pages and anchor not in pages[place].anchors:
        return f"leads to {address}, where nothing is called {anchor}"
    return ""


def _styles(site: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(site.rglob("*.css")):
        for match in IMPORTED.finditer(file.read_text(encoding="utf-8")):
            if _is_elsewhere(match[1] or match[2]):
                yield file.relative_to(site).as_posix(), f"asks another host for {match[1] or match[2]}"


def _missing(sources: Path, pages: Mapping[str, Page]) -> Iterator[str]:
    """Yield the pages that were not built, have no title of their own, or to which the front page knows no way."""
    reachable = _reachable("index.html", pages)
    for file in sorted(sources.rglob("*.md")):
        name = file.relative_to(sources).with_suffix(".html").as_posix()
        if name not in pages:
            yield f"{name}: was not built"
        elif name not in reachable:
            yield f"{name}: is not in the navigation; name it in mkdocs.yml"
        if not HEADING.search(file.read_text(encoding="utf-8")):
            yield f"{name}: its source has no title"


def _reachable(name: str, pages: Mapping[str, Page]) -> set[str]:
    """Return the pages to which a page's own links lead, its navigation among them."""
    folder = Path(name).parent
    return {name} | {
        (folder / urlsplit(address).path).as_posix()
        for address in pages[name].links
        if not urlsplit(address).netloc and urlsplit(address).path
    }


def _same_titles(pages: Mapping[str, Page]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, page in pages.items():
        if name != LOST and first.setdefault(page.title, name) != name:
            yield f"{name}: has the title of {first[page.title]}: {page.title}"


def _other_shapes(repository: Path, pages: Mapping[str, Page]) -> Iterator[str]:
    """Yield the pages that have other lists, tables or blocks than GitHub shows of the same source."""
    github = MarkdownIt("commonmark").enable("table")
    for source, target in places_of(repository).items():
        name = Path(target).with_suffix(".html").as_posix()
        if not target.endswith(".md") or name not in pages:
            continue
        text = (repository / source).read_text(encoding="utf-8")
        expected = read(f"<{ARTICLE}>{github.render(text)}</{ARTICLE}>").shown
        for element in SHAPE:
            if (there := pages[name].shown[element]) != expected[element]:
                yield f"{name}: shows {there} <{element}>, where GitHub shows {expected[element]}: {source}"
