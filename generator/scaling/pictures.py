"""One picture for each environment: every trace with its load, its servers and its losses, and the CPU beneath it.

The same runs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from generator.scaling.claims import Rehearsed
from generator.scaling.events import What
from generator.scaling.facts import HOUR, MINUTE
from generator.scaling.simulation import Minute, Run

INK, QUIET, GRID = "#1b1f24", "#59636e", "#e4e8ec"
SERVED, LATE, LOST = "#cfe0f5", "#f3c27a", "#d5404c"
SERVERS, CPU = "#0b3d91", "#3f7fd6"
STYLE: Any = {
    "svg.hashsalt": "scaling",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
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
DOTS, DASHES = (0, (1, 1.5)), (0, (3, 2))
WORDS = {
    What.SCALE_OUT: "+1",
    What.SCALE_IN: "-1",
    What.BROKEN: "broken",
    What.REPLACED: "replaced",
}
"""What is written at an event."""
KILLED: Any = {"color": LOST, "marker": "x", "markersize": 5, "linestyle": "none"}
COLUMNS = 2
LONG = 6 * HOUR
"""From this length on, a trace's time is given in hours of the day."""
LONG_SLICE = 10
"""Minutes that are one point of a long trace."""


def draw(rehearsed: Rehearsed) -> bytes:
    """Return the picture of all runs of an environment, as SVG."""
    picture = BytesIO()
    runs = list(rehearsed.runs.values())
    rows = -(-len(runs) // COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.05 * rows + 0.9), layout="constrained")
        grid = GridSpec(2 * rows, COLUMNS, figure, height_ratios=[3, 1.3] * rows)
        for number, run in enumerate(runs):
            row, column = divmod(number, COLUMNS)
            above = figure.add_subplot(grid[2 * row, column])
            below = figure.add_subplot(grid[2 * row + 1, column], sharex=above)
            _servers(above, run)
            _cpu(below, run)
        _head(figure, rehearsed)
        figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


def _head(figure: Figure, rehearsed: Rehearsed) -> None:
    design = rehearsed.design
    figure.suptitle(
        f"{design.environment}: {design.minimum} to {design.maximum} servers ({design.instance_type})",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )
    figure.legend(
        handles=[
            Patch(color=SERVED, label="load that is answered"),
            Patch(color=LATE, label="answered after more than a second"),
            Patch(color=LOST, label="lost"),
            Line2D([], [], color=SERVERS, linewidth=1.8, label="healthy servers"),
            Line2D([], [], color=QUIET, linewidth=1, linestyle=DOTS, label="wanted by the group"),
            Line2D([], [], color=CPU, linewidth=1.4, label="CPU, with both thresholds"),
            Line2D([], [], label="replaced though it answered", **KILLED),
        ],
        loc="outside upper right",
        ncols=3,
        frameon=False,
    )


def _slices(run: Run) -> list[Minute]:
    """Return the minutes of a run; of a long one, ten of them together."""
    together = LONG_SLICE if run.trace.seconds >= LONG else 1
    parts = [run.minutes[begin : begin + together] for begin in range(0, len(run.minutes), together)]
    return [
        Minute(
            arrived=sum(minute.arrived for minute in part) / len(part),
            lost=sum(minute.lost for minute in part) / len(part),
            late=sum(minute.late for minute in part) / len(part),
            desired=part[0].desired,
            serving=part[0].serving,
            utilisation=sum(minute.utilisation for minute in part) / len(part),
        )
        for part in parts
    ]


def _times(run: Run) -> list[float]:
    """Return the beginning of each slice and the end of the last, in the unit and from the origin of the axis."""
    slices = range(len(_slices(run)) + 1)
    if run.trace.seconds >= LONG:
        return [number * LONG_SLICE * MINUTE / HOUR for number in slices]
    return [number - _origin(run) / MINUTE for number in slices]


def _origin(run: Run) -> int:
    return run.trace.begins or 0


def _servers(axes: Axes, run: Run) -> None:
    """Draw the load in multiples of one server: answered, late and lost; above it, who is there to answer."""
    times = _times(run)
    slices, one_server = _slices(run), run.design.capacity * MINUTE
    lost = [each.lost / one_server for each in slices]
    late = [each.late / one_server for each in slices]
    arrived = [each.arrived / one_server for each in slices]
    answered = [max(0.0, a - b - c) for a, b, c in zip(arrived, lost, late, strict=True)]
    bottom = [0.0] * len(arrived)
    for values, color in ((answered, SERVED), (late, LATE), (lost, LOST)):
        top = [low + value for low, value in zip(bottom, values, strict=True)]
        if any(values):
            axes.fill_between(times, _held(bottom), _held(top), step="post", color=color, linewidth=0)
        bottom = top
    axes.step(times, _held([each.desired for each in slices]), where="post", color=QUIET, linewidth=1, linestyle=DOTS)
    axes.step(times, _held([each.serving for each in slices]), where="post", color=SERVERS, linewidth=1.8)
    axes.axhline(run.design.maximum, color=INK, linewidth=0.8)
    axes.annotate("maximum", (0, run.design.maximum), (4, 2), xycoords=("axes fraction", "data"), **_small("left"))
    axes.set_title(run.trace.title, pad=16)
    axes.set_ylim(0, run.design.maximum * 1.28)
    axes.set_yticks(range(run.design.maximum + 1))
    axes.set_ylabel("servers")
    axes.tick_params(labelbottom=False)
    axes.set_xlim(times[0], times[-1])
    _marks(axes, run)


def _cpu(axes: Axes, run: Run) -> None:
    """Draw the average CPU utilisation of the servers that answer."""
    times = _times(run)
    values = [100 * each.utilisation if each.serving else float("nan") for each in _slices(run)]
    axes.step(times, _held(values), where="post", color=CPU, linewidth=1.4)
    for adjustment in (+1, -1):
        axes.axhline(run.design.alarm(adjustment).threshold, color=QUIET, linewidth=0.7, linestyle=DASHES)
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("CPU %")
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel("hour of the day" if run.trace.seconds >= LONG else "minutes" + _since(run))


def _since(run: Run) -> str:
    if run.trace.begins is None:
        return ""
    return " since the load rose" if run.trace.ends else " since it broke"


def _marks(axes: Axes, run: Run) -> None:
    """Write above the plot what the group did, and what broke."""
    in_hours = run.trace.seconds >= LONG
    for event in run.all(*WORDS):
        at = event.at / HOUR if in_hours else (event.at - _origin(run)) / MINUTE
        before = event.what is What.BROKEN
        axes.axvline(at, color=QUIET, linewidth=0.7, linestyle=DASHES, zorder=1)
        axes.annotate(
            WORDS[event.what],
            (at, 1),
            (-3 if before else 3, 2),
            xycoords=("data", "axes fraction"),
            **_small("right" if before else "left"),
        )
    killed = [(event.at - _origin(run)) / MINUTE for event in run.all(What.REPLACED_ALIVE)]
    if killed:
        axes.plot(killed, [1.1] * len(killed), transform=axes.get_xaxis_transform(), clip_on=False, **KILLED)


def _small(side: str) -> dict[str, Any]:
    return {"textcoords": "offset points", "color": QUIET, "fontsize": 7.5, "ha": side}


def _held(values: Sequence[float]) -> list[float]:
    """Return values of minutes with the last one repeated, so that a step reaches the end."""
    return [*values, values[-1]]
