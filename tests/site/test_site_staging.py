"""Pages of the site are those of the repository, and their links lead to where the pages stand in the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from generator.errors import UserError
from tests.site.indentation import for_python_markdown
from tests.site.staging import Staging, places_of, stage, title, with_folders

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    pages = {
        "README.md": "# The project\n\n[![Picture](docs/pictures/a.svg)](docs/design.md) and [why](docs/decisions/).\n",
        "runbook.md": "# Runbook\n\n## Roll back\n\nSee [the\ndesign](docs/design.md#tls).\n",
        "CHANGELOG.md": "# Changelog\n",
        "application/README.md": "# The sample\n\n[code](shop/web.py) and [all](../README.md)\n",
        "docs/index.md": "# Start\n\n[all](../README.md), [back](../runbook.md#roll-back 'x'), [w](https://example.com/a)\n",
        "docs/design.md": '# Design\n\n## TLS\n\n[`waivers.yaml`](../params/waivers.yaml "why") `[no](../link.md)`\n',
        "docs/decisions/0001-a.md": "# 1. First\n",
        "docs/pictures/a.svg": "<svg/>",
        "params/waivers.yaml": "",
        "application/shop/web.py": "",
        "mkdocs.yml": "nav:\n  - index.md\n  - decisions/*\n",
    }
    for name, text in pages.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    return top


def staged(repository: Path, sources: str = "") -> Path:
    mermaid = repository / "mermaid.js"
    mermaid.write_text("// draws", encoding="utf-8")
    staging = Staging(repository, repository.parent / "stage", sources)
    stage(staging, mermaid)
    return staging.pages


def test_links_between_pages_lead_to_their_places_in_the_site(repository: Path) -> None:
    pages = staged(repository)
    assert (
        "[![Picture](pictures/a.svg)](design.md) and [why](decisions/index.md)." in (pages / "overview.md").read_text()
    )
    assert "[the\ndesign](design.md#tls)" in (pages / "runbook.md").read_text()
    assert "[all](overview.md)" in (pages / "application.md").read_text()
    assert "[w](https://example.com/a)" in (pages / "index.md").read_text()
    assert "- [1. First](0001-a.md)" in (pages / "decisions/index.md").read_text()


def test_source_files_are_told_by_their_path_or_looked_at_where_the_repository_has_an_address(repository: Path) -> None:
    pages = staged(repository)
    assert "`params/waivers.yaml` `[no](../link.md)`" in (pages / "design.md").read_text()
    assert "code (`application/shop/web.py`)" in (pages / "application.md").read_text()
    pages = staged(repository, "https://git.example.com/x/blob/main/")
    wanted = '[`waivers.yaml`](https://git.example.com/x/blob/main/params/waivers.yaml "why")'
    assert wanted in (pages / "design.md").read_text()


def test_a_link_to_what_there_is_not_is_refused(repository: Path) -> None:
    text = "# Design\n\n[![x](gone.svg)](../gone.md#a) `[x](code.md)`\n\n```\n[x](code.md)\n```\n"
    (repository / "docs/design.md").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        staged(repository)
    assert str(raised.value).splitlines() == [
        "docs/design.md: leads to ../gone.md#a, which there is not",
        "docs/design.md: leads to gone.svg, which there is not",
    ]


def test_a_search_finds_questions_before_what_was_long_ago(repository: Path) -> None:
    pages = staged(repository)
    heads = {
        name: (pages / f"{name}.md").read_text().splitlines()[:4] for name in ("index", "changelog", "decisions/0001-a")
    }
    boosts = {name: float(head[2].removeprefix("  boost: ")) for name, head in heads.items()}
    assert boosts["index"] > 1 > boosts["decisions/0001-a"] > boosts["changelog"]
    assert (pages / "design.md").read_text().startswith("# Design\n")


def test_what_is_code_stays_as_it_is(repository: Path) -> None:
    code = "```yaml\na: [b](../c.md)\n  - d\n```\n"
    (repository / "docs/design.md").write_text(f"# Design\n\n{code}\n~~~\n[x](../y.md)\n```\n~~~\n", encoding="utf-8")
    text = (staged(repository) / "design.md").read_text()
    assert code in text
    assert "[x](../y.md)" in text


def test_a_page_with_a_chart_brings_what_draws_it(repository: Path) -> None:
    (repository / "docs/decisions/0001-a.md").write_text(
        "# 1. First\n\n```mermaid\nflowchart LR\n```\n", encoding="utf-8"
    )
    pages = staged(repository)
    assert '<script src="../assets/mermaid.min.js"></script>' in (pages / "decisions/0001-a.md").read_text()
    assert (pages / "assets/mermaid.min.js").read_text() == "// draws"
    assert "<script" not in (pages / "index.md").read_text()


def test_a_folder_in_the_navigation_stands_for_its_pages(repository: Path) -> None:
    pages = staged(repository)
    assert (pages.parent / "mkdocs.yml").read_text() == "nav:\n  - index.md\n  - decisions/0001-a.md\n"
    (pages / "reference").mkdir()
    for name, heading in (("a", "Stack `a`"), ("b", "Root `b`"), ("c", "Stack `c`")):
        (pages / f"reference/{name}.md").write_text(f"# {heading}\n", encoding="utf-8")
    assert with_folders("  - reference/*\n", pages).split() == [
        *("-", "reference/b.md", "-", "reference/a.md", "-", "reference/c.md"),
    ]


def test_every_page_of_the_repository_is_part_of_the_site_and_has_a_title() -> None:
    places = places_of(ROOT)
    assert len(set(places.values())) == len(places)
    assert {"README.md", "runbook.md", "CHANGELOG.md"} <= set(places)
    for source in places:
        if source.endswith(".md"):
            assert title(ROOT / source)


GITHUB = """\
What it does:
- one
- two
  goes on

  and on
  - deeper

    ```console
    $ make x
      y
    ```

