"""The results as a picture: how long each subject takes, as a multiple of a common baseline, ours in colour.

The axis is logarithmic, because the fastest and the slowest are a thousandfold apart: so there are points and no bars,
whose length would say nothing, and every figure is written out. All panels have the same axis. Where a target holds a
subject to the panel's baseline, a mark stands at its bound. Colours as in the picture of the cost.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import subjects_cdk, subjects_others, subjects_ours
from tests.bench.measurements import Samples, ratio, seconds
from tests.bench.targets import Target

OURS, OTHERS, FLOOR = "#0072B2", "#E69F00", "#999999"
DARK, PALE, GUIDE = "#222222", "#666666", "#DDDDDD"
TICKS = {0.001: "1/1000", 0.01: "1/100", 0.1: "1/10", 1.0: "1", 10.0: "10"}
TIMES = "\N{MULTIPLICATION SIGN}"
COLUMNS = 1.105, 1.2
"""Where the figures stand, right-aligned, as a part of the panel's width."""


@dataclass(frozen=True)
class Panel:
    """Subjects that do the same work, and the one of them that is 1."""

    title: str
    baseline: str
    subjects: tuple[str, ...]


PANELS = (
    Panel(
        "Templates made, unchecked",
        subjects_others.PLAIN,
        (
            subjects_ours.PASS,
            subjects_ours.NOTHING,
            subjects_ours.IMPORTS,
            subjects_ours.FULL,
            subjects_cdk.CDK,
            subjects_cdk.PYTHON_CDK,
            subjects_others.PLAIN,
            subjects_others.SCEPTRE,
        ),
    ),
    Panel(
        "Ten times the templates made, unchecked",
        subjects_others.PLAIN_TENFOLD,
        (subjects_ours.FULL_TENFOLD, subjects_cdk.CDK_TENFOLD, subjects_others.PLAIN_TENFOLD),
    ),
    Panel(
        "Templates made and checked",
        subjects_others.PLAIN_AND_LINT,
        (
            subjects_ours.NOTHING,
            subjects_ours.CACHED,
            subjects_ours.CHANGED,
            subjects_cdk.CDK_VALIDATED,
            subjects_cdk.CDK_COMMAND,
            subjects_cdk.PYTHON_CDK_VALIDATED,
            subjects_ours.COLD,
            subjects_others.PLAIN_AND_LINT,
        ),
    ),
)


def draw(samples: Samples, note: str, targets: Sequence[Target] = (), form: str = "svg") -> bytes:
    """Return the picture as SVG or PNG: what was measured, and the panels whose baseline was.

    Raises `ValueError` where no panel can be drawn.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(panel, fastest_first(panel, samples)) for panel in PANELS if panel.baseline in samples]
    if not panels:
        raise ValueError("nothing was measured that the picture compares with")
    heights = [len(names) + 1.2 for _, names in panels]
    with mpl.rc_context({"svg.hashsalt": "bench", "font.family": "DejaVu Sans", "font.size": 10}):
        figure = Figure(figsize=(11, 0.38 * sum(heights) + 1.2), layout="constrained", facecolor="white")
        figure.get_layout_engine().set(w_pad=0.15, h_pad=0.1)  # type: ignore[call-arg, union-attr]
        FigureCanvasAgg(figure)
        rows = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)
        for (axes,), (panel, names) in zip(rows, panels, strict=True):
            _draw_panel(axes, panel, names, samples)
            _mark_targets(axes, [each for each in targets if each.baseline == panel.baseline], names)
        _share_axis([axes for (axes,) in rows])
        _explain(figure, note)
        content = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {}
        figure.savefig(content, format=form, metadata=metadata, dpi=110)
    return content.getvalue()


def fastest_first(panel: Panel, samples: Samples) -> list[str]:
    """Return the panel's subjects that were measured, in the order of their rows."""
    measured = [name for name in panel.subjects if name in samples]
    return sorted(measured, key=lambda name: ratio(samples, name, panel.baseline).median)


def _draw_panel(axes: Any, panel: Panel, names: Sequence[str], samples: Samples) -> None:
    for row, name in enumerate(names):
        found, took = ratio(samples, name, panel.baseline), seconds(samples[name]).median
        axes.axhline(row, color=GUIDE, linewidth=0.8, zorder=0)
        axes.plot([found.low, found.high], [row, row], color=_colour(name), linewidth=3.5, solid_capstyle="round")
        axes.plot([found.median], [row], marker="o", markersize=10, color=_colour(name), zorder=3)
        for place, words in zip(COLUMNS, (f"{found.median:.2g} {TIMES}", _duration(took)), strict=True):
            axes.text(place, row, words, transform=axes.get_yaxis_transform(), ha="right", va="center", color=DARK)
    axes.axvline(1.0, color=PALE, linewidth=1.2, zorder=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_title(f"{panel.title}, as multiples of “{panel.baseline}”", loc="left", fontsize=11.5, weight="bold")
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False, bottom=False)


def _mark_targets(axes: Any, targets: Sequence[Target], names: Sequence[str]) -> None:
    for each in targets:
        if each.subject in names:
            axes.plot([each.bound], [names.index(each.subject)], **_MARK)


def _share_axis(panels_axes: Sequence[Any]) -> None:
    """Give all panels the axis that holds everything."""
    left = 0.6 * min(axes.dataLim.x0 for axes in panels_axes)
    right = 1.5 * max(axes.dataLim.x1 for axes in panels_axes)
    ticks = {place: words for place, words in TICKS.items() if left <= place <= right}
    for axes in panels_axes:
        axes.set_xlim(left, right)
        axes.set_xticks(list(ticks), [f"{words} {TIMES}" for words in ticks.values()], fontsize=8, color=PALE)
        axes.set_xticks([], minor=True)
        axes.grid(axis="x", color=GUIDE, linewidth=0.8)
        axes.set_axisbelow(True)


def _explain(figure: Any, note: str) -> None:
    from matplotlib.lines import Line2D

    point: dict[str, Any] = {"marker": "o", "markersize": 8, "linewidth": 3.5}
    legend = [
        Line2D([], [], color=OURS, label="ours", **point),
        Line2D([], [], color=OTHERS, label="others", **point),
        Line2D([], [], color=FLOOR, label="the floor: Python itself, and the imports", **point),
        Line2D([], [], label="target: at or left of it", **_MARK),
    ]
    figure.legend(handles=legend, loc="outside upper center", ncols=4, frameon=False, fontsize=10)
    figure.supxlabel(note, fontsize=8, color=PALE)


_MARK: dict[str, Any] = {
    "marker": "|",
    "markersize": 15,
    "markeredgewidth": 2.2,
    "color": DARK,
    "linestyle": "none",
    "zorder": 2,
}


def _duration(took: float) -> str:
    return f"{took * 1000:,.0f} ms" if took < 1 else f"{took:,.1f} s"


def _colour(name: str) -> str:
    if name in (subjects_ours.PASS, subjects_ours.IMPORTS):
        return FLOOR
    return OURS if name.startswith("ours") else OTHERS
