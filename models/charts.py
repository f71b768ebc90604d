"""Every chart of the product, drawn as SVG on the machine itself."""

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from triage.alert_series import AlertSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, BAND, STEEL = "#1f5f99", "#c0392b", "#d9e4ec", "#8fa7bf"
ALERT_LEGEND = ("每日投诉", "属于本预警", "正常范围", "预警")


def draw_risk_coverage(
    coverage: NDArray[np.float64],
    risk: NDArray[np.float64],
    *,
    title: str,
    promised_error: float,
) -> str:
    """Draw the error among the most confident answers against their share.

    The promised error is a dashed line: left of where the curve crosses it, answers may be used
    by themselves.

    Returns
    -------
    str
        An SVG; the same numbers give the same file.
    """

    def draw(axes: "Axes") -> None:
        axes.plot(coverage, risk, color=BLUE)
        axes.axhline(promised_error, color=RED, linestyle="--", linewidth=1)
        axes.set_xlabel("share of answers, most confident first")
        axes.set_ylabel("error")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(0.1, float(risk.max()) * 1.05))

    return _svg(f"{title}: promised error {promised_error:.0%} (dashed)", draw)


def draw_alert(series: AlertSeries, *, title: str) -> str:
    """Draw an alert: observed days, the expected band, the alarm and the members.

    Parameters
    ----------
    series : AlertSeries
        From `triage.alert_series.series_of`.
    title : str
        What stands above.

    Returns
    -------
    str
        An SVG whose text is text; the same series gives the same file.
    """
    observed, members, expected, alarm = ALERT_LEGEND

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        days = [float(day.toordinal()) for day in series.days]
        low, high = list(series.expected_low), list(series.expected_high)
        axes.fill_between(days, low, high, step="mid", color=BAND, label=expected)
        axes.plot(days, list(series.expected), color=STEEL, linestyle=":", linewidth=1)
        axes.bar(days, list(series.observed), color=STEEL, label=observed)
        axes.bar(days, list(series.members), color=RED, label=members)
        opened = float(series.opened_on.toordinal())
        axes.axvline(opened, color=RED, linestyle="--", label=alarm)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xticks(days[::7], [day.strftime("%m-%d") for day in series.days[::7]])
        axes.legend(frameon=False, loc="upper left")

    return _svg(title, draw)


def _svg(title: str, draw: Callable[["Axes"], None]) -> str:
    """Draw one pair of axes; text stays text."""
    import matplotlib as mpl  # costs 0.5 s, and few commands draw
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "complaint-triage",
        "font.family": ["sans-serif"],
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        # Whoever shows the file has the fonts; this machine need not, and need not say so.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(8.0, 3.4), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.set_title(title, loc="left", fontsize=10)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
