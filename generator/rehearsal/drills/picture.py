"""A picture of drills: what was lost beside what may be, and how long it took here, takes on AWS, and may take.

Colours are of the palette of Okabe and Ito, which people with colour blindness can tell apart
(https://jfly.uni-koeln.de/color/). The axes are logarithmic: what is compared lies between a second and a day.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from generator.rehearsal.drills.drill import Result
from generator.rehearsal.drills.objectives import DAY, HOUR, MINUTE

SHORTEST = 0.1
"""Seconds at the left edge: nothing is drawn there."""

TICKS = {1: "1 s", 10: "10 s", MINUTE: "1 min", 10 * MINUTE: "10 min", HOUR: "1 h", 4 * HOUR: "4 h", DAY: "1 d"}
ALLOWED, HERE, ON_AWS, FAILED = "#DDE8F0", "#0072B2", "#E69F00", "#D55E00"


def draw(results: Sequence[Result], environment: str) -> bytes:
    """Return the picture as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.hashsalt": "drills", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 0.55 * len(results) + 1.9), sharey=True)
        rows = range(len(results))
        left.set_yticks(rows, [each.drill for each in results])
        left.invert_yaxis()
        left.set_title("how much of the newest data is lost", loc="left", fontsize=10)
        right.set_title("how long it takes until it is back", loc="left", fontsize=10)
        for row, each in enumerate(results):
            _loss(left, row, each)
            _time(right, row, each)
        for axes in (left, right):
            _axis(axes)
        _legend(figure)
        figure.suptitle(f"Drills with the settings of {environment}", x=0.02, ha="left", fontsize=12, fontweight="bold")
        figure.tight_layout(rect=(0, 0.09, 1, 1))
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
        plt.close(figure)
    return content.getvalue()


def _loss(axes: Any, row: int, result: Result) -> None:
    if result.objective.point:
        axes.barh(row, result.objective.point - SHORTEST, left=SHORTEST, height=0.62, color=ALLOWED)
    if result.loss_seconds:
        colour = HERE if result.passed else FAILED
        axes.plot(_drawn(result.loss_seconds), row, "o", color=colour, markersize=8)
    else:
        axes.text(SHORTEST * 1.25, row, "nothing", va="center", fontsize=9, color=HERE if result.passed else FAILED)


def _time(axes: Any, row: int, result: Result) -> None:
    axes.barh(row, result.objective.time - SHORTEST, left=SHORTEST, height=0.62, color=ALLOWED)
    shortest, longest = result.objective.on_aws
    axes.barh(row, longest - shortest, left=shortest, height=0.26, color=ON_AWS)
    axes.plot(_drawn(result.seconds), row, "o", color=HERE if result.passed else FAILED, markersize=8)


def _drawn(seconds: float) -> float:
    """Return where on the axis a time is drawn, so that its mark is whole."""
    return min(max(seconds, SHORTEST * 1.3), DAY)


def _axis(axes: Any) -> None:
    axes.set_xscale("log")
    axes.set_xlim(SHORTEST, 1.5 * DAY)
    axes.set_xticks(list(TICKS), list(TICKS.values()), fontsize=8)
    axes.minorticks_off()
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=HERE,
            markersize=8,
            label="in the drill, on the emulator (red: it failed)",
        ),
        Patch(color=ON_AWS, label="on AWS, as far as is known"),
        Patch(color=ALLOWED, label="may be: the objective"),
    ]
    figure.legend(handles=entries, loc="lower left", ncols=3, frameon=False, fontsize=9, bbox_to_anchor=(0.01, 0.0))
