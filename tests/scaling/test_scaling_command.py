"""`python -m generator scaling` writes what it found, and fails where a claim does."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from generator.cli import cli
from generator.errors import UserError
from generator.scaling import claims
from generator.scaling.claims import Claim
from tests.documented_commands import documented
from tests.json_reports import read
from tests.releases import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the command reads and writes, with one short trace."""
    for name in ("templates_out", "params"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "pictures").mkdir(parents=True)
    page = "# Scaling\n\n<!-- scaling: begin -->\n<!-- scaling: end -->\n"
    (tmp_path / "docs" / "scaling.md").write_text(page, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    makers = (claims.traces.dead_server,)
    monkeypatch.setattr(claims.traces, "all_traces", lambda design: [make(design) for make in makers])
    return tmp_path


def only(monkeypatch: pytest.MonkeyPatch, against: list[str]) -> None:
    monkeypatch.setattr(claims, "CLAIMS", (Claim("W7", "Something is true.", lambda _: against),))


def test_figures_and_pictures_are_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, [])
    result = CliRunner().invoke(cli, documented("make scaling"), catch_exceptions=False)
    assert result.exit_code == 0
    assert "docs/scaling.md: written" in result.output
    page = (project / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert "| dead-server | prod |" in page
    assert "| Something is true. | W7 | holds |" in page
    pictures = sorted(path.name for path in (project / "docs" / "pictures").iterdir())
    assert pictures == ["scaling-dev.svg", "scaling-prod.svg", "scaling-staging.svg"]


def test_one_environment_leaves_the_page_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, ["it is not"])
    before = (project / "docs" / "scaling.md").read_text(encoding="utf-8")
    result = CliRunner().invoke(cli, ["scaling", "-e", "prod"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "prod: it is not" in result.output
    assert (project / "docs" / "scaling.md").read_text(encoding="utf-8") == before


def test_a_picture_is_written_whole_or_not_at_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, [])
    picture = project / "docs" / "pictures" / "scaling-prod.svg"
    picture.write_bytes(b"old")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"scaling-prod\.svg: cannot be written: No space left"):
        CliRunner().invoke(cli, ["scaling", "-e", "prod"], catch_exceptions=False)
    assert picture.read_bytes() == b"old"
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]


def test_json_says_the_same_and_writes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, ["it is not"])
    result = CliRunner().invoke(cli, ["scaling", "-e", "prod", "--json"], catch_exceptions=False)
    assert result.exit_code == 1
    found = read("scaling", result.stdout)
    assert [(each["environment"], each["trace"]) for each in found["runs"]] == [("prod", "dead-server")]
    assert found["claims"][0]["against"] == {"prod": ["it is not"]}
    assert list((project / "docs" / "pictures").iterdir()) == []


def test_an_unknown_environment_is_refused(project: Path) -> None:
    with pytest.raises(UserError, match="'moon' is no environment"):
        CliRunner().invoke(cli, ["scaling", "-e", "moon"], catch_exceptions=False)
