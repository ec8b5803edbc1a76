"""What a reader would trip over on the built site is found: one fault in each case, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site import building
from tests.site.__main__ import main
from tests.site.checking import problems
from tests.site.staging import OTHER_PAGES, Staging

NAVIGATION = "<a href='design.html'>Design</a> <a href='overview.html'>All</a> <a href='runbook.html'>Runbook</a>"
NAVIGATION += (
    "<a href='changelog.html'>Changes</a> <a href='application.html'>Sample</a> <a href='index.html'>Start</a>"
)


def page(title: str, body: str = "", head: str = "") -> str:
    article = f"<article><h1 id='top'>{title}</h1>{body}</article>"
    return f"<html><head><title>{title}</title>{head}</head><body>{NAVIGATION}{article}</body></html>"


@pytest.fixture
def built(tmp_path: Path) -> Staging:
    """Return a small repository whose site is built, without a fault."""
    staging = Staging(tmp_path / "repository", tmp_path / "stage")
    site = staging.folder / building.BUILT
    sources = {**OTHER_PAGES, "docs/index.md": "index.md", "docs/design.md": "design.md"}
    for source, target in sources.items():
        for file in (staging.repository / source, staging.pages / target):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"# {target}\n", encoding="utf-8")
        write(site / Path(target).with_suffix(".html"), page(target))
    write(site / "404.html", "<title>Not found</title><a href='/design.html'>Design</a>")
    write(site / "assets/site.css", "a { background: url(data:image/png;base64,xx) }")
    return staging


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def found(built: Staging) -> list[str]:
    return problems(built.folder / building.BUILT, built)


def test_nothing_is_found_where_nothing_is_amiss(built: Staging) -> None:
    design = page(
        "design.md",
        "<p id='tls'></p><a href='#tls'>x</a><a href='index.html#top'>x</a><a href='https://example.com'>x</a>",
        "<link rel='stylesheet' href='assets/site.css'><link rel='canonical' href='https://example.com/'>",
    )
    write(built.folder / "site/design.html", design)
    assert found(built) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<a href='gone.html'>x</a>", "leads to gone.html, which there is not"),
        ("<a href='../outside.html'>x</a>", "leads to ../outside.html, which there is not"),
        ("<a href='index.html#gone'>x</a>", "leads to index.html#gone, where nothing is called gone"),
        ("<a href='#gone'>x</a>", "leads to #gone, where nothing is called gone"),
        ("<script src='https://unpkg.com/mermaid'></script>", "asks another host for https://unpkg.com/mermaid"),
        ("<iframe src='//video.example.com/1'></iframe>", "asks another host for //video.example.com/1"),
        ("<link rel='preconnect' href='https://fonts.gstatic.com'>", "asks another host for https://fonts.gstatic.com"),
        ("<h1>Again</h1>", "has 2 headings of the first order; it needs one"),
        ("<ul><li>x</li></ul>", "shows 1 <li>, where GitHub shows 0: docs/design.md"),
    ],
)
def test_a_fault_of_a_page_is_found(built: Staging, body: str, problem: str) -> None:
    write(built.folder / "site/design.html", page("design.md", body))
    assert f"design.html: {problem}" in found(built)


def test_an_image_that_is_not_there_is_found(built: Staging) -> None:
    for file in (built.repository / "docs/design.md", built.pages / "design.md"):
        file.write_text("# design.md\n\n![x](gone.png)\n", encoding="utf-8")
    write(built.folder / "site/design.html", page("design.md", "<img src='gone.png'>"))
    assert found(built) == ["design.html: leads to gone.png, which there is not"]


def test_a_style_that_asks_elsewhere_is_found(built: Staging) -> None:
    write(built.folder / "site/assets/site.css", "@import 'https://fonts.example.com/a.css';")
    assert found(built) == ["assets/site.css: asks another host for https://fonts.example.com/a.css"]


def test_a_page_that_was_not_built_is_found(built: Staging) -> None:
    (built.folder / "site/design.html").unlink()
    assert "design.html: was not built" in found(built)


def test_a_page_to_which_there_is_no_way_is_found(built: Staging) -> None:
    write(built.pages / "lost.md", "# Lost\n")
    write(built.folder / "site/lost.html", page("Lost"))
    assert found(built) == ["lost.html: is not in the navigation; name it in mkdocs.yml"]


def test_pages_need_titles_of_their_own(built: Staging) -> None:
    write(built.folder / "site/design.html", page("index.md"))
    assert found(built) == ["index.html: has the title of design.html: index.md"]
    write(built.folder / "site/design.html", page("").replace("<title></title>", ""))
    assert "design.html: has no title" in found(built)


def test_without_its_environment_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(building, "ENVIRONMENT", tmp_path)
    assert main(["--check"]) == 1
    assert "run make site, which sets it up" in capsys.readouterr().err
