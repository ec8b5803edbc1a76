"""The pages of the site, put together in one folder: what is in `docs/`, and what stands at the repository's top.

Links are those of the repository, where they work on GitHub too. Here they are led to where the pages stand in the
site. What is no page, such as a source file, is reached through an address of the repository where one is given;
else its path is told.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generator.errors import UserError
from tests.site.indentation import for_python_markdown

CONFIGURATION = "mkdocs.yml"
THEME = Path(__file__).parent / "theme"
ASSETS = "assets"
MERMAID = f"{ASSETS}/mermaid.min.js"

OTHER_PAGES = {
    "README.md": "overview.md",
    "runbook.md": "runbook.md",
    "CHANGELOG.md": "changelog.md",
    "application/README.md": "application.md",
}
"""Pages outside of `docs/`, and their names in the site."""

BOOSTS = {"index.md": 4, "runbook.md": 2, "extending.md": 2, "changelog.md": 0.2, "reference/": 0.4, "decisions/": 0.5}
"""How much more a page, or a folder's pages, matter in a search than others do: questions and ways to go come first,
what somebody looks up by its name, and what was long ago, last.
https://squidfunk.github.io/mkdocs-material/setup/setting-up-site-search/#search-boosting"""

DOCS = "docs"
DECISIONS = "decisions"
DECISIONS_INDEX = f"{DECISIONS}/index.md"
SLIDES = f"{DOCS}/demo/slides.md"
"""Markdown that is no page: the source of the slides, which have a title each."""

NO_PAGES = (".drawio", ".svg", ".png", ".cast", ".json", ".js", ".css", ".html", ".pdf")
"""What is copied from `docs/` besides pages."""

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(
    r"(?P<kind>!?)\[(?P<text>(?:[^\[\]]|!?\[[^\]]*\]\([^)]*\))*)\]\("
    r"(?P<target>[^)\s]+)"
    r"(?P<title>\s+\"[^\"]*\")?\)"
)
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)")
HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
FOLDER_ENTRY = re.compile(r"^(?P<indent> *- )(?P<folder>[\w/-]+)/\*$", re.MULTILINE)
"""A line of the navigation that stands for all pages of a folder, by their titles or names."""


@dataclass(frozen=True)
class Staging:
    """Where the pages come from, and where they go."""

    repository: Path
    folder: Path
    sources: str = ""
    """An address below which the repository's files can be looked at; empty where there is none."""

    @property
    def pages(self) -> Path:
        """The folder of the pages."""
        return self.folder / DOCS


def stage(staging: Staging, mermaid: Path) -> None:
    """Put the pages, what they show, and the configuration into an empty folder.

    Raises `UserError` for links to what the repository does not have.
    """
    shutil.rmtree(staging.folder, ignore_errors=True)
    places = places_of(staging.repository)
    if broken := [complaint for source in places for complaint in _broken(staging.repository, source)]:
        raise UserError("\n".join(broken))
    for source, target in places.items():
        path = staging.pages / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            path.write_text(_page(staging, source, target, places), encoding="utf-8")
        else:
            shutil.copyfile(staging.repository / source, path)
    (staging.pages / DECISIONS_INDEX).write_text(_decisions(staging), encoding="utf-8")
    for file in THEME.iterdir():
        (staging.pages / ASSETS).mkdir(exist_ok=True)
        shutil.copyfile(file, staging.pages / ASSETS / file.name)
    shutil.copyfile(mermaid, staging.pages / MERMAID)
    text = (staging.repository / CONFIGURATION).read_text(encoding="utf-8")
    (staging.folder / CONFIGURATION).write_text(with_folders(text, staging.pages), encoding="utf-8")


def places_of(repository: Path) -> dict[str, str]:
    """Return where each file of the repository that is part of the site stands in it, both relative to their tops."""
    places = dict(OTHER_PAGES)
    for path in sorted((repository / DOCS).rglob("*")):
        name = path.relative_to(repository / DOCS).as_posix()
        if path.suffix in (".md", *NO_PAGES) and f"{DOCS}/{name}" != SLIDES:
            places[f"{DOCS}/{name}"] = name
    return places


