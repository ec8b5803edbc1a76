"""The recording of the demo is one of its page and of this version; what makes recordings keeps what they show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import __version__
from generator.errors import UserError
from tests.demo import player, recording, screens
from tests.demo.recording import CAST, COLUMNS, IDLE_SECONDS, MARKER, MOST_BYTES, OUTPUT, REDRAWN, ROWS, Recording
from tests.demo.script import PAGE, Scene, scenes
from tests.documented_commands import Command, printed_as_shown
from tests.working_copy import ROOT

HEADER = {"version": 2, "width": 80, "height": 24}
SCRIPT = scenes((ROOT / PAGE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recorded() -> Recording:
    return Recording.read(ROOT / CAST)


def test_e18_the_recording_is_that_of_the_page(recorded: Recording) -> None:
    """The same commands in the same order, each answered by what the page shows."""
    commands = [command for scene in SCRIPT for command in scene.commands]
    answers = recorded.answers()
    assert [typed for typed, _ in answers] == [command.text for command in commands], "run make recording"
    for command, (_, answer) in zip(commands, answers, strict=True):
        # A live line may stand before what the page shows first.
        assert printed_as_shown(("…", *command.shown), f"{answer}\n"), f"{command.place}: {answer[-2000:]}"


def test_the_recording_was_made_with_this_version(recorded: Recording) -> None:
    assert f" {__version__}:" in recorded.header["title"], "run make recording"
    assert f"templates_out/v{__version__}" in recorded.printed()


def test_players_can_show_the_recording_and_jump_to_a_scene(recorded: Recording) -> None:
    """See https://docs.asciinema.org/manual/asciicast/v2/."""
    assert (recorded.header["version"], recorded.header["width"], recorded.header["height"]) == (2, COLUMNS, ROWS)
    assert recorded.header["idle_time_limit"] == IDLE_SECONDS
    assert {kind for _, kind, _ in recorded.events} == {OUTPUT, MARKER}
    times = [seconds for seconds, _, _ in recorded.events]
    assert times == sorted(times)
    marked = [text for _, kind, text in recorded.events if kind == MARKER]
    assert marked == [scene.heading for scene in SCRIPT if scene.commands]
    assert (ROOT / CAST).stat().st_size < MOST_BYTES


def test_the_recording_tells_nothing_of_the_machine_it_was_made_on(recorded: Recording) -> None:
    told = json.dumps(recorded.header) + recorded.printed()
    assert str(ROOT) not in told
    assert "/tmp/" not in told


@pytest.mark.parametrize("screen", screens.SCREENS, ids=lambda screen: screen.name)
def test_a_picture_of_the_recording_needs_nothing_else(screen: screens.Screen) -> None:
    picture = (ROOT / screens.FOLDER / f"{screen.name}.svg").read_text(encoding="utf-8")
    assert screen.title in picture.replace("&#160;", " ")
    assert "@font-face" not in picture
    assert picture.count("http") == picture.count("http://www.w3.org/") + picture.count("https://www.textualize.io")


def test_answers_are_told_apart() -> None:
    events = [(0.0, OUTPUT, "\x1b[1;32m$\x1b[0m "), (0.1, OUTPUT, "make"), (0.2, OUTPUT, "\r\n")]
    more = [(0.3, OUTPUT, "a live line\rdone\r\n"), (0.4, OUTPUT, "$ git diff\r\nless\r\nmore\r\n")]
    assert Recording(HEADER, events + more).answers() == [("make", "a live line\ndone"), ("git diff", "less\nmore")]


def test_a_picture_is_taken_when_the_command_has_ended() -> None:
    typed = [(0.1, OUTPUT, key) for key in "make a"]
    events = [(0.0, OUTPUT, "$ "), *typed, (0.2, OUTPUT, "\r\ndone\r\n"), (0.3, OUTPUT, "$ ")]
    assert screens.until(Recording(HEADER, [*events, (0.4, OUTPUT, "make b\r\n")]), "make a") == "$ make a\r\ndone\r\n"
    assert screens.until(Recording(HEADER, [*events[:-1], (0.3, MARKER, "next")]), "make a") == "$ make a\r\ndone\r\n"
    with pytest.raises(UserError, match="no command make c"):
        screens.until(Recording(HEADER, events), "make c")


def on_screen(recorded: Recording) -> list[str]:
    """Return the lines of a terminal that knows line ends, and how to wipe a line out."""
    lines = [""]
    for _, _, text in recorded.events:
        for part in re.split(f"({re.escape(REDRAWN)}|\r\n)", text):
            if part == "\r\n":
                lines.append("")
            else:
                lines[-1] = "" if part == REDRAWN else lines[-1] + part
    return lines


@given(st.lists(st.tuples(st.floats(0, 0.5), st.booleans(), st.booleans())))
def test_a_live_line_is_thinned_and_the_screen_ends_as_it_was(steps: list[tuple[float, bool, bool]]) -> None:
    seconds, events = 0.0, []
    for number, (step, redraws, lives) in enumerate(steps):
        seconds += step
        text = f"{REDRAWN * redraws}line {number}\r\n" * (not redraws or not lives) + f"{REDRAWN}live {number}" * lives
        events.append((seconds, OUTPUT, text))
    whole = Recording(HEADER, events)
    thinned = whole.thinned()
    assert on_screen(thinned) == on_screen(whole)
    assert thinned.thinned() == thinned


def test_a_live_line_that_turns_all_the_time_is_kept_once_a_second() -> None:
    turning = [(number / 10, OUTPUT, f"{REDRAWN}{number}") for number in range(100)]
    kept = Recording(HEADER, turning).thinned().events
    assert [seconds for seconds, _, _ in kept] == [*(float(second) for second in range(10)), 9.9]


def test_a_scene_that_was_not_played_is_noticed() -> None:
    script = [Scene(0, "One", (Command("page", 1, "make a"),)), Scene(60, "Two", (Command("page", 2, "make b"),))]
    whole = Recording(HEADER, [(0.0, OUTPUT, "# 0:00 One\r\n"), (1.0, OUTPUT, "# 1:00 Two\r\n")]).marked(script)
    assert [event for event in whole.events if event[1] == MARKER] == [
        (0.0, MARKER, "0:00 One"),
        (1.0, MARKER, "1:00 Two"),
    ]
    with pytest.raises(UserError, match="no scene 1:00 Two"):
        Recording(HEADER, [(0.0, OUTPUT, "# 0:00 One\r\n")]).marked(script)


@pytest.mark.parametrize("content", ["", "no JSON", '{"version": 3}', '{"version": 2}\n[1, "o"]', "[]"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "demo.cast"
    file.write_text(content)
    with pytest.raises(UserError, match="make recording"):
        Recording.read(file)


def test_without_the_recorder_nothing_is_played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recording, "RECORDER", tmp_path / "python")
    with pytest.raises(UserError, match="run make recording"):
        recording.record(tmp_path / "demo.cast")
    assert not (tmp_path / "demo.cast").exists()


def test_a_page_plays_the_recording_whatever_it_holds() -> None:
    told = Recording({**HEADER, "title": "a < b"}, [(0.0, OUTPUT, "</script><script>alert(1)</script>\u2028")])
    made = player.page(told, "/* player */", "/* style */")
    assert made.count("<script>") == made.count("</script>") == 2
    assert "<title>a &lt; b</title>" in made
    data = re.search(r"data: (\".*?\") }, document", made)
    assert data is not None
    assert json.loads(data[1]) == told.text()
