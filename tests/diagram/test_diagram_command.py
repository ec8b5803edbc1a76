"""The command `diagram`: what it writes, and when it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from generator.diagram_command import diagram
from generator.errors import UserError
from tests.json_reports import read

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(diagram, arguments, catch_exceptions=False, standalone_mode=False)
    return result.output


def test_drawing_and_page_of_the_documentation_are_those_of_the_release() -> None:
    assert run("--check") == "docs/pictures/architecture.drawio: nothing changed, 4 pages for prod\n"


def test_another_drawing_is_written_where_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "new" / "dev.drawio"
    assert "written, 4 pages for dev" in run("--environment", "dev", "--output", str(target))
    assert b"Environment dev" in target.read_bytes()
    found = read("diagram", run("--environment", "dev", "--output", str(target), "--json"))
    assert (found["file"], found["changed"], len(found["pages"])) == (str(target), False, 4)


def test_check_refuses_what_differs_and_leaves_it(tmp_path: Path) -> None:
    target = tmp_path / "old.drawio"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(UserError, match="run make diagram"):
        run("--check", "--output", str(target))
    assert target.read_text(encoding="utf-8") == "old"


def test_the_documentation_shows_prod_as_it_is() -> None:
    with pytest.raises(UserError, match="--output"):
        run("--set", "Compute=both")
    with pytest.raises(UserError, match="--output"):
        run("--environment", "dev")


def test_the_small_chart_is_printed() -> None:
    assert "flowchart LR" in run("--mermaid")