def _broken(repository: Path, source: str) -> Iterator[str]:
    """Yield a complaint for each link of a page to a file that there is not."""
    if not source.endswith(".md"):
        return
    for block, prose in _blocks((repository / source).read_text(encoding="utf-8")):
        for found in LINK.finditer(CODE.sub("", block)) if prose else ():
            for target in [found["target"], *(inner["target"] for inner in LINK.finditer(found["text"]))]:
                wanted = target.partition("#")[0]
                if wanted and not ELSEWHERE.match(wanted) and not (repository / _path(source, wanted)).exists():
                    yield f"{source}: leads to {target}, which there is not"


def _path(source: str, wanted: str) -> str:
    """Return the path in the repository that a page's link means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), wanted))


def _page(staging: Staging, source: str, target: str, places: dict[str, str]) -> str:
    text = (staging.repository / source).read_text(encoding="utf-8")
    blocks = [_with_links(block, staging, source, target, places) if prose else block for block, prose in _blocks(text)]
    page = for_python_markdown("".join(blocks))
    boost = BOOSTS.get(target) or BOOSTS.get(f"{posixpath.dirname(target)}/")
    if boost:
        page = f"---\nsearch:\n  boost: {boost}\n---\n\n{page}"
    if "```mermaid" in page:
        # Whoever draws finds Mermaid already there, and asks no other host for it.
        page += f'\n<script src="{_way(target, MERMAID)}"></script>\n'
    return page


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the blocks of a page, and whether each is prose: a paragraph or less, and no part of a block of code."""
    fence, paragraph = "", ""
    for line in text.splitlines(keepends=True):
        found = FENCE.match(line)
        if fence or found or not line.strip():
            yield paragraph, True
            yield line, False
            paragraph = ""
        else:
            paragraph += line
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    yield paragraph, True


def _with_links(block: str, staging: Staging, source: str, target: str, places: dict[str, str]) -> str:
    """Return prose whose links lead to where the pages stand in the site; what is code stays as it is."""

    def led(found: re.Match[str]) -> str:
        # An image that is a link: the image's own address first.
        text = LINK.sub(led, found["text"])
        wanted, mark, anchor = found["target"].partition("#")
        path = _path(source, wanted)
        place = DECISIONS_INDEX if path == f"{DOCS}/{DECISIONS}" else places.get(path, "")
        if not wanted or ELSEWHERE.match(wanted):
            address = found["target"]
        elif place:
            address = f"{_way(target, place)}{mark}{anchor}"
        elif staging.sources:
            address = f"{staging.sources.rstrip('/')}/{path}"
        else:
            return _told(text, path)
        return f"{found['kind']}[{text}]({address}{found['title'] or ''})"

    codes = [match.span() for match in CODE.finditer(block)]
    return LINK.sub(lambda found: found[0] if _inside(found.start(), codes) else led(found), block)


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(begin <= position < end for begin, end in spans)


def _told(text: str, path: str) -> str:
    """Return what stands in the place of a link to a file that is no page: the text, and the path unless it says it."""
    said = text.strip("`").rstrip("/")
    return f"`{path}`" if path.endswith(said) else f"{text} (`{path}`)"


def _way(page: str, place: str) -> str:
    return posixpath.relpath(place, posixpath.dirname(page) or ".")


def _decisions(staging: Staging) -> str:
    """Return the index of the decisions, by their titles."""
    pages = sorted((staging.pages / DECISIONS).glob("[0-9]*.md"))
    listed = "\n".join(f"- [{title(page)}]({page.name})" for page in pages)
    return f"# Decisions\n\nWhy it is built like this: each decision with what else was possible.\n\n{listed}\n"


def title(page: Path) -> str:
    """Return the title of a page: its first heading. Raises `AssertionError` for a page without."""
    found = HEADING.search(page.read_text(encoding="utf-8"))
    assert found is not None, f"{page}: has no title"
    return found[1]


def with_folders(configuration: str, pages: Path) -> str:
    """Return the configuration with each `folder/*` of the navigation replaced by the pages of that folder."""

    def listed(found: re.Match[str]) -> str:
        files = [file for file in (pages / found["folder"]).glob("*.md") if file.name != "index.md"]
        ordered = sorted(files, key=lambda file: (_order(file), file.name))
        return "\n".join(f"{found['indent']}{file.relative_to(pages).as_posix()}" for file in ordered)

    return FOLDER_ENTRY.sub(listed, configuration)


def _order(page: Path) -> str:
    """Return by what a page is sorted first: roots come before stacks."""
    return title(page).partition(" ")[0] if title(page).startswith(("Root", "Stack")) else ""
