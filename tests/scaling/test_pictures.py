"""Pictures are the same bytes for the same runs, and show every trace."""

from __future__ import annotations

from generator.scaling import pictures
from generator.scaling.claims import Rehearsed


def test_the_same_runs_give_the_same_bytes(rehearsals: list[Rehearsed]) -> None:
    some = Rehearsed(rehearsals[0].design, {name: rehearsals[0].runs[name] for name in ("flash-crowd", "dead-zone")})
    assert pictures.draw(some) == pictures.draw(some)


def test_another_outcome_gives_another_picture(rehearsals: list[Rehearsed]) -> None:
    design, runs = rehearsals[0].design, rehearsals[0].runs
    first, second = (pictures.draw(Rehearsed(design, {name: runs[name]})) for name in ("steady", "dead-server"))
    assert first != second
