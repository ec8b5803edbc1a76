"""The results as a picture: how long each subject takes, as a multiple of a common baseline, ours in colour.

The axis is logarithmic, because the fastest and the slowest are a thousandfold apart: so there are points and no bars,
whose length would say nothing, and every figure is written out. Colours as in the picture of the cost.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import subjects_cdk, subjects_others, subjects_ours
from tests.bench.measurements import Samples, Spread, ratio, seconds

OURS, OTHERS, FLOOR = "#0072B2", "#E69F00", "#999999"
DARK, PALE, GUIDE = "#222222", "#666666", "#DDDDDD"


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
            subjects_ours.COLD,
            subjects_others.PLAIN_AND_LINT,
        ),
    ),
)


def draw(samples: Samples, note: str, form: str = "svg") -> bytes:
    """Return the picture as SVG or PNG: what was measured, and the panels whose baseline was.

    Raises `ValueError` where no panel can be drawn.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(panel, _measured(panel, samples)) for panel in PANELS if panel.baseline in samples]
    if not panels:
        raise ValueError("nothing was measured that the picture compares with")
    heights = [len(names) + 1.4 for _, names in panels]
    with mpl.rc_context({"svg.hashsalt": "bench", "font.family": "DejaVu Sans", "font.size": 10}):
        figure = Figure(figsize=(11, 0.4 * sum(heights) + 0.6), layout="constrained", facecolor="white")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[call-arg, union-attr]
        FigureCanvasAgg(figure)
        rows = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)
        for (axes,), (panel, names) in zip(rows, panels, strict=True):
            _draw_panel(axes, panel, names, samples)
        figure.supxlabel(note, fontsize=8, color=PALE)
        content = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {}
        figure.savefig(content, format=form, metadata=metadata, dpi=110)
    return content.getvalue()


def _measured(panel: Panel, samples: Samples) -> list[str]:
    return [name for name in panel.subjects if name in samples]


def _draw_panel(axes: Any, panel: Panel, names: Sequence[str], samples: Samples) -> None:
    found = [ratio(samples, name, panel.baseline) for name in names]
    left = 0.5 * min(each.low for each in found)
    right = max(1.0, max(each.high for each in found))
    for row, (name, each) in enumerate(zip(names, found, strict=True)):
        axes.plot([left, each.median], [row, row], color=GUIDE, linewidth=1.0, zorder=1)
        axes.plot([each.low, each.high], [row, row], color=_colour(name), linewidth=3.0, solid_capstyle="round")
        axes.plot([each.median], [row], marker="o", markersize=10, color=_colour(name), zorder=3)
        axes.annotate(
            _words(each, seconds(samples[name])),
            (each.high, row),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            color=DARK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    axes.axvline(1.0, color=PALE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(left, right * (right / left) ** 0.35)
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"{panel.title}: multiples of “{panel.baseline}”", loc="left", fontsize=12, weight="bold")
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    axes.tick_params(left=False)


def _words(ratio_found: Spread, took: Spread) -> str:
    duration = f"{took.median * 1000:,.0f} ms" if took.median < 1 else f"{took.median:,.1f} s"
    return f"{ratio_found.median:.3g}   ({duration})"


def _colour(name: str) -> str:
    if name in (subjects_ours.PASS, subjects_ours.IMPORTS):
        return FLOOR
    return OURS if name.startswith("ours") else OTHERS
