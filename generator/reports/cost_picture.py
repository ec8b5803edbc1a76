"""A picture of where the money goes: a bar for each account, by what it is spent on, and the dearest items of one.

Colours are of the palette of Okabe and Ito, which people with colour blindness can tell apart
(https://jfly.uni-koeln.de/color/); their order is the same in bars and legend, and amounts are written out. The same
estimates give the same bytes.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from generator.cost.estimate import Estimate
from generator.cost.prices import PriceTable
from generator.errors import UserError
from generator.reports import cost_words as words

GROUPS: Mapping[str, tuple[str, ...]] = {
    "network": ("Network", "Egress"),
    "load balancer and edge": ("Ingress", "Edge", "global_edge"),
    "servers and containers": ("WebTier", "Containers", "Access"),
    "data": ("Database", "Storage", "Encryption", "Security"),
    "watching and recovery": ("Observability", "OnCall", "Recovery", "Cost", "audit_trail", "recovery_region"),
    "delivery": (
        "platform",
        "pipeline",
        "tools_account",
        "target_account",
        "boundaries",
        "deployment_policies",
        "deployment_policies_services",
        "deployment_policies_operations",
    ),
}
"""What the stacks are for, in the order of the bars."""

COLOURS = ("#0072B2", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#999999")
DARK, PALE, ALARMING = "#222222", "#666666", "#B03A00"
SMALLEST_LABEL = 0.045
"""Share of the longest bar from which on a part has room for its amount."""

MOST_ITEMS = 10
NOTE_WIDTH = 150
"""Characters of a line below the picture."""


def group_of(stack: str) -> str:
    """Return what a stack is for. Raises `UserError` for a stack that is in no group."""
    for group, stacks in GROUPS.items():
        if stack in stacks:
            return group
    raise UserError(f"stack {stack} is in no group of the picture; add it to generator/reports/cost_picture.py")


def draw(estimates: Sequence[Estimate], detailed: str, prices: PriceTable, note: str, form: str = "svg") -> bytes:
    """Return the picture as SVG or PNG; `detailed` is the account whose dearest items are shown."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "cost", "font.family": "DejaVu Sans", "font.size": 10}):
        figure = Figure(figsize=(11, 8), layout="constrained", facecolor="white")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[call-arg, union-attr]
        FigureCanvasAgg(figure)
        bills, items = figure.subplots(2, 1, height_ratios=[len(estimates) + 1.2, MOST_ITEMS])
        _draw_bills(bills, estimates)
        _draw_items(items, next(one for one in estimates if one.account == detailed), prices)
        figure.supxlabel(textwrap.fill(note, NOTE_WIDTH), fontsize=7.5, color=PALE)
        content = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {}
        figure.savefig(content, format=form, metadata=metadata, dpi=110)
    return content.getvalue()


def _draw_bills(axes: Any, estimates: Sequence[Estimate]) -> None:
    longest = float(max(max(one.total, Decimal(one.budget or 0)) for one in estimates)) or 1.0
    starts = [0.0] * len(estimates)
    for group, colour in zip(GROUPS, COLOURS, strict=True):
        amounts = [_of_group(estimate, group) for estimate in estimates]
        axes.barh(range(len(estimates)), amounts, left=starts, color=colour, label=group, height=0.62)
        for row, amount in enumerate(amounts):
            if amount >= SMALLEST_LABEL * longest:
                axes.text(starts[row] + amount / 2, row, f"{amount:.0f}", ha="center", va="center", color=_ink(colour))
            starts[row] += amount
    for row, estimate in enumerate(estimates):
        end = max(starts[row], float(estimate.budget or 0))
        text = f"{estimate.total:,.0f}" + (f" of a budget of {estimate.budget:,}" if estimate.budget else "")
        _beside(axes, end, row, text, points=8, weight="bold", color=ALARMING if estimate.over_budget else DARK)
        if estimate.budget:
            axes.plot([estimate.budget] * 2, [row - 0.38, row + 0.38], color=DARK, linewidth=1.8)
    axes.set_yticks(range(len(estimates)), [estimate.account for estimate in estimates], fontsize=11, weight="bold")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * longest)
    title = f"Where the money goes: {sum(one.total for one in estimates):,.0f} US dollars a month"
    axes.set_title(title, loc="left", fontsize=14, weight="bold", pad=30)
    axes.legend(
        ncols=len(GROUPS),
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        frameon=False,
        fontsize=9.5,
        handlelength=1,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    _unclutter(axes)


def _draw_items(axes: Any, estimate: Estimate, prices: PriceTable) -> None:
    dearest = list(estimate.by_item().items())[:MOST_ITEMS]
    longest = float(dearest[0][1]) if dearest and dearest[0][1] else 1.0
    for row, (item_id, cost) in enumerate(dearest):
        lines = [line for line in estimate.lines if line.charge.item == item_id and line.cost]
        group = group_of(max(lines, key=lambda line: line.cost).stack) if lines else next(iter(GROUPS))
        axes.barh(row, float(cost), color=COLOURS[list(GROUPS).index(group)], height=0.66)
        quantity = sum((line.charge.quantity - line.free for line in lines), Decimal(0))
        rates = sorted({f"{line.price.usd.normalize():f}" for line in lines})
        unit = prices.item(item_id).unit
        counted = (
            f"{quantity.quantize(Decimal('0.1')).normalize():,f} {words.units(quantity, unit)} at {' or '.join(rates)}"
        )
        _beside(axes, float(cost), row, f"{cost:,.2f}", points=6, weight="bold", color=DARK)
        _beside(axes, float(cost), row, counted, points=62, fontsize=9, color=PALE)
    axes.set_yticks(range(len(dearest)), [prices.item(item_id).name for item_id, _ in dearest])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.45 * longest)
    axes.set_title(f"The {len(dearest)} dearest items of {estimate.account}", loc="left", fontsize=12, weight="bold")
    _unclutter(axes)


def _beside(axes: Any, x: float, row: int, text: str, points: int, **style: Any) -> None:
    """Write text to the right of where a bar ends."""
    axes.annotate(text, (x, row), xytext=(points, 0), textcoords="offset points", va="center", **style)


def _of_group(estimate: Estimate, group: str) -> float:
    return float(sum((cost for stack, cost in estimate.by_stack().items() if group_of(stack) == group), Decimal(0)))


def _ink(colour: str) -> str:
    """Return white on dark colours and dark on light ones."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 130 else DARK


def _unclutter(axes: Any) -> None:
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(left=False)
