"""Pictures are the same bytes for the same runs, and show every trace."""

from __future__ import annotations

from pathlib import Path

from generator.scaling import pictures
from generator.scaling.claims import Rehearsed


def test_the_same_runs_give_the_same_bytes(rehearsals: list[Rehearsed], tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    some = Rehearsed(rehearsals[0].design, {name: rehearsals[0].runs[name] for name in ("flash-crowd", "dead-zone")})
    for file in (first, second):
        pictures.draw(some, file)
    assert first.read_bytes() == second.read_bytes()


def test_another_outcome_gives_another_picture(rehearsals: list[Rehearsed], tmp_path: Path) -> None:
    names = ("steady", "dead-server")
    for number, name in enumerate(names):
        pictures.draw(Rehearsed(rehearsals[0].design, {name: rehearsals[0].runs[name]}), tmp_path / f"{number}.svg")
    assert (tmp_path / "0.svg").read_bytes() != (tmp_path / "1.svg").read_bytes()
