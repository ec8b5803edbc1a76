"""The demo's page is a script: scenes with minutes, and what is typed in each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from tests.demo import typist
from tests.demo.script import PAGE, Scene, scenes
from tests.documented_commands import Command
from tests.working_copy import ROOT

TEN_MINUTES = 600
STORY = ("make templates", "impact", "make check", "make rehearse", "FAIL_AT", "make runbook", "make cost", "diagram")


def test_e18_the_demo_takes_ten_minutes_and_tells_its_story() -> None:
    script = scenes((ROOT / PAGE).read_text(encoding="utf-8"))
    assert script[0].begin == 0
    assert script[-1].begin < TEN_MINUTES
    typed = "\n".join(command.text for scene in script for command in scene.commands)
    places = [typed.find(word) for word in STORY]
    assert places == sorted(places)
    assert -1 not in places


def test_what_a_scene_breaks_it_undoes() -> None:
    """Whoever plays one scene alone, or stops after it, has the source as it was."""
    for scene in scenes((ROOT / PAGE).read_text(encoding="utf-8"))[2:]:
        typed = [command.text for command in scene.commands]
        edits = [line for line in typed if line.startswith("perl")]
        assert not edits or typed[-1] == "git restore generator templates_out"


@given(st.lists(st.tuples(st.integers(0, 20 * 60), st.text("abc ", min_size=1).map(str.strip)), min_size=1))
def test_scenes_are_read_in_the_order_of_their_minutes(found: list[tuple[int, str]]) -> None:
    page = "# Page\n\n" + "".join(
        f"## {begin // 60}:{begin % 60:02} {title or 'x'}\n\n```console\n$ make help\nshown\n```\n\n"
        for begin, title in found
    )
    begins = [begin for begin, _ in found]
    if begins != sorted(set(begins)):
        with pytest.raises(UserError, match="does not come after"):
            scenes(page)
        return
    script = scenes(page)
    assert [scene.begin for scene in script] == begins
    assert [[(c.text, c.shown) for c in scene.commands] for scene in script] == [[("make help", ("shown",))]] * len(
        found
    )


def test_what_follows_without_a_minute_is_not_played() -> None:
    page = "## 0:10 One\n\n```console\n$ make help\n```\n\n## In trouble\n\n```console\n$ make clean\n```\n"
    assert [command.text for scene in scenes(page) for command in scene.commands] == ["make help"]


def test_a_page_without_scenes_is_refused() -> None:
    with pytest.raises(UserError, match="has no scene"):
        scenes("# A page\n\n```console\n$ make help\n```\n")


def test_commands_are_typed_and_run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    # The second one fails, as some of the demo are meant to, and the third is played nevertheless.
    commands = tuple(Command("page", 1, text) for text in ("echo o''ne", "exit 3", "echo t''wo"))
    typist.perform(Scene(60, "Words", commands))
    shown = capfd.readouterr().out
    assert "# 1:00 Words" in shown
    assert [word in shown for word in ("echo o''ne\n", "\none\n", "exit 3\n", "\ntwo\n")] == [True] * 4
