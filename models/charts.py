"""Every chart of the product, drawn as SVG on the machine itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, GREY, PALE = "#1f5f99", "#b03030", "#666666", "#cfe0f0"


@dataclass(frozen=True, slots=True)
class AlertChart:
    """What the chart of one alert shows.

    Attributes
    ----------
    days : sequence of datetime
        One for each bar, oldest first.
    observed : sequence of int
        Complaints of the alert's topic or cell on each day.
    expected, expected_high : float
        A quiet day, and the upper end of its 95 % band.
    opened_at : datetime
    members_at_open : int
        Position, among the members, of the complaint that tipped the scale.
    """

    title: str
    days: Sequence[datetime]
    observed: Sequence[int]
    expected: float
    expected_high: float
    opened_at: datetime
    members_at_open: int


def draw_risk_coverage(
    path: Path,
    coverage: NDArray[np.float64],
    risk: NDArray[np.float64],
    *,
    title: str,
    promised_error: float,
) -> None:
    """Draw the error among the most confident answers against their share.

    The promised error is a dashed line: left of where the curve crosses it, answers may be used
    by themselves.
    """

    def draw(axes: "Axes") -> None:
        axes.plot(coverage, risk, color=BLUE)
        axes.axhline(promised_error, color=RED, linestyle="--", linewidth=1)
        axes.set_xlabel("share of answers, most confident first")
        axes.set_ylabel("error")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(0.1, float(risk.max()) * 1.05))

    _save(path, f"{title}: promised error {promised_error:.0%} (dashed)", draw)


def draw_alert(path: Path, chart: AlertChart) -> None:
    """Draw the days around an alert: observed, the expected band, and when the alarm was given."""

    def draw(axes: "Axes") -> None:
        days: Any = list(chart.days)
        axes.bar(days, list(chart.observed), width=0.8, color=BLUE, label="observed")
        axes.axhspan(0, chart.expected_high, color=PALE, label="expected, 95 %", zorder=0)
        axes.axhline(chart.expected, color=GREY, linewidth=1)
        opened: Any = chart.opened_at
        axes.axvline(opened, color=RED, linestyle="--", linewidth=1.2, label="alarm")
        axes.annotate(
            f"alarm at complaint {chart.members_at_open}", (opened, max(chart.observed)),
            color=RED, fontsize=8, xytext=(4, -4), textcoords="offset points",
        )  # fmt: skip
        axes.set_ylabel("complaints a day")
        axes.tick_params(axis="x", rotation=30)
        axes.legend(loc="upper left", fontsize=8)

    _save(path, chart.title, draw)


def _save(path: Path, title: str, draw: Callable[["Axes"], None]) -> None:
    """Draw one pair of axes into an SVG whose text stays text; the same input, the same file."""
    import matplotlib as mpl  # costs 0.5 s, and few commands draw
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "triage",
        # Text is drawn by whoever shows the file, so the glyphs need not be here.
        "font.family": "sans-serif",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(7, 3.4), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        figure.savefig(path, format="svg", metadata={"Date": None})