1. first:

   ```console
   $ aws x \\
       y
   ```

2. second

        $ indented

10. tenth
    goes on
"""

PYTHON_MARKDOWN = """\
What it does:

- one
- two
    goes on

    and on
    - deeper

        ```console
        $ make x
          y
        ```

1. first:

    ```console
    $ aws x \\
        y
    ```

2. second

         $ indented

10. tenth
    goes on
"""


def test_lists_are_said_as_the_generators_understand_them() -> None:
    assert for_python_markdown(GITHUB) == PYTHON_MARKDOWN


LINES = st.sampled_from(
    [
        "",
        "words",
        "- item",
        "  more",
        "  - deeper",
        "    deepest",
        "1. one",
        "   of one",
        "```",
        "  ```",
        "## Heading",
        "| a |",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_nothing_is_lost_or_added_but_spaces_and_empty_lines(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    after = for_python_markdown(text)
    assert [line.strip() for line in after.splitlines() if line.strip()] == [line.strip() for line in lines if line]


def blocks(depth: int = 3) -> st.SearchStrategy[list[str]]:
    """Return the lines of paragraphs, code and lists, indented as GitHub wants them at least."""
    leaf = st.sampled_from([["words"], ["words", "and more"], ["```", "code", "  - code", "```"]])
    if depth == 0:
        return leaf
    return st.one_of(
        leaf, st.builds(listed, st.sampled_from(["- ", "1. "]), st.lists(blocks(depth - 1), min_size=1, max_size=3))
    )


def listed(marker: str, contents: list[list[str]]) -> list[str]:
    lines = []
    for content in contents:
        lines.append(f"{marker}item")
        if content[0].startswith("words"):
            lines.append("")
        lines += [f"{' ' * len(marker)}{line}" if line else "" for line in content]
        lines.append("")
    return lines


@given(st.lists(blocks(), min_size=1, max_size=4))
def test_for_github_a_page_stays_what_it_was(parts: list[list[str]]) -> None:
    """What is right for Python-Markdown is right for GitHub too: so its own parser can be asked."""
    text = "\n".join("\n".join([*part, ""]) for part in parts)
    github = MarkdownIt("commonmark")
    assert github.render(for_python_markdown(text)) == github.render(text)
