"""`python -m tests.visitors.picture`: a load run as a picture for the documentation (matplotlib).

Standard input is the job: `slices` (of the run), their length in `seconds`, `marks` (when what happened, in seconds
since the loss) and the file of the `picture`. The same job gives the same bytes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tests.visitors.measurements import PERCENTILES

INK, QUIET, GRID = "#1b1f24", "#59636e", "#e4e8ec"
BLUES = ("#0b3d91", "#3f7fd6", "#9cc1f0")
RED, SHADE = "#c62f3b", "#fdf3e7"
STYLE = {
    "svg.hashsalt": "load",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
LABEL_HEIGHT = 0.07
"""Of the label of a line, as a share of the highest value."""
WORDS = {"killed": "killed", "noticed": "out of service", "returned": "replaced"}


def draw(job: dict[str, Any]) -> None:
    """Draw a run and write it as SVG."""
    marks = job["marks"]
    begins = [float(each["name"]) for each in job["slices"]]
    middles = [begin + job["seconds"] / 2 for begin in begins]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        latency, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _latencies(latency, middles, job["slices"])
        _rates(rate, middles, job["slices"], job["seconds"])
        for axes in (latency, rate):
            axes.axvspan(marks["killed"], marks["returned"], color=SHADE, zorder=0)
            for name in WORDS:
                axes.axvline(marks[name], color=QUIET, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
            axes.grid(axis="y", color=GRID, linewidth=0.8)
            axes.set_axisbelow(True)
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        _name_the_marks(latency, marks)
        rate.set_xlim(begins[0], begins[-1] + job["seconds"])
        rate.set_xlabel("seconds since the web server was killed")
        figure.savefig(job["picture"], format="svg", metadata={"Date": None})


def _latencies(axes: Axes, middles: list[float], slices: list[dict[str, Any]]) -> None:
    axes.set_title("Latency in milliseconds: median, 95th and 99th percentile", pad=38)
    highest = max(_milliseconds(each["latencies"][-1]) for each in slices if each["requests"])
    free = 0.0
    for number, (percent, color) in enumerate(zip(PERCENTILES, BLUES, strict=True)):
        values = [_milliseconds(each["latencies"][number]) for each in slices]
        axes.plot(middles, values, color=color, linewidth=1.8, solid_joinstyle="round", zorder=5 - number)
        place = max(values[-1], free)
        free = place + highest * LABEL_HEIGHT
        axes.annotate(f"p{percent}", (middles[-1], place), (6, 0), textcoords="offset points", color=color, va="center")


def _milliseconds(seconds: float | None) -> float:
    return float("nan") if seconds is None else seconds * 1000


def _rates(axes: Axes, middles: list[float], slices: list[dict[str, Any]], width: float) -> None:
    axes.set_title("Requests a second, and those whose first attempt failed")
    sent = [each["requests"] / width for each in slices]
    failed = [each["failed_first"] / width for each in slices]
    axes.bar(middles, sent, width * 0.86, color=BLUES[2])
    axes.bar(middles, failed, width * 0.86, color=RED)


def _name_the_marks(axes: Axes, marks: dict[str, float]) -> None:
    """Write above the plot what happened at each mark, in steps, since the marks may be close to each other."""
    for step, (name, words) in enumerate(WORDS.items()):
        axes.annotate(
            words,
            (marks[name], 1),
            (2, 24 - 10 * step),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=QUIET,
            fontsize=8,
        )
        axes.plot(
            [marks[name]] * 2,
            [1, 1.13 - 0.05 * step],
            transform=axes.get_xaxis_transform(),
            color=QUIET,
            linewidth=0.8,
            clip_on=False,
        )


if __name__ == "__main__":
    draw(json.loads(sys.stdin.readline()))
    print("{}")
